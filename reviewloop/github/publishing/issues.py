"""Opens an issue for each task of a spec, and updates it the next time."""

from collections.abc import Sequence

from reviewloop.dataclass import dataclass
from reviewloop.github.api.answers import Issue
from reviewloop.github.api.client import GitHub
from reviewloop.regex import regex
from reviewloop.render.task_export import LABEL, Draft

_MARK = regex(r"<!-- reviewloop task: [^\n]* -->")


@dataclass(frozen=True)
class IssuesMade:
    """Numbers of the issues that were opened or changed, and the count of unchanged ones."""

    opened: tuple[int, ...]
    updated: tuple[int, ...]
    unchanged: int


def make_issues(client: GitHub, drafts: Sequence[Draft]) -> IssuesMade:
    """Open an issue for each task that has none, and update the others.

    Text that users wrote below our part stays, as do their labels. A task that is done closes its
    issue; an issue closed by a user is not opened again. Raise `GitHubError` if it is refused; a
    repeated call finds the issues already made.
    """
    known: dict[str, Issue] = {}
    for issue in client.issues(LABEL):  # the oldest first: of copies it is the one that counts
        if mark := _mark_of(issue.body):
            known.setdefault(mark, issue)
    opened, updated, unchanged = [], [], 0
    for draft in drafts:
        there = known.get(_mark_of(draft["body"]))
        if there is None:
            opened.append(_open(client, draft).number)
        elif fields := _changes(there, draft):
            client.update_issue(there.number, fields)
            updated.append(there.number)
        else:
            unchanged += 1
    return IssuesMade(tuple(opened), tuple(updated), unchanged)


def _open(client: GitHub, draft: Draft) -> Issue:
    fields = {name: draft[name] for name in ("title", "body", "labels")}
    issue = client.create_issue(fields)
    if draft["state"] == "closed":
        client.update_issue(issue.number, {"state": "closed", "state_reason": "completed"})
    return issue


def _changes(there: Issue, draft: Draft) -> dict[str, object]:
    found: dict[str, object] = {}
    if there.title != draft["title"]:
        found["title"] = draft["title"]
    body = there.body.replace("\r\n", "\n")
    mark = _MARK.search(body)
    below = body[mark.end() :] if mark else ""
    if body != draft["body"] + below:
        found["body"] = draft["body"] + below
    if missing := [label for label in draft["labels"] if label not in there.labels]:
        found["labels"] = [*there.labels, *missing]
    if draft["state"] == "closed" and there.is_open:
        found |= {"state": "closed", "state_reason": "completed"}
    return found


def _mark_of(body: str) -> str:
    found = _MARK.search(body)
    return found[0] if found else ""
