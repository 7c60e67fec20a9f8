"""Reviews a pull request and posts the result, here or in another job."""

import time
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import Any

from reviewloop.analysis.rule_book import rule_of
from reviewloop.app.project import model_flags
from reviewloop.app.redactors import redactor_here
from reviewloop.app.review.review import NO_MODEL, ReviewRequest, ReviewResult, review
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode, InterruptedByUserError, ReviewLoopError, UsageError
from reviewloop.git.comparison import CompareSpec
from reviewloop.git.review_repository import locate
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import StaleHead
from reviewloop.github.api.model import PullRequest, Status
from reviewloop.github.api.transport import Pace
from reviewloop.github.artifacts.review_artifact import Artifact, read_artifact, write_for_posting
from reviewloop.github.comments.marker import finding_from
from reviewloop.github.job.event import (
    Allowed,
    Trigger,
    read_event,
    require_commits,
    skip_reason,
    with_named_pull,
)
from reviewloop.github.job.outcome import (
    JobOutcome,
    annotations_of,
    failure_outcome,
    reason_of,
    with_check,
    with_threshold,
    write_file,
)
from reviewloop.github.job.permissions import require_reading_job
from reviewloop.github.posting.postable import postable_review
from reviewloop.github.reviewing.conversation import (
    CommentsMode,
    Conversation,
    PostOptions,
    report_review,
)
from reviewloop.render.formats import renderer
from reviewloop.render.untrusted import one_line
from reviewloop.review.push import Known
from reviewloop.settings.schema import AUTO

_OPEN = {"open", "reported"}


def with_deep_range(request: ReviewRequest, talk: Conversation) -> ReviewRequest:
    """Return the request with a deep review of what was pushed since our last review.

    That needs another head, and a complete last review with models; without one no model has read
    the change yet. Whether the two heads can be compared is decided during the review.
    """
    state = talk.state
    if not state.reviewed_sha or state.reviewed_sha == talk.pull.head_sha or not state.spent_tokens:
        return request
    return replace(request, deep_from=state.reviewed_sha, known=_known(talk))


def _known(talk: Conversation) -> tuple[Known, ...]:
    """Return the open findings; those only in the summary are known by location and title alone."""
    known = []
    for name, entry in sorted(talk.state.findings.items()):
        if entry.get("status") not in _OPEN:
            continue
        findings = [
            found for root in talk.roots.get(name, ()) if (found := finding_from(root.body))
        ]
        severity, path = str(entry.get("severity", "")), str(entry.get("path", ""))
        if findings:
            one = findings[-1]
            known.append(Known(name, path or one.path, one.title, one.quote, one.line, severity))
        else:
            known.append(Known(name, path, severity=severity))
    return tuple(known)


OnProgress = Callable[[str], None]
_PAUSED = "reviews of this pull request are paused; `/reviewloop resume` goes on"


@dataclass(frozen=True)
class PullReviewRequest:
    """The options of the user or the workflow."""

    pull: int = 0  # 0: that of the event
    repo: str = ""  # owner/name; "": of the workflow
    event: str = ""  # file with a payload; "": the workflow's
    max_comments: int = 30
    min_severity: str = "should"  # least severity of a comment; the rest is in the summary
    fail_on: str = "never"
    model: str = ""  # "": as set in the base commit; auto: else the one detected
    limits: Mapping[str, float | int | None] = field(default_factory=dict)  # limits.usd: 2.5
    comments: CommentsMode = "inline"
    sarif: str = ""
    report: str = ""
    allowed: Allowed = field(default_factory=Allowed)
    check: bool = False  # whether a check on the head reports the outcome, too
    full: bool = False  # review the whole change in depth with new model calls
    annotations: str = "true"  # whether findings without a comment become annotations all the same
    collect: str = ""  # artifact to write, so that another job can post it; "": we post

    @property
    def annotated(self) -> bool:
        """Whether annotations are requested."""
        return self.annotations == "true"

    def post_options(self, run_url: str) -> PostOptions:
        """Return how the result is posted."""
        return PostOptions(
            self.comments, self.min_severity, self.max_comments, self.fail_on, run_url=run_url
        )


def review_pull(
    options: PullReviewRequest,
    environ: Mapping[str, str],
    *,
    start: Path,
    on_progress: OnProgress = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.time,
) -> JobOutcome:
    """Review a pull request whose commits are in the repository at `start`, and post the result.

    Every expected failure is an outcome with status REVIEW_ERROR, so that outputs can be written.
    """
    try:
        trigger = with_options(read_event(environ, path=options.event), options)
    except ReviewLoopError as error:
        return failure_outcome(error)
    ended = _reviewed(trigger, options, environ, start, on_progress, Pace(sleep, now))
    if not options.collect:
        return ended
    return write_for_posting(ended, trigger, options.collect, redact=redactor_here().for_people)


