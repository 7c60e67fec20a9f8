"""Output: results to stdout, the rest to stderr."""

import os
import re
import select
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from reviewloop.app.redactors import redactor_here
from reviewloop.regex import regex
from reviewloop.render.json import json_report
from reviewloop.render.untrusted import one_line

if TYPE_CHECKING:  # loaded when something is drawn: programs read JSON
    from rich.console import Console

_NARROWEST = 20
_JOINTS = regex(r"(?<=[/\\,;:=&?])")


def fold_text(text: str, width: int, indent: int = 0) -> list[str]:
    """Return the rows of a text, at most `width` columns each, the later ones indented.

    Only spaces are lost, those at which a row breaks. Line ends in the text stay breaks.
    """
    width = max(width, indent + _NARROWEST)
    rows: list[str] = []
    for line in text.split("\n"):
        rows += _rows(line, width, indent)
    return rows


def _rows(line: str, width: int, indent: int) -> list[str]:
    from rich.cells import cell_len

    if cell_len(line) <= width:
        return [line]
    lead = line[: len(line) - len(line.lstrip())]
    rows, row, used = [], lead, cell_len(lead)
    for gap, word in re.findall(r"( *)([^ ]+)", line[len(lead) :]):
        for number, piece in enumerate(_pieces(word, width - indent)):
            gap_here = gap if number == 0 and row.strip() else ""
            size = cell_len(piece)
            if row.strip() and used + len(gap_here) + size > width:
                rows.append(row)
                row, used, gap_here = " " * indent, indent, ""
            row += gap_here + piece
            used += len(gap_here) + size
    return [*rows, row]


def _pieces(word: str, room: int) -> Iterator[str]:
    """Yield a word whole if it fits, else in parts split at joints."""
    from rich.cells import cell_len, chop_cells

    if cell_len(word) <= room:
        yield word
        return
    for part in _JOINTS.split(word):
        yield from chop_cells(part, room) if cell_len(part) > room else [part]


def results() -> "Console":
    """Return the console for a command's result."""
    return _console(err=False)


def messages() -> "Console":
    """Return the console for progress, questions and notes."""
    return _console(err=True)


@contextmanager
def written_to(path: Path) -> "Iterator[Console]":
    """Yield a console that writes plain text, 100 columns wide, to a file."""
    from rich.console import Console

    with path.open("w", encoding="utf-8", errors="replace") as file:
        yield Console(file=file, width=100, markup=False, emoji=False, highlight=False)


def print_json(kind: str, body: Mapping[str, Any]) -> None:
    """Print the one object of `--json`, redacted."""
    click.echo(json_report(kind, body, redactor_here().redact_held))


def print_lines(*sentences: str) -> None:
    """Print sentences on stderr, one a line, redacted."""

    if not sentences:
        return
    redactor = redactor_here()  # once: it runs git, and a spec may have a note for each task
    for sentence in sentences:
        echo(redactor.for_people(one_line(sentence)), err=True)


def echo(text: str, *, indent: int = 0, err: bool = False) -> None:
    """Print safe text: on a terminal wrapped between words, elsewhere unwrapped.

    `indent` is the indentation of wrapped rows.
    """
    stream = sys.stderr if err else sys.stdout
    if stream.isatty():
        text = "\n".join(fold_text(text, _columns(stream), indent))
    click.echo(text, err=err)


def _columns(stream: TextIO) -> int:
    """Return the width of the terminal behind a stream; COLUMNS has priority, as usual."""
    given = os.environ.get("COLUMNS", "")
    try:
        return int(given) if given.isdecimal() else os.get_terminal_size(stream.fileno()).columns
    except OSError:
        return 80


def is_interactive() -> bool:
    """Return whether a user can be asked: stdin and stderr are terminals."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def read_line(prompt: str) -> str:
    """Ask on stderr and return the typed line; raise `EOFError` at the end of input."""
    click.echo(prompt, nl=False, err=True)
    _wait_for_line()
    return input()


def confirm(question: str, *, default: bool = False) -> bool:
    """Ask on stderr and return whether the answer is yes."""
    read = click.termui.visible_prompt_func

    def read_at_once(prompt: str) -> str:
        click.echo(prompt, nl=False, err=True)
        _wait_for_line()
        return read("")

    click.termui.visible_prompt_func = read_at_once
    try:
        return click.confirm(question, default=default, err=True)
    finally:
        click.termui.visible_prompt_func = read


def _wait_for_line() -> None:
    """Wait until a line is typed; raise at once where a signal's handler does.

    `input` alone notices a signal just before its read only after the next key.
    """
    if threading.current_thread() is not threading.main_thread() or not sys.stdin.isatty():
        return
    signalled, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    before = signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    try:
        while sys.stdin not in select.select([sys.stdin, signalled], [], [])[0]:
            os.read(signalled, 64)
    finally:
        signal.set_wakeup_fd(before)
        os.close(signalled)
        os.close(wakeup)


def _console(*, err: bool) -> "Console":
    from rich.console import Console

    # Markup, emoji codes and highlighting would let a model's text style or hide itself.
    return Console(stderr=err, markup=False, emoji=False, highlight=False)
