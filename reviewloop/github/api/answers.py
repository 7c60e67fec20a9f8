"""Parses GitHub's answers leniently: ignores unknown fields and names a missing one."""

from collections.abc import Iterator, Mapping
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.github.api.errors import GitHubUnavailable
from reviewloop.github.api.model import PullRequest, Repo

_BOT_IDS = ("BOT_", "MDM6Qm90")  # the second is how older ids wrote 03:Bot, in base64
GHOST = "ghost"  # GitHub's own name for an author whose account is gone


@dataclass(frozen=True)
class IssueComment:
    """A comment in the conversation of a pull request."""

    id: int
    author: str  # as REST writes it: a bot's login ends with [bot]
    author_is_bot: bool
    body: str
    url: str = ""
    association: str = ""  # OWNER, MEMBER, CONTRIBUTOR, NONE, …: a hint, no permission
    created_at: str = ""


@dataclass(frozen=True)
class Issue:
    """An issue; a pull request is none."""

    number: int
    title: str
    body: str
    labels: tuple[str, ...]
    is_open: bool


@dataclass(frozen=True)
class ReviewComment:
    """A comment on a line or a file; `line` is None when the line is no longer in the diff."""

    id: int
    author: str
    author_is_bot: bool
    body: str
    path: str
    line: int | None
    original_line: int | None
    start_line: int | None
    side: str
    subject_type: str  # line or file
    commit: str  # the head that it is shown on
    original_commit: str
    reply_to: int | None
    review: int | None
    url: str = ""
    created_at: str = ""


@dataclass(frozen=True)
class Review:
    """A review; only its author sees one in state PENDING."""

    id: int
    author: str
    state: str
    body: str
    commit: str
    url: str = ""


@dataclass(frozen=True)
class Thread:
    """A conversation on the diff; `comments` holds ids of its review comments, the root first.

    `comments` has at most the first hundred.
    """

    id: str
    resolved: bool
    outdated: bool
    path: str
    line: int | None
    comments: tuple[int, ...]
    resolved_by: str = ""  # as REST writes it: a bot's login ends with [bot]


@dataclass(frozen=True)
class Check:
    """A check run on a commit."""

    id: int
    name: str
    head_sha: str
    status: str
    conclusion: str  # "" while it is not completed
    external_id: str = ""
    url: str = ""


class Fields:
    """A JSON object of an answer; `what` names the object in the error about a missing field."""

    def __init__(self, data: object, what: str) -> None:
        if not isinstance(data, Mapping):
            raise GitHubUnavailable(f"GitHub's answer has no {what} where one belongs")
        self._data: Mapping[str, Any] = data
        self.what = what

    def text(self, key: str, *default: str) -> str:
        """Return a string; the default, if given, for null and for a missing field."""
        return str(self._get(key, str, *default))

    def number(self, key: str, *default: int) -> int:
        """Return a whole number; the default, if given, for null and for a missing field."""
        return int(self._get(key, int, *default))

    def maybe(self, key: str) -> int | None:
        """Return a whole number, or None where there is none."""
        value = self._data.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def flag(self, key: str, *default: bool) -> bool:
        """Return a truth value; the default, if given, for null and for a missing field."""
        return bool(self._get(key, bool, *default))

    def objects(self, key: str) -> list["Fields"]:
        """Return the objects of a list; an empty list for a missing field."""
        value = self._data.get(key)
        items = value if isinstance(value, list) else []
        return [Fields(item, f"{self.what}.{key}") for item in items if item is not None]

    def inside(self, key: str) -> "Fields":
        """Return a nested object."""
        return Fields(self._data.get(key), f"{self.what}.{key}")

    def has(self, key: str) -> bool:
        """Whether the field has a value other than null."""
        return self._data.get(key) is not None

    def author(self, key: str = "user") -> tuple[str, bool]:
        """Return (login, whether it is a bot)."""
        if not self.has(key):
            return GHOST, False
        user = self.inside(key)
        login = user.text("login")
        return login, user.text("type", "") == "Bot" or login.endswith("[bot]")

    def _get(self, key: str, kind: type, *default: object) -> Any:
        value = self._data.get(key)
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        if value is None and default:
            return default[0]
        found = "nothing" if value is None else type(value).__name__
        raise GitHubUnavailable(f"GitHub's answer has {found} as {key} of a {self.what}")


