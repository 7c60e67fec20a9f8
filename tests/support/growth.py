"""Counts work, so that what grows with the square of its text is seen on a busy machine too.

Lines of Python are counted exactly, and so are the characters that methods of the text itself go
through. What happens inside of C, as in a regular expression, cannot be counted: there the text is
so long that quadratic work would need many times `MOST` seconds of processor time, and what is
honest a small part of one.
"""

import os
import resource
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

MOST = 20  # seconds of processor time; a quadratic expression takes more for LONG characters
LONG = 400_000
_FASTER = 6  # four times the text may be at most so many times the work; its square is sixteen


class TooMuchWorkError(BaseException):
    """More was done than the caller allowed; nobody's `except Exception` swallows it."""


class CountedText(str):
    """A text that knows how many of its characters were gone through by its methods."""

    gone_through = 0

    def _count(self, start: int | None = None, end: int | None = None) -> None:
        first, last, _ = slice(start, end).indices(len(self))
        CountedText.gone_through += max(0, last - first)

    def __getitem__(self, key: Any) -> str:
        if not isinstance(key, slice):
            return super().__getitem__(key)
        self._count(key.start, key.stop)
        return CountedText(super().__getitem__(key))

    def find(self, sub: str, start: Any = None, end: Any = None) -> int:
        at = super().find(sub, start, end)
        self._count(start, end if at < 0 else at)
        return at

    def index(self, sub: str, start: Any = None, end: Any = None) -> int:
        if (at := self.find(sub, start, end)) < 0:
            raise ValueError(sub)
        return at

    def count(self, sub: str, start: Any = None, end: Any = None) -> int:
        self._count(start, end)
        return super().count(sub, start, end)

    def __contains__(self, sub: object) -> bool:
        assert isinstance(sub, str)
        return self.find(sub) >= 0

    def __iter__(self) -> Iterator[str]:
        self._count()
        return super().__iter__()


def _whole(name: str) -> Callable[..., object]:
    plain = getattr(str, name)

    def method(self: CountedText, *given: object, **named: object) -> object:
        self._count()
        return plain(self, *given, **named)

    return method


for _name in (
    *("casefold", "encode", "expandtabs", "isascii", "lower", "partition", "replace", "rfind"),
    *("rindex", "rpartition", "rsplit", "split", "splitlines", "translate", "upper", "__add__"),
):
    setattr(CountedText, _name, _whole(_name))


def steps(work: Callable[[], object], most: int | None = None) -> int:
    """Return how many lines of Python ran in `work`, its threads too, and an eighth of the
    characters that methods of a `CountedText` went through.

    With `most` it stops there and raises TooMuchWorkError.
    """
    lines = 0
    CountedText.gone_through = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        if event == "line":
            lines += 1
            if most is not None and lines > most:
                raise TooMuchWorkError(f"more than {most} lines, in {frame.f_code.co_qualname}")
        return trace

    before = sys.gettrace()
    threading.settrace(trace)
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
        threading.settrace(None)
    return lines + CountedText.gone_through // 8


def grows_too_fast(work: Callable[[int], object], size: int) -> bool:
    """Whether four times the size is more than six times the steps."""
    work(size // 8)  # loads and compiles what the first call needs
    few = steps(lambda: work(size // 4))
    try:
        return steps(lambda: work(size), _FASTER * few) > _FASTER * few
    except TooMuchWorkError:
        return True


def grows_faster_than_its_text(work: Callable[[str], object], text: str) -> bool:
    """Whether work on a text grows with its square, as far as steps can tell."""
    return grows_too_fast(lambda size: work(CountedText(text[:size])), len(text))


def ends(work: Callable[[], object], seconds: int = MOST) -> bool:
    """Whether `work` ends within so much processor time, in a process of its own.

    Time in which the machine does something else does not count. Errors of `work` are raised.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
            work()
            code = 0
        except BaseException:  # noqa: BLE001 - the process ends with it
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return False
    assert os.WEXITSTATUS(status) == 0, "the work raised, as printed above"
    return True


def ends_within(work: Callable[[], object], most: int) -> bool:
    """Whether `work` ends, and after no more steps than that."""
    return ends(lambda: steps(work, most))


def ends_soon(work: Callable[[str], object], piece: str) -> bool:
    """Whether work on a text as long as LONG, of such pieces, ends in a linear time."""
    return ends(lambda: work((piece * (LONG // len(piece) + 1))[:LONG]))
