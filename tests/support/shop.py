"""A small real project with a Kiro spec, as the end-to-end tests find it in a person's checkout."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from support.git_index import refresh_index

REQUIREMENTS = ".kiro/specs/orders/requirements.md"
WITHOUT_CRITERIA = """# Requirements Document

## Requirements

### Requirement 1.1: Search

**User Story:** As a clerk, I want to find orders, so that I can answer on the phone.

WHEN a customer is named, THE Shop SHALL return that customer's items in the order they came
"""
CRITERIA = {
    REQUIREMENTS: """# Requirements Document

## Requirements

### Requirement 1: Search

**User Story:** As a clerk, I want to find orders, so that I can answer on the phone.

#### Acceptance Criteria

1. WHEN a customer is named, THE Shop SHALL return that customer's items in the order they came
"""
}
"""Files with which the spec has criteria, so that six review a task's change, and not five."""

PLAIN_PYTEST = {"setup.cfg": "[tool:pytest]\naddopts = --disable-plugin-autoload\n"}
"""Files with which pytest loads no plugins of this environment, which take it two seconds."""

FILES = {
    "shop/__init__.py": "",
    "shop/store.py": '''"""Orders in SQLite."""

import sqlite3


def connect(path=":memory:"):
    """Return a database with the tables of the shop."""
    db = sqlite3.connect(path)
    db.execute("create table orders (id integer primary key, customer text, item text)")
    return db


def add(db, customer, item):
    """Store an order."""
    db.execute("insert into orders (customer, item) values (?, ?)", (customer, item))
''',
    "tests/test_store.py": """from shop.store import add, connect


def test_add_stores_an_order():
    db = connect()
    add(db, "ada", "pen")
    assert db.execute("select item from orders").fetchall() == [("pen",)]
""",
    REQUIREMENTS: WITHOUT_CRITERIA,
    ".kiro/specs/orders/design.md": "# Design\n\n## Overview\n\nPlain functions over sqlite3.\n",
    ".kiro/specs/orders/tasks.md": """# Implementation Plan: orders

## Tasks

- [ ] 1. Foundations
  - [x] 1.1 Store orders
    - _Requirements: 1.1_

- [ ] 2. Search
  - [ ] 2.1 Find the items of a customer
    - Add `shop/search.py`
    - _Requirements: 1.1_
  - [ ] 2.2 Report
    - _Requirements: 1.1_
    - _Depends: 2.1_
""",
}


def make_shop(
    folder: Path,
    *,
    branch: str = "work",
    message: str = "base",
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write the project, and further files, into a folder and commit all; return the folder.

    In an empty folder, without settings of git, it is a copy: no process instead of five.
    """
    written = {**FILES, **(files or {})}
    if _has_settings_of_git() or (folder.exists() and any(folder.iterdir())):
        _make(folder, branch, message, written, os.environ)
        return folder
    shutil.copytree(_made(branch, message, tuple(written.items())), folder, dirs_exist_ok=True)
    refresh_index(folder)  # copies are other files to git
    return folder


def _has_settings_of_git() -> bool:
    home = Path(os.environ["HOME"])
    configured = Path(os.environ.get("XDG_CONFIG_HOME", home / ".config")) / "git"
    return (
        (home / ".gitconfig").exists()
        or configured.exists()
        or any(name.startswith("GIT_") for name in os.environ)
    )


@lru_cache(maxsize=64)
def _made(branch: str, message: str, files: tuple[tuple[str, str], ...]) -> Path:
    folder = Path(tempfile.mkdtemp(dir=_prepared().name)) / "shop"
    folder.mkdir()
    alone = {"PATH": os.environ["PATH"], "HOME": str(folder.parent)}
    _make(folder, branch, message, dict(files), alone)
    shutil.rmtree(folder / ".git/hooks")  # samples
    (folder / ".git/hooks").mkdir()
    return folder


@cache
def _prepared() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(
        prefix="shops-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT"), ignore_cleanup_errors=True
    )


def _make(
    folder: Path, branch: str, message: str, files: Mapping[str, str], env: Mapping[str, str]
) -> None:
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    _git(folder, env, "init", "-q", "-b", branch)
    _git(folder, env, "config", "user.name", "Ada Example")
    _git(folder, env, "config", "user.email", "ada@example.org")
    _git(folder, env, "add", "-A")
    _git(folder, env, "commit", "-q", "-m", message)


def _git(folder: Path, env: Mapping[str, str], *args: str) -> None:
    subprocess.run(["git", *args], cwd=folder, env=env, check=True, capture_output=True)
