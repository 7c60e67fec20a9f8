"""The client of one repository's pull requests; finds repository and API of an address."""

import base64
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote, urlsplit

from reviewloop.domain.errors import ReviewLoopError, UsageError
from reviewloop.git.repository import UserRepo
from reviewloop.git.transfer import address_of, host_and_path, shown_address
from reviewloop.github.api import answers
from reviewloop.github.api.answers import Check, Issue, IssueComment, Review, ReviewComment, Thread
from reviewloop.github.api.errors import GitHubError, GitHubUnavailable, NotFound
from reviewloop.github.api.model import Comment, PullRequest, Repo
from reviewloop.github.api.transport import GraphQL, Transport, checked_url

API_URL = "https://api.github.com"
_MARK = "<!-- reviewloop:"
Reaction = Literal["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"]


class GitHub:
    """The pull requests of one repository, with the rights of one token.

    All methods raise a `GitHubError`: `AnswerLost` where the request may have had its effect, so
    that the caller looks before it repeats. Waits for limits take at most `patience` seconds in
    all. `limited` is called for limits on the rate of requests (`Pace.slow_down`).
    """

    def __init__(
        self,
        token: str,
        repo: Repo,
        *,
        api_url: str = API_URL,
        graphql_url: str = "",
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
        patience: float = 180.0,
        limited: Callable[[], None] = lambda: None,
    ) -> None:
        self.repo = repo
        api_url = checked_url(api_url, "GITHUB_API_URL")
        self._base = f"{api_url}/repos/{quote(repo.owner)}/{quote(repo.name)}"
        self._user = f"{api_url}/user"
        timing: dict[str, Any] = {"sleep": sleep, "now": now, "patience": patience}
        self._transport = Transport(token, **timing, limited=limited)
        graphql = checked_url(graphql_url or _graphql_beside(api_url), "GITHUB_GRAPHQL_URL")
        self._graphql = GraphQL(self._transport, graphql)
        self._me = ""

    @classmethod
    def from_environment(
        cls,
        environ: Mapping[str, str],
        repo: Repo,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.time,
        patience: float = 180.0,
        limited: Callable[[], None] = lambda: None,
    ) -> Self:
        """Take token and addresses from the variables of a workflow; GH_TOKEN is second choice."""
        token = environ.get("GITHUB_TOKEN") or environ.get("GH_TOKEN") or ""
        if not token:
            raise UsageError(
                "no token for GitHub: set GITHUB_TOKEN (in a workflow: ${{ github.token }})"
            )
        return cls(
            token,
            repo,
            api_url=environ.get("GITHUB_API_URL") or API_URL,
            graphql_url=environ.get("GITHUB_GRAPHQL_URL") or "",
            sleep=sleep,
            now=now,
            patience=patience,
            limited=limited,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"GitHub({self.repo.full})"

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    # Permissions

    def me(self) -> str:
        """Return the login that our comments carry; a workflow's token may not ask REST for it."""
        if not self._me:
            try:
                self._me = self._graphql.viewer()
            except GitHubError as error:
                try:
                    answer = self._transport.send("GET", self._user)
                except GitHubError:
                    raise error from None  # the real cause with a workflow's token
                self._me = answers.Fields(answer.data, "user").text("login")
        return self._me

    def permission(self, user: str) -> str:
        """Return admin, write, read or none; `maintain` counts as write, as GitHub has it."""
        try:
            data = self.ask(f"/collaborators/{quote(user, safe='')}/permission")
        except NotFound:
            return "none"
        return answers.Fields(data, "permission").text("permission")

    def default_branch(self) -> str:
        """Return the name of the repository's default branch."""
        return answers.Fields(self.ask(""), "repository").text("default_branch")

    def ask(self, path: str, query: Mapping[str, str | int] | None = None) -> Any:
        """Return GitHub's answer to GET for a path below the repository."""
        return self._transport.send("GET", self._base + path, query=query).data

    def content(self, path: str, ref: str) -> bytes:
        """Return a file of a commit; needs `contents: read`."""
        found = answers.Fields(self.ask(f"/contents/{quote(path)}", {"ref": ref}), "file")
        return base64.b64decode(found.text("content"))

    # Pull requests

    def pull(self, number: int) -> PullRequest:
        """Return the current pull request."""
        return answers.pull_request(self.repo, self.ask(f"/pulls/{number}"))

    def find_pull(self, head: str, base: str) -> PullRequest | None:
        """Return the open pull request from a branch of this repository, None without one."""
        query = {"state": "open", "head": f"{self.repo.owner}:{head}", "base": base}
        found = list(self._pages("/pulls", query))
        return answers.pull_request(self.repo, found[0]) if found else None

    def create_pull(
        self, *, title: str, body: str, head: str, base: str, draft: bool = True
    ) -> PullRequest:
        """Open a pull request between two branches of this repository."""
        payload = {"title": title, "body": body, "head": head, "base": base, "draft": draft}
        return answers.pull_request(self.repo, self._post("/pulls", payload))

    def update_pull(self, number: int, *, title: str, body: str) -> PullRequest:
        """Replace title and text of a pull request."""
        changed = self._patch(f"/pulls/{number}", {"title": title, "body": body})
        return answers.pull_request(self.repo, changed)

    def request_reviewers(
        self, number: int, users: Sequence[str], teams: Sequence[str] = ()
    ) -> None:
        """Request reviews from users, and from teams by short name; repeating is no error."""
        payload = {"reviewers": list(users), "team_reviewers": list(teams)}
        self._post(f"/pulls/{number}/requested_reviewers", payload, repeat=True)

    def remove_label(self, number: int, label: str) -> bool:
        """Take a label off; return whether it was there."""
        return self._delete(f"/issues/{number}/labels/{quote(label, safe='')}")

    # Reviews and comments on the diff

    def reviews(self, number: int) -> list[Review]:
        """Return all reviews, among them our own pending one."""
        return [answers.review(item) for item in self._pages(f"/pulls/{number}/reviews")]

    def review_comments(self, number: int) -> list[ReviewComment]:
        """Return all comments on the diff; those of a pending review are not among them."""
        return [answers.review_comment(item) for item in self._pages(f"/pulls/{number}/comments")]

    def review_threads(self, number: int) -> list[Thread]:
        """Return all threads on the diff, with whether they are resolved."""
        return list(self._graphql.threads(self.repo, number))

    def thumbs_down(self, number: int) -> list[tuple[int, str]]:
        """Return (comment, login) for each thumb down on a comment that began a thread."""
        return list(self._graphql.thumbs_down(self.repo, number))

    def create_review(
        self, number: int, *, commit_id: str, body: str, comments: Sequence[Comment]
    ) -> Review:
        """Post a review of kind COMMENT; one bad anchor makes GitHub refuse it all."""
        payload: dict[str, Any] = {
            "commit_id": commit_id,
            "event": "COMMENT",
            "comments": [_inline(comment) for comment in comments],
        }
        if body:
            payload["body"] = body
        return answers.review(self._post(f"/pulls/{number}/reviews", payload))

    def delete_pending_review(self, number: int) -> bool:
        """Delete our pending review, left by an interrupted run; it would make the next review
        fail.

        A pending review without our marks stays: it belongs to the user whose token we use.
        """
        pending = [review for review in self.reviews(number) if review.state == "PENDING"]
        ours = [each for each in pending if each.author.endswith("[bot]") or _MARK in each.body]
        deleted = [self._delete(f"/pulls/{number}/reviews/{each.id}") for each in ours]
        return any(deleted)

    def create_file_comment(
        self, number: int, *, commit_id: str, path: str, body: str
    ) -> ReviewComment:
        """Comment on a changed file as a whole."""
        payload = {"commit_id": commit_id, "path": path, "body": body, "subject_type": "file"}
        return answers.review_comment(self._post(f"/pulls/{number}/comments", payload))

    def update_review_comment(self, comment: int, body: str) -> ReviewComment:
        """Replace the text of one of our comments on the diff."""
        return answers.review_comment(self._patch(f"/pulls/comments/{comment}", {"body": body}))

    def reply(self, number: int, comment: int, body: str) -> ReviewComment:
        """Answer in a thread; `comment` is its root."""
        path = f"/pulls/{number}/comments/{comment}/replies"
        return answers.review_comment(self._post(path, {"body": body}))

    def resolve_thread(self, thread: str) -> None:
        """Resolve a thread by its GraphQL id; also needs `contents: write`."""
        self._graphql.resolve(thread)

    # Issues

    def issues(self, label: str) -> list[Issue]:
        """Return all issues with a label, open and closed, oldest first, without pull requests."""
        query = {"labels": label, "state": "all", "sort": "created", "direction": "asc"}
        found = (answers.issue(item) for item in self._pages("/issues", query))
        return [one for one in found if one is not None]

    def create_issue(self, fields: Mapping[str, object]) -> Issue:
        """Open an issue from GitHub's own fields (title, body, labels)."""
        return self._issue(self._post("/issues", dict(fields)))

    def update_issue(self, number: int, fields: Mapping[str, object]) -> Issue:
        """Change the fields of an issue."""
        return self._issue(self._patch(f"/issues/{number}", dict(fields)))

    def _issue(self, data: object) -> Issue:
        found = answers.issue(data)
        if found is None:
            raise GitHubUnavailable("GitHub answered with a pull request where an issue belongs")
        return found

    # The conversation

    def issue_comments(self, number: int) -> list[IssueComment]:
        """Return all comments of the conversation, oldest first."""
        return [answers.issue_comment(item) for item in self._pages(f"/issues/{number}/comments")]

    def create_issue_comment(self, number: int, body: str) -> IssueComment:
        """Add a comment to the conversation."""
        return answers.issue_comment(self._post(f"/issues/{number}/comments", {"body": body}))

    def update_issue_comment(self, comment: int, body: str) -> IssueComment:
        """Replace the text of one of our comments."""
        return answers.issue_comment(self._patch(f"/issues/comments/{comment}", {"body": body}))

    def delete_issue_comment(self, comment: int) -> bool:
        """Delete one of our comments; return whether it was there."""
        return self._delete(f"/issues/comments/{comment}")

    def react(self, comment: int, content: Reaction, *, on_diff: bool = False) -> None:
        """React to a comment; repeating is no error."""
        kind = "pulls" if on_diff else "issues"
        self._post(f"/{kind}/comments/{comment}/reactions", {"content": content}, repeat=True)

    # Checks

    def checks(self, ref: str, name: str) -> list[Check]:
        """Return the check runs of that name on a commit, each in its latest state."""
        path = f"/commits/{quote(ref, safe='')}/check-runs"
        found = self._pages(path, {"check_name": name}, member="check_runs")
        return [answers.check(item) for item in found]

    def create_check(self, fields: Mapping[str, object]) -> Check:
        """Create a check run from GitHub's own fields (name, head_sha, status, output, …)."""
        return answers.check(self._post("/check-runs", dict(fields)))

    def update_check(self, check: int, fields: Mapping[str, object]) -> Check:
        """Change a check run; not repeated, because GitHub appends the annotations."""
        url = f"{self._base}/check-runs/{check}"
        answer = self._transport.send("PATCH", url, body=dict(fields), repeat=False)
        return answers.check(answer.data)

    def _pages(
        self, path: str, query: Mapping[str, str | int] | None = None, *, member: str = ""
    ) -> list[Any]:
        return list(self._transport.pages(self._base + path, query=query, member=member))

    def _post(self, path: str, body: object, *, repeat: bool = False) -> Any:
        return self._transport.send("POST", self._base + path, body=body, repeat=repeat).data

    def _patch(self, path: str, body: object) -> Any:
        return self._transport.send("PATCH", self._base + path, body=body).data

    def _delete(self, path: str) -> bool:
        """Return False if it does not exist, perhaps because an earlier request deleted it."""
        try:
            self._transport.send("DELETE", self._base + path)
        except NotFound:
            return False
        return True


def _inline(comment: Comment) -> dict[str, str | int]:
    """Return a comment as the API takes it; a range of one line becomes a single line."""
    payload: dict[str, str | int] = {
        **{"path": comment.path, "body": comment.body},
        **{"line": comment.line, "side": comment.side},
    }
    if comment.start_line is not None and comment.start_line != comment.line:
        payload |= {"start_line": comment.start_line, "start_side": comment.side}
    return payload


def _graphql_beside(api_url: str) -> str:
    """Return the address of GraphQL: GitHub Enterprise Server has it beside /api/v3."""
    if api_url.endswith("/api/v3"):
        return api_url.removesuffix("/v3") + "/graphql"
    return f"{api_url}/graphql"


_HOST = "github.com"
_ALIASES = {"ssh.github.com", "www.github.com"}


def repo_at(url: str) -> tuple[str, Repo]:
    """Return (host, repository) of a remote's address; raise UsageError for a local path."""
    host, path = host_and_path(url)
    owner, slash, name = path.removesuffix(".git").partition("/")
    if not host or not slash or not owner or not name or "/" in name:
        raise UsageError(
            f"the remote {shown_address(url)} is not a GitHub repository; name one with "
            "--repo OWNER/NAME"
        )
    return (_HOST if host in _ALIASES else host), Repo(owner, name)


def api_of(host: str, environ: Mapping[str, str]) -> str:
    """Return the address of the API for a host that may receive the token.

    Hosts other than github.com must be named by GITHUB_API_URL or GH_HOST: another host may be no
    GitHub at all and must not receive the token.
    """
    given = environ.get("GITHUB_API_URL", "").rstrip("/")
    if host in {_HOST, ""}:
        return given or API_URL
    parts = urlsplit(given)
    if given and _same_host(host, parts.netloc):
        return given
    if environ.get("GH_HOST", "").lower() == host:
        tenant = host.endswith(".ghe.com")  # GitHub's own data residency
        return f"https://api.{host}" if tenant else f"https://{host}/api/v3"
    raise UsageError(
        f"{host} is not github.com; if it is a GitHub Enterprise server, set GITHUB_API_URL to "
        f"https://{host}/api/v3"
    )


def on_github(user: UserRepo, remote: str, environ: Mapping[str, str]) -> bool:
    """Whether a remote of the checkout is a repository on a GitHub that may receive the token."""
    try:
        api_of(repo_at(address_of(user, remote))[0], environ)
    except ReviewLoopError:
        return False
    return True


def _same_host(host: str, netloc: str) -> bool:
    name = netloc.lower()
    return name in {host, f"api.{host}"} or name.partition(":")[0] == host.partition(":")[0]
