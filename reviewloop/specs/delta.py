"""Applies quoted edits to a spec, and checks the resulting delta before it is shown.

Bytes that no edit quotes stay unchanged, line ends and encoding included. Ids are stable: a new
criterion takes the next number, and existing ones keep theirs.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from reviewloop.domain.spec_delta import Kind, PartChange, QuotedEdit, SpecDelta
from reviewloop.domain.task import Spec, SpecRef, Task
from reviewloop.regex import regex
from reviewloop.specs.briefing import split_design
from reviewloop.specs.dialect import dialect_named
from reviewloop.specs.discover import read_spec
from reviewloop.specs.files import Files, Overlay
from reviewloop.specs.lines import read_document
from reviewloop.specs.requirements import resolve, whole_requirements
from reviewloop.specs.select import is_done, leaves

_TEXTS = (".md", ".yaml", ".yml")  # contracts of Spec Kit are no Markdown
_SHOWN = 60  # characters of a quote in a message
_LONGEST = 160  # characters of a title
_WHOLE_LINES = 12  # a longer quote must not cover most of its document
_ITEM = regex(
    r"^\s*(?:[-*+]\s+)?(?:\[[ xX]\]\s+)?"
    r"(?:\d+[.)]|\d+(?:\.\d+)+|[*_`]*[A-Z]{1,6}-\d+[*_`]*:?[*_]*)\s+(?P<text>\S.*)$"
)
_MODAL = regex(r"\b(?:shall|must)\b", re.IGNORECASE)


class QuoteError(ValueError):
    """An edit that cannot be anchored; the message says which and why."""


def apply_edits(files: Files, edits: Sequence[QuotedEdit]) -> dict[str, bytes]:
    """Return the new content of the files that edits change.

    All quotes refer to the files before the edits, so their order does not matter. Raise
    `QuoteError` for a quote that does not occur exactly once, and for overlapping edits.
    """
    spans: dict[str, list[tuple[int, int, bytes, QuotedEdit]]] = {}
    for edit in edits:
        data = files.read(edit.path)
        if data is None:
            raise QuoteError(f"there is no {edit.path}")
        spans.setdefault(edit.path, []).append((*_span(data, edit), edit))
    changed: dict[str, bytes] = {}
    for path, found in spans.items():
        data = files.read(path) or b""
        ordered = sorted(found, key=lambda one: (one[0], one[1]))
        parts, at = [], 0
        for start, end, text, edit in ordered:
            if start < at:
                raise QuoteError(f"{_named(edit)} overlaps another edit; join the two")
            parts += [data[at:start], text]
            at = end
        changed[path] = b"".join((*parts, data[at:]))
    return changed


def _span(data: bytes, edit: QuotedEdit) -> tuple[int, int, bytes]:
    """Return start and end of the bytes that an edit replaces, and the new bytes."""
    quote, text = edit.quote.encode("utf-8", "surrogateescape"), edit.text
    if not quote.strip():
        raise QuoteError(f"an edit of {edit.path} quotes nothing")
    if b"\r\n" in data and data.count(quote) == 0:
        quote = quote.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    count = data.count(quote)
    if count != 1:
        times = "is not there" if not count else f"is there {count} times"
        raise QuoteError(f"{_named(edit)} {times}; quote what stands there exactly once")
    lines = quote.count(b"\n") + 1
    if not edit.below and lines > _WHOLE_LINES and len(quote) * 2 > len(data):
        raise QuoteError(f"{_named(edit)} is most of its document; quote only what changes")
    start = data.index(quote)
    end = start + len(quote)
    new = text.replace("\r\n", "\n").encode("utf-8", "surrogateescape")
    newline = b"\r\n" if _ends_with_crlf(data, end) else b"\n"
    if not edit.below:
        return start, end, new.replace(b"\n", newline)
    body = new.strip(b"\n").replace(b"\n", newline)
    if body.startswith(b"#") and new.startswith(b"\n"):
        body = newline + body  # a heading keeps the empty line above it
    line_end = data.find(b"\n", end - 1 if quote.endswith(b"\n") else end)
    if line_end < 0:
        return len(data), len(data), newline + body
    return line_end + 1, line_end + 1, body + newline


def _ends_with_crlf(data: bytes, at: int) -> bool:
    """Whether the line around a byte ends with CRLF; for the last line the one above decides."""
    line_end = data.find(b"\n", at)
    line_end = line_end if line_end >= 0 else data.rfind(b"\n")
    return line_end > 0 and data[line_end - 1 : line_end] == b"\r"


def _named(edit: QuotedEdit) -> str:
    words = " ".join(edit.quote.split())
    short = words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"
    return f"the quote {short!r} of {edit.path}"


def documents_of(spec: Spec) -> list[str]:
    """Return the documents of a spec that edits may change."""
    inner = f"{spec.path}/"
    return [
        path
        for path in spec.files
        if path.endswith(_TEXTS) and (path == spec.path or path.startswith(inner))
    ]


def read_delta(
    files: Files, ref: SpecRef, edits: Sequence[QuotedEdit]
) -> tuple[SpecDelta, Mapping[str, bytes]]:
    """Return the delta of edits to a spec, and the files after them.

    Raise `QuoteError` for edits that cannot be applied, or that break the spec or its ids.
    """
    before = read_spec(files, ref)
    documents = documents_of(before)
    for edit in edits:
        if edit.path not in documents:
            raise QuoteError(f"{edit.path} is no document of {ref.path}: {', '.join(documents)}")
    changed = apply_edits(files, edits)
    after = read_spec(Overlay(files, changed), ref)
    changes = tuple(changes_between(before, after))
    delta = SpecDelta(ref.path, tuple(edits), changes, _tasks_of(before, after))
    if problem := _problem(before, after, delta):
        raise QuoteError(problem)
    return delta, changed


def changes_between(before: Spec, after: Spec) -> Iterator[PartChange]:
    """Yield requirements, parts of the design and tasks that differ in more than layout."""
    old, new = statements_by_id(before), statements_by_id(after)
    for key, kind in changed_keys(old, new):
        yield PartChange("requirement", key, kind, _title(new.get(key) or old[key]))
    sections = [_sections(one) for one in (before, after)]
    for key, kind in changed_keys(*sections):
        yield PartChange("design", key, kind)
    for name in ("introduction", "general"):
        for _, kind in changed_keys({name: getattr(before, name)}, {name: getattr(after, name)}):
            yield PartChange("text", name, kind)
    tasks = [task_texts(one) for one in (before, after)]
    for key, kind in changed_keys(*tasks):
        title = (after.by_id.get(key) or before.by_id[key]).title
        yield PartChange("task", key, kind, title)


def statements_by_id(spec: Spec) -> dict[str, str]:
    """Return requirements and criteria by id, without those that only consist of criteria."""
    owners = {key.rpartition(".")[0] for key in spec.requirements} & {
        *whole_requirements(spec.requirements)
    }
    heads = {
        key: text.lstrip().split("\n", 1)[0]
        for key, text in spec.requirements.items()
        if key in owners
    }
    return {**spec.requirements, **heads}


def task_texts(spec: Spec) -> dict[str, str]:
    """Return the text of each task by its id."""
    return {task.id: f"{task.title}\n{task.body}".strip() for task in spec.tasks}


def changed_keys(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, Kind]]:
    """Yield each key whose texts differ in more than layout, with the kind of change."""
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key, ""), after.get(key, "")
        if plain_words(old) != plain_words(new):
            yield key, "new" if not old else "removed" if not new else "changed"


def plain_words(text: str) -> str:
    """Return a text without layout: line breaks and indents do not count."""
    return " ".join(text.split())


def _sections(spec: Spec) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in split_design(spec.design):
        name = " / ".join(part.trail[1:] or part.trail) or "design"
        found[name] = f"{found[name]}\n{part.text}" if name in found else part.text
    return found


def _title(text: str) -> str:
    words = plain_words(text.lstrip().split("\n", 1)[0].lstrip("#"))
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1].rstrip()}…"


def _tasks_of(before: Spec, after: Spec) -> tuple[str, ...]:
    """Return the open tasks that are new, changed, or were done before."""
    old, new = task_texts(before), task_texts(after)
    changed = {key for key, kind in changed_keys(old, new) if kind != "removed"}
    again = {task.id for task in before.tasks if is_done(before, task)}
    return tuple(
        task.id
        for task in leaves(after)
        if not is_done(after, task) and (task.id in changed or task.id in again)
    )


def _problem(before: Spec, after: Spec, delta: SpecDelta) -> str:
    """Return the problem of a delta, "" for none."""
    if not delta.changes and not delta.tasks:
        return "the edits change nothing but layout"
    known = {str(one) for one in before.problems}
    if new := [one for one in after.problems if str(one) not in known]:
        return f"{new[0].path}:{new[0].line}: {new[0].message}"
    return (
        _renumbered("criterion", statements_by_id(before), statements_by_id(after))
        or _renumbered("task", task_texts(before), task_texts(after))
        or _lost_id(before, after)
        or _without_id(after, delta)
        or _rewritten_done(before, after)
        or _unserved(after, delta)
    )


def _renumbered(noun: str, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Return the id that would name another text, "" if each text keeps its id."""
    texts = {plain_words(text): key for key, text in after.items()}
    for key, text in before.items():
        words = plain_words(text)
        now = texts.get(words)
        if plain_words(after.get(key, "")) == words or now is None:
            continue
        if plain_words(before.get(now, "")) != words:
            return f"{noun} {key} would become {now}; ids are kept: a new one takes the next id"
    return ""


