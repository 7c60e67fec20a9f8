"""Posts a review that another job kept in a file: no model, no clone, nothing of the change runs.

The event and the API say which pull request it is; the file is refused if it says otherwise.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from reviewloop.app.held_values import redactor_here
from reviewloop.domain.errors import ExitCode, InterruptedByUserError, ReviewLoopError, UsageError
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import StaleHead
from reviewloop.github.api.model import PullRequest, Status
from reviewloop.github.api.transport import Pace
from reviewloop.github.handed.artifact import Artifact, read_artifact
from reviewloop.github.job.event import Allowed, Trigger, read_event, skip_reason
from reviewloop.github.job.outcome import JobOutcome, annotations_of, checked, failed, judged_by
from reviewloop.github.reviewing.conversation import Conversation, PostOptions, tell
from reviewloop.github.reviewing.review import OnProgress, PullReviewRequest, asked_for, run_url_of
from reviewloop.render.untrusted import one_line

# Who may review it was decided where it was read; a closed or a moved one is still left alone.
_ANY = Allowed(forks=True, drafts=True, bots=True, files=10**9)


def post_kept(
    path: str,
    options: PullReviewRequest,
    environ: Mapping[str, str],
    *,
    told: OnProgress = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.time,
) -> JobOutcome:
    """Post the review in the file at `path`; every expected failure is an end, as for a review."""
    try:
        trigger = asked_for(read_event(environ, path=options.event), options)
        if trigger.kind != "review" or trigger.repo is None:
            raise UsageError("this run is about no pull request; name it with --pr")
        artifact = read_artifact(path)
        _require_place(artifact, trigger)
        pace = Pace(sleep, now)
        with GitHub.from_environment(
            environ, trigger.repo, sleep=sleep, now=now, limited=pace.slow_down
        ) as client:
            pull = client.pull(trigger.pull)
            run_url = run_url_of(environ)
            talk = partial(Conversation.read, client, pace=pace)
            wanted, annotated = options.telling(run_url), options.annotated
            ended = _posted(artifact, pull, trigger, talk, wanted, told, annotated=annotated)
            if options.check:
                return checked(client, pull, ended, run_url=run_url)
            return ended
    except InterruptedByUserError:
        raise
    except ReviewLoopError as error:
        return failed(error)


def _require_place(artifact: Artifact, trigger: Trigger) -> None:
    """Raise UsageError for an artifact of another repository, pull request or commit."""
    here = trigger.repo.full if trigger.repo else ""
    for what, said, known in (
        ("repository", artifact.repository.lower(), here.lower()),
        ("pull request", str(artifact.pull), str(trigger.pull)),
        ("commit", artifact.head, trigger.head or artifact.head),
    ):
        if said != known and (said or artifact.report):
            raise UsageError(
                f"the artifact is about the {what} {said}, and this run about {known}: "
                "nothing of it is posted"
            )


def _posted(
    artifact: Artifact,
    pull: PullRequest,
    trigger: Trigger,
    talk: Callable[[PullRequest], Conversation],
    wanted: PostOptions,
    told: OnProgress,
    *,
    annotated: bool,
) -> JobOutcome:
    if reason := skip_reason(pull, trigger, _ANY) or _moved(artifact, pull):
        return JobOutcome(Status.SKIPPED, reason, pull=pull)
    redactor = redactor_here()
    if artifact.report is None:
        reason = redactor.for_people(one_line(artifact.reason)) or "the reading job gave no reason"
        return JobOutcome(artifact.status, reason, ExitCode(artifact.exit_code), pull)
    reading = artifact.reading(hide=redactor.for_people, rendered=redactor.held)
    reading = replace(reading, report=judged_by(reading.report, wanted.fail_on))
    # The summary names the base that it was compared with, which may have gone on.
    pull = replace(pull, base_sha=artifact.base)
    try:
        ended = tell(talk(pull), reading, wanted, told=told)
    except StaleHead as error:
        return JobOutcome(Status.SKIPPED, str(error), pull=pull)
    if not annotated:
        return ended
    lines = annotations_of(replace(ended, report=ended.report or reading.report), wanted.least)
    return replace(ended, annotations=reading.rendered(lines))


def _moved(artifact: Artifact, pull: PullRequest) -> str:
    if artifact.head in {"", pull.head_sha}:
        return ""
    return (
        f"pull request {pull.number} was pushed to after {artifact.head[:12]} was read (it is at "
        f"{pull.head_sha[:12]} now); what was read is not posted"
    )
