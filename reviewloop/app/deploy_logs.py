"""Reads the part of a deploy log that describes a successful deploy.

A file beside the log holds the byte where that part starts; a log without it is read whole.
"""

from pathlib import Path

from reviewloop.sandbox.run import plain_text

_NOTHING = -1


def begin_deploy(log: Path) -> int:
    """Exclude a log until its deploy succeeds; return the byte where its output starts."""
    _mark(log).write_text(f"{_NOTHING}\n", "ascii")
    return log.stat().st_size if log.exists() else 0


def end_deploy(log: Path, began: int) -> None:
    """Include a log from the byte where a successful deploy started."""
    _mark(log).write_text(f"{began}\n", "ascii")


def read_deployed(log: Path) -> str:
    """Return the output of successful deploys, as a terminal would show it."""
    try:
        began = int(_mark(log).read_text("ascii"))
    except (OSError, ValueError):
        began = 0
    return (
        "" if began == _NOTHING else plain_text(log.read_bytes()[began:].decode(errors="replace"))
    )


def delete_log(log: Path) -> None:
    """Delete a log and its marker file."""
    log.unlink(missing_ok=True)
    _mark(log).unlink(missing_ok=True)


def _mark(log: Path) -> Path:
    return log.with_suffix(".counts-from")
