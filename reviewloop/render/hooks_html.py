"""The page of `reviewloop hooks show --html`: which hook fires when, and on which files."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TypedDict

from reviewloop.render.html.markup import attributes, path_words, words

MOST_FILES = 5_000
"""Files listed on the page; the rest is counted."""

_STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem; color: #1a1a1a; background: #fff }
table { border-collapse: collapse; width: 100%; margin: 1rem 0 } th, td { padding: .3rem .6rem;
border-bottom: 1px solid #ddd; text-align: left; vertical-align: top; overflow-wrap: anywhere }
th { background: #f6f6f6 } input { font: inherit; padding: .4rem; width: 30rem; max-width: 100% }
.off { color: #777 }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #161616 }
th { background: #222 } th, td { border-color: #333 } input { background: #222; color: #eee } }
"""
_SCRIPT = """
const field = document.querySelector("#path");
const files = [...document.querySelectorAll("#files tbody tr")];
const hooks = [...document.querySelectorAll("#hooks tbody tr")];
const count = document.querySelector("#count");
field.addEventListener("input", () => {
  const text = field.value.trim();
  const fired = new Set();
  let shown = 0;
  for (const row of files) {
    row.hidden = !row.dataset.path.includes(text);
    if (row.hidden) continue;
    shown += 1;
    for (const name of JSON.parse(row.dataset.hooks)) fired.add(name);
  }
  for (const row of hooks) {
    row.hidden = text !== "" && "file" in row.dataset && !fired.has(row.dataset.name);
  }
  count.textContent = String(shown);
});
"""


class ShownHook(TypedDict):
    """A hook as the page shows it; `of_files` is one that fires on single files."""

    name: str
    event: str
    does: str
    filters: Sequence[str]
    source: str
    facts: Sequence[str]  # "blocks", "not trusted", why it does not fire
    fires: bool
    of_files: bool


def hooks_html(title: str, hooks: Sequence[ShownHook], files: Mapping[str, Sequence[str]]) -> str:
    """Return one self-contained page; `files` is path -> names of the hooks that it fires."""
    listed = [*files.items()][:MOST_FILES]
    more = f" (of {len(files):,}; the others are not listed)" if len(files) > len(listed) else ""
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src '{_hash(_SCRIPT)}'"
    meta = attributes(http_equiv="Content-Security-Policy", content=policy)
    head = "<tr><th>event</th><th>hook</th><th>does</th><th>files</th><th></th><th>from</th></tr>"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta{meta}>'
        f"<title>Hooks of {words(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body><h1>Hooks of {words(title)}</h1>\n"
        '<p><label>Which hooks fire on <input id="path" placeholder="part of a path"></label></p>\n'
        f'<table id="hooks"><thead>{head}</thead><tbody>\n{_hook_rows(hooks)}</tbody></table>\n'
        f'<h2>Files that fire hooks: <span id="count">{len(listed)}</span>{more}</h2>\n'
        '<table id="files"><thead><tr><th>file</th><th>hooks</th></tr></thead><tbody>\n'
        f"{_file_rows(listed)}</tbody></table>\n<script>{_SCRIPT}</script></body></html>\n"
    )


def _hook_rows(hooks: Sequence[ShownHook]) -> str:
    rows = []
    for hook in hooks:
        about = {"data_name": hook["name"]} | ({"data_file": "1"} if hook["of_files"] else {})
        about |= {} if hook["fires"] else {"class_": "off"}
        cells = [hook["event"], hook["name"], hook["does"], ", ".join(hook["filters"])]
        cells += [", ".join(hook["facts"]), hook["source"]]
        text = "".join(f"<td>{words(cell)}</td>" for cell in cells)
        rows.append(f"<tr{attributes(**about)}>{text}</tr>\n")
    return "".join(rows)


def _file_rows(listed: Sequence[tuple[str, Sequence[str]]]) -> str:
    rows = []
    for path, names in listed:
        about = attributes(data_path=path, data_hooks=json.dumps([*names]))
        rows.append(
            f"<tr{about}><td>{path_words(path)}</td><td>{words(', '.join(names))}</td></tr>\n"
        )
    return "".join(rows)


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