def with_options(event: Trigger, options: PullReviewRequest) -> Trigger:
    """Return the trigger with the user's options; raise UsageError if no pull request is named."""
    trigger = with_named_pull(event, pull=options.pull, repo=options.repo)
    if trigger.kind == "review" and trigger.repo is None:
        raise UsageError("which repository? give --repo OWNER/NAME")
    if trigger.kind == "review" and not trigger.pull:
        raise UsageError("which pull request? give --pr NUMBER")
    return trigger


def _reviewed(
    trigger: Trigger,
    options: PullReviewRequest,
    environ: Mapping[str, str],
    start: Path,
    on_progress: OnProgress,
    pace: Pace,
) -> JobOutcome:
    if trigger.kind == "command":
        return JobOutcome(Status.SKIPPED, "this run was started by a comment, not by a change")
    if trigger.kind == "none" or trigger.repo is None:
        return JobOutcome(Status.SKIPPED, trigger.why)
    try:
        with GitHub.from_environment(
            environ, trigger.repo, sleep=pace.sleep, now=pace.now, limited=pace.slow_down
        ) as client:
            pull = client.pull(trigger.pull)
            run = _Run(
                client, pull, trigger, options, run_url_of(environ), pace, on_progress, environ
            )
            ended = run.end(start)
            if options.check and not options.collect:
                return with_check(client, pull, ended, run_url=run.run_url)
            return ended
    except InterruptedByUserError:
        raise
    except ReviewLoopError as error:
        return failure_outcome(error)


@dataclass(frozen=True)
class _Run:
    """One review of one pull request."""

    client: GitHub
    pull: PullRequest
    trigger: Trigger
    options: PullReviewRequest
    run_url: str
    pace: Pace
    on_progress: OnProgress
    environ: Mapping[str, str]

    def end(self, start: Path) -> JobOutcome:
        """Review the pull request from the repository at `start`, or return why it is skipped."""
        if reason := skip_reason(self.pull, self.trigger, self.options.allowed):
            return self._skipped(reason)
        try:
            repository = locate(start)
            require_commits(repository, self.pull)
            talk = Conversation.read(self.client, self.pull, self.pace)
            if talk.state.paused and not self.trigger.by_hand:
                return self._skipped(_PAUSED)
            request = replace(
                request_of(self.pull, self.options),
                before_agents=partial(require_reading_job, self.client, self.environ),
            )
            request = request if self.options.full else with_deep_range(request, talk)
            with review(request, start, on_progress=self.on_progress) as done:
                if not (done.report.reviewed or done.report.skipped or talk.has_spoken):
                    return replace(
                        self._skipped(reason_of(done.report, Status.SKIPPED)), nothing=True
                    )
                least = self.options.min_severity
                reading = postable_review(
                    done, repository, talk.state, self.pull, least=least, forgotten=talk.forgotten
                )
                settings = self.options.post_options(self.run_url)
                if self.options.collect:
                    settings = replace(settings, comments="none")
                ended = report_review(talk, reading, settings, on_progress=self.on_progress)
                return self._with_files(replace(ended, reading=reading), done)
        except StaleHead as error:
            return self._skipped(str(error))
        except InterruptedByUserError:
            raise
        except ReviewLoopError as error:
            return failure_outcome(error, self.pull)

    def _skipped(self, reason: str) -> JobOutcome:
        return JobOutcome(Status.SKIPPED, reason, pull=self.pull)

    def _with_files(self, ended: JobOutcome, done: ReviewResult) -> JobOutcome:
        report, shown = ended.report or done.report, done.shown

        def drawn(name: str) -> str:
            return shown.rendered(renderer(name)(report, shown, rule_of))

        if self.options.sarif:
            write_file(self.options.sarif, drawn("sarif"))
        if self.options.report:
            write_file(self.options.report, drawn("json"))
        lines = annotations_of(replace(ended, report=report), self.options.min_severity)
        return replace(
            ended,
            annotations=shown.rendered(lines) if self.options.annotated else "",
            sarif_path=self.options.sarif,
            report_path=self.options.report,
        )


