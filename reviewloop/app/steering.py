"""What steering files there are, when agents get them, and what is wrong with them."""

from collections.abc import Iterator
from dataclasses import dataclass

from reviewloop.git.repository import UserRepo
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.steering import Steering, SteeringItem, steering_on_disk
from reviewloop.specs.words import find_paths, named_paths

_SHORTEST = 40  # characters below which equal texts are no copy


@dataclass(frozen=True)
class SteeringRow:
    """One file, and when agents get it."""

    path: str
    scope: str
    mode: str
    given: str


@dataclass(frozen=True)
class SteeringProblem:
    """What is wrong with a file."""

    path: str
    kind: str  # reference | copy | pattern | foreign
    what: str


def steering_rows(user: UserRepo) -> list[SteeringRow]:
    """Return the files in the order in which agents get them."""
    return [
        SteeringRow(item.path, item.scope, item.mode, _given(item)) for item in _all(user).items
    ]


def _all(user: UserRepo) -> Steering:
    return steering_on_disk(user.root, (), "", folder=user.project, resolve_all=True)


def _given(item: SteeringItem) -> str:
    if item.mode == "fileMatch":
        shown = ", ".join(item.patterns) or "nothing: it has no fileMatchPattern"
        return f"with work on, or the first read or write of, {shown}"
    if item.mode == "manual":
        return f"when asked for: --steering {item.title or _name(item)}"
    if item.mode == "auto":
        return f"when it fits the task: {item.description or '(no description)'}"
    return "always"


def _name(item: SteeringItem) -> str:
    return item.path.rpartition("/")[2].removesuffix(".md")


def steering_problems(user: UserRepo) -> list[SteeringProblem]:
    """Return what is wrong, in the order of the files."""
    files = tuple(DiskFiles(user.root).paths())
    known: dict[str, str] = {}
    return [
        SteeringProblem(item.path, kind, what)
        for item in _all(user).items
        for kind, what in _wrong(item, files, known)
    ]


def _wrong(
    item: SteeringItem, files: tuple[str, ...], known: dict[str, str]
) -> Iterator[tuple[str, str]]:
    for reference in item.missing:
        yield "reference", f"{reference} leads nowhere"
    text = " ".join(item.text.split())
    if len(text) >= _SHORTEST:
        if first := known.get(text):
            yield "copy", f"it says the same as {first}; agents get it twice"
        known.setdefault(text, item.path)
    if item.mode == "fileMatch":
        for pattern in item.patterns:
            one = SteeringItem(item.path, item.scope, item.mode, "", False, "", patterns=(pattern,))
            later = Steering((one,)).later()[0]
            if not any(later.fits(path) for path in files):
                yield "pattern", f"no file of this repository matches {pattern}"
    if item.scope == "global":
        named = [path for path in named_paths(item.text) if find_paths([path], files)]
        if named:
            names = ", ".join(dict.fromkeys(named))
            yield "foreign", f"it holds for all your repositories and names this one's {names}"
