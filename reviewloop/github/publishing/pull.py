"""Pushes a branch, and opens or updates its pull request."""

from collections.abc import Sequence
from urllib.parse import quote

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import GuardRailError, UsageError, WorkspaceError
from reviewloop.git.process import Git
from reviewloop.git.transfer import Remote, push, remote_head
from reviewloop.github.api.answers import Fields
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import Forbidden, GitHubError, NotFound, Unprocessable
from reviewloop.github.api.model import PullRequest
from reviewloop.github.comments.marker import is_ours
from reviewloop.github.publishing.text import update_section

WORKFLOWS = ".github/workflows"


@dataclass(frozen=True)
class Published:
    """What is published on GitHub; `notes` are sentences for the user."""

    branch: str
    commit: str
    pull: PullRequest | None = None
    created: bool = False
    pushed: bool = True  # False: it existed already
    notes: tuple[str, ...] = ()

    @property
    def plain(self) -> dict[str, object]:
        """Return it as JSON-plain values."""
        pull = self.pull
        return {
            "branch": self.branch,
            "commit": self.commit,
            "pushed": self.pushed,
            "pull": pull.number if pull else None,
            "url": pull.url if pull else "",
            "draft": pull.draft if pull else None,
            "created": self.created,
            "notes": list(self.notes),
        }


def require_free_branch(client: GitHub, branch: str, base: str, default: str) -> None:
    """Raise GuardRailError for a branch that only users may move."""
    if branch in {base, default}:
        raise GuardRailError(
            f"{branch} is the base or the default branch; nothing was pushed to it"
        )
    try:
        found = Fields(client.ask(f"/branches/{quote(branch, safe='')}"), "branch")
    except NotFound:
        return
    if found.flag("protected", False):
        raise GuardRailError(f"{branch} is a protected branch on GitHub; nothing was pushed to it")


def require_base(client: GitHub, base: str, default: str) -> None:
    """Raise UsageError if the base branch does not exist on GitHub."""
    if base == default:
        return
    try:
        client.ask(f"/branches/{quote(base, safe='')}")
    except NotFound:
        raise UsageError(
            f"{client.repo.full} has no branch {base} to merge into, so nothing was pushed; push "
            "it first, or name another one with --base"
        ) from None


def push_branch(
    git: Git, remote: Remote, commit: str, branch: str, *, expected: str | None = None
) -> bool:
    """Push a fast-forward; return False when the commit is there already.

    `expected` is the commit that the branch must have; None accepts any. Raise WorkspaceError for
    another one.
    """
    seen = remote_head(git, remote, branch)
    if seen == commit or (expected is None and _is_ancestor(git, commit, seen)):
        return False
    if expected is not None and seen != expected:
        at = f"at {seen[:12]}" if seen else "not there"
        raise WorkspaceError(
            f"{branch} on {remote.shown} is {at}, not at {expected[:12] or 'its beginning'} any "
            "more; nothing was pushed, the handoff is kept as it is"
        )
    push(git, remote, commit, branch, seen)
    return True


def free_branch(there: str, branch: str, commit: str) -> str:
    """Return a name for a new branch: the requested one, unless another commit `there` holds it."""
    return branch if there in {"", commit} else f"{branch}-{commit[:7]}"


def workflow_files(git: Git, start: str, commit: str) -> list[str]:
    """Return the changed files that a workflow's own token may not push."""
    arguments = ("log", "--format=", "--name-only", "--no-renames", f"{start}..{commit}")
    return git.text(*arguments, "--", WORKFLOWS).splitlines()


def open_or_update(
    client: GitHub,
    *,
    branch: str,
    base: str,
    title: str,
    section: str,
    run: str,
    draft: bool,
) -> tuple[PullRequest, bool, tuple[str, ...]]:
    """Return the pull request, whether it is new, and notes.

    In an existing one only our section changes; a text without our marks belongs to a user, and the
    section becomes a comment.
    """
    found = client.find_pull(branch, base)
    if found is None:
        return _opened(client, title, section, branch, base, draft), True, ()
    if found.is_fork:
        raise UsageError(f"pull request {found.number} from {branch} is a fork's; nothing was done")
    notes: list[str] = []
    body = update_section(found.body, section, run)
    if body is None:
        _comment_beside(client, found.number, section)
        notes.append(
            f"the text of pull request {found.number} was written by somebody else and stays; "
            "ours is a comment"
        )
    elif body != found.body:
        found = client.update_pull(found.number, title=found.title or title, body=body)
    if not draft and found.draft:
        notes.append(f"pull request {found.number} stays a draft until somebody marks it ready")
    return found, False, tuple(notes)


def ask_reviewers(client: GitHub, pull: PullRequest, names: Sequence[str]) -> tuple[str, ...]:
    """Request reviews from users and teams of this owner; return notes about those that failed."""
    owner = client.repo.owner.lower()
    teams = [n.partition("/")[2] for n in names if n.lower().startswith(f"{owner}/")]
    users = [n for n in names if "/" not in n and n.lower() != pull.author.lower()]
    if not users and not teams:
        return ("nobody to ask for a review was found",)
    try:
        client.request_reviewers(pull.number, users, teams)
    except (Unprocessable, Forbidden) as error:
        return (f"nobody was asked for a review: {error}",)
    return ()


def _opened(
    client: GitHub, title: str, section: str, branch: str, base: str, draft: bool
) -> PullRequest:
    try:
        return client.create_pull(title=title, body=section, head=branch, base=base, draft=draft)
    except GitHubError as error:
        # The branch is pushed, so another try, or a user, continues from it.
        why = str(error)
        if "not permitted to create" in why:
            why = (
                "the settings of the repository do not let workflows open pull requests (Settings, "
                "Actions, General: “Allow GitHub Actions to create and approve pull requests”)"
            )
        elif "Draft pull requests are not supported" in why:
            why = "this repository's plan has no draft pull requests"
        raise UsageError(f"{branch} was pushed, but no pull request opened: {why}") from None


def _comment_beside(client: GitHub, number: int, section: str) -> None:
    """Write the section to a comment of ours, the same one each time."""
    first = section.partition("\n")[0]
    me = client.me()
    for comment in client.issue_comments(number):
        if is_ours(comment, me) and comment.body.startswith(first):
            if comment.body != section:
                client.update_issue_comment(comment.id, section)
            return
    client.create_issue_comment(number, section)


def _is_ancestor(git: Git, commit: str, there: str) -> bool:
    """Whether a commit descends from ours, as far as that is known here."""
    known = bool(there) and git.result("cat-file", "-e", f"{there}^{{commit}}").exit_code == 0
    return known and git.result("merge-base", "--is-ancestor", commit, there).exit_code == 0