def request_of(pull: PullRequest, options: PullReviewRequest) -> ReviewRequest:
    """Return the review request: the pull request's change, by the rules of its base commit."""
    flags: dict[str, Any] = {
        "review.fail_on": options.fail_on,
        "review.repository_configuration": False,
        **options.limits,
    }
    model = options.model
    if model == AUTO and pull.is_fork:
        model = ""  # a key in the environment must not pay for the changes of strangers
    if model not in ("", AUTO, NO_MODEL):
        flags |= model_flags(model)
    return ReviewRequest(
        compare=CompareSpec(range=f"{pull.base_sha}...{pull.head_sha}"),
        model=model,
        flags={name: value for name, value in flags.items() if value is not None},
        remembered=False,
        rules_from=pull.base_sha,
        again=options.full,
        untrusted=pull.is_fork,
        # The job that only collects may write nothing: without a token for that, agents may work.
        acceptance="" if options.collect else None,
        named="a key, such as `anthropic-api-key`, or `model: PROVIDER:MODEL`",
    )


def run_url_of(environ: Mapping[str, str]) -> str:
    """Return the page of the workflow's run, "" outside of one."""
    server, repo = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_REPOSITORY", "")
    run = environ.get("GITHUB_RUN_ID", "")
    known = server.startswith("https://") and repo and run.isdecimal()
    return f"{server}/{repo}/actions/runs/{run}" if known else ""


# Permission was checked by the reviewing job; a closed or moved pull request is still skipped.
_ANY = Allowed(forks=True, drafts=True, bots=True, files=10**9)


def post_kept(
    path: str,
    options: PullReviewRequest,
    environ: Mapping[str, str],
    *,
    on_progress: OnProgress = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.time,
) -> JobOutcome:
    """Post the review in the file at `path`; every expected failure is an outcome."""
    try:
        trigger = with_options(read_event(environ, path=options.event), options)
        if trigger.kind != "review" or trigger.repo is None:
            raise UsageError("this run is about no pull request; name it with --pr")
        artifact = read_artifact(path)
        _require_same(artifact, trigger)
        pace = Pace(sleep, now)
        with GitHub.from_environment(
            environ, trigger.repo, sleep=sleep, now=now, limited=pace.slow_down
        ) as client:
            pull = client.pull(trigger.pull)
            run_url = run_url_of(environ)
            talk = partial(Conversation.read, client, pace=pace)
            settings, annotated = options.post_options(run_url), options.annotated
            ended = _posted(
                artifact, pull, trigger, talk, settings, on_progress, annotated=annotated
            )
            if options.check:
                return with_check(client, pull, ended, run_url=run_url)
            return ended
    except InterruptedByUserError:
        raise
    except ReviewLoopError as error:
        return failure_outcome(error)


def _require_same(artifact: Artifact, trigger: Trigger) -> None:
    """Raise UsageError for an artifact of another repository, pull request or commit."""
    here = trigger.repo.full if trigger.repo else ""
    for what, stated, known in (
        ("repository", artifact.repository.lower(), here.lower()),
        ("pull request", str(artifact.pull), str(trigger.pull)),
        ("commit", artifact.head, trigger.head or artifact.head),
    ):
        if stated != known and (stated or artifact.report):
            raise UsageError(
                f"the artifact is about the {what} {stated}, and this run about {known}: "
                "nothing of it is posted"
            )


def _posted(
    artifact: Artifact,
    pull: PullRequest,
    trigger: Trigger,
    talk: Callable[[PullRequest], Conversation],
    settings: PostOptions,
    on_progress: OnProgress,
    *,
    annotated: bool,
) -> JobOutcome:
    if reason := skip_reason(pull, trigger, _ANY) or _moved(artifact, pull):
        return JobOutcome(Status.SKIPPED, reason, pull=pull)
    redactor = redactor_here()
    if artifact.report is None:
        reason = redactor.for_people(one_line(artifact.reason)) or "the reading job gave no reason"
        return JobOutcome(artifact.status, reason, ExitCode(artifact.exit_code), pull)
    reading = artifact.reading(redact=redactor.for_people, rendered=redactor.redact_held)
    reading = replace(reading, report=with_threshold(reading.report, settings.fail_on))
    # The summary names the base of the comparison, which may have moved on.
    pull = replace(pull, base_sha=artifact.base)
    try:
        ended = report_review(talk(pull), reading, settings, on_progress=on_progress)
    except StaleHead as error:
        return JobOutcome(Status.SKIPPED, str(error), pull=pull)
    if not annotated:
        return ended
    lines = annotations_of(replace(ended, report=ended.report or reading.report), settings.least)
    return replace(ended, annotations=reading.rendered(lines))


def _moved(artifact: Artifact, pull: PullRequest) -> str:
    if artifact.head in {"", pull.head_sha}:
        return ""
    return (
        f"pull request {pull.number} was pushed to after {artifact.head[:12]} was read (it is at "
        f"{pull.head_sha[:12]} now); what was read is not posted"
    )
