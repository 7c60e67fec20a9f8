"""The labelled cases: what the analysers find in them without a model, and keep quiet about."""

from pathlib import Path

import pytest
from support.corpus import LabelError, cases, examine_case, read_case

CORPUS = Path(__file__).parent / "corpus"
CASES = list(cases(CORPUS))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_planted_is_found_and_nothing_else(case):
    score = examine_case(case)

    assert [str(wanted) for wanted in score.missed if not wanted.known_miss] == []
    assert [str(wanted) for wanted in score.found if wanted.known_miss] == [], "no longer missed"
    assert [f"{p.hit.path}:{p.hit.span} {p.rule.id}" for p in score.wrong] == []
    assert [f"{report.name}: {report.reason}" for report in score.examination.failed] == []


def test_every_reviewer_and_language_has_cases():
    assert {wanted.agent for case in CASES for wanted in case.expected} >= {
        "review-security",
        "review-infrastructure",
        "review-maintainability",
        "review-performance",
        "review-test-quality",
    }
    assert {case.language for case in CASES} >= {
        "python",
        "javascript",
        "shell",
        "dockerfile",
        "cloudformation",
        "terraform",
        "github-workflows",
    }


@pytest.mark.parametrize(
    "labels",
    [
        "[[file]]\n",
        '[[file]]\npath = "none.py"\n',
        '[[file]]\npath = "a.py"\nmust_find = [{ line = 1 }]\n',
        '[[file]]\npath = "a.py"\nmust_find = [{ rule = "a/b", lines = 1 }]\n',
        "[[file",
    ],
)
def test_labels_that_do_not_follow_the_format_are_refused(tmp_path, labels):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a.py").write_text("a = 1\n")
    (tmp_path / "expected.toml").write_text(labels)
    with pytest.raises(LabelError):
        read_case(tmp_path)
