"""Shows a long text in the person's own pager; where that cannot be, the caller prints it."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from typing import IO

_DEFAULT = ("less", "-R")
_PLAIN = {"", "cat"}  # what people set who want no pager


def pager_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the program and arguments of $PAGER, `less -R` without one; nothing for no pager."""
    chosen = environ.get("PAGER")
    if chosen is None:
        return _DEFAULT if shutil.which(_DEFAULT[0]) else ()
    try:
        words = tuple(shlex.split(chosen))
    except ValueError:  # a quote that is never closed
        words = (chosen.strip(),)
    return () if " ".join(words) in _PLAIN else words


def page(text: str, pager: tuple[str, ...], screen: IO[str]) -> str:
    """Show the text until the person leaves; return why it could not be shown, "" else.

    Leaving it early is no failure. Ctrl-C belongs to the pager as long as it runs.
    """
    environ = {"LESS": "-R", **os.environ}  # colours also for `PAGER=less`
    try:
        process = subprocess.Popen(pager, stdin=subprocess.PIPE, stdout=screen, env=environ)
    except OSError as error:
        return f"the pager {shlex.join(pager)} cannot be started ({error.strerror or error})"
    try:
        process.communicate(text.encode("utf-8", "replace"))
    except KeyboardInterrupt:
        _wait(process)
    except BrokenPipeError:
        pass
    code = _wait(process)
    if code in {0, 130}:
        return ""
    ended = f"exit code {code}" if code > 0 else f"signal {-code}"
    return f"the pager {shlex.join(pager)} ended with {ended}"


def _wait(process: "subprocess.Popen[bytes]") -> int:
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue
