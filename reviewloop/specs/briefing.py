"""Writes the implementer's briefing: task, requirements, design, rules and repository map."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from reviewloop.dataclass import dataclass
from reviewloop.domain.task import Spec, Task
from reviewloop.regex import regex
from reviewloop.specs.files import Files
from reviewloop.specs.lines import read_document
from reviewloop.specs.repomap import draw_map, focus_on
from reviewloop.specs.requirements import resolve, whole_requirements
from reviewloop.specs.select import is_done
from reviewloop.specs.steering import NEVER_READ, Steering, resolve_references
from reviewloop.specs.tasks import ancestors
from reviewloop.specs.words import estimate_tokens, find_paths, fits, named_paths, terms

_IN_HEADING, _IN_BODY, _NAMED_FILE, _REQUIREMENT, _GENERAL = 3.0, 1.0, 5.0, 4.0, 1.5
_GENERAL_HEADING = regex(r"\b(?:overview|architecture|summary|principles)\b", re.IGNORECASE)
_REQUIREMENT_LIST = regex(r"requirements?\W+(?P<ids>[\w.,\s–-]*\d)", re.IGNORECASE)


@dataclass(frozen=True)
class Part:
    """A heading with the text up to the next heading; `trail` holds the headings above it."""

    trail: tuple[str, ...]
    text: str

    @property
    def name(self) -> str:
        """The headings that lead to this part."""
        return " > ".join(self.trail) or "(beginning)"


@dataclass(frozen=True)
class Choice:
    """The chosen text in the order of the design, and the names of what was left out."""

    text: str
    left_out: tuple[str, ...]


def choose_design(
    design: str, words: Collection[str], about: str, requirements: Sequence[str], budget: int
) -> Choice:
    """Return the whole design if it fits the budget (in tokens), else the parts that match best.

    `words` are the task's key words, `about` its text, `requirements` the ids it names.
    """
    if estimate_tokens(design) <= budget:
        return Choice(design, ())
    parts = split_design(design)
    paths = named_paths(about)
    scores = [_score(part, words, paths, requirements) for part in parts]
    order = sorted(range(len(parts)), key=lambda index: (-scores[index], index))
    chosen: set[int] = set()
    room = budget
    for index in order:
        cost = estimate_tokens(parts[index].text) + 1
        if scores[index] > 0 and cost <= room:
            chosen.add(index)
            room -= cost
    text = "\n\n".join(part.text for index, part in enumerate(parts) if index in chosen)
    left_out = [part.name for index, part in enumerate(parts) if index not in chosen]
    return Choice(text, tuple(left_out))


def split_design(design: str) -> list[Part]:
    """Split a design at its headings; headings in code do not count, empty parts are dropped."""
    parts: list[Part] = []
    trail: list[tuple[int, str]] = []
    current: list[str] = []
    lines = read_document(design.encode("utf-8", "surrogateescape")).lines
    for line in lines:
        if line.level:
            _close(parts, trail, current)
            trail = [one for one in trail if one[0] < line.level] + [(line.level, line.title)]
            current = []
        current.append(line.text)
    _close(parts, trail, current)
    return parts


def _close(parts: list[Part], trail: list[tuple[int, str]], lines: list[str]) -> None:
    text = "\n".join(lines).strip()
    body = lines[1:] if trail else lines
    if any(line.strip() for line in body):
        parts.append(Part(tuple(title for _, title in trail), text))


def _score(
    part: Part, words: Collection[str], paths: Sequence[str], requirements: Sequence[str]
) -> float:
    heading = " ".join(part.trail)
    score = sum(_IN_HEADING for word in terms(heading) if fits(word, words))
    score += sum(_IN_BODY for word in terms(part.text) if fits(word, words))
    score += sum(_NAMED_FILE for path in paths if path in part.text)
    named = " ".join(found["ids"] for found in _REQUIREMENT_LIST.finditer(part.text))
    ids = set(re.findall(r"[\w-]*\d+(?:\.\d+)*", named))
    score += sum(_REQUIREMENT for one in requirements if one in ids)
    return score + (_GENERAL if _GENERAL_HEADING.search(heading) else 0.0)


_BUG = """## The bug is shown first

