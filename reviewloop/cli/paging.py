"""Long screens go through the person's pager; everything else is printed as it is."""

import os
import sys
from collections.abc import Callable

from rich.console import Console

from reviewloop.cli.consoles import echo
from reviewloop.cli.user_programs import page, pager_of


def paged(console: Console, draw: Callable[[Console], None]) -> None:
    """Draw on the console: through the pager where it is a terminal that is too low for it."""
    if not (console.is_terminal and sys.stdin.isatty()):
        draw(console)
        return
    with console.capture() as captured:
        draw(console)
    text = captured.get()
    if text.count("\n") < console.height:
        _write(console, text)
        return

    if pager := pager_of(os.environ):
        if not (why := page(text, pager, console.file)):
            return

        _write(console, text)
        echo(f"reviewloop: {why}; this was printed without it", err=True)
        return
    _write(console, text)


def _write(console: Console, text: str) -> None:
    console.file.write(text)
    console.file.flush()
