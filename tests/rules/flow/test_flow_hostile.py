"""Nesting that no person writes is left out of what is followed; it breaks nothing."""

import pytest

from reviewloop.analysis.contract import SourceFile
from reviewloop.rules.taint import CHECKS

SCRIPT = "module.exports = (req, res) => { const q = req.query.a;\n"
GO = 'package a\nimport "net/http"\nfunc F(w http.ResponseWriter, r *http.Request) {\n'
CASES = {
    "else if": ("a.js", "javascript", SCRIPT + "if (a) {}" + " else if (q) { f(); }" * 3000 + "}"),
    "brackets": ("a.js", "javascript", SCRIPT + "x = " + "[" * 3000 + "q" + "]" * 3000 + "}"),
    "pattern": (
        "a.js",
        "javascript",
        SCRIPT + "const " + "{a: " * 1500 + "b" + "}" * 1500 + "= q}",
    ),
    "functions": ("a.js", "javascript", SCRIPT + "(() => {" * 1500 + "f(q)" + "})()" * 1500 + "}"),
    "logic": ("a.js", "javascript", SCRIPT + "x = q" + "\n|| q" * 5000 + "}"),
    "go else if": ("a.go", "go", GO + 'if a == "" {}' + ' else if a == "1" {}' * 2000 + "\n}"),
    "go blocks": ("a.go", "go", GO + "{" * 3000 + "}" * 3000 + "\n}"),
    "go logic": ("a.go", "go", GO + "x := q" + " ||\nq" * 5000 + "\n}"),
}


@pytest.mark.parametrize("case", CASES)
def test_nesting_that_no_person_writes_breaks_nothing(case: str) -> None:
    path, language, code = CASES[case]
    file = SourceFile(path, code, ((1, 10**6),), language=language)

    hits = [hit for check in CHECKS if check.understands(file) for hit in check.run(file)]

    assert hits == []