The first test of this work fails on the code as it was, and for its own assertion: not because \
something cannot be imported or called. It is run there. If the task asks for the test alone, \
leave the code as it is: that the test is red is the result."""
_LISTED_STATEMENT = regex(r"\s*(?:[-*+]|\d+[.)])\s+(\S.*)")
_COVERAGE = regex(
    r"\bcoverage\b[^\n%\d]{0,30}(\d{1,3})\s?%|(\d{1,3})\s?%[^\n%\d]{0,20}\bcoverage\b",
    re.IGNORECASE,
)
_CRITERIA = regex(r"\bacceptance criteria\b", re.IGNORECASE)
_EMPHASIS = regex(r"\*\*|__")


@dataclass(frozen=True)
class Requirement:
    """A requirement without its criteria."""

    id: str
    title: str
    story: str


@dataclass(frozen=True)
class TaskRequirements:
    """The requirements that a task names; `criteria` are (id, text), in reading order."""

    requirements: tuple[Requirement, ...] = ()
    criteria: tuple[tuple[str, str], ...] = ()
    missing: tuple[str, ...] = ()  # named by the task but not in the spec


def requirements_of(spec: Spec, task: Task) -> TaskRequirements:
    """Return the requirements of a task; naming a whole requirement includes its criteria."""
    found, missing = resolve(task.requirements, spec.requirements)
    owners: dict[str, Requirement] = {}
    criteria: dict[str, str] = {}
    for key in found:
        below = [name for name in spec.requirements if name.rpartition(".")[0] == key]
        owner = key if below or _is_heading(found[key]) else key.rpartition(".")[0]
        if owner in spec.requirements:
            owners.setdefault(owner, _requirement(owner, spec.requirements[owner]))
        for name in below or ([] if owner == key else [key]):
            criteria[name] = " ".join(spec.requirements[name].split())
    return TaskRequirements(tuple(owners.values()), tuple(criteria.items()), missing)


def _is_heading(text: str) -> bool:
    return text.startswith("#")


def _requirement(key: str, text: str) -> Requirement:
    """Split a requirement into its heading and the text before the first list or heading."""
    title, story = "", []
    for number, line in enumerate(text.split("\n")):
        if number == 0 and _is_heading(line):
            title = line.lstrip("#").strip()
        elif line.startswith("#") or line.lstrip()[:1].isdigit():
            break
        else:
            story.append(line.strip())
    words = " ".join(" ".join(story).split())
    return Requirement(key, title, _EMPHASIS.sub("", words))


_STEERING_SHARE = 0.35  # of the rest after the task and its requirements
_DESIGN_SHARE = 0.5  # of the rest after steering
_PLAN_SHARE = 0.1
_TITLE_WEIGHT, _BODY_WEIGHT, _REQUIREMENT_WEIGHT = 3.0, 2.0, 1.0
_CHARACTERS_PER_TOKEN = 4
_ALL_SHARE = 0.15  # of the budget, for the requirements of a task that names none
_GENERAL_SHARE = 0.1  # of the budget, for text that holds for every task
_BUDGET = 60_000  # tokens; a caller has the limit of its settings
_CLOSING = 300  # tokens kept for the list of omitted parts
_LISTED = 12

Entries = Iterable[tuple[str, int]]


@dataclass(frozen=True)
class Briefing:
    """The text for the implementer, and the parts that did not fit into its budget."""

    text: str
    tokens: int
    left_out: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()  # ids whose text is in it
    outlined: tuple[str, ...] = ()  # files of the map that are shown with their symbols


def brief_task(
    spec: Spec,
    task: Task,
    *,
    steering: Steering,
    files: Files,
    entries: Entries,
    budget_tokens: int,
    never: Sequence[str] = NEVER_READ,
    project: str = "",
) -> Briefing:
    """Return the briefing for a task of a spec.

    `entries` are (path, size) of the tree that `files` reads; files that match `never` are neither
    shown nor mentioned. `project` is the folder of the work. The task and the requirements that it
    names are never cut.
    """
    requirements = _collect_requirements(spec, task, budget_tokens)
    found = requirements.found
    first = [*_project_part(project), _task_part(spec, task, files, never, project)]
    first += _bug_part(spec, task)
    first += [_requirements_part(spec, requirements), _general_part(requirements)]
    words = _weighted(task.title, task.body, "\n".join(found.values()))
    about = f"{task.title}\n{task.body}"
    writer = _Writer(budget_tokens, first)
    writer.left_out += requirements.left_out
    writer.add_steering(steering)
    if spec.design:
        share = int(writer.room * _DESIGN_SHARE)
        choice = choose_design(spec.design, set(words), about, list(found), share)
        resolved = resolve_references(choice.text, files, project, never) if choice.text else None
        text = resolved.text if resolved else ""
        if estimate_tokens(text) > share:
            text = choice.text
        writer.add("Design", text)
        writer.left_out += [f"design: {name}" for name in choice.left_out]
    writer.add_plan(spec, task)
    outlined = writer.add_map(about, words, files, entries, never)
    return writer.finish(tuple(found), outlined)


def brief_change(
    message: str,
    *,
    steering: Steering,
    files: Files,
    entries: Entries,
    budget_tokens: int,
    never: Sequence[str] = NEVER_READ,
    project: str = "",
) -> Briefing:
    """Return the briefing for a change that a user requested in words, without a spec."""
    resolved = resolve_references(message, files, project, never)
    what = f"## What to change\n\n{resolved.text.strip()}"
    writer = _Writer(budget_tokens, [*_project_part(project), what])
    writer.add_steering(steering)
    outlined = writer.add_map(message, _weighted(message, "", ""), files, entries, never)
    return writer.finish((), outlined)


def is_first_of_bug(spec: Spec, task: Task) -> bool:
    """Whether a task is the first of a bugfix spec: the one whose test has to reproduce the bug."""
    return spec.is_bugfix and not task.checkpoint and not any(is_done(spec, t) for t in spec.tasks)


def _bug_part(spec: Spec, task: Task) -> list[str]:
    return [_BUG] if is_first_of_bug(spec, task) else []


def _project_part(project: str) -> list[str]:
    """Return the notes on a project that is one folder of its repository."""
    if not project:
        return []
    return [
        f"The work is in the project `{project}/`, one folder of this repository. The checks run "
        "there, and paths in its spec, its rules and the output of the checks count from there. "
        f"Tools take paths from the root of the repository: `{project}/...`."
    ]


def likely_paths(
    spec: Spec | None, task: Task | str, entries: Entries, project: str = ""
) -> tuple[str, ...]:
    """Return the files that a task or text names, existing or not: for steering by file match."""
    text = task if isinstance(task, str) else f"{task.title}\n{task.body}"
    if spec is not None and isinstance(task, Task):
        text += "\n" + "\n".join(owner.body for owner in ancestors(task, spec.by_id))
    named = named_paths(text)
    existing = dict.fromkeys(path for path, _ in entries)
    if project:  # its own files come first
        named = [own if (own := f"{project}/{name}") in existing else name for name in named]
    new = [path for path in named if "/" in path and "." in path.rpartition("/")[2]]
    if project:
        new = [path if path in existing else f"{project}/{path}" for path in new]
    return tuple(dict.fromkeys([*find_paths(named, existing), *new]))


def describe_task(
    spec: Spec,
    task: Task,
    files: Files,
    never: Sequence[str] = NEVER_READ,
    project: str = "",
    *,
    budget_tokens: int = _BUDGET,
) -> str:
    """Return the task with its requirements, for its reviewers."""
    requirements = _collect_requirements(spec, task, budget_tokens)
    parts = [_task_part(spec, task, files, never, project), *_bug_part(spec, task)]
    parts += [
        _requirements_part(spec, requirements),
        _general_part(requirements),
        _left_out(requirements.left_out),
    ]
    return "\n\n".join(part for part in parts if part)


def describe_spec(spec: Spec, *, budget_tokens: int = _BUDGET) -> str:
    """Return what a spec requires as a whole, without parts over the budget, which are listed."""
    lines = [f"## The spec '{spec.name}'"]
    lines += ["", _first_paragraph(spec.introduction)] if spec.introduction else []
    words = set(terms(spec.introduction))
    choice = choose_design(spec.general, words, "", (), int(budget_tokens * _GENERAL_SHARE))
    every = {
        key: text
        for key, text in whole_requirements(spec.requirements).items()
        if text not in choice.text
    }
    kept = _nearest(every, words, int(budget_tokens * _ALL_SHARE))
    left = [f"general: {name}" for name in choice.left_out]
    left += [f"requirement {_titled(key, every[key])}" for key in every if key not in kept]
    listed = "\n\n".join(
        text if _is_heading(text) else f"- {key}: {text}" for key, text in kept.items()
    )
    parts = [
        "\n".join(lines),
        f"## Its requirements\n\n{listed}" if kept else "",
        f"## What holds for all of it\n\n{choice.text}" if choice.text else "",
        _left_out(left),
    ]
    return "\n\n".join(part for part in parts if part)


def criteria_of(spec: Spec) -> tuple[tuple[str, str], ...]:
    """Return (id, text) of the statements of a spec that a change can be checked against.

    A requirement with several statements without ids gives its id to each. In a spec without ids
    these are the entries below a heading "Acceptance Criteria", with "" as id.
    """
    if not spec.requirements:
        return tuple(("", statement) for statement in _criteria_without_ids(spec.general))
    owners = {key.rpartition(".")[0] for key in spec.requirements}
    return tuple(
        (key, statement)
        for key, text in spec.requirements.items()
        if key not in owners
        for statement in _statements_of(text)
    )


def _criteria_without_ids(general: str) -> Iterator[str]:
    inside = 0  # level of the heading above them
    for line in read_document(general.encode("utf-8", "surrogateescape")).lines:
        if line.level and (not inside or line.level <= inside):
            inside = line.level if _CRITERIA.search(line.title) else 0
        elif inside and not line.code and (found := _LISTED_STATEMENT.match(line.text)):
            yield re.sub(r"^\[[ xX]\]\s+", "", found[1]).strip()


def required_coverage(spec: Spec) -> float | None:
    """Return the highest test coverage that a spec requires, as a share of code; None without
    one.
    """
    text = "\n".join((spec.general, *spec.requirements.values()))
    shares = [int(match[1] or match[2]) for match in _COVERAGE.finditer(text)]
    return max((share / 100 for share in shares if 0 < share <= 100), default=None)


def _statements_of(requirement: str) -> list[str]:
    if not _is_heading(requirement):
        return [" ".join(requirement.split())]
    lines = requirement.split("\n")
    return [found[1].strip() for line in lines if (found := _LISTED_STATEMENT.match(line))]


class _Writer:
    """Joins sections and counts the room left in the budget."""

    def __init__(self, budget: int, first: Iterable[str]) -> None:
        self.parts = [part for part in first if part]
        self.left_out: list[str] = []
        used = sum(map(estimate_tokens, self.parts)) + _CLOSING
        self.room = max(0, budget - used)

    def add(self, title: str, text: str) -> None:
        if text.strip():
            part = f"## {title}\n\n{text.strip()}"
            self.parts.append(part)
            self.room = max(0, self.room - estimate_tokens(part))

    def add_steering(self, steering: Steering) -> None:
        limit = int(self.room * _STEERING_SHARE) * _CHARACTERS_PER_TOKEN
        self.add("Rules", steering.text(limit))
        kept = steering.kept(limit)
        self.left_out += [
            f"steering: {item.path}" for item in steering.included if item not in kept
        ]

    def add_plan(self, spec: Spec, task: Task) -> None:
        limit = int(self.room * _PLAN_SHARE)
        lines = [_plan_line(spec, one, task) for one in spec.tasks]
        if estimate_tokens("\n".join(lines)) > limit:
            at = next(n for n, one in enumerate(spec.tasks) if one.line == task.line)
            lines = lines[max(0, at - 3) : at + 4]
        if estimate_tokens("\n".join(lines)) <= max(limit, 100):
            self.add("The plan this task is part of (for orientation only)", "\n".join(lines))

    def add_map(
        self,
        about: str,
        words: Mapping[str, float],
        files: Files,
        entries: Entries,
        never: Sequence[str],
    ) -> tuple[str, ...]:
        listed = [(path, size) for path, size in entries]
        focus = focus_on(named_paths(about), words, [path for path, _ in listed])
        drawn = draw_map(listed, files, focus, max(0, self.room - 10), unread=never)
        self.add("The repository", drawn.text)
        self.left_out += [f"map: {one}" for one in drawn.left_out]
        return drawn.outlined

    def finish(self, requirements: tuple[str, ...], outlined: tuple[str, ...]) -> Briefing:
        self.parts += filter(None, [_left_out(self.left_out)])
        text = "\n\n".join(self.parts) + "\n"
        return Briefing(text, estimate_tokens(text), tuple(self.left_out), requirements, outlined)


def _left_out(names: Sequence[str]) -> str:
    if not names:
        return ""
    listed = "\n".join(f"- {one[:120]}" for one in names[:_LISTED])
    more = len(names) - _LISTED
    listed += f"\n- ... and {more} more" if more > 0 else ""
    return f"## Left out for lack of room\n\n{listed}"


@dataclass(frozen=True)
class _Requirements:
    """The requirements of one task beside the task's own lines."""

    found: Mapping[str, str]  # requirements by id
    missing: tuple[str, ...]  # ids missing from the spec
    named: bool  # the task or its parent names some; else all apply
    general: str
    left_out: tuple[str, ...]


