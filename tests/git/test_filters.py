"""Filters never run, and none of them hides a changed file from a review."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from reviewloop.git.comparison import CompareSpec, open_comparison

NOTEBOOK = {"cells": [{"cell_type": "code", "outputs": [], "source": ["print(1)"]}]}
EVIL = "import os\n\nos.system(input())\n"
STRIP = "a.py as it is on disk: its filter 'strip' was not run"
BOTH = "a.py and 1 more as they are on disk: their filter 'strip' was not run"


@pytest.fixture
def marked(repo: Path, git: Callable[..., str]) -> Path:
    """Return a repository with a file that the filter `strip` is named for, by a commit."""
    (repo / ".gitattributes").write_text("*.py filter=strip\n")
    (repo / "a.py").write_text("1\n")
    (repo / "same.py").write_text("1\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "base")
    return repo


@pytest.mark.slow_but(every=3)
@pytest.mark.parametrize(
    ("key", "program"),
    [
        ("", ""),  # named by nobody: git stores the bytes as they are
        ("strip.smudge", "false"),
        ("strip.required", "true"),
        ("strip.clean", ""),  # the way to turn a filter off
        ("strip.clean", "printf 1"),
        ("strip.process", "a-server"),
    ],
)
@pytest.mark.parametrize("place", ["committed", "private"])
def test_a_filter_hides_no_change(marked, git, place, key, program):
    if place == "private":
        git(marked, "rm", "-q", ".gitattributes")
        git(marked, "commit", "-qm", "no attributes")
        (marked / ".git/info/attributes").write_text("*.py filter=strip\n")
    (marked / "a.py").write_text(EVIL)
    (marked / "new.py").write_text(EVIL)
    (marked / "same.py").touch()
    if key:
        git(marked, "config", f"filter.{key}", program)
    with open_comparison(marked, CompareSpec()) as two:
        files = two.private.change(two.old, two.new).files
        assert [(file.path, file.status) for file in files] == [("a.py", "M"), ("new.py", "A")]
        assert two.private.read(two.new, "a.py") == two.private.read(two.new, "new.py")
        assert two.private.read(two.new, "a.py") == EVIL.encode()
        defined = key in {"strip.clean", "strip.process"} and program
        assert two.notes == ((BOTH,) if defined else ())
        assert (two.unreadable, two.unread) == ((), frozenset())


def test_the_note_names_only_what_is_reviewed(marked, git):
    git(marked, "config", "filter.strip.clean", "printf 1")
    (marked / "a.py").write_text(EVIL)
    (marked / "new.py").write_text(EVIL)
    for asked in (CompareSpec(paths=("a.py",)), CompareSpec(whole=True, paths=("a.py",))):
        with open_comparison(marked, asked) as two:
            assert two.notes == (STRIP,)


def test_a_notebook_is_read_with_its_output(repo, git):
    (repo / ".gitattributes").write_text("*.ipynb filter=nbstripout\n")
    (repo / "a.ipynb").write_text(json.dumps(NOTEBOOK, indent=1) + "\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "base")
    git(repo, "config", "filter.nbstripout.clean", "nbstripout")
    text = json.dumps(NOTEBOOK, indent=1).replace("print(1)", "eval(input())") + "\n"
    (repo / "a.ipynb").write_text(text)
    with open_comparison(repo, CompareSpec()) as two:
        assert two.private.change(two.old, two.new).paths == ("a.ipynb",)
        assert two.private.read(two.new, "a.ipynb") == text.encode()
        assert two.notes == ("a.ipynb as it is on disk: its filter 'nbstripout' was not run",)


@pytest.mark.parametrize(
    ("name", "program"), [("git-crypt", "x"), ("lock", "gpg -e"), ("l", "/usr/bin/age -r k")]
)
def test_what_a_filter_encrypts_stays_unread_and_is_listed(marked, git, name, program):
    (marked / ".git/info/attributes").write_text(f"*.py filter={name}\n")
    git(marked, "config", f"filter.{name}.clean", program)
    (marked / "a.py").write_text(EVIL)
    (marked / "new.py").write_text(EVIL)
    with open_comparison(marked, CompareSpec()) as two:
        why = f"needs the filter {name!r}, which encrypts and is not run here"
        assert two.unreadable == (("a.py", why), ("new.py", why))
        assert two.unread == {"a.py", "new.py"}
        assert two.private.read(two.new, "a.py") == b"1\n"
    with open_comparison(marked, CompareSpec(paths=("same.py",))) as two:
        assert (two.unreadable, two.unread) == ((), frozenset())
