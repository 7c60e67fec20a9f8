"""Which part of a log tells what a deploy brought about: of one that failed or only planned, none.

Beside a log stands a file with the byte from which it counts; a log without one counts whole.
"""

from pathlib import Path

from reviewloop.sandbox.run import plain_text

_NOTHING = -1


def begin_deploy(log: Path) -> int:
    """Let a log count for nothing until its deploy has ended well; return where it begins."""
    _mark(log).write_text(f"{_NOTHING}\n", "ascii")
    return log.stat().st_size if log.exists() else 0


def end_deploy(log: Path, began: int) -> None:
    """Let a log count from where a deploy began that ended well."""
    _mark(log).write_text(f"{began}\n", "ascii")


def read_deployed(log: Path) -> str:
    """Return what deploys that ended well printed, as a terminal would leave it."""
    try:
        began = int(_mark(log).read_text("ascii"))
    except (OSError, ValueError):
        began = 0
    return (
        "" if began == _NOTHING else plain_text(log.read_bytes()[began:].decode(errors="replace"))
    )


def delete_log(log: Path) -> None:
    """Delete a log and what stands beside it."""
    log.unlink(missing_ok=True)
    _mark(log).unlink(missing_ok=True)


def _mark(log: Path) -> Path:
    return log.with_suffix(".counts-from")
