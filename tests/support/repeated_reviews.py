"""A pull request on the stand-in that is reviewed repeatedly; a test provides the findings."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.github_server import GitHubServer
from support.github_state import ReviewComment

from reviewloop.domain.finding import Finding, Severity, fingerprint
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.model import Comment, State
from reviewloop.github.comments.marker import finding_marker, is_ours, read_state, state_marker
from reviewloop.github.posting.post import post
from reviewloop.github.rereview.matching import Facts
from reviewloop.github.rereview.plan import Rereview, after_posting, plan, reply_to_fixed
from reviewloop.github.user_comments import permission_check


def found(
    quote: str,
    line: int,
    *,
    title: str = "Wrong",
    severity: Severity = Severity.SHOULD_FIX,
    path: str = "app.py",
    **more: Any,
) -> Finding:
    """Return a finding of a model, as anchoring makes it."""
    agents = more.pop("agents", ("review-security",))
    name = fingerprint(path, quote, more.get("rule") or title)
    given = {"agents": agents, "path": path, "line": line, "quote": quote, **more}
    return Finding(id=name, severity=severity, title=title, **given)


@dataclass
class Life:
    """`review` does what the Action does around a review."""

    client: GitHub
    github: GitHubServer
    folder: Path
    number: int = 7
    told: list[str] = field(default_factory=list)
    problems: tuple[str, ...] = ()

    def read(self, path: str) -> str | None:
        head = self.github.state.pulls[self.number].head_sha
        asked = ["git", "show", f"{head}:{path}"]
        done = subprocess.run(asked, cwd=self.folder, capture_output=True, text=True)
        return None if done.returncode else done.stdout

    @property
    def state(self) -> State:
        talk = self.client.issue_comments(self.number)
        return read_state(talk, self.client.me(), self.client.pull(self.number))

    def plan(self, *findings: Finding, state: State | None = None, **more: Any) -> Rereview:
        given: dict[str, Any] = {"changed": lambda _: True, "read": self.read, **more}
        state = state or self.state
        return plan(
            findings,
            state,
            facts=Facts.of_code(findings, state, **given),
            threads=self.client.review_threads(self.number),
            comments=self.client.review_comments(self.number),
            me=self.client.me(),
            may_dismiss=permission_check(self.client),
        )

    def review(self, *findings: Finding, keep: bool = True, **more: Any) -> Rereview:
        pull = self.client.pull(self.number)
        again = self.plan(*findings, **more)
        comments = [
            Comment(f.path, f"{finding_marker(f.id)}\n{f.title}", f.line or 1, finding=f.id)
            for f in again.post
        ]
        posted = post(
            self.client, pull, comments, head_sha=pull.head_sha, known=again.known, cap=99
        )
        self.problems = reply_to_fixed(self.client, pull, again, notify=self.told.append)
        if keep:
            self.keep(after_posting(again.state, posted, pull))
        return again

    def keep(self, state: State) -> None:
        body = f"{state_marker(state, self.client.pull(self.number))}\nThe summary."
        talk = self.client.issue_comments(self.number)
        mine = [c for c in talk if is_ours(c, self.client.me())]
        if mine:
            self.client.update_issue_comment(mine[0].id, body)
        else:
            self.client.create_issue_comment(self.number, body)

    @property
    def roots(self) -> list[ReviewComment]:
        """What stands on the diff, without the replies."""
        return [c for c in self.github.state.review_comments if c.in_reply_to is None]

    @property
    def replies(self) -> list[ReviewComment]:
        return [c for c in self.github.state.review_comments if c.in_reply_to is not None]
