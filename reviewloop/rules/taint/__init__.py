"""Follows data from a request to where it does harm, through functions and imported files.

The engine and the front end of a language are imported when a file of that language is reviewed.
"""

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import FileCheck, Hit, SourceFile, Tree
from reviewloop.rules.catalogue import rules_of_check

if TYPE_CHECKING:
    from reviewloop.rules.taint.project import FrontEnd

_SCRIPTS = frozenset({"javascript", "typescript", "tsx"})


def _is_python(file: SourceFile) -> bool:
    return file.language == "python" or (not file.language and file.path.endswith(".py"))


def _is_script(file: SourceFile) -> bool:
    return file.language in _SCRIPTS


def _is_go(file: SourceFile) -> bool:
    return file.language == "go"


class _Engine:
    """The engine for one language, created on first use."""

    def __init__(self, module: str, name: str) -> None:
        self._module, self._name = module, name
        self._made: FrontEnd | None = None

    @property
    def front(self) -> "FrontEnd":
        """The front end of the language."""
        if self._made is None:
            made = getattr(import_module(f"reviewloop.rules.taint.{self._module}"), self._name)
            self._made = made()
        return self._made

    def alone(self, file: SourceFile) -> Iterable[Hit]:
        """Return the hits of one file without access to its imports."""
        return self.across(Tree(), (file,))(file)

    def across(
        self, tree: Tree, files: Sequence[SourceFile]
    ) -> Callable[[SourceFile], Iterable[Hit]]:
        """Return a function for the hits of each of these files, which follows their imports."""
        from reviewloop.rules.taint.project import Project

        return Project(self.front, tree, files).hits


def _check(
    name: str, understands: Callable[[SourceFile], bool], module: str, front: str
) -> FileCheck:
    engine = _Engine(module, front)
    rules = rules_of_check(f"{__name__}.{module}:{front}")
    return FileCheck(name, rules, understands, engine.alone, across=engine.across)


CHECKS: tuple[FileCheck, ...] = (
    _check("python-taint", _is_python, "python", "Python"),
    _check("javascript-taint", _is_script, "scripts", "Scripts"),
    _check("go-taint", _is_go, "golang", "Go"),
)
