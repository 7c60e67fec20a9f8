"""What is installed: everything, or only what `reviewloop-light` brings; and by whom."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from reviewloop.errors import UsageError

SOURCE = "git+https://github.com/OWNER/reviewloop"
"""Where to install from: on the package index the bare name is somebody else's program."""
_LEFT_OUT = "langgraph"  # of what reviewloop-light leaves out, what every run needs


def is_light() -> bool:
    """Return whether this installation reviews with the analysers only."""
    return find_spec(_LEFT_OUT) is None


def by_the_action() -> bool:
    """Return whether the Action installed this for the step that runs, and removes it with it."""
    folder = os.environ.get("RUNNER_TEMP")
    return bool(folder) and Path(sys.prefix) == Path(str(folder), "reviewloop")


def require_all(doing: str, *, instead: str = "") -> None:
    """Raise `UsageError` with what to install, or do instead, unless everything is there."""
    if is_light() and by_the_action():
        raise UsageError(
            f"{doing} needs packages that the Action leaves out when no model is named; give it "
            "the key of a provider, such as `anthropic-api-key`, or the input `model` (`none` asks "
            "none)"
        )
    if is_light():
        other = f", or {instead}" if instead else ""
        raise UsageError(
            f"{doing} needs packages that reviewloop-light leaves out; install them with "
            f"`pip install {SOURCE}`{other}"
        )
