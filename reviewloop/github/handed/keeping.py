"""Keeps the end of a review in a file, so that another job can post it; see `artifact`."""

from collections.abc import Callable
from dataclasses import replace

from pydantic import ValidationError

from reviewloop.domain.errors import UsageError
from reviewloop.github.api.model import Status
from reviewloop.github.handed.artifact import Artifact, artifact_of, bytes_of
from reviewloop.github.job.event import Trigger
from reviewloop.github.job.outcome import Ended, failed, write_file


def kept_for_posting(
    ended: Ended, trigger: Trigger, path: str, *, hide: Callable[[str], str] = str
) -> Ended:
    """Write the file and return the end without what the other job says.

    A review that was skipped or failed is written, too: the other job tells so. Without a pull
    request there is nothing to tell and no file. `hide` takes secrets out of the reason.
    """
    if trigger.repo is None or not trigger.pull:
        return ended
    shown = replace(ended, reason=hide(ended.reason))
    try:
        try:
            data = bytes_of(_artifact(shown, trigger))
        except (ValidationError, UsageError) as error:
            why = str(error) if isinstance(error, UsageError) else _first(error)
            ended = failed(UsageError(f"the review cannot be handed over: {why}"), ended.pull)
            data = bytes_of(_artifact(ended, trigger))
        write_file(path, data.decode())
    except UsageError as error:
        return failed(error, ended.pull)
    return replace(ended, annotations="", summary="", collected=path)


def _artifact(ended: Ended, trigger: Trigger) -> Artifact:
    if ended.reading and ended.pull:
        end = ended.status, int(ended.exit_code), ended.reason
        return artifact_of(ended.reading, ended.pull, *end)
    bad = ended.status is not Status.SKIPPED
    return Artifact.fitting(
        {
            "repository": trigger.repo.full if trigger.repo else "",
            "pull": trigger.pull,
            "base": ended.pull.base_sha if ended.pull else "",
            "head": trigger.head or (ended.pull.head_sha if ended.pull else ""),
            "status": Status.REVIEW_ERROR if bad else Status.SKIPPED,
            "exit_code": int(ended.exit_code) if bad else 0,
            "reason": ended.reason,
        }
    )


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