def _lost_id(before: Spec, after: Spec) -> str:
    """Return the criterion that is still written but no longer parsed, "" for none."""
    old, new = statements_by_id(before), statements_by_id(after)
    written = [plain_words(text) for text in after.requirements.values()]
    for key, text in old.items():
        words = plain_words(text)
        still = any(words in one for one in written)
        if still and not any(words in plain_words(one) for one in new.values()):
            return f"criterion {key} would lose its id to a new one; a new one takes the next id"
    return ""


def _without_id(after: Spec, delta: SpecDelta) -> str:
    """Return the new criterion whose id is already taken, "" for none."""
    texts = [plain_words(text) for text in statements_by_id(after).values()]
    for edit in delta.edits:
        if edit.path == after.tasks_path and not dialect_named(after.dialect).one_file:
            continue
        for line in read_document(edit.text.encode("utf-8", "surrogateescape")).lines:
            item = None if line.code else _ITEM.match(line.text)
            if not item or not _MODAL.search(item["text"]):
                continue
            words = plain_words(item["text"])
            if not any(words in text for text in texts):
                return (
                    f"the criterion {words[:_SHOWN]!r} has the id of another one; it needs its own"
                )
    return ""


def _rewritten_done(before: Spec, after: Spec) -> str:
    """Return the done task whose text would change, "" for none: its tick is for the old text."""
    old, new = task_texts(before), task_texts(after)
    for task in before.tasks:
        kept: Task | None = after.by_id.get(task.id)
        if task.state != "done" or task.children:
            continue
        if kept is None:
            return f"task {task.id} is done and would be gone; leave it"
        if kept.state == "done" and plain_words(old[task.id]) != plain_words(new[task.id]):
            return f"task {task.id} is done; leave its words and add a new task, or open it again"
    return ""


def _unserved(after: Spec, delta: SpecDelta) -> str:
    served: set[str] = set()
    for ident in delta.tasks:
        named = after.by_id[ident].requirements
        found, missing = resolve(named, after.requirements)
        if missing:
            return f"task {ident} names requirement {missing[0]}, which nobody wrote"
        served.update(found)
    for one in delta.requirements:
        owners = [one.id[: at + 1].rstrip(".") for at, sign in enumerate(one.id) if sign == "."]
        inner = any(key.startswith(f"{one.id}.") for key in served)
        if one.kind != "removed" and not inner and not served & {one.id, *owners}:
            return f"no task of the change serves requirement {one.id}, which is {one.kind}"
    return ""