def pull_request(repo: Repo, data: object) -> PullRequest:
    """Read a pull request of the repository."""
    fields = Fields(data, "pull request")
    base, head = fields.inside("base"), fields.inside("head")
    author, is_bot = fields.author()
    return PullRequest(
        repo=repo,
        number=fields.number("number"),
        base_sha=base.text("sha"),
        head_sha=head.text("sha"),
        base_ref=base.text("ref"),
        head_ref=head.text("ref"),
        head_repo=head.inside("repo").text("full_name") if head.has("repo") else "",
        author=author,
        author_is_bot=is_bot,
        draft=fields.flag("draft", False),
        open=fields.text("state") == "open",
        labels=tuple(label.text("name") for label in fields.objects("labels")),
        changed_files=fields.number("changed_files", 0),
        title=fields.text("title", ""),
        body=fields.text("body", ""),
        url=fields.text("html_url", ""),
    )


def issue(data: object) -> Issue | None:
    """Read an issue, None for a pull request: the interface lists both."""
    fields = Fields(data, "issue")
    plain = data if isinstance(data, Mapping) else {}
    if plain.get("pull_request"):
        return None
    labels = plain.get("labels") or ()
    named = (one.get("name", "") if isinstance(one, Mapping) else one for one in labels)
    return Issue(
        number=fields.number("number"),
        title=fields.text("title", ""),
        body=fields.text("body", ""),
        labels=tuple(map(str, named)),
        is_open=fields.text("state", "") == "open",
    )


def issue_comment(data: object) -> IssueComment:
    """Read a comment of the conversation."""
    fields = Fields(data, "comment")
    author, is_bot = fields.author()
    return IssueComment(
        id=fields.number("id"),
        author=author,
        author_is_bot=is_bot,
        body=fields.text("body", ""),
        url=fields.text("html_url", ""),
        association=fields.text("author_association", ""),
        created_at=fields.text("created_at", ""),
    )


def review_comment(data: object) -> ReviewComment:
    """Read a comment on the diff."""
    fields = Fields(data, "review comment")
    author, is_bot = fields.author()
    return ReviewComment(
        id=fields.number("id"),
        author=author,
        author_is_bot=is_bot,
        body=fields.text("body", ""),
        path=fields.text("path"),
        line=fields.maybe("line"),
        original_line=fields.maybe("original_line"),
        start_line=fields.maybe("start_line"),
        side=fields.text("side", "RIGHT"),
        subject_type=fields.text("subject_type", "line"),
        commit=fields.text("commit_id", ""),
        original_commit=fields.text("original_commit_id", ""),
        reply_to=fields.maybe("in_reply_to_id"),
        review=fields.maybe("pull_request_review_id"),
        url=fields.text("html_url", ""),
        created_at=fields.text("created_at", ""),
    )


def review(data: object) -> Review:
    """Read a review."""
    fields = Fields(data, "review")
    return Review(
        id=fields.number("id"),
        author=fields.author()[0],
        state=fields.text("state"),
        body=fields.text("body", ""),
        commit=fields.text("commit_id", ""),
        url=fields.text("html_url", ""),
    )


def thread(fields: Fields) -> Thread:
    """Read a node of GraphQL's reviewThreads."""
    comments = fields.inside("comments").objects("nodes")
    return Thread(
        id=fields.text("id"),
        resolved=fields.flag("isResolved"),
        outdated=fields.flag("isOutdated"),
        path=fields.text("path", ""),
        line=fields.maybe("line"),
        comments=tuple(found for c in comments if (found := c.maybe("databaseId")) is not None),
        resolved_by=_resolver(fields.inside("resolvedBy")) if fields.has("resolvedBy") else "",
    )


def thumbs_down(fields: Fields) -> Iterator[tuple[int, str]]:
    """Yield (comment, login) of a node of GraphQL's reviewThreads; leave out deleted users."""
    for comment in fields.inside("comments").objects("nodes"):
        ident = comment.maybe("databaseId")
        for reaction in comment.inside("reactions").objects("nodes"):
            if ident is not None and reaction.has("user"):
                yield ident, _resolver(reaction.inside("user"))


def _resolver(user: Fields) -> str:
    """Return a login of GraphQL, which writes that of a bot without [bot].

    The field is declared as a User, so the type of the node may be wrong where its id is right.
    """
    login, is_bot = user.text("login"), user.text("__typename", "") == "Bot"
    is_bot = is_bot or user.text("id", "").startswith(_BOT_IDS)
    return f"{login.removesuffix('[bot]')}[bot]" if is_bot else login


def check(data: object) -> Check:
    """Read a check run."""
    fields = Fields(data, "check run")
    return Check(
        id=fields.number("id"),
        name=fields.text("name"),
        head_sha=fields.text("head_sha"),
        status=fields.text("status"),
        conclusion=fields.text("conclusion", ""),
        external_id=fields.text("external_id", ""),
        url=fields.text("html_url", ""),
    )
