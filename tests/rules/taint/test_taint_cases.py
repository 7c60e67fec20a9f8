"""Small labelled programs: each line that ends in `# BAD rule` must be found, no other may be."""

import re
from pathlib import Path

import pytest

from reviewloop.analysis.contract import SourceFile
from reviewloop.rules.taint import CHECKS

_MARK = re.compile(r"# BAD ([\w-]+)")


def cases():
    for file in sorted((Path(__file__).parent / "cases").glob("*.txt")):
        for part in file.read_text("utf-8").split("### ")[1:]:
            title, _, code = part.partition("\n")
            yield pytest.param(code, id=f"{file.stem}: {title}")


@pytest.mark.parametrize("code", list(cases()))
def test_flows_are_found_on_their_lines_and_nowhere_else(code):
    wanted = {
        (number, f"taint/{rule}")
        for number, line in enumerate(code.split("\n"), 1)
        for rule in _MARK.findall(line)
    }
    file = SourceFile("shop/views.py", code, language="python")
    found = {(hit.span.line, hit.rule) for check in CHECKS for hit in check.run(file)}
    missed = sorted(wanted - found)
    false = sorted(found - wanted)
    assert (missed, false) == ([], [])
