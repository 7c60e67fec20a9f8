"""Ctrl-C: the first waits briefly for model replies, the second leaves at once.

Programs that embed us handle signals themselves; see `run_embedded`.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import NoReturn, TypeVar

from reviewloop.domain.errors import ExitCode, InterruptedByUserError
from reviewloop.loop.context import RunContext
from reviewloop.sandbox.analyser_process import kill_running

PATIENCE = 5.0  # seconds to wait for model replies
_SHOW_CURSOR = b"\x1b[?25h"  # a live table hides it

_PULSE = 0.5  # seconds between two checks of a waiting thread for an interrupt

T = TypeVar("T")
Contexts = Callable[[], Sequence[RunContext]]
_EMBEDDED: ContextVar[list[Contexts] | None] = ContextVar("embedded", default=None)


def run_embedded(work: Callable[[], T]) -> T:
    """Run `work` in a thread and return its result; no signal handler is changed.

    When the caller is interrupted, the runs in progress are stopped as by a first Ctrl-C,
    `PATIENCE` seconds are waited for them, and the `KeyboardInterrupt` is raised in the caller.
    """
    working: list[Contexts] = []
    future: Future[T] = Future()

    def target() -> None:
        _EMBEDDED.set(working)
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)

    threading.Thread(target=target, name="reviewloop", daemon=True).start()
    try:
        while not wait([future], _PULSE).done:  # some systems wake another thread for a signal
            pass
    except KeyboardInterrupt:
        for context in [each for contexts in tuple(working) for each in contexts()]:
            context.stop()
        wait([future], PATIENCE)
        raise
    return future.result()


@contextmanager
def interruptible(context: RunContext, resume: str) -> Iterator[None]:
    """Let Ctrl-C stop the run: the first gently, the second at once; both can be resumed.

    `resume` is the command that continues; see `all_interruptible`.
    """
    with all_interruptible(lambda: (context,), f"interrupted; resume with: {resume}"):
        yield


@contextmanager
def all_interruptible(contexts: Contexts, words: str) -> Iterator[None]:
    """Let Ctrl-C stop the runs in progress: the first gently, the second at once.

    The first waits for model replies, which are being paid for, but at most `PATIENCE` seconds;
    SIGTERM does the same. After that, and at the second signal, the process leaves by `os._exit`,
    as threads that wait for a model cannot be ended otherwise. A nested block changes nothing: the
    outer one has to know all runs. `words` are then printed: how to continue.
    """
    if (embedded := _EMBEDDED.get()) is not None:
        embedded.append(contexts)
        try:
            yield
        finally:
            embedded.remove(contexts)
        return
    if threading.current_thread() is not threading.main_thread() or _is_ours():
        yield
        return
    seen = 0

    def on_signal(number: int, _frame: FrameType | None) -> None:
        nonlocal seen
        seen += 1
        if seen == 1:
            # In a thread: the interrupted one may hold the locks that reporting needs.
            threading.Thread(target=_stop, args=(contexts, words), daemon=True).start()
            return
        _leave(words)

    before = {s: signal.signal(s, on_signal) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def interruptible_question() -> Iterator[None]:
    """Let Ctrl-C end a question at once while no run is in progress, also in an outer block.

    SIGTERM does the same. Raises `InterruptedByUserError` then.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ends = (signal.SIGINT, signal.SIGTERM)
    before = {s: signal.signal(s, signal.default_int_handler) for s in ends}
    try:
        yield
    except KeyboardInterrupt as error:
        raise InterruptedByUserError("interrupted at a question") from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_ours() -> bool:
    """Return whether an outer block stops runs on Ctrl-C."""
    return getattr(signal.getsignal(signal.SIGINT), "__module__", "") == __name__


def _stop(contexts: Contexts, words: str) -> None:
    deadline = time.monotonic() + PATIENCE
    running = contexts()
    for context in running:
        context.stop()
        context.events.emit("note", text="stopping: replies on their way are still taken in")
    for context in running:
        if not context.models.wait_until_idle(max(0.0, deadline - time.monotonic())):
            _leave(words)


def _leave(words: str) -> NoReturn:
    if os.isatty(2):
        os.write(2, _SHOW_CURSOR)
    os.write(2, f"\nreviewloop: {words}\n".encode())
    kill_running()
    os._exit(int(ExitCode.INTERRUPTED))
