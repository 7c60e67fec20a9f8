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


def source() -> str:
    """Return the path or URL that this installation came from, "" where that is not known.

    The name on a package index may belong to another program, so advice names this instead.
    """
    import json
    from importlib import metadata
    from urllib.parse import unquote, urlsplit

    try:
        told = metadata.distribution("reviewloop").read_text("direct_url.json")
        came = json.loads(told or "{}")
        parts = urlsplit(str(came.get("url", "")))
    except (metadata.PackageNotFoundError, ValueError, AttributeError):
        return ""
    if parts.scheme == "file":
        return unquote(parts.path)
    user, at, host = parts.netloc.rpartition("@")
    if ":" in user or (at and parts.scheme != "ssh"):
        parts = parts._replace(netloc=host)  # a password or token is not shown
    vcs = came.get("vcs_info")
    if not isinstance(vcs, dict):
        return parts.geturl()
    revision = vcs.get("requested_revision") or vcs.get("commit_id")
    return f"{vcs.get('vcs', 'git')}+{parts.geturl()}" + (f"@{revision}" if revision else "")


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
