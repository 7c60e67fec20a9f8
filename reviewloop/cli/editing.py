"""`[e]dit` at the question, and its options: message, files, hunks, or an editor."""

from collections.abc import Callable, Iterable

import click

from reviewloop.app.run.changing import (
    editable_files,
    edited_tree,
    files_of,
    tree_without_files,
    tree_without_hunks,
)
from reviewloop.app.run.view import RunView
from reviewloop.cli.consoles import messages, read_line
from reviewloop.cli.user_programs import edit_files
from reviewloop.domain.errors import ReviewLoopError, UsageError
from reviewloop.git.diff import FileChange
from reviewloop.loop.user_edits import AGAIN
from reviewloop.render.terminal.approval import UserAnswer, render_diff
from reviewloop.render.untrusted import one_line

_WAYS = {"m": "message", "f": "files", "h": "hunks", "o": "open in your editor", "b": "back"}
_QUESTION = "[m]essage [f]iles [h]unks [o]pen in your editor [b]ack > "
_CUT = "# ------------------------ >8 ------------------------"
_HELP = f"""{_CUT}
# Everything from the line above on is left out. What is above it is the commit message.
# Do not edit the lines about task and review: they are kept up to date when you change more.
"""
_MESSAGE = "COMMIT_EDITMSG"


def ask_for_edit(seen: RunView) -> UserAnswer | None:
    """Ask what to edit and do it; return the answer for the run, None for no change.

    An error is printed as one sentence, and nothing is changed.
    """

    try:
        answer = read_line(_QUESTION).strip().casefold()[:1]
        ways: dict[str, Callable[[RunView], UserAnswer | None]] = {
            "m": _message,
            "f": lambda one: _changed(one, _without_files(one)),
            "h": lambda one: _changed(one, _without_hunks(one)),
            "o": lambda one: _changed(one, _in_editor(one)),
        }
        if answer not in _WAYS:
            click.echo(f"please answer with one of: {', '.join(_WAYS.values())}", err=True)
        return ways[answer](seen) if answer in ways else None
    except EOFError:
        return None
    except ReviewLoopError as error:
        click.echo(f"reviewloop: {error}", err=True)
        return None


def edit_of(seen: RunView, paths: Iterable[str], *, review: bool) -> UserAnswer:
    """Return the answer that removes files from the change."""

    return _answer(tree_without_files(seen, paths), review=review)


def message_of(text: str) -> UserAnswer:
    """Return the answer that sets the text of the commit message; our lines follow it."""

    if not text.strip():
        raise UsageError("the commit message is empty; nothing was committed")
    return UserAnswer("reword", text, {"ours": "follow"})


def _answer(tree: str, *, review: bool) -> UserAnswer:

    return UserAnswer("edit", "", {"tree": tree, "review": AGAIN if review else "no"})


def _message(seen: RunView) -> UserAnswer | None:

    before = seen.proposal.get("message", "")
    if not before:
        raise UsageError("a blocked change has no message yet")
    opened = f"{before.rstrip()}\n\n{_HELP}".encode()
    data = edit_files({_MESSAGE: opened})[_MESSAGE] or b""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").partition(_CUT)[0].strip()
    if not text:
        raise UsageError("the message came back empty, so it stays as it was")
    if text == before.strip():
        click.echo("the message is as it was", err=True)
        return None
    return UserAnswer("reword", text)


def _changed(seen: RunView, tree: str) -> UserAnswer | None:
    """Ask whether to review the edited lines; None where nothing was edited."""

    if not tree or tree == seen.proposal["tree"]:
        click.echo("the change is as it was", err=True)
        return None
    if tree == seen.proposal["base_tree"]:
        raise UsageError("nothing would be left of the change; answer skip to end the run")
    review = True
    if any(one.get("status") == "done" for one in seen.proposal.get("reviewers", [])):
        typed = read_line("have reviewers look at what you edited? [Y/n] > ").strip().casefold()
        review = not typed.startswith("n")
    return _answer(tree, review=review)


def _without_files(seen: RunView) -> str:

    files = files_of(seen)
    for number, file in enumerate(files, 1):
        click.echo(f"  {number:>3} {one_line(file.path)} +{file.added} -{file.removed}", err=True)
    answer = read_line("take which out? (numbers or paths; nothing: none) > ").split()
    named = [_named(word.strip(","), files) for word in answer if word.strip(",")]
    return tree_without_files(seen, named) if named else ""


def _named(word: str, files: tuple[FileChange, ...]) -> str:
    is_number = word.isdecimal() and 0 < int(word) <= len(files)
    return files[int(word) - 1].path if is_number else word


def _without_hunks(seen: RunView) -> str:

    out: dict[str, set[int]] = {}
    rest = ""  # the user's answer for all remaining hunks
    for file in files_of(seen):
        of_file = ""
        for number, hunk in enumerate(() if rest else file.hunks):
            if not of_file:
                head = f"--- {file.old_path or file.path}\n+++ {file.path}\n"
                ranges = f"-{hunk.old_start},{hunk.old_count} +{hunk.new_start},{hunk.new_count}"
                lines = "".join(f"{line.sign}{line.text}\n" for line in hunk.lines)
                shown = seen.redactor.for_people(f"{head}@@ {ranges} @@\n{lines}")
                render_diff(shown, messages())
                of_file = _keep(read_line)
            if of_file in ("n", "d"):
                out.setdefault(file.path, set()).add(number)
            if of_file == "q":
                rest = "q"
                break
            of_file = of_file if of_file in ("a", "d") else ""
    return tree_without_hunks(seen, out) if out else ""


def _keep(read: Callable[[str], str]) -> str:
    """Ask whether to keep a hunk, as `git add -p` does."""
    while True:
        answer = read("keep this hunk? [y,n,a,d,q] > ").strip().casefold()
        if answer in ("y", "n", "a", "d", "q"):
            return answer
        click.echo(
            "y: keep it, n: take it out, a: keep it and the rest of the file, d: take it and the "
            "rest of the file out, q: keep all that comes",
            err=True,
        )


def _in_editor(seen: RunView) -> str:

    files = editable_files(seen)
    if not files:
        raise UsageError("the change has no file that an editor can open")
    return edited_tree(seen, edit_files(files))
