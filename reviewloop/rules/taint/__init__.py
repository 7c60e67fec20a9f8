"""Follow data from a request to where it does harm, through functions and imported files."""

from collections.abc import Iterable

from reviewloop.analysis.contract import FileCheck, Hit, SourceFile, Tree
from reviewloop.rules.taint.check import Python
from reviewloop.rules.taint.golang import Go
from reviewloop.rules.taint.project import Project, across
from reviewloop.rules.taint.rules import RULES
from reviewloop.rules.taint.scripts import Scripts

_PYTHON, _SCRIPTS, _GO = Python(), Scripts(), Go()


def _is_python(file: SourceFile) -> bool:
    return file.language == "python" or (not file.language and file.path.endswith(".py"))


def _alone(file: SourceFile) -> Iterable[Hit]:
    return Project(_PYTHON, Tree(), (file,)).hits(file)


def _is_script(file: SourceFile) -> bool:
    return file.language in {"javascript", "typescript", "tsx"}


def _is_go(file: SourceFile) -> bool:
    return file.language == "go"


def _go_alone(file: SourceFile) -> Iterable[Hit]:
    return Project(_GO, Tree(), (file,)).hits(file)


def _script_alone(file: SourceFile) -> Iterable[Hit]:
    return Project(_SCRIPTS, Tree(), (file,)).hits(file)


CHECKS: tuple[FileCheck, ...] = (
    FileCheck("python-taint", RULES, _is_python, _alone, across=across(_PYTHON)),
    FileCheck("javascript-taint", (), _is_script, _script_alone, across=across(_SCRIPTS)),
    FileCheck("go-taint", (), _is_go, _go_alone, across=across(_GO)),
)
