"""Where the page of a rule of ours is: in docs/rules, and on the web for the version that runs."""

import os
import re
from collections.abc import Mapping
from functools import cache

from reviewloop import __version__

_FOLDER = "docs/rules"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_REF = re.compile(r"[\w./-]+")
_HOMEPAGE = re.compile(r"https://github\.com/([^/]+/[^/]+)/?")
_NOBODY = "OWNER/"  # who has the project is not known before it is published


def page_file(rule: str) -> str:
    """Return the file of a rule's page, in the folder of all pages."""
    return f"{rule.partition('/')[0]}.md"


def anchor(rule: str) -> str:
    """Return the place of a rule on its page."""
    return rule.partition("/")[2]


def page_address(rule: str, environ: Mapping[str, str] = os.environ) -> str:
    """Return the address of a rule's page, "" when nobody knows where the project is."""
    base = _base(environ)
    return f"{base}/{_FOLDER}/{page_file(rule)}#{anchor(rule)}" if base else ""


def _base(environ: Mapping[str, str]) -> str:
    """Return the address of the files of this version: the Action's, else the release's."""
    repository, ref = environ.get("ACTION_REPOSITORY", ""), environ.get("ACTION_REF", "")
    if environ.get("GITHUB_ACTIONS") != "true" or not _REPOSITORY.fullmatch(repository):
        repository, ref = _published(), f"v{__version__}"
    if not repository or repository.startswith(_NOBODY) or not _REF.fullmatch(ref):
        return ""
    return f"https://github.com/{repository}/blob/{ref}"


@cache
def _published() -> str:
    """Return OWNER/NAME from the metadata of the package that is installed."""
    from importlib import metadata

    for package in ("reviewloop", "reviewloop-light"):
        try:
            urls = metadata.metadata(package).get_all("Project-URL") or []
        except metadata.PackageNotFoundError:
            continue
        for url in urls:
            label, _, address = url.partition(", ")
            if label == "Homepage" and (found := _HOMEPAGE.fullmatch(address)):
                return found[1]
    return ""
