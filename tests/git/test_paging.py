"""A long text goes to the user's pager; a missing or failing one is reported."""

import io

import pytest

from reviewloop.cli.user_programs import page, pager_of


@pytest.fixture
def screen(tmp_path):
    with (tmp_path / "screen").open("w+", encoding="utf-8") as file:
        yield file


def test_pager_shows_the_text(screen):
    assert page("Häuser\n", ("sh", "-c", "cat"), screen) == ""
    screen.seek(0)
    assert screen.read() == "Häuser\n"


def test_missing_pager_is_one_sentence(screen):
    why = page("text", ("no-such-pager", "-R"), screen)
    assert why == "the pager no-such-pager -R cannot be started (No such file or directory)"


def test_failing_pager_is_one_sentence(screen):
    assert page("text", ("sh", "-c", "exit 3"), screen).endswith("ended with exit code 3")


def test_leaving_a_long_text_early_is_no_failure(screen):
    assert page("line\n" * 200_000, ("sh", "-c", "head -1 >/dev/null"), screen) == ""


@pytest.mark.parametrize("chosen", ["", "cat", "  "])
def test_no_pager_is_wanted(chosen):
    assert pager_of({"PAGER": chosen}) == ()


def test_pager_may_have_arguments():
    assert pager_of({"PAGER": "less -R '-P page'"}) == ("less", "-R", "-P page")
    assert pager_of({"PAGER": "less 'open"}) == ("less 'open",)


def test_text_without_a_terminal_is_not_paged():
    from rich.console import Console

    from reviewloop.cli.user_programs import paged

    out = io.StringIO()
    paged(Console(file=out, width=80, height=2), lambda console: console.print("a\nb\nc\nd"))
    assert out.getvalue() == "a\nb\nc\nd\n"


def test_without_a_choice_it_is_less_with_colours_where_that_is(tmp_path, monkeypatch):
    less = tmp_path / "less"
    less.write_text("#!/bin/sh\n")
    less.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert pager_of({}) == ("less", "-R")
    less.unlink()
    assert pager_of({}) == ()
