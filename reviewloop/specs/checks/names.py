"""Finds names that a spec treats as existing although the code does not have them."""

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from itertools import groupby

from reviewloop.analysis.contract import Hit
from reviewloop.regex import regex
from reviewloop.specs.checks.view import SpecLine, SpecView
from reviewloop.specs.file_trees import TreeFile, tree_files
from reviewloop.specs.select import is_done
from reviewloop.specs.words import named_paths

_CHANGES = regex(
    r"\b(?:[Mm]odif(?:y|ies)|[Uu]pdat(?:e|es|ing)|[Ee]dit|[Ee]xtend|[Rr]efactor|[Aa]djust|[Rr]ename"
    r"|[Dd]elete|[Rr]emove|[Ff]ix|existing|[Cc]hange)\b|\[MODIFY\]|\[DELETE\]"
)
_MAKES = regex(
    r"\b(?:creat\w+|new|add(?:s|ed|ing)?|generat\w+|writ(?:e|es|ing)|introduc\w+|scaffold\w*"
    r"|extract\w*|mov(?:e|es|ing)|implement\w*|set ?up|build|migrat\w+)\b|\[NEW\]",
    re.IGNORECASE,
)
_MARKED_NEW = regex(r"\[NEW\]")
_KNOWN_KIND = regex(
    r"\.(?:py|tsx?|jsx?|mjs|go|rs|java|kt|rb|php|cs|swift|vue|svelte|sql|sh|tf|ya?ml)$"
)
_SPAN = regex(r"`[^`]*`")
_GLOB = regex(r"[*{}<>\[\]]|\.\.\.")


def find_unknown_paths(view: SpecView) -> Iterator[Hit]:
    """Yield files that a task or the design changes and that the repository lacks."""
    paths = frozenset(view.tree.paths())
    if not paths:
        return
    names = {path.rpartition("/")[2] for path in paths}
    made = _made(view)
    for line in _not_done(view):
        text = _without_commands(line.text)
        changed = _CHANGES.search(text)
        if changed is None or _MAKES.search(text):
            continue
        for path in _paths(line):
            marked = text[changed.start()] == "["
            if not marked and text.find(path) < changed.start():
                continue
            ends = path.lstrip("./")
            if ends in paths or ends in made or path.rpartition("/")[2] in names:
                continue
            message = f"{path} is not in the repository{_near(ends, paths)}"
            yield view.hit("spec/unknown-file", line, message, path)
    for line, one in _drawn(view):
        if one.mark in ("MODIFY", "DELETE") and one.path not in paths | made:
            name = one.path.rpartition("/")[2]
            message = f"{one.path} is not in the repository{_near(one.path, paths)}"
            yield view.hit("spec/unknown-file", line, message, name)


def find_new_paths_that_exist(view: SpecView) -> Iterator[Hit]:
    """Yield files that are marked [NEW] but exist."""
    paths = frozenset(view.tree.paths())
    for line in _not_done(view):
        if _MARKED_NEW.search(line.text):
            for path in _paths(line):
                if path.lstrip("./") in paths:
                    message = f"{path} is marked as new and is in the repository already"
                    yield view.hit("spec/file-not-new", line, message, path)
    begun = any(is_done(view.spec, task) for task in view.spec.tasks)
    for line, one in () if begun else _drawn(view):
        if one.mark == "NEW" and one.path in paths:
            message = f"{one.path} is marked as new and is in the repository already"
            yield view.hit("spec/file-not-new", line, message, one.path.rpartition("/")[2])


def _drawn(view: SpecView) -> Iterator[tuple[SpecLine, TreeFile]]:
    """Yield the files of the trees drawn in the documents of a spec, each with its line."""
    for _, lines in groupby(view.lines, key=lambda line: line.path):
        by_number = {line.number: line for line in lines}
        for one in tree_files((number, line.text) for number, line in by_number.items()):
            yield by_number[one.line], one


def _near(path: str, known: Collection[str]) -> str:
    """Return the file probably meant, among those with the same start and end of the name."""
    name = path.rpartition("/")[2]
    like = [
        one
        for one in known
        if one.rpartition("/")[2][:1] == name[:1]
        and one.rpartition(".")[2] == name.rpartition(".")[2]
    ]
    near = get_close_matches(path, like, 1, 0.8)
    return f"; did you mean {near[0]}?" if near else ""


def _without_commands(text: str) -> str:
    """Return a line without its commands: `docker build .` creates no file."""
    return _SPAN.sub(
        lambda span: " " * len(span[0]) if " " in span[0].strip("` ") else span[0], text
    )


def _paths(line: SpecLine) -> list[str]:
    return [
        path
        for path in named_paths(line.text)
        if "/" in path and _KNOWN_KIND.search(path) and not _GLOB.search(path)
    ]


def _made(view: SpecView) -> frozenset[str]:
    """Return the files that a line of the spec creates."""
    lines = (line for line in view.lines if _MAKES.search(_without_commands(line.text)))
    return frozenset(path.lstrip("./") for line in lines for path in named_paths(line.text))


def _not_done(view: SpecView) -> Iterator[SpecLine]:
    """Yield the lines of design and tasks, without those of tasks that are done."""
    done: set[int] = set()
    for task in view.spec.tasks:
        if is_done(view.spec, task):
            done |= set(range(task.line, task.line + task.body.count("\n") + 2))
    for line in view.of_part("design", "tasks"):
        if line.path != view.spec.tasks_path or line.number not in done:
            yield line
