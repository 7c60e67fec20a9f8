"""Starts the user's own programs: editor, pager and desktop notifications."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from rich.console import Console

from reviewloop.cli.consoles import echo
from reviewloop.domain.errors import UsageError

_SECONDS = 5
# The texts are arguments, so that none of them is read as a script.
_APPLE = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run"


def notify(title: str, text: str) -> str:
    """Show a notification; return the error, or ""."""
    if program := shutil.which("notify-send"):
        argv = [program, "--app-name=reviewloop", "--", title, text]
    elif program := shutil.which("osascript"):
        argv = [program, "-e", _APPLE, title, text]
    else:
        return "the desktop was not told: there is no notify-send or osascript"
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"the desktop was not told: {argv[0]} did not end within {_SECONDS} s"
    except OSError as error:
        return f"the desktop was not told: {argv[0]}: {error.strerror or error}"
    if done.returncode:
        return f"the desktop was not told: {argv[0]} ended with exit code {done.returncode}"
    return ""


_NAMES = ("GIT_EDITOR", "VISUAL", "EDITOR")
_DEFAULT = "vi"


def edit_files(files: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """Return files as the user edited them, None for a deleted one.

    One call of the editor in the environment, or `vi`, opens them all. Raises `UsageError` when it
    cannot be started or fails: the edits are then dropped.
    """
    name, command = _editor()
    with tempfile.TemporaryDirectory(prefix="reviewloop-edit-") as folder:
        copies = {path: Path(folder) / path for path in files}
        for path, data in files.items():
            copies[path].parent.mkdir(parents=True, exist_ok=True)
            copies[path].write_bytes(data)
        try:
            ended = subprocess.run([*command, *map(str, copies.values())], check=False).returncode
        except OSError as error:
            raise UsageError(
                f"{name} ({shlex.join(command)}) could not be started ({error.strerror}); set "
                "EDITOR to the editor to use; nothing was changed"
            ) from error
        if ended:
            raise UsageError(
                f"{name} ({shlex.join(command)}) ended with {ended}; nothing was changed"
            )
        return {path: at.read_bytes() if at.is_file() else None for path, at in copies.items()}


def _editor() -> tuple[str, list[str]]:
    for name in _NAMES:
        command = os.environ.get(name, "").strip()
        if not command:
            continue
        try:
            return name, shlex.split(command)
        except ValueError:
            raise UsageError(
                f"{name} ({command}) has a quote without its end; nothing was changed"
            ) from None
    return "the editor", [_DEFAULT]


_DEFAULT_PAGER = ("less", "-R")
_PLAIN = {"", "cat"}  # values that mean no pager


def pager_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the program and arguments of $PAGER, `less -R` without one; nothing for no pager."""
    chosen = environ.get("PAGER")
    if chosen is None:
        return _DEFAULT_PAGER if shutil.which(_DEFAULT_PAGER[0]) else ()
    try:
        words = tuple(shlex.split(chosen))
    except ValueError:  # a quote that is never closed
        words = (chosen.strip(),)
    return () if " ".join(words) in _PLAIN else words


def page(text: str, pager: tuple[str, ...], screen: IO[str]) -> str:
    """Show the text until the user leaves; return the error, or "".

    Leaving early is not an error. Ctrl-C goes to the pager while it runs.
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


def _wait(process: subprocess.Popen[bytes]) -> int:
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def paged(console: Console, draw: Callable[[Console], None]) -> None:
    """Draw on the console, through the pager where the terminal is too low for it."""
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
