"""Checks which edition is installed, full or `reviewloop-light`, and where it came from."""

import os
import shlex
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from reviewloop.domain.errors import UsageError
from reviewloop.regex import regex

_LEFT_OUT = "langgraph"  # needed by every run and left out of reviewloop-light
_HOMEPAGE = regex(r"https://github\.com/([^/]+/[^/]+)/?")
UNPUBLISHED = "OWNER/"  # the owner is not known before it is published
_OURS = '\nname = "reviewloop"\n'  # in the pyproject.toml of a full checkout


def is_light() -> bool:
    """Return whether this installation reviews with analysers only."""
    return find_spec(_LEFT_OUT) is None


def by_the_action() -> bool:
    """Return whether the Action installed this for one step, and removes it afterwards."""
    folder = os.environ.get("RUNNER_TEMP")
    return bool(folder) and Path(sys.prefix) == Path(str(folder), "reviewloop")


def source() -> str:
    """Return the path or URL that this installation came from, or "".

    The name on a package index may belong to another program, so advice names this instead.
    """
    import json
    from importlib import metadata
    from urllib.parse import unquote, urlsplit

    try:
        text = metadata.distribution("reviewloop").read_text("direct_url.json")
        came = json.loads(text or "{}")
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


def full_source() -> str:
    """Return the path or URL to install the full edition from, or ""."""
    if location := source():
        return location
    checkout = Path(__file__).resolve().parents[1]
    try:
        if _OURS in (checkout / "pyproject.toml").read_text(encoding="utf-8"):
            return str(checkout)
    except (OSError, ValueError):
        pass
    repository = published_repository()
    return f"git+https://github.com/{repository}" if repository else ""


def how_to_install(extra: str = "") -> str:
    """Return the command that installs the full edition, with an extra, for use in a sentence."""
    location = full_source()
    if not location:
        what = f" of reviewloop[{extra}]" if extra else ""
        return f"`pip install`{what} from the repository that this reviewloop came from"
    if extra:
        local = location.startswith("/")
        location = f"{location}[{extra}]" if local else f"reviewloop[{extra}] @ {location}"
    return f"`pip install {shlex.quote(location)}`"


@cache
def published_repository() -> str:
    """Return OWNER/NAME from the metadata of the installed package, or ""."""
    from importlib import metadata

    for package in ("reviewloop", "reviewloop-light"):
        try:
            urls = metadata.metadata(package).get_all("Project-URL") or []
        except metadata.PackageNotFoundError:
            continue
        for url in urls:
            label, _, address = url.partition(", ")
            found = _HOMEPAGE.fullmatch(address) if label == "Homepage" else None
            if found and not found[1].startswith(UNPUBLISHED):
                return found[1]
    return ""


def require_all(doing: str, *, instead: str = "") -> None:
    """Raise `UsageError` with what to install, or do instead, unless the full edition is
    installed.
    """
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
            f"{how_to_install()}{other}"
        )
