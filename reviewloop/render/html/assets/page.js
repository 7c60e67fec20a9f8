"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  const findings = all(".finding");
  const sections = all("details.file");
  const toggles = all("button[data-filter]");
  const text = one("#text");
  const searchable = new Map();

  // ---- filters

  const on = (kind) =>
    new Set(
      toggles
        .filter((b) => b.dataset.filter === kind && b.getAttribute("aria-pressed") === "true")
        .map((b) => b.dataset.value),
    );

  const wordsOf = (finding) => {
    if (!searchable.has(finding)) {
      // An id would match by chance what a person looks for.
      const told = [...finding.children].filter((part) => !part.matches(".commands"));
      const text = told.map((part) => part.textContent).join("\n");
      searchable.set(finding, `${finding.dataset.path} ${text}`.toLowerCase());
    }
    return searchable.get(finding);
  };

  function apply() {
    if (!text) return;
    const severities = on("severity");
    const agents = on("agent");
    const allAgents = agents.size === toggles.filter((b) => b.dataset.filter === "agent").length;
    const paths = on("path");
    const wanted = text.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const finding of findings) {
      const data = finding.dataset;
      const kept =
        severities.has(data.severity) &&
        (allAgents || data.agents.split(" ").some((agent) => agents.has(agent))) &&
        (paths.size === 0 || paths.has(data.path)) &&
        wanted.every((word) => wordsOf(finding).includes(word));
      finding.hidden = !kept;
      const row = finding.closest("tr.card");
      if (row) row.hidden = !kept;
      if (kept) shown += 1;
    }
    const active = shown < findings.length;
    for (const section of sections) {
      section.hidden = active && !section.querySelector(".finding:not([hidden])");
    }
    one("#shown").textContent = `${shown} of ${findings.length} findings shown`;
    one("#clear").hidden = !active;
    one("#nothing").hidden = shown > 0;
  }

  function flip(button) {
    const pressed = button.getAttribute("aria-pressed") === "true";
    button.setAttribute("aria-pressed", String(!pressed));
    apply();
  }

  function clear() {
    for (const button of toggles) {
      button.setAttribute("aria-pressed", String(button.dataset.filter !== "path"));
    }
    if (text) text.value = "";
    apply();
  }

  for (const button of toggles) button.addEventListener("click", () => flip(button));
  if (text) {
    text.addEventListener("input", apply);
    one("#clear").addEventListener("click", () => {
      clear();
      text.focus();
    });
    apply();
  }

  // ---- folded code: built only when somebody asks for it

  const folded = JSON.parse(one("#folded").textContent);

  function cell(name, value) {
    const made = document.createElement("td");
    if (name) made.dataset[name] = value;
    else made.textContent = value;
    return made;
  }

  function unfold(button) {
    const part = folded[Number(button.dataset.fold)];
    const place = button.closest("tr");
    const rows = document.createDocumentFragment();
    let before = part.old;
    let after = part.new;
    for (const line of part.rows) {
      const sign = line[0];
      const row = document.createElement("tr");
      row.className = { "+": "add", "-": "del", "\\": "remark" }[sign] || "";
      row.append(
        cell("n", sign === "-" || sign === " " ? before++ : ""),
        cell("n", sign === "+" || sign === " " ? after++ : ""),
        cell("s", { "+": "+", "-": "−" }[sign] || ""),
        cell("", line.slice(1)),
      );
      rows.append(row);
    }
    place.replaceWith(rows);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-fold]");
    if (button) unfold(button);
  });

  for (const section of sections) {
    section.addEventListener("toggle", () => {
      // A file without findings has nothing but folded code to show.
      if (section.open && !section.querySelector(".finding")) {
        all("button[data-fold]", section).forEach(unfold);
      }
    });
  }

  // ---- going from finding to finding

  const reachable = () => findings.filter((finding) => !finding.hidden);

  function show(finding) {
    finding.closest("details.file").open = true;
    finding.focus({ preventScroll: true });
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    finding.scrollIntoView({ block: "center", behavior: still ? "auto" : "smooth" });
  }

  function step(by) {
    const list = reachable();
    if (!list.length) return;
    const here = document.activeElement && document.activeElement.closest(".finding");
    const at = list.indexOf(here);
    const next = at < 0 ? (by > 0 ? 0 : list.length - 1) : at + by;
    show(list[Math.max(0, Math.min(list.length - 1, next))]);
  }

  function openLinked() {
    const finding = location.hash.startsWith("#f-") && document.getElementById(location.hash.slice(1));
    if (finding) show(finding);
  }
  window.addEventListener("hashchange", openLinked);

  // ---- theme and help

  const themes = { auto: "system", light: "light", dark: "dark" };

  function theme(name) {
    document.documentElement.dataset.theme = name;
    one("#theme").textContent = `Theme: ${themes[name]}`;
    try {
      localStorage.setItem("reviewloop-theme", name);
    } catch {
      // A page opened from a disk may have no storage.
    }
  }

  function nextTheme() {
    const names = Object.keys(themes);
    const at = names.indexOf(document.documentElement.dataset.theme);
    theme(names[(at + 1) % names.length]);
  }

  try {
    const kept = localStorage.getItem("reviewloop-theme");
    if (kept in themes) theme(kept);
  } catch {
    // As above.
  }
  one("#theme").addEventListener("click", nextTheme);
  one("#keys").addEventListener("click", () => one("#help").showModal());

  // ---- keys

  function flipAll() {
    const close = sections.some((section) => section.open && !section.hidden);
    for (const section of sections) section.open = !close;
  }

  const keys = {
    j: () => step(1),
    k: () => step(-1),
    f: () => {
      if (!text) return;
      one("#filters").open = true;
      text.focus();
      text.select();
    },
    o: flipAll,
    c: clear,
    t: nextTheme,
    "?": () => one("#help").showModal(),
  };
  ["must_fix", "should_fix", "nit"].forEach((severity, index) => {
    keys[index + 1] = () => {
      const button = toggles.find((b) => b.dataset.value === severity);
      if (button) flip(button);
    };
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || one("#help").open) return;
    if (event.target === text) {
      if (event.key === "Escape") {
        event.preventDefault(); // browsers would empty the field and leave the filter on
        text.blur();
      }
      return;
    }
    const act = keys[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });

  if (matchMedia("(max-width: 60rem)").matches) one("#filters").open = false;
  openLinked();
})();
