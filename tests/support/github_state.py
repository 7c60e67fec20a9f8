"""The state of one repository in the stand-in for GitHub, and its form in answers."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from support.github_diff import Diffs
from support.github_spec import spec

BOT = "github-actions[bot]"
WEB, START = "https://github.com", datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Identity:
    """Whose token it is and what it may do: permissions as in a workflow file."""

    login: str
    permissions: dict[str, str]

    @property
    def is_bot(self) -> bool:
        return self.login.endswith("[bot]")

    def may(self, permission: str, level: str) -> bool:
        ranks = ["none", "read", "write"]
        return ranks.index(self.permissions.get(permission, "none")) >= ranks.index(level)


@dataclass
class IssueComment:
    id: int
    pull: int
    author: str
    body: str
    created_at: str
    edits: int = 0
    reactions: list[tuple[str, str]] = field(default_factory=list)  # login, content


@dataclass
class ReviewComment:
    """`line` and `start_line` are where it is now; None when that is not in the diff any more."""

    id: int
    pull: int
    author: str
    body: str
    path: str
    created_at: str
    commit_id: str
    original_commit_id: str
    review: int
    side: str = "RIGHT"
    line: int | None = None
    start_line: int | None = None
    start_side: str | None = None
    original_line: int | None = None
    original_start_line: int | None = None
    subject_type: str = "line"
    in_reply_to: int | None = None
    pending: bool = False
    edits: int = 0
    reactions: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class Review:
    id: int
    pull: int
    author: str
    body: str
    state: str  # COMMENTED, PENDING, APPROVED or CHANGES_REQUESTED
    commit_id: str
    submitted_at: str


@dataclass
class Thread:
    """`root` is the comment that began it."""

    id: str
    root: ReviewComment
    resolved_by: str = ""

    @property
    def resolved(self) -> bool:
        return bool(self.resolved_by)

    @property
    def outdated(self) -> bool:
        return self.root.subject_type == "line" and self.root.line is None


@dataclass
class Pull:
    number: int
    title: str
    body: str
    author: str
    base_ref: str
    base_sha: str
    head_ref: str
    head_sha: str
    head_repo: str | None  # None when the fork was deleted
    draft: bool = False
    state: str = "open"
    labels: list[str] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    diff_too_large: bool = False
    heads: list[str] = field(default_factory=list)  # earlier ones


class State:
    """One repository on the stand-in; `repository` is the real one that it shows."""

    def __init__(self, full: str, repository: Path, api: str) -> None:
        self.full, self.api = full, api
        self.diffs = Diffs(repository)
        self.pulls: dict[int, Pull] = {}
        self.issue_comments: list[IssueComment] = []
        self.reviews: list[Review] = []
        self.review_comments: list[ReviewComment] = []
        self.threads: list[Thread] = []
        self.checks: list[dict[str, Any]] = []
        self.approvals: list[tuple[str, str, str]] = []  # login, state, environment
        self.protected: set[str] = set()  # branches
        self.authors: dict[str, list[str]] = {}  # path -> logins of its commits
        self.roles: dict[str, str] = {}  # login -> admin, maintain, write, triage or read
        self._ids = itertools.count(1001)

    def next_id(self) -> int:
        return next(self._ids)

    def moment(self, ident: int) -> str:
        """Return a time for each id, later for a later one."""
        return (START + timedelta(seconds=ident)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def visible(self, number: int) -> list[ReviewComment]:
        return [c for c in self.review_comments if c.pull == number and not c.pending]

    def relocate(self, pull: Pull) -> None:
        """Find the place of each comment on the new head, or that it has none."""
        files = self.diffs.of(pull.base_sha, pull.head_sha)
        for comment in self.review_comments:
            if comment.pull != pull.number or comment.original_line is None:
                continue
            line = self._moved(comment, comment.original_line, pull)
            shown = comment.path in files and line is not None
            if not shown or files[comment.path].hunk_of(comment.side, line or 0) is None:
                comment.line = comment.start_line = None
                continue
            comment.line, comment.commit_id = line, pull.head_sha
            if comment.original_start_line is not None:
                comment.start_line = self._moved(comment, comment.original_start_line, pull)

    def _moved(self, comment: ReviewComment, line: int, pull: Pull) -> int | None:
        if comment.side == "LEFT":
            return line  # the tests keep their base
        return self.diffs.moved(comment.path, line, comment.original_commit_id, pull.head_sha)

    # As the interfaces write it

    def user(self, login: str) -> dict[str, Any]:
        found = dict(spec().example("reactions/create-for-issue-comment", 201)["user"])
        ident = sum(ord(letter) << (index % 16) for index, letter in enumerate(login))
        kind = "Bot" if login.endswith("[bot]") else "User"
        return {**found, "login": login, "id": ident, "type": kind}

    def association(self, login: str) -> str:
        role = self.roles.get(login)
        return "COLLABORATOR" if role else "CONTRIBUTOR" if login == BOT else "NONE"

    def repo(self, full: str) -> dict[str, Any]:
        owner, _, name = full.partition("/")
        found = spec().example("pulls/get", 200)["base"]["repo"]
        found |= {"full_name": full, "name": name, "url": f"{self.api}/repos/{full}"}
        return {**found, "owner": self.user(owner), "html_url": f"{WEB}/{full}"}

    def pull_body(self, pull: Pull) -> dict[str, Any]:
        files = self.diffs.of(pull.base_sha, pull.head_sha)
        found: dict[str, Any] = spec().example("pulls/get", 200)
        label = found["labels"][0]
        at = f"{self.api}/repos/{self.full}"
        base_repo, head_repo = self.repo(self.full), pull.head_repo
        found["base"] |= {"ref": pull.base_ref, "sha": pull.base_sha, "repo": base_repo}
        found["head"] |= {"ref": pull.head_ref, "sha": pull.head_sha}
        found["head"]["repo"] = self.repo(head_repo) if head_repo else None
        return found | {
            **{"number": pull.number, "title": pull.title, "body": pull.body, "id": pull.number},
            **{"draft": pull.draft, "state": pull.state, "user": self.user(pull.author)},
            "labels": [{**label, "name": name} for name in pull.labels],
            "requested_reviewers": [self.user(login) for login in pull.reviewers],
            "requested_teams": [],
            **{"merged": False, "merged_at": None, "merged_by": None, "changed_files": len(files)},
            "url": f"{at}/pulls/{pull.number}",
            "html_url": f"{WEB}/{self.full}/pull/{pull.number}",
            "author_association": self.association(pull.author),
        }

    def issue_comment_body(self, comment: IssueComment) -> dict[str, Any]:
        page = f"{WEB}/{self.full}/pull/{comment.pull}#issuecomment-{comment.id}"
        found: dict[str, Any] = spec().example("issues/create-comment", 201)
        return found | {
            **{"id": comment.id, "body": comment.body, "user": self.user(comment.author)},
            **{"html_url": page, "author_association": self.association(comment.author)},
            **{"created_at": comment.created_at, "updated_at": comment.created_at},
            "url": f"{self.api}/repos/{self.full}/issues/comments/{comment.id}",
        }

    def review_comment_body(self, comment: ReviewComment) -> dict[str, Any]:
        found: dict[str, Any] = spec().example("pulls/create-reply-for-review-comment", 201)
        for name in ("in_reply_to_id", "position", "original_position"):
            found.pop(name, None)
        if comment.in_reply_to:
            found["in_reply_to_id"] = comment.in_reply_to
        names = (
            *("id", "body", "path", "commit_id", "original_commit_id", "side", "line"),
            *("start_line", "start_side", "original_line", "original_start_line"),
        )
        return found | {
            **{name: getattr(comment, name) for name in (*names, "subject_type", "created_at")},
            **{"user": self.user(comment.author), "pull_request_review_id": comment.review},
            "html_url": f"{WEB}/{self.full}/pull/{comment.pull}#discussion_r{comment.id}",
            "author_association": self.association(comment.author),
        }

    def review_body(self, review: Review) -> dict[str, Any]:
        page = f"{WEB}/{self.full}/pull/{review.pull}#pullrequestreview-{review.id}"
        found: dict[str, Any] = spec().example("pulls/create-review", 200) | {
            **{"id": review.id, "body": review.body, "state": review.state, "html_url": page},
            **{"commit_id": review.commit_id, "user": self.user(review.author)},
            **{"submitted_at": review.submitted_at},
        }
        if review.state == "PENDING":
            del found["submitted_at"]
        return found

    def check_body(self, check: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = spec().example("checks/update", 200)
        output = {name: check.get("output", {}).get(name) for name in ("title", "summary", "text")}
        counted = len(check["annotations"])
        return found | {
            **{"conclusion": None, "completed_at": None, "external_id": "", "pull_requests": []},
            **{name: value for name, value in check.items() if name not in {"annotations"}},
            "output": {**found["output"], **output, "annotations_count": counted},
        }
