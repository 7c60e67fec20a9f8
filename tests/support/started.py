"""Writes down which programs this process starts."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def programs_started() -> Iterator[list[tuple[str, ...]]]:
    """Yield the list that each command line goes to; the programs run as ever."""
    started: list[tuple[str, ...]] = []
    start = subprocess.Popen.__init__

    def noted(self: "subprocess.Popen[Any]", args: Any, *rest: Any, **how: Any) -> None:
        started.append(tuple(map(str, args)))
        start(self, args, *rest, **how)

    subprocess.Popen.__init__ = noted  # type: ignore[method-assign]
    try:
        yield started
    finally:
        subprocess.Popen.__init__ = start  # type: ignore[method-assign]
