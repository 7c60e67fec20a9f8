"""The labelled cases: what the analysers find in them without a model, and do not report."""

import importlib.util
import sys
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
        "go",
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


@pytest.fixture(scope="module")
def recorded():
    spec = importlib.util.spec_from_file_location(
        "benchmarks_corpus", Path(__file__).parents[1] / "benchmarks" / "corpus.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_a_difference_from_the_recording_needs_a_reason(recorded, capsys):
    lost = {"findings": [("docker/cd", "Dockerfile", 2, "nit", "review-infrastructure", "1")]}
    red = {"findings": [("js/eval", "app.js", 1, "must_fix", "review-security", "1")]}
    yellow = {"findings": [("js/eval", "app.js", 1, "should_fix", "review-security", "1")]}
    differences = recorded.Differences()
    differences.add("as before", red, red)
    differences.add("left to hadolint", lost, {"findings": []})
    assert not differences.unexplained()

    differences.add("another severity", red, yellow)
    differences.add("a tool that failed", red, {**red, "failed": ["ruff failed"]})
    differences.report("0123456789abcdef")
    told = capsys.readouterr().out
    assert "3 of 4 reviews differ from 0123456789ab\n" in told
    assert "   1 gone     style of Dockerfiles" in told
    assert "   2 not explained\n" in told
    assert "changed     1 js/eval" in told


def test_reasons_are_of_rules_and_of_kinds_that_there_are(recorded):
    reasons = recorded.meant()
    pairs = [(rule, one.what) for one in reasons for rule in one.rules]
    assert {one.what for one in reasons} <= {"gone", "new", "changed"}
    assert len(pairs) == len(set(pairs)), "a difference has one reason"
