"""Finds tasks that are too vague or too large, and broken links between tasks and requirements."""

import re
from collections.abc import Iterator, Mapping

from reviewloop.analysis.contract import Hit
from reviewloop.domain.task import Problem, Task
from reviewloop.regex import regex
from reviewloop.specs.checks.view import SpecView
from reviewloop.specs.requirements import resolve, whole_requirements
from reviewloop.specs.tasks import ancestors
from reviewloop.specs.words import named_paths, terms

_REFERENCE = regex(r"^\s*[-*]?\s*[_*]*(?:requirements?|validates|depends(?: on)?)[_*]*:", re.I)
_SHOWN = regex(
    r"\btest\w*|\bverif\w+|\bcheck\w*|\bassert\w*|\bvalidat\w+|\bexpect\w*|\breturns?\b|\bensure\w*"
    r"|\bspecs?\b|\bcoverage\b|\bconfirm\w*|\blint\w*|\bprop(?:erty|erties)\b",
    re.IGNORECASE,
)
_FEWEST = 3  # key words of a task without any other detail
_LONGEST = 18  # lines below a task that are more than one change
_FILES = 10
_RULES: Mapping[str, str] = {
    "cycle": "spec/cycle",
    "duplicate": "spec/duplicate-task",
    "unknown": "spec/unknown-dependency",
    "no-tasks": "spec/no-task",
    "fence": "spec/open-fence",
    "encoding": "spec/open-fence",
}


def find_problems(view: SpecView) -> Iterator[Hit]:
    """Yield problems that only the author can solve and that block runs: cycles, double ids,
    no tasks.
    """
    for problem in view.spec.problems:
        if rule := _rule_of(problem):
            yield view.hit_at(rule, (problem.path, problem.line), problem.message)


def _rule_of(problem: Problem) -> str:
    return _RULES.get(problem.kind, "")


def find_vague_tasks(view: SpecView) -> Iterator[Hit]:
    """Yield tasks without content: a word or two, no line below, no requirement."""
    for task in view.open_tasks:
        lines = _lines_of(task)
        named = any(one.requirements for one in (task, *ancestors(task, view.spec.by_id)))
        if not lines and not named and len(terms(task.title)) < _FEWEST and not _names(task):
            yield _at(view, "spec/task-too-vague", task, f'"{task.title}" names nothing to be done')


def find_large_tasks(view: SpecView) -> Iterator[Hit]:
    """Yield tasks that are more than one change."""
    for task in view.open_tasks:
        count = len(_lines_of(task))
        files = len([one for one in named_paths(task.body) if "/" in one and "." in one])
        if count > _LONGEST:
            message = f"task {task.id} asks for {count} things at once"
            yield _at(view, "spec/task-too-large", task, message)
        elif files > _FILES:
            message = f"task {task.id} names {files} files"
            yield _at(view, "spec/task-too-large", task, message)


def find_not_shown(view: SpecView) -> Iterator[Hit]:
    """Yield tasks without any criterion for when they are done."""
    for task in view.open_tasks if view.is_english else ():
        family = (task, *ancestors(task, view.spec.by_id))
        text = "\n".join(f"{one.title}\n{one.body}" for one in family)
        if not any(one.requirements for one in family) and not _SHOWN.search(text):
            message = f"nothing says how one sees that task {task.id} is done"
            yield _at(view, "spec/task-not-shown", task, message)


def find_unknown_requirements(view: SpecView) -> Iterator[Hit]:
    """Yield tasks that name a requirement which the spec lacks."""
    known = view.spec.requirements
    # Requirements numbered in headings of other languages are not recognised.
    if not view.is_english:
        return
    for task in view.spec.tasks:
        missing = [one for one in resolve(task.requirements, known)[1] if _could_be(one, known)]
        if missing:
            message = f"task {task.id} names {', '.join(missing)}, which no requirement has"
            yield _at(view, "spec/unknown-requirement", task, message)


def _could_be(ident: str, known: Mapping[str, str]) -> bool:
    """Whether an id has the form of this spec's ids: "9.9" has not where no id is "N.M"."""
    if not re.search(r"\d", ident):
        return False  # prose
    owner = ident.rpartition(".")[0]
    if owner in known:
        return any(one.rpartition(".")[0] == owner for one in known)
    shape = re.sub(r"\d+", "0", ident)
    return any(re.sub(r"\d+", "0", one) == shape for one in known)


def find_unserved(view: SpecView) -> Iterator[Hit]:
    """Yield requirements without a task; nothing if tasks name no requirements at all."""
    for ident in unserved(view):
        location = view.requirement_at.get(ident) or view.first_of("requirements")
        yield view.hit_at(
            "spec/requirement-without-task", location, f"no task serves requirement {ident}"
        )


def find_serving_nothing(view: SpecView) -> Iterator[Hit]:
    """Yield tasks without a requirement; nothing if tasks name no requirements at all."""
    # Tasks belong to stories by their phase; those of setup serve all of them.
    if (
        not _links(view)
        or not whole_requirements(view.spec.requirements)
        or view.checked_as.by_story
    ):
        return
    for task in view.open_tasks:
        family = (task, *ancestors(task, view.spec.by_id))
        if not task.checkpoint and not any(one.requirements for one in family):
            message = f"task {task.id} serves no requirement"
            yield _at(view, "spec/task-without-requirement", task, message)


def unserved(view: SpecView) -> list[str]:
    """Return the whole requirements that no task names, [] if tasks name none at all.

    A requirement counts as served when one of its criteria is.
    """
    if not _links(view) or not view.is_english:  # see `find_unknown_requirements`
        return []
    named: set[str] = set()
    for task in view.spec.tasks:
        for key in resolve(task.requirements, view.spec.requirements)[0]:
            while key:
                named.add(key)
                key = key.rpartition(".")[0]
    required = whole_requirements(view.spec.requirements)
    if view.checked_as.by_story:
        required = {key: text for key, text in required.items() if re.match(r"US\d", key)}
    return [key for key in required if key not in named]


def _links(view: SpecView) -> bool:
    """Whether tasks of this spec name requirements, as not each dialect lets them."""
    links = view.checked_as.names_requirements
    return links and any(task.requirements for task in view.spec.tasks)


def _lines_of(task: Task) -> list[str]:
    """Return the lines below a task that have content, without references."""
    lines = [line for line in task.body.split("\n") if line.strip()]
    return [line for line in lines if not _REFERENCE.match(line)]


def _names(task: Task) -> bool:
    return any("/" in one or "." in one for one in named_paths(task.title)) or "`" in task.title


def _at(view: SpecView, rule: str, task: Task, message: str) -> Hit:
    return view.hit_at(rule, (task.path, task.line), message)
