"""Processes that work for this one and end with it, however it ends, with all that they started."""

import contextlib
import math
import multiprocessing
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import TypeVar

from support.prepared import end_prepared

_PATIENCE = 20.0  # seconds in which workers end
_NEWS = 15.0  # seconds between two signs of life

T = TypeVar("T")


@contextlib.contextmanager
def workers(number: int) -> Iterator[ProcessPoolExecutor]:
    """Give a pool; afterwards no process and no temporary file of it is left.

    Each worker holds the reading end of a pipe whose only other end is here: when this process is
    killed, the pipe closes, and the worker ends its commands, deletes what is temporary, and ends.
    """
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    alive, mine = os.pipe()
    pool = ProcessPoolExecutor(
        number,
        multiprocessing.get_context("fork"),
        initializer=_begin,
        initargs=(alive, mine, folder),
    )
    try:
        yield pool
    finally:
        ours = multiprocessing.active_children()
        os.close(mine)
        deadline = time.monotonic() + _PATIENCE
        for process in ours:
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
        pool.shutdown(cancel_futures=True)
        os.close(alive)
        _delete(folder)


def finished(
    futures: list[Future[T]], news: Callable[[int], None], until: float = math.inf
) -> Iterator[Future[T]]:
    """Yield what is done, as it gets done, until `until` (of the monotonic clock).

    `news` is told at least every `_NEWS` seconds how many are done.
    """
    waiting, told = set(futures), time.monotonic()
    while waiting and time.monotonic() < until:
        left = min(told + _NEWS, until) - time.monotonic()
        done, waiting = wait(waiting, max(0.0, left), FIRST_COMPLETED)
        yield from done
        if time.monotonic() >= told + _NEWS:
            told = time.monotonic()
            news(len(futures) - len(waiting))


def _begin(alive: int, others: int, folder: Path) -> None:
    """Make this process a worker; the terminal's Ctrl-C is for the process that started it."""
    os.close(others)
    os.setsid()
    tempfile.tempdir = str(folder)
    threading.Thread(target=_end_with_the_other, args=(alive, folder), daemon=True).start()


def _end_with_the_other(alive: int, folder: Path) -> None:
    os.read(alive, 1)
    end_prepared()
    _delete(folder)
    os._exit(0)


def _delete(folder: Path) -> None:
    """Delete a folder into which processes that are about to end may still write."""
    deadline = time.monotonic() + _PATIENCE / 2
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)
