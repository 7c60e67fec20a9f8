"""Follow data from a request to where it does harm, in Python, one file at a time."""

from reviewloop.analysis.contract import FileCheck, SourceFile
from reviewloop.rules.taint.check import find_flows
from reviewloop.rules.taint.rules import RULES


def _is_python(file: SourceFile) -> bool:
    return file.language == "python" or (not file.language and file.path.endswith(".py"))


CHECKS: tuple[FileCheck, ...] = (FileCheck("python-taint", RULES, _is_python, find_flows),)
