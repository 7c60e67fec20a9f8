"""The figures of the checkout: described names, specs in use, files that keep the rules."""

from pathlib import Path

import pytest

from reviewloop.app.repository_figures import repository_figures
from reviewloop.git.repository import discover

ARCHITECTURE = """
layers = ["high", "low"]

[layer.high]
paths = ["app/high"]

[layer.low]
paths = ["app/low"]
"""
FILES = {
    "app/__init__.py": "",
    "app/low/__init__.py": "",
    "app/high/__init__.py": "",
    "app/low/a.py": '"""A."""\n\nfrom app.high import b\n\n\ndef told():\n    """Told."""\n',
    "app/high/b.py": "def untold():\n    ...\n\n\ndef _own():\n    ...\n\n\nclass Told:\n"
    '    """Told."""\n\n    def bare(self): ...\n',
    "web/a.ts": "/** Told. */\nexport function told() {}\n\nexport function bare() {}\n\n"
    "function own() {}\n",
    "cmd/a.go": "package a\n\n// Told is told.\nfunc Told() {}\n\nfunc Bare() {}\n\nfunc own() {}\n",  # noqa: E501
    "tests/test_a.py": "def test_a(): ...\n",
    ".kiro/specs/user-orders/requirements.md": "# Requirements\n",
    ".kiro/specs/user-orders/tasks.md": "- [ ] 1. Do it\n",
    ".kiro/specs/search/requirements.md": "# Requirements\n\nAs user-orders does.\n",
    ".kiro/specs/search/tasks.md": "- [ ] 1. Do it, and search\n",
}


@pytest.fixture
def user(repo: Path, git):
    def made(**more):
        for name, text in {**FILES, **more}.items():
            path = repo / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git(repo, "add", "-A")
        git(repo, "commit", "-qm", "all")
        return discover(repo)

    return made


def test_public_names_are_described_by_docstrings_and_comments(user):
    found = repository_figures(user())["documentation"]
    assert (found["count"], found["of"]) == (4, 8)


def test_a_spec_is_reused_where_another_one_names_it(user):
    assert repository_figures(user())["spec_reuse"] == {"rate": 0.5, "count": 1, "of": 2}


def test_a_requirement_is_reused_where_another_spec_says_it_in_about_these_words(user):
    said = "WHEN a customer pays an order THEN the shop SHALL send a receipt by mail"
    text = "# Requirements\n\n### Requirement 1\n\n#### Acceptance Criteria\n\n1. {}\n"
    found = repository_figures(
        user(
            **{
                ".kiro/specs/search/requirements.md": text.format(said),
                ".kiro/specs/user-orders/requirements.md": text.format(
                    f"{said.replace('mail', 'mail today')}\n2. WHEN nobody pays THEN it SHALL wait"
                ),
            }
        )
    )["requirement_reuse"]
    assert (found["count"], found["of"]) == (2, 3)


def test_files_that_keep_the_architecture(user):
    assert repository_figures(user())["architecture"] is None
    found = repository_figures(user(**{".reviewloop/architecture.toml": ARCHITECTURE}))
    assert found["architecture"] == {"rate": 0.75, "count": 3, "of": 4}
