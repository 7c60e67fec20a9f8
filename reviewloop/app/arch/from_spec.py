"""Reads layers and decisions for the architecture from the design of a spec."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from reviewloop.architecture.migration import ARROW
from reviewloop.architecture.model import Architecture, Layer
from reviewloop.domain.task import Spec
from reviewloop.regex import regex
from reviewloop.render.untrusted import one_line

_WORD = "[A-Za-z0-9_-]+"
_CHAIN = regex(rf"(?<![\w/.-]){_WORD}(?:{ARROW.pattern}{_WORD})+(?![\w/-]|\.\w)")
_MARKS = str.maketrans("", "", "`*")
_FENCES = ("```", "~~~")
_BULLETS = ("- ", "* ")


def with_design(given: Architecture, spec: Spec, paths: Iterable[str]) -> Architecture:
    """Return the architecture with a spec's decisions, and with its layers if it has none.

    Layers are a line such as `controllers -> services -> models`; each must be a folder of `paths`,
    existing or planned.
    """
    decisions = dict.fromkeys([*given.decisions, *decisions_of(spec)])
    found = replace(given, decisions=tuple(decisions))
    if given.layers:
        return found
    folders = _folders(paths)
    for line in _prose(spec.design):
        for chain in _CHAIN.finditer(line.translate(_MARKS)):
            names = [name.casefold() for name in ARROW.split(chain[0])]
            there = {name: sorted(_named(name, folders)) for name in names}
            if len(there) == len(names) and all(there.values()):
                layers = tuple(
                    Layer(name, tuple(there[name]), tuple(names[at + 1 :]))
                    for at, name in enumerate(names)
                )
                return replace(found, layers=layers, levels=tuple((name,) for name in names))
    return found


def decisions_of(spec: Spec) -> Iterator[str]:
    """Yield the decisions of a design, and those that another part calls architectural."""
    for text, is_design in ((spec.design, True), (spec.general, False), (spec.introduction, False)):
        decides = False
        entry = ""
        for line in (*_prose(text), ""):
            bare = line.strip()
            if entry and bare and line[:1].isspace() and not bare.startswith(_BULLETS):
                entry += f" {bare}"  # the entry continues
                continue
            if entry:
                yield one_line(entry)
                entry = ""
            if line.startswith("#"):
                title = line.casefold()
                decides = "decision" in title and (is_design or "architect" in title)
            elif decides and bare.startswith(_BULLETS):
                entry = bare[2:].strip()


def nothing_to_add(spec: Spec, given: Architecture, path: str) -> str:
    """Return why a design adds nothing."""
    if any(decisions_of(spec)):
        return f"{path} has the decisions of {spec.name} already"
    layers = "" if given.layers else " and no layers (`api -> store`, each a folder that it names)"
    return f"the design of {spec.name} has no list under a heading Decisions{layers}"


def _prose(text: str) -> Iterator[str]:
    """Yield the lines outside of fences."""
    fence = ""
    for line in text.splitlines():
        mark = line.lstrip()[:3]
        if mark in _FENCES and fence in ("", mark):
            fence = "" if fence else mark
        elif not fence:
            yield line


def _folders(paths: Iterable[str]) -> dict[str, set[str]]:
    """Return name -> folders of the files, as the architecture file writes them."""
    folders: dict[str, set[str]] = {}
    for path in paths:
        parts = path.split("/")[:-1]
        for depth, part in enumerate(parts, 1):
            folder = "/".join(parts[:depth])
            folders.setdefault(part.casefold(), set()).add(folder if depth > 1 else f"/{folder}")
    return folders


def _named(name: str, folders: dict[str, set[str]]) -> set[str]:
    """Return the folders of a layer; a singular name also finds the plural folder."""
    for word in (name, f"{name}s", f"{name[:-1]}ies"):
        if word in folders:
            return folders[word]
    return set()
