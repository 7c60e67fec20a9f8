"""What is offered after an approval: build-and-deploy, push-and-pr, session-handoff."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from reviewloop.runs.repository import Repository, settings_of
from reviewloop.store.runs import RunRecord
from reviewloop.workspace.run import excerpt, read_log, run_command

_LIMIT_SECONDS = 3600.0
_SHOWN_CHARS = 2000


@dataclass(frozen=True)
class FollowUp:
    """One follow-up; without argv it is not configured."""

    name: str
    argv: tuple[str, ...]
    shown: str = ""  # the command in other words, for the question

    @property
    def command(self) -> str:
        """Return the command as a person is asked about it."""
        return self.shown or " ".join(self.argv)


@dataclass(frozen=True)
class FollowUpResult:
    """How it ended, and the part of its output that matters."""

    exit_code: int
    said: str


def follow_ups(record: RunRecord, *, on_github: bool = False) -> tuple[FollowUp, ...]:
    """Return the three follow-ups in the order in which they are offered.

    Where no command pushes, our own does, if the remote is `on_github` and nobody switched it off.
    """
    configured = settings_of(record).follow_ups
    pushes = FollowUp("push-and-pr", configured.push_and_pr)
    if not pushes.argv and configured.pull_request and on_github:
        # -I: the checkout, where it runs, is nothing that Python may import from.
        argv = (sys.executable, "-I", "-m", "reviewloop", "publish", record.run_id)
        pushes = FollowUp("push-and-pr", argv, f"reviewloop publish {record.run_id}")
    return (
        FollowUp("build-and-deploy", configured.build_and_deploy),
        pushes,
        FollowUp("session-handoff", configured.session_handoff),
    )


def run_follow_up(repository: Repository, record: RunRecord, chosen: FollowUp) -> FollowUpResult:
    """Run a follow-up in the person's checkout.

    It is their own command, started at their word, so it has their whole environment: pushing
    and deploying need credentials.
    """
    log = repository.run_folder(record.run_id) / "logs" / f"{chosen.name}.log"
    result = run_command(
        chosen.argv,
        cwd=Path(record.repository),
        env={**os.environ, "REVIEWLOOP_RUN": record.run_id, "REVIEWLOOP_COMMIT": record.commit},
        timeout_seconds=_LIMIT_SECONDS,
        log=log,
    )
    output = excerpt(read_log(log), _SHOWN_CHARS)
    ended = "done" if result.exit_code == 0 else f"failed with exit code {result.exit_code}"
    return FollowUpResult(result.exit_code, f"{ended} in {result.seconds:.1f} s\n{output}".strip())
