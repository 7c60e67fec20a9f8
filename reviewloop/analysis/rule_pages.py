"""Where the page of a rule of ours is on the web, for the version that runs: its own file."""

import os
import re
from collections.abc import Mapping

from reviewloop import __version__
from reviewloop.analysis.contract import Rule
from reviewloop.installed import UNPUBLISHED, published_repository

_FOLDER = "reviewloop/rules"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_REF = re.compile(r"[\w./-]+")


def page_address(rule: Rule, environ: Mapping[str, str] = os.environ) -> str:
    """Return the address of a rule's page, "" when nobody knows where the project is.

    A rule that is a row of a table has no file; the page of its family speaks of all rows.
    """
    base = _base(environ)
    page = rule.id if rule.page else f"{rule.id.partition('/')[0]}/README"
    return f"{base}/{_FOLDER}/{page}.md" if base else ""


def _base(environ: Mapping[str, str]) -> str:
    """Return the address of the files of this version: the Action's, else the release's."""
    repository, ref = environ.get("ACTION_REPOSITORY", ""), environ.get("ACTION_REF", "")
    if environ.get("GITHUB_ACTIONS") != "true" or not _REPOSITORY.fullmatch(repository):
        repository, ref = published_repository(), f"v{__version__}"
    if not repository or repository.startswith(UNPUBLISHED) or not _REF.fullmatch(ref):
        return ""
    return f"https://github.com/{repository}/blob/{ref}"
