"""The conversation of a pull request: our earlier comments, and what one more review posts."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal, Self

from reviewloop.analysis.rule_book import rule_of
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode
from reviewloop.domain.finding import Finding
from reviewloop.github.api.answers import IssueComment, ReviewComment
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import GitHubError, StaleHead
from reviewloop.github.api.model import SEVERITIES, Comment, Posted, PullRequest, State, Status
from reviewloop.github.api.transport import Pace
from reviewloop.github.comments.bodies import finding_in, finding_line, headings_in, inline_body
from reviewloop.github.comments.marker import (
    ANY,
    is_ours,
    own_comments,
    read_state,
    state_marker,
    unremembered_findings,
)
from reviewloop.github.job.outcome import (
    NEVER,
    JobOutcome,
    exit_code_of,
    failure_outcome,
    reason_of,
    status_of,
    without_dismissed,
)
from reviewloop.github.posting.comment_location import comment_on, suggestion_at
from reviewloop.github.posting.memory import with_orders
from reviewloop.github.posting.post import post
from reviewloop.github.posting.postable import PostableReview
from reviewloop.github.posting.summary import summary, upsert
from reviewloop.github.rereview.plan import Rereview, after_posting, plan, reply_to_fixed
from reviewloop.github.user_comments import permission_check
from reviewloop.render.report import ReviewReport
from reviewloop.render.rules import rule_link
from reviewloop.render.text import all_tokens


@dataclass(frozen=True)
class CommentStyle:
    """How many findings get comments, and how the run is linked."""

    inline: bool = True
    least: str = "should"  # severity: must, should or nit
    most: int = 30  # comments
    run_url: str = ""


@dataclass(frozen=True)
class PostResult:
    """The result of posting a review."""

    posted: Posted
    parts: tuple[str, ...]  # of the summary, as Markdown
    problems: tuple[str, ...] = ()  # sentences: what could not be posted
    url: str = ""  # of the summary
    exit_code: ExitCode = ExitCode.CLEAN  # USAGE for a problem that the user has to correct


@dataclass(frozen=True)
class Conversation:
    """The comments of a pull request before this review, our own among them."""

    client: GitHub
    pull: PullRequest
    me: str
    mine: tuple[IssueComment, ...]
    state: State
    pace: Pace
    roots: Mapping[str, Sequence[ReviewComment]]  # our comments on the diff, by their findings

    @classmethod
    def read(cls, client: GitHub, pull: PullRequest, pace: Pace) -> Self:
        """Read the conversation."""
        me = client.me()
        comments = client.issue_comments(pull.number)
        mine = tuple(comment for comment in comments if is_ours(comment, me))
        roots = own_comments(client.review_comments(pull.number), me)
        return cls(client, pull, me, mine, read_state(comments, me, pull), pace, roots)

    @property
    def has_spoken(self) -> bool:
        """Whether an earlier review posted something here that this one may have to correct."""
        return any(comment.body.lstrip().startswith(ANY) for comment in self.mine)

    @property
    def forgotten(self) -> tuple[Finding, ...]:
        """The findings that are in our comments only: the state was lost, or never stored."""
        return unremembered_findings(self.roots, self.state)

    def plan(self, reading: PostableReview) -> Rereview:
        """Compare a review with the earlier ones."""
        return plan(
            (*reading.report.findings, *reading.report.silenced),
            self.state,
            threads=self.client.review_threads(self.pull.number),
            comments=self.client.review_comments(self.pull.number),
            me=self.me,
            may_dismiss=permission_check(self.client),
            facts=reading.facts,
        )

    def post_review(
        self, planned: Rereview, reading: PostableReview, report: ReviewReport, style: CommentStyle
    ) -> PostResult:
        """Post new findings, reply to fixed ones, and update the summary.

        `report` is that of the review with findings that users dismissed among the silenced ones.
        Raise StaleHead, with nothing posted, when there is a newer head. Other errors are listed in
        the problems, beside what was posted all the same.
        """
        posted = post(
            self.client,
            self.pull,
            _comments(planned, reading, style),
            head_sha=self.pull.head_sha,
            known=planned.known,
            cap=style.most if style.inline else 0,
            rendered=reading.rendered,
            pace=self.pace,
        )
        notes, errors = [*planned.notes], list[GitHubError]()
        notify, failing = notes.append, errors.append
        whom = (self.client, self.pull, planned)
        problems = reply_to_fixed(*whom, notify=notify, failing=failing, pace=self.pace)
        complete = report.outcome != "incomplete" and not posted.broken
        seen = self.pull if complete else None
        state = _spent(after_posting(planned.state, posted, seen), report)
        gone = _only_here(planned, reading)
        # What was only in the summary has to be there again.
        posted = replace(posted, known=tuple(sorted(planned.commented)))
        drawn = partial(
            summary,
            *(report, posted, self.pull),
            run_url=style.run_url,
            notes=self._notes(notes),
            earlier=[planned.open[name] for name in sorted(planned.silent)],
            failing=[planned.open[name] for name in sorted(planned.silent - planned.harmless)],
            dismissed=gone,
            names=self._names(planned, [*sorted(planned.silent), *gone]),
            rules=rule_of,
            rendered=reading.rendered,
        )
        parts, url = drawn(), ""  # for the page of the run, if it cannot be posted
        try:
            parts = drawn(state_marker=state_marker(self._with_orders(state), self.pull))
            url = upsert(self.client, self.pull, parts, self.mine, pace=self.pace)[0].url
        except GitHubError as error:
            errors.append(error)
            problems = (*problems, str(error))
        code = _exit_code([posted.exit_code, *(error.exit_code for error in errors)])
        problems = (*(posted.problems[-1:] if posted.broken else ()), *problems)
        return PostResult(posted, tuple(parts), problems, url, code)

    def unposted(self, reading: PostableReview, style: CommentStyle) -> str:
        """Return the summary of a review that could not be posted."""
        parts = summary(
            *(reading.report, Posted(), self.pull),
            run_url=style.run_url,
            notes=self._notes(()),
            rules=rule_of,
            rendered=reading.rendered,
        )
        return "\n\n".join(parts)

    def _with_orders(self, state: State) -> State:
        talk = self.client.issue_comments(self.pull.number)
        return with_orders(state, self.state, read_state(talk, self.me, self.pull))

    def _names(self, planned: Rereview, options: Iterable[str]) -> dict[str, str]:
        """Return the lines for findings that this review does not report."""
        entries, headings = (
            planned.state.findings,
            headings_in(comment.body for comment in self.mine),
        )
        known = [name for name in options if name in entries]
        data = {name: finding_in(self.roots.get(name, ())) for name in known}
        return {
            name: finding_line(name, entries[name], data[name], headings.get(name, ""))
            for name in known
        }

    def _notes(self, notes: Iterable[str]) -> tuple[str, ...]:
        return (self.state.note, *notes) if self.state.note else tuple(notes)


def _only_here(planned: Rereview, reading: PostableReview) -> dict[str, str]:
    """Return who dismissed findings that this review does not report, and why."""
    spoken = {f.id for f in (*reading.report.findings, *reading.report.silenced)}
    return {name: why for name, why in planned.dismissed.items() if name not in spoken}


def _exit_code(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the most urgent code for the user: 2 before 5 before 0."""
    found = set(codes) - {ExitCode.CLEAN}
    if not found:
        return ExitCode.CLEAN
    return ExitCode.USAGE if ExitCode.USAGE in found else ExitCode.INCOMPLETE