def _collect_requirements(spec: Spec, task: Task, budget: int) -> _Requirements:
    """Return the requirements of a task: those it names, else all, the nearest first."""
    lineage = (task, *ancestors(task, spec.by_id))
    ids = next((one.requirements for one in lineage if one.requirements), ())
    words = {word for one in lineage for word in terms(f"{one.title}\n{one.body}")}
    share = int(budget * _GENERAL_SHARE)
    choice = choose_design(spec.general, words, f"{task.title}\n{task.body}", ids, share)
    left = [f"general: {name}" for name in choice.left_out]
    found, missing = resolve(ids or ("all",), spec.requirements)
    if not ids:
        every = {key: text for key, text in found.items() if text not in choice.text}
        found = _nearest(every, words, int(budget * _ALL_SHARE))
        left += [f"requirement {_titled(key, every[key])}" for key in every if key not in found]
    return _Requirements(found, missing, bool(ids), choice.text, tuple(left))


def _nearest(requirements: Mapping[str, str], words: Collection[str], room: int) -> dict[str, str]:
    """Return as many requirements as fit, most similar to the words first, in reading order."""
    scores = {
        key: sum(fits(word, words) for word in terms(text)) for key, text in requirements.items()
    }
    chosen: set[str] = set()
    for key in sorted(requirements, key=lambda one: -scores[one]):
        cost = estimate_tokens(requirements[key]) + 1
        if cost <= room:
            chosen.add(key)
            room -= cost
    return {key: text for key, text in requirements.items() if key in chosen}


