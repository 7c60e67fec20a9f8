"""The commits of a pull request in this clone, which is where its diff comes from."""

import re
import shlex

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.located import Place
from reviewloop.github.api.errors import GitHubUnavailable
from reviewloop.github.api.model import PullRequest

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_IN_A_WORKFLOW = "check out with `fetch-depth: 0`"


def require_commits(place: Place, pull: PullRequest) -> None:
    """Raise WorkspaceError with what to fetch, unless base, head and where they parted are here.

    Nothing is ever fetched from here: which credentials that takes is for the person to say.
    """
    refs = {
        pull.base_sha: (f"the base {pull.base_ref}", pull.base_ref),
        pull.head_sha: ("the head", f"pull/{pull.number}/head"),
    }
    for commit, (what, ref) in refs.items():
        if not _ID.fullmatch(commit):
            raise GitHubUnavailable(f"GitHub names no commit as {what} of #{pull.number}")
        if place.git.result("cat-file", "-e", f"{commit}^{{commit}}").exit_code:
            raise WorkspaceError(
                f"{what} of pull request {pull.number} ({commit[:12]}) is not in this clone: "
                f"{_IN_A_WORKFLOW}, or run `git fetch origin {shlex.quote(ref)}` first"
            )
    answer = place.git.result("merge-base", pull.base_sha, pull.head_sha)
    if answer.exit_code and place.shallow:
        raise WorkspaceError(
            f"this clone is shallow, and where pull request {pull.number} left {pull.base_ref} is "
            f"not in it: {_IN_A_WORKFLOW}, or run `git fetch --unshallow origin` first"
        )
