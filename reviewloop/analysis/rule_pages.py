"""Where the page of a rule of ours is: in docs/rules, and on the web for the version that runs."""

import os
import re
from collections.abc import Mapping

from reviewloop import __version__
from reviewloop.installed import UNPUBLISHED, published_repository

_FOLDER = "docs/rules"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_REF = re.compile(r"[\w./-]+")


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
        repository, ref = published_repository(), f"v{__version__}"
    if not repository or repository.startswith(UNPUBLISHED) or not _REF.fullmatch(ref):
        return ""
    return f"https://github.com/{repository}/blob/{ref}"