def _comments(planned: Rereview, reading: PostableReview, style: CommentStyle) -> list[Comment]:
    least = SEVERITIES[style.least].rank
    loud = (finding for finding in planned.post if finding.severity.rank <= least)
    made = (_comment(reading, finding) for finding in loud)
    return [comment for comment in made if comment]


def _comment(reading: PostableReview, finding: Finding) -> Comment | None:
    location = reading.facts.locations.get(finding.id)
    if location is None:
        return None
    new, link = suggestion_at(finding, location), rule_link(finding, rule_of)
    body = inline_body(finding, suggestion=new, rule_link=link, redact=reading.redact)
    return comment_on(finding, location, body)


def _spent(state: State, report: ReviewReport) -> State:
    usage = report.usage
    return replace(
        state,
        spent_usd=state.spent_usd + float(usage.get("cost_usd") or 0),
        spent_tokens=state.spent_tokens + all_tokens(usage),
    )


CommentsMode = Literal["inline", "summary", "none"]


@dataclass(frozen=True)
class PostOptions:
    """How a result is posted."""

    comments: CommentsMode = "inline"
    least: str = "should"  # least severity of a comment on a line: must, should or nit
    most: int = 30  # comments
    fail_on: str = NEVER
    run_url: str = ""

    @property
    def style(self) -> CommentStyle:
        """Return the part of it that the conversation needs."""
        return CommentStyle(self.comments == "inline", self.least, self.most, self.run_url)


def report_review(
    talk: Conversation,
    reading: PostableReview,
    options: PostOptions,
    *,
    on_progress: Callable[[str], None] = lambda _: None,
) -> JobOutcome:
    """Post a review and return the outcome; raise StaleHead if there is a newer head.

    Whatever could not be posted is in the outcome's summary, for the page of the run.
    """
    try:
        return _post_review(talk, reading, options, on_progress)
    except GitHubError as error:
        if isinstance(error, StaleHead):
            raise
        words = talk.unposted(reading, options.style)
        return replace(failure_outcome(error, talk.pull), report=reading.report, summary=words)


def _post_review(
    talk: Conversation,
    reading: PostableReview,
    options: PostOptions,
    on_progress: Callable[[str], None],
) -> JobOutcome:
    on_progress("comparing with what was said before")
    planned = talk.plan(reading)
    counting = [one for name, one in planned.open.items() if name not in planned.harmless]
    status = status_of(
        reading.report,
        options.fail_on,
        open_=planned.open.values(),
        counting=counting,
        untrusted=talk.pull.is_fork,
    )
    reason = reason_of(reading.report, status)
    report = without_dismissed(reading.report, planned.dismissed)
    nothing = status is Status.SKIPPED
    ended = JobOutcome(status, reason, exit_code_of(status), talk.pull, report, nothing=nothing)
    if options.comments == "none":
        return replace(ended, summary=talk.unposted(reading, options.style))
    on_progress("posting")
    result = talk.post_review(planned, reading, report, options.style)
    if result.problems:
        incomplete = reason if status is Status.REVIEW_ERROR else ""
        why = "; ".join(filter(None, (incomplete, *result.problems)))
        ended = replace(ended, status=Status.REVIEW_ERROR, reason=why, exit_code=result.exit_code)
    summary = "\n\n".join(result.parts)
    return replace(ended, posted=result.posted, summary=summary, summary_url=result.url)
