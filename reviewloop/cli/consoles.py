"""Where words go: results to stdout, everything else to stderr, so that `--json` can be piped."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import click
from rich.console import Console

from reviewloop.app.held_values import redactor_here
from reviewloop.cli.folding import folded
from reviewloop.render.json import json_report
from reviewloop.render.untrusted import one_line
from reviewloop.store.redaction import hidden


def results() -> Console:
    """Return the console for what a command was asked for."""
    return _console(err=False)


def messages() -> Console:
    """Return the console for progress, questions and notes."""
    return _console(err=True)


@contextmanager
def written_to(path: Path) -> Iterator[Console]:
    """Yield a console that writes plain text, 100 columns wide, to a file."""
    from rich.console import Console

    with path.open("w", encoding="utf-8", errors="replace") as file:
        yield Console(file=file, width=100, markup=False, emoji=False, highlight=False)


def print_json(kind: str, body: Mapping[str, Any]) -> None:
    """Print the one object of `--json`, without secrets."""

    click.echo(json_report(kind, hidden(body, redactor_here().held)))


def say(*sentences: str) -> None:
    """Print sentences for people on stderr, each on its line, without secrets."""

    if not sentences:
        return
    redactor = redactor_here()  # once: it asks git, and a spec may have a note for each task
    for sentence in sentences:
        echo(redactor.for_people(one_line(sentence)), err=True)


def echo(text: str, *, indent: int = 0, err: bool = False) -> None:
    """Print text that is safe to show: on a terminal it breaks between words, elsewhere nowhere.

    `indent` is where the rows begin that a line goes on in.
    """
    stream = sys.stderr if err else sys.stdout
    if stream.isatty():
        text = "\n".join(folded(text, _columns(stream), indent))
    click.echo(text, err=err)


def _columns(stream: TextIO) -> int:
    """Return the width of the terminal behind a stream; COLUMNS goes first, as everywhere."""
    given = os.environ.get("COLUMNS", "")
    try:
        return int(given) if given.isdecimal() else os.get_terminal_size(stream.fileno()).columns
    except OSError:
        return 80


def is_interactive() -> bool:
    """Whether a person can be asked: both ends of the conversation are a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def read_line(prompt: str) -> str:
    """Ask on stderr and return the line that was typed; raise `EOFError` at the end of input."""
    click.echo(prompt, nl=False, err=True)
    return input()


def _console(*, err: bool) -> Console:
    from rich.console import Console

    # Markup, emoji codes and highlighting would let a model's text style or hide itself.
    return Console(stderr=err, markup=False, emoji=False, highlight=False)
