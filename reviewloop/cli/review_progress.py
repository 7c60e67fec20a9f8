"""The progress of a review on stderr: a line, then a row for each reviewer that asks a model."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reviewloop.cli.consoles import messages
from reviewloop.domain.event import Listener, RunEvent
from reviewloop.render.untrusted import one_line

if TYPE_CHECKING:  # loaded when something is shown: most programs ask for a format without it
    from rich.console import Console
    from rich.status import Status

    from reviewloop.render.terminal.progress import Progress


class Shown:
    """Shows the progress of one review; without a console nothing is shown."""

    def __init__(self, console: "Console | None" = None) -> None:
        self._console = console
        self._step = ""
        self._line: Status | None = None
        self._table: Progress | None = None

    def notify(self, step: str) -> None:
        """Show a step; an empty one clears the progress."""

        if self._console is None:
            return
        self._step = one_line(step)
        if not step:
            self.close()
        elif self._line is not None:
            self._line.update(self._step)
        elif self._table is None:
            self._line = self._console.status(self._step, spinner="dots")
            self._line.start()

    @property
    def listener(self) -> Listener | None:
        """Return the listener for the reviewers' events, None where nothing is shown."""
        return None if self._console is None else self._listen

    def close(self) -> None:
        """Clear the progress."""
        if self._line is not None:
            self._line.stop()
            self._line = None
        if self._table is not None:
            self._table.__exit__(None, None, None)
            self._table = None

    def _listen(self, event: RunEvent) -> None:

        if self._table is None and self._console is not None:
            from reviewloop.render.terminal.progress import Progress

            self.close()
            self._table = Progress(self._console, title=self._step, stays=False)
            self._table.__enter__()
        if self._table is not None:
            self._table.listen(event)


@contextmanager
def progress(show: bool) -> Iterator[Shown]:
    """Yield the progress display of a review."""
    if not show:
        yield Shown()
        return

    shown = Shown(messages())
    shown.notify("reviewing")
    try:
        yield shown
    finally:
        shown.close()
