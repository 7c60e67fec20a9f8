"""`review --apply-fixes` writes safe fixes that parse and leave the tests as green as they were."""

import json
import sys

import pytest
from support.crash import CHECKS

from reviewloop.app.review.apply_fixes import apply_safe_fixes
from reviewloop.app.review.review import ReviewRequest, review
from reviewloop.domain.errors import ExitCode, UsageError, WorkspaceError
from reviewloop.git.comparison import CompareSpec

UNUSED = "import os\n\n\ndef one():\n    return 1\n"
CLEAN = "\n\ndef one():\n    return 1\n"
TEST = "from app import one\n\n\ndef test_one():\n    assert one() == 1\n"
# Plugins of the environment these tests run in cost more than a second per run of pytest.
PROJECT = """[tool.pytest.ini_options]
pythonpath = ["."]
addopts = "--disable-plugin-autoload"
"""


@pytest.fixture
def project(repo, git):
    """Return a repository without tests."""
    (repo / "app.py").write_text("def one():\n    return 1\n")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "app")
    return repo


@pytest.fixture
def tested(project, git, monkeypatch):
    """Return a repository whose tests are green, run by a program that starts quickly."""
    command = [sys.executable, "-S", "checks.py"]
    monkeypatch.setenv("REVIEWLOOP_GATES__TEST__COMMAND", json.dumps(command))
    (project / "checks.py").write_text(CHECKS)
    return with_tests(project, git)


@pytest.fixture
def with_pytest(project, git):
    """Return a repository whose tests, which pytest runs, are green."""
    (project / "pyproject.toml").write_text(PROJECT)
    return with_tests(project, git)


def with_tests(project, git):
    (project / "tests").mkdir()
    (project / "tests/test_app.py").write_text(TEST)
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "tests")
    return project


def fixed(folder, asked: CompareSpec = CompareSpec(), meanwhile=lambda: None, **flags):  # noqa: B008
    """Review a checkout without a model, apply the fixes, and return what became of them."""
    with review(ReviewRequest(asked, model="none", flags=flags), folder) as done:
        meanwhile()
        outcome = apply_safe_fixes(done)
        return outcome, outcome.exit_code(done.report)


def test_without_tests_nothing_is_applied(project):
    (project / "app.py").write_text(UNUSED)
    outcome, _ = fixed(project)

    assert (project / "app.py").read_text() == UNUSED
    assert outcome.sentences[0].startswith("not applied: app.py:1: no green tests")


@pytest.mark.slow
def test_green_tests_that_stay_green_verify_a_fix(with_pytest):
    (with_pytest / "app.py").write_text(UNUSED)
    outcome, _ = fixed(with_pytest)

    assert (with_pytest / "app.py").read_text() == CLEAN
    assert outcome.files == ("app.py",)
    assert outcome.sentences[0].startswith("1 safe fix applied in app.py: ")
    assert "1 passed" in outcome.sentences[0]


@pytest.mark.slow
def test_a_fix_that_makes_a_test_fail_is_left_out_and_the_others_are_applied(with_pytest):
    (with_pytest / "app.py").write_text(UNUSED)
    (with_pytest / "tests/test_app.py").write_text(
        "import json\n\nimport app\n\n\ndef test_one():\n    assert app.os and app.one() == 1\n"
    )
    outcome, _ = fixed(with_pytest)

    assert (with_pytest / "app.py").read_text() == UNUSED
    assert "import json" not in (with_pytest / "tests/test_app.py").read_text()
    assert [one.path for one, _ in outcome.refused] == ["app.py"]
    assert "1 failed" in outcome.refused[0][1]


def test_tests_that_fail_already_verify_nothing(tested):
    (tested / "app.py").write_text(UNUSED.replace("return 1", "return 2"))
    outcome, _ = fixed(tested)

    assert outcome.applied == ()
    assert "no green tests" in outcome.sentences[0]
    assert "import os" in (tested / "app.py").read_text()


def test_windows_line_ends_and_byte_order_marks_survive(tested):
    (tested / "dos.py").write_bytes(b"import os\r\nimport re\r\n\r\nre.compile('a')\r\n")
    (tested / "mark.py").write_bytes(b"\xef\xbb\xbfimport os\nimport re\n\nre.compile('a')\n")
    fixed(tested)

    assert (tested / "dos.py").read_bytes() == b"import re\r\n\r\nre.compile('a')\r\n"
    assert (tested / "mark.py").read_bytes() == b"\xef\xbb\xbfimport re\n\nre.compile('a')\n"


def test_a_file_that_is_no_utf_8_is_left_alone(tested):
    content = b"import os\n\nNAME = '\xe9'\n"
    (tested / "latin.py").write_bytes(content)
    outcome, _ = fixed(tested)

    assert (tested / "latin.py").read_bytes() == content
    assert outcome.sentences == ("not applied: latin.py:1: the file is not UTF-8",)


def test_one_statement_with_two_findings_is_mended_once(tested):
    (tested / "two.py").write_text("import os, json\n\nANSWER = 42\n")
    outcome, _ = fixed(tested)

    assert (tested / "two.py").read_text() == "\nANSWER = 42\n"
    assert outcome.refused == ()


def test_a_file_that_is_edited_meanwhile_is_not_overwritten(tested):
    (tested / "app.py").write_text(UNUSED)

    with pytest.raises(WorkspaceError, match="not what was reviewed"):
        fixed(tested, meanwhile=lambda: (tested / "app.py").write_text("mine = 1\n"))
    assert (tested / "app.py").read_text() == "mine = 1\n"


def test_what_is_not_on_disk_is_not_fixed(tested, git):
    (tested / "app.py").write_text(UNUSED)
    git(tested, "add", ".")

    with pytest.raises(UsageError, match="files as they are on disk"):
        fixed(tested, CompareSpec(staged=True))


@pytest.mark.slow
def test_what_was_fixed_does_not_fail_the_review_any_more(tested):
    (tested / "app.py").write_text(UNUSED)
    assert fixed(tested, **{"review.fail_on": "nit"})[1] is ExitCode.CLEAN

    (tested / "app.py").write_text(UNUSED + "\n\ndef two(items=[]):\n    return items\n")
    assert fixed(tested, **{"review.fail_on": "should"})[1] is ExitCode.FINDINGS


def test_without_a_safe_fix_there_is_nothing_to_do(tested):
    (tested / "app.py").write_text("def two(items=[]):\n    return items\n")
    outcome, _ = fixed(tested)

    assert outcome.sentences == ("no safe fix to apply",)


def test_a_dismissed_finding_is_not_fixed(tested):
    (tested / "app.py").write_text(
        UNUSED.replace("import os", "import os  # reviewloop: ignore[ruff/F401] for its effects")
    )
    outcome, _ = fixed(tested)

    assert outcome.applied == ()
