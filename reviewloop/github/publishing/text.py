"""The text of a pull request that a run makes: what was asked, what shows it, who approved it.

It stands between two marks of ours. When it is written anew only what is between them changes.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from reviewloop.domain.finding import Finding, Severity, Status
from reviewloop.github.comments.bodies import code, sanitised, sanitised_line, unmarked
from reviewloop.loop.approval_act import Act
from reviewloop.loop.edited import edit_line
from reviewloop.render.proposal import Proposal
from reviewloop.render.review_words import tally
from reviewloop.render.text import counted, duration, money, share, tokens, tokens_in
from reviewloop.specs.briefing import Requirement, TaskRequirements

LONGEST = 65_000  # characters; GitHub takes 65,536
LONGEST_TITLE = 200
_ROOM = 2000  # for our marks and the sentence about approval
_MOST_FINDINGS, _MOST_CRITERIA, _MOST_FILES = 50, 100, 60
_END = "<!-- reviewloop:pull:end -->"
_CLIPPED = "\n\n_The text is clipped here; the run holds the rest: `reviewloop show {run}`._\n"
_GATES = {"passed": "✅", "failed": "❌", "hard_stop": "❌", "error": "❌", "off": "➖"}


@dataclass(frozen=True)
class PullTextParts:
    """All that the text is made of; none of it has been made harmless yet."""

    run: str
    proposal: Proposal
    asked: TaskRequirements = field(default_factory=TaskRequirements)
    named_in: tuple[tuple[str, str], ...] = ()  # criterion, the changed test file that names it
    reviewers: tuple[str, ...] = ()  # suggested, without @
    notes: tuple[str, ...] = ()


def title_of(proposal: Proposal) -> str:
    """Return the title: id and words of the task, or what the run was asked."""
    words = " ".join(filter(None, (proposal.get("task", ""), proposal.get("title", ""))))
    return _title(words) or "Change"


def pull_text(told: PullTextParts, hide: Callable[[str], str]) -> str:
    """Return the text below the sentence about approval; `hide` takes secrets out."""
    told = _hidden(told, hide)
    parts = [_requirements(told), _done(told), _criteria(told), _evidence(told), _findings(told)]
    parts += [_files(told), _reviewers(told), _notes(told)]
    return clipped("\n\n".join(part for part in parts if part), told.run, LONGEST - _ROOM)


def section_of(run: str, approval: str, text: str) -> str:
    """Return what stands in the pull request for a run: our marks, the approval, the text.

    No mark of ours inside the text counts, as it may come from a job that asked a model.
    """
    text = clipped(unmarked(text), run, LONGEST - len(approval) - _ROOM // 2)
    return f"{_start(run)}\n{approval}\n\n{text}\n{_END}"


def clipped(text: str, run: str, most: int) -> str:
    """Return the text, or as many lines as fit and a sign that there is more."""
    if len(text) <= most:
        return text
    sign = _CLIPPED.format(run=run)
    return text[: most - len(sign)].rpartition("\n")[0] + sign


def updated(body: str, section: str, run: str) -> str | None:
    """Return the body of a pull request with the section of a run renewed.

    Everything outside of our marks stays. A further run adds its section. None when the body has
    no marks of ours (a person wrote it), or when there is no room for one more.
    """
    pattern = re.compile(re.escape(_start(run)) + r".*?" + re.escape(_END), re.DOTALL)
    body = body.replace("\r\n", "\n")  # as the page sends it
    if found := pattern.search(body):
        made = body[: found.start()] + section + body[found.end() :]
    elif "<!-- reviewloop:pull " in body and _END in body:
        made = f"{body.rstrip()}\n\n---\n\n{section}"
    else:
        return None
    return made if len(made) <= 65_536 else None


def approved_by(act: Act | None, *, environment: str = "") -> str:
    """Return the sentence that says by which act the commit was approved, or that none was."""
    if act is None:
        why = f" The environment {code(environment)} asks no reviewer." if environment else ""
        return f"⚠️ **Nobody has approved this commit: it stays a draft.**{why}"
    who = sanitised_line(act.actor, 100)
    how = {
        "terminal": "at a terminal, having been shown the change",
        "comment": f"by the comment {sanitised_line(act.ident, 100)}",
        "environment": f"by approving the environment {sanitised_line(act.ident, 200)}",
    }[act.kind]
    where = f" (<{act.url}>)" if re.fullmatch(r"https?://[\w./:#?=&%-]+", act.url) else ""
    return f"Approved by **{who}** {how}{where}."


def _hidden(told: PullTextParts, hide: Callable[[str], str]) -> PullTextParts:
    """Take secrets out while each text is whole: escapes would cut them into pieces."""

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return hide(value)
        if isinstance(value, dict):
            return {key: clean(item) for key, item in value.items()}
        return [clean(item) for item in value] if isinstance(value, list | tuple) else value

    asked = clean(asdict(told.asked))
    return replace(
        told,
        proposal=clean(told.proposal),
        asked=TaskRequirements(
            tuple(Requirement(**one) for one in asked["requirements"]),
            tuple((key, text) for key, text in asked["criteria"]),
            tuple(asked["missing"]),
        ),
        notes=tuple(clean(told.notes)),
    )


def _start(run: str) -> str:
    return f"<!-- reviewloop:pull {run} -->"


def _title(words: str) -> str:
    """Return words as a title, which GitHub shows as they are but reads for references."""
    line = " ".join(words.split())
    line = re.sub(r"[@#](?=\w)", lambda m: m.group() + "\u200b", line)
    line = "".join(char for char in line if char.isprintable() or char == "\u200b")
    return line if len(line) <= LONGEST_TITLE else line[: LONGEST_TITLE - 1] + "…"


def _requirements(told: PullTextParts) -> str:
    proposal, lines = told.proposal, ["### What was asked"]
    named = f"Task {code(proposal['task'])}: " if proposal.get("task") else ""
    spec = f" ({code(proposal['spec'])})" if proposal.get("spec") else ""
    lines.append(f"{named}{sanitised_line(proposal.get('title', ''))}{spec}")
    for one in told.asked.requirements:
        title = sanitised_line(one.title or f"Requirement {one.id}")
        story = sanitised(one.story, 2000)
        lines.append(f"**{title}**" + (f"\n{story}" if story else ""))
    if told.asked.missing:
        names = ", ".join(map(code, told.asked.missing))
        lines.append(f"Named by the task but written nowhere: {names}")
    return "\n\n".join(lines)


def _done(told: PullTextParts) -> str:
    """Return what the implementer says it did: the message up to the lines that we add."""
    _, _, text = told.proposal.get("message", "").partition("\n")
    said = re.split(r"^(?:Task|Review): ", text, maxsplit=1, flags=re.MULTILINE)[0]
    words = sanitised(said, 4000)
    edits = sanitised_line(edit_line(told.proposal.get("person_edited") or {}), 1000)
    said = "\n\n".join(filter(None, (words, f"⚠️ {edits}" if edits else "")))
    return f"### What was done\n\n{said}" if said else ""


def _criteria(told: PullTextParts) -> str:
    if not told.asked.criteria:
        return ""
    tests: dict[str, list[str]] = {}
    for key, path in told.named_in:
        tests.setdefault(key, []).append(path)
    lines = []
    for key, text in told.asked.criteria[:_MOST_CRITERIA]:
        where = ", ".join(map(code, tests.get(key, [])[:3]))
        named = f" — named in {where}" if where else ""
        lines.append(f"- [ ] {code(key)} {sanitised_line(text)}{named}")
    left = len(told.asked.criteria) - len(lines)
    if left > 0:
        lines.append(f"- … and {counted(left, 'more criterion', 'more criteria')} in the spec")
    changed = [file["path"] for file in told.proposal.get("files", []) if is_test(file["path"])]
    shown = ", ".join(map(code, changed[:5])) + (", …" if len(changed) > 5 else "")
    foot = f"Nobody has ticked these for you. Tests of this change: {shown or 'none'}."
    return "\n\n".join(["### Acceptance criteria", "\n".join(lines), foot])


def _evidence(told: PullTextParts) -> str:
    proposal = told.proposal
    rows = [(f"gate {code(g['name'])}", _gate(g)) for g in proposal.get("gates", [])]
    tests = proposal.get("tests")
    if tests:
        counts = [f"{tests.get(k, 0)} {k}" for k in ("passed", "failed", "skipped") if tests.get(k)]
        rows.append(("tests", ", ".join(counts) or "none ran"))
    coverage = proposal.get("coverage") or {}
    if (covered := coverage.get("covered")) is not None:
        wanted = share(coverage.get("threshold", 0.0))
        rows.append(("coverage of new lines", f"{share(covered)} (wanted: {wanted})"))
    reviewers = proposal.get("reviewers", [])
    failed = [r for r in reviewers if r.get("status") != "done"]
    rows.append(("reviewers", f"{len(reviewers) - len(failed)} of {len(reviewers)} finished"))
    for one in failed:
        why = sanitised_line(one.get("reason", ""), 300)
        rows.append((f"reviewer {code(one.get('name', ''))}", f"❌ failed: {why}"))
    rounds = proposal.get("rounds", {})
    rows.append(("rounds", f"{rounds.get('used', 0)} of {rounds.get('limit', 0)} fix rounds"))
    usage = proposal.get("usage", {})
    spent = [duration(proposal.get("seconds", 0.0)), money(usage.get("cost_usd"))]
    spent += [f"{tokens_in(usage)}, {tokens(usage.get('output', 0))} out"]
    rows.append(("spent", " · ".join(spent)))
    rows.append(("sandbox", ", ".join(map(code, proposal.get("sandbox", []))) or "no code ran"))
    table = [f"| {name} | {value} |" for name, value in rows]
    return "\n".join(["### Evidence", "", "| | |", "|---|---|", *table])


def _gate(gate: dict[str, object]) -> str:
    status = str(gate.get("status", ""))
    shown = f"{_GATES.get(status, '⚠️')} {sanitised_line(status.replace('_', ' '))}"
    summary = sanitised_line(str(gate.get("summary", "")), 300)
    return f"{shown}: {summary}" if summary else shown


def _findings(told: PullTextParts) -> str:
    every = [Finding.model_validate(record) for record in told.proposal.get("findings", [])]
    left = [
        f
        for f in every
        if f.severity is not Severity.NIT and f.status in {Status.OPEN, Status.UNRESOLVED}
    ]
    fixed = sum(f.status is Status.FIXED for f in every)
    nits = sum(f.severity is Severity.NIT and f.status is Status.OPEN for f in every)
    lines = [
        f"- {f.severity.mark} {code(f.where)} {sanitised_line(f.title, 300)}"
        for f in left[:_MOST_FINDINGS]
    ]
    if len(left) > len(lines):
        lines.append(f"- … and {counted(len(left) - len(lines), 'more finding')}")
    head = f"{tally(left)} remaining; {fixed} fixed, {counted(nits, 'nit')}"
    return "\n\n".join(["### Findings", head, *(["\n".join(lines)] if lines else [])])


def _files(told: PullTextParts) -> str:
    protected = told.proposal.get("protected", [])
    if not protected:
        return ""
    lines = [
        f"- {code(file['path'])} ({sanitised_line(file['kind'], 60)}): it "
        f"{sanitised_line(file['why'], 300)}"
        for file in protected[:_MOST_FILES]
    ]
    return "\n\n".join(["### Files that act on people or machines", "\n".join(lines)])


def _reviewers(told: PullTextParts) -> str:
    if not told.reviewers:
        return ""
    names = ", ".join(map(code, told.reviewers))
    return f"### Suggested reviewers\n\n{names}, by the files that change."


def _notes(told: PullTextParts) -> str:
    notes: Sequence[str] = (*told.proposal.get("warnings", []), *told.notes)
    return "\n".join(f"- {sanitised_line(note, 500)}" for note in notes[:30])


def is_test(path: str) -> bool:
    """Whether a file is one of tests, going by its name."""
    return bool(re.search(r"(^|/)(tests?|spec|__tests__)/|(^|/)test_|[._](test|spec)\.\w+$", path))