def _titled(key: str, text: str) -> str:
    first = text.strip().split("\n", 1)[0].lstrip("# ")
    return first if key in first else f"{key}: {first}"


def _general_part(requirements: _Requirements) -> str:
    return f"## What holds for all of it\n\n{requirements.general}" if requirements.general else ""


def _task_part(spec: Spec, task: Task, files: Files, never: Sequence[str], project: str) -> str:
    lines = [f"## Task {task.id}: {task.title}"]
    if spec.introduction:
        lines += ["", f"From the spec '{spec.name}': {_first_paragraph(spec.introduction)}"]
    if task.phase:
        phase = spec.phases.get(task.phase, "")
        lines += [
            "",
            f"Part of the phase '{task.phase}'{': ' if phase else ''}",
            *([phase] * bool(phase)),
        ]
    for owner in reversed(ancestors(task, spec.by_id)):
        lines += ["", f"Part of task {owner.id}: {owner.title}"]
        lines += [owner.body] if owner.body else []
    if task.body:
        lines += ["", resolve_references(task.body, files, project, never).text]
    parts = [one for one in spec.tasks if one.parent == task.id and not is_done(spec, one)]
    if parts:
        names = "; ".join(f"{one.id} {one.title}" for one in parts)
        lines += ["", f"Optional parts, not asked for now: {names}"]
    return "\n".join(lines)


