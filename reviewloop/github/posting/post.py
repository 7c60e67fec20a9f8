"""Posts comments on the diff so that each finding ends in one place, whatever GitHub refuses.

A batch is one review. If GitHub refuses it, its halves are tried; a single refused comment becomes
one on its file, and if that is refused too, its finding is left for the summary. When an answer is
lost, the pull request is read before anything is posted again.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from reviewloop.domain.errors import ExitCode
from reviewloop.github.api.answers import ReviewComment
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import AnswerLost, GitHubError, StaleHead, Unprocessable
from reviewloop.github.api.model import Comment, Posted, PullRequest
from reviewloop.github.api.transport import Pace
from reviewloop.github.comments.bodies import clip_body, file_body
from reviewloop.github.comments.marker import own_comments
from reviewloop.regex import regex
from reviewloop.render.code_view import shown_path

__all__ = ["StaleHead", "post"]

BATCH = 30  # comments in one review; more of them can trigger GitHub's abuse limit
_TRIES = 3  # of one request whose answers get lost
_PENDING = regex("pending review", re.IGNORECASE)
_COMMIT = regex(r"\bcommit", re.IGNORECASE)


def post(
    client: GitHub,
    pull: PullRequest,
    comments: Sequence[Comment],
    *,
    head_sha: str,
    known: Collection[str] = (),
    cap: int,
    batch: int = BATCH,
    rendered: Callable[[str], str] = str,
    pace: Pace | None = None,
) -> Posted:
    """Post comments, most important first, and return where each finding ended.

    `known` are fingerprints posted earlier, which are not posted again; the result names those
    still on the diff. At most `cap` comments are posted, `batch` in one review. `rendered` redacts
    each text. Raise StaleHead if the head is not `head_sha` any more and nothing was posted; any
    other error ends the posting and is listed in the problems with what is left.
    """
    fresh = {c.finding: c for c in reversed(comments) if c.finding not in known}
    order = [name for name in dict.fromkeys(c.finding for c in comments) if name in fresh]
    ready = [replace(fresh[name], body=clip_body(rendered(fresh[name].body))) for name in order]
    work = _Posting(client, pull.number, head_sha, pace or Pace())
    broken = ""
    code = ExitCode.CLEAN
    try:
        work.check_head()
        work.look()
        if ready and cap > 0:
            client.delete_pending_review(pull.number)
        for start in range(0, min(cap, len(ready)), max(1, batch)):
            work.batch(ready[start : min(start + max(1, batch), cap)])
    except StaleHead as stale:
        if not work.located:
            raise
        broken, code = str(stale), stale.exit_code
    except GitHubError as error:
        broken, code = str(error), error.exit_code
    return Posted(
        inline=tuple(work.inline),
        on_file=tuple(work.on_file),
        left=tuple(name for name in order if name not in work.located),
        known=tuple(name for name in known if name in work.earlier and name not in work.located),
        problems=(*work.problems, *([broken] if broken else [])),
        broken=bool(broken),
        exit_code=code,
    )


class _Posting:
    """The state of posting the comments."""

    def __init__(self, client: GitHub, number: int, head_sha: str, pace: Pace) -> None:
        self._client, self._number, self._head, self._pace = client, number, head_sha, pace
        self.inline: list[str] = []
        self.on_file: list[str] = []
        self.problems: list[str] = []
        self.earlier: dict[str, list[ReviewComment]] = {}  # ours from before, by finding

    @property
    def located(self) -> set[str]:
        """The findings that are on the diff now."""
        return {*self.inline, *self.on_file}

    def check_head(self) -> None:
        """Raise StaleHead unless the head is still the reviewed one."""
        head = self._client.pull(self._number).head_sha
        if head != self._head:
            raise StaleHead(
                f"the head of #{self._number} moved from {self._head[:7]} to {head[:7]} while it"
                " was reviewed; the run for the new head reviews it"
            )

    def look(self) -> None:
        """Record which comments are on the diff before anything is posted."""
        self.earlier = own_comments(self._client.review_comments(self._number), self._client.me())

    def batch(self, some: Sequence[Comment]) -> None:
        """Post comments as one review, or as ever smaller ones."""
        if not some:
            return
        try:
            self._post_with_retry(self._review, some, self.inline)
        except Unprocessable as refused:
            self._explain(refused)
            if len(some) > 1:
                half = len(some) // 2
                self.batch(some[:half])
                self.batch(some[half:])
            else:
                self._on_file(some[0], refused)

    def _on_file(self, comment: Comment, refused: Unprocessable) -> None:
        location = f"{shown_path(comment.path)}:{comment.line}"
        why = "; ".join(refused.messages)
        on_file = replace(comment, body=file_body(comment))
        try:
            self._post_with_retry(self._file_comment, [on_file], self.on_file)
            where = "on the file"
        except Unprocessable as again:
            self._explain(again)
            where = "in the summary"
        self.problems.append(f"GitHub takes no comment at {location} ({why}): it stands {where}")

    def _post_with_retry(
        self,
        act: Callable[[Sequence[Comment]], None],
        some: Sequence[Comment],
        done: list[str],
    ) -> None:
        """Post once, even if answers are lost, and record what is on the diff then."""
        for attempt in range(1, _TRIES + 1):
            self._pace.wait()
            try:
                act(some)
            except AnswerLost:
                # An accepted comment may take a moment to appear.
                self._pace.sleep(2.0 * attempt)
                there = self._new()
                done += [c.finding for c in some if c.finding in there]
                some = [c for c in some if c.finding not in there]
                if not some:
                    return
                if attempt == _TRIES:
                    raise
            else:
                done += [c.finding for c in some]
                return

    def _new(self) -> set[str]:
        """Return the findings that got a comment since the first look."""
        found = own_comments(self._client.review_comments(self._number), self._client.me())
        return {
            name
            for name, comments in found.items()
            if len(comments) > len(self.earlier.get(name, ()))
        }

    def _review(self, some: Sequence[Comment]) -> None:
        self._client.create_review(self._number, commit_id=self._head, body="", comments=some)

    def _file_comment(self, some: Sequence[Comment]) -> None:
        [one] = some
        self._client.create_file_comment(
            self._number, commit_id=self._head, path=one.path, body=one.body
        )

    def _explain(self, refused: Unprocessable) -> None:
        """Raise the error that ends the posting, for causes that concern more than one comment."""
        messages = " ".join(refused.messages)
        if _PENDING.search(messages):
            raise GitHubError(
                f"a review of {self._client.me()} is still pending on #{self._number}, so that"
                " GitHub takes no other: submit or discard it on the page of the pull request"
            )
        if _COMMIT.search(messages):
            self.check_head()
