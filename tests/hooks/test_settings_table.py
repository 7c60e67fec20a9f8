"""Hooks in the settings of a repository: the table `[hooks]`, in both of our grammars."""

import pytest

from reviewloop.domain.errors import UsageError
from reviewloop.hooks.hook import Event
from reviewloop.hooks.reading import read_hooks
from reviewloop.settings import load_settings
from reviewloop.specs.files import MemoryFiles

LISTS = """\
[limits]
usd = 3

[[hooks.on_save]]
pattern = "src/**/*.ts"
action = "runLinter"
timeout_ms = 2000
config = { fixOnSave = true }

[[hooks.on_commit]]
command = "make check"
blocking = true
"""
LISTED = """\
[[tool.reviewloop.hooks]]
name = "tidy"
trigger = { event = "file.save", filter = ["**/*.py", "!**/old.py"] }
action = { command = "ruff check {file_path}" }
"""


def read(path: str, text: str):
    return read_hooks(MemoryFiles({path: text.encode()}))


def test_lists_by_event_are_read_beside_the_settings():
    found = read("reviewloop.toml", LISTS)
    assert found.problems == ()
    lint, check = found.hooks
    assert (lint.event, lint.action, lint.filters) == (Event.FILE_SAVE, "lint", ("src/**/*.ts",))
    assert (lint.options["fixOnSave"], lint.timeout) == (True, 2.0)
    assert (check.event, check.command, check.blocking) == (Event.PRE_COMMIT, "make check", True)
    assert check.source == "reviewloop.toml"


def test_pyproject_and_our_full_grammar():
    [hook] = read("pyproject.toml", LISTED).hooks
    assert (hook.name, hook.command, hook.line) == ("tidy", "ruff check {file_path}", 2)
    assert (hook.fits_path("a.py"), hook.fits_path("b/old.py")) == (True, False)
    assert read("pyproject.toml", '[project]\nname = "hooks"\n').problems == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "[hooks]\non_saves = []\n",
            "reviewloop.toml:2: there is no list 'on_saves', did you mean",
        ),
        ("hooks = 3\n", "reviewloop.toml:1: hooks is expected to be a table of lists"),
        ("[limits]\nhooks = [\n", "reviewloop.toml:2: not valid TOML"),
        ('[[hooks.on_pr]]\ncommand = "true"\nauto_commit = true\n', "auto_commit: true is refused"),
        (
            '[[hooks]]\ntrigger = {event = "deplo"}\naction = {command = "x"}\n',
            "did you mean deploy",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text, words):
    [problem, *_] = [one.sentence for one in read("reviewloop.toml", text).errors]
    assert words in problem


def load(user: bytes | None, repository: bytes | None):
    return load_settings(
        user=user, repository=repository, repository_name="reviewloop.toml", environ={}, flags={}
    )


def test_the_table_is_no_setting_and_belongs_to_a_repository():
    assert load(None, LISTS.encode()).settings.limits.usd == 3
    with pytest.raises(UsageError, match="hooks belong to a repository; write them into its"):
        load(b'[[hooks.on_save]]\ncommand = "true"\n', None)