def _requirements_part(spec: Spec, requirements: _Requirements) -> str:
    found, missing = requirements.found, requirements.missing
    if not found and not missing:
        return ""
    lines = ["## Requirements this task has to meet"]
    if not requirements.named:
        lines = [
            "## Requirements",
            "",
            "The task names none, so these are those of the whole spec: meet what it is about, "
            "break none of the others.",
        ]
    shown: set[str] = set()
    for key, text in found.items():
        owner = key.rpartition(".")[0]
        if owner in found:
            continue  # the whole requirement is there
        if owner in spec.requirements and owner not in shown:
            shown.add(owner)
            lines += ["", _story(spec.requirements[owner])]
        lines += ["", text] if "\n" in text and text.startswith("#") else [f"- {key}: {text}"]
    if missing:
        lines += ["", f"Named by the task but written nowhere: {', '.join(missing)}"]
    return "\n".join(lines)


def _story(requirement: str) -> str:
    """Return the heading and the user story of a requirement, without its criteria."""
    kept: list[str] = []
    for line in requirement.split("\n"):
        if kept and (line.startswith("#") or line.lstrip()[:1].isdigit()):
            break
        kept.append(line)
    return "\n".join(kept).strip()


def _first_paragraph(text: str) -> str:
    return text.strip().split("\n\n", 1)[0].strip()


def _plan_line(spec: Spec, one: Task, task: Task) -> str:
    depth = "  " * len(ancestors(one, spec.by_id))
    here = "  <- this one" if one.line == task.line else ""
    mark = "x" if is_done(spec, one) else " "
    return f"{depth}[{mark}] {one.id} {one.title}{here}"


def _weighted(title: str, body: str, requirements: str) -> dict[str, float]:
    words: dict[str, float] = {}
    parts = ((requirements, _REQUIREMENT_WEIGHT), (body, _BODY_WEIGHT), (title, _TITLE_WEIGHT))
    for text, weight in parts:
        words.update(dict.fromkeys(terms(text), weight))
    return words
