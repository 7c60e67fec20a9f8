"""What is installed: everything, or only what `reviewloop-light` brings."""

from importlib.util import find_spec

from reviewloop.errors import UsageError

_LEFT_OUT = "langgraph"  # of what reviewloop-light leaves out, what every run needs


def is_light() -> bool:
    """Return whether this installation reviews with the analysers only."""
    return find_spec(_LEFT_OUT) is None


def require_all(doing: str, *, instead: str = "") -> None:
    """Raise `UsageError` with what to install, or do instead, unless everything is there."""
    if is_light():
        other = f", or {instead}" if instead else ""
        raise UsageError(
            f"{doing} needs packages that reviewloop-light leaves out; install them with "
            f"`pip install reviewloop`{other}"
        )
