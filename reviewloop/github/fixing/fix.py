"""Fixes findings of a pull request because somebody who may write asked for it in a comment.

The job that does this may ask a model and pushes nothing: what it makes is a handoff for a job that
may push and has no model (`github.handed.handoff`).
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reviewloop.app.held_values import redactor_for
from reviewloop.app.project import open_repository
from reviewloop.app.run.advance import advance
from reviewloop.app.run.answers import worded
from reviewloop.app.run.fixing import FixPlan, FixWish, plan_fix
from reviewloop.app.run.start import begin
from reviewloop.app.run.view import view
from reviewloop.app.sandboxing import Acceptance
from reviewloop.domain.errors import (
    ExitCode,
    GuardRailError,
    InterruptedByUserError,
    ReviewLoopError,
    UsageError,
)
from reviewloop.git.located import ReviewRepository, locate
from reviewloop.git.process import Git
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.model import PullRequest, Status
from reviewloop.github.comments.bodies import clipped
from reviewloop.github.fixing.words import fixed_words, needs_person, unfixed_words
from reviewloop.github.handed.handoff import (
    LONGEST_TEXT,
    Approval,
    Handoff,
    make_room,
    write_handoff,
)
from reviewloop.github.job.event import Trigger, named, require_commits
from reviewloop.github.job.outcome import FixResult, JobOutcome, failed
from reviewloop.github.reviewing.review import run_url_of
from reviewloop.github.said.asked import FixRequest, Request, asked_findings, requested
from reviewloop.github.said.commands import ALL
from reviewloop.guards.branch import check_branch
from reviewloop.render.proposal import Proposal
from reviewloop.store.runs import RunRecord, RunStatus

OnProgress = Callable[[str], None]
_STEPS = {
    "fix": "fixing",
    "guard": "running the guard-rails",
    "re_review": "having the fixes re-reviewed",
    "repair": "repairing",
}


@dataclass(frozen=True)
class FixOptions:
    """What the command line, or the workflow, asks for."""

    pull: int
    finding: str  # its id, or the beginning of it, or `all`
    comment: int  # the one that asks for it
    handoff: Path  # an empty folder, none yet, or one that says why there is no commit
    repo: str = ""  # owner/name; "": of the workflow
    model: str = ""  # "": what the settings of the base commit say
    limits: Mapping[str, float | int | None] = field(default_factory=dict)
    unsandboxed: Acceptance = ""


def fix_pull(
    options: FixOptions,
    environ: Mapping[str, str],
    *,
    start: Path,
    told: OnProgress = lambda _: None,
) -> JobOutcome:
    """Fix what the comment asks for, and write the handoff: the commit, or why there is none.

    PASSED means that there is a commit. Nothing is handed over when the comment does not ask for
    it or its author may not. `start` is in a clone that has the commits of the pull request.
    """
    pull = None
    try:
        make_room(options.handoff)
        repo = options.repo or environ.get("GITHUB_REPOSITORY", "")
        trigger = named(Trigger("none"), repo=repo)
        if trigger.repo is None:
            raise UsageError("which repository? give --repo OWNER/NAME")
        with GitHub.from_environment(environ, trigger.repo) as client:
            pull = client.pull(options.pull)
            request = requested(client, pull, options.comment)
            place, url = locate(start), run_url_of(environ)
            return _Job(client, pull, request, options, place, url, told).end()
    except InterruptedByUserError:
        raise
    except ReviewLoopError as error:
        return failed(error, pull)


@dataclass(frozen=True)
class _Job:
    client: GitHub
    pull: PullRequest
    request: Request
    options: FixOptions
    place: ReviewRepository
    run_url: str
    told: OnProgress

    def end(self) -> JobOutcome:
        """Fix, and hand over; the reason why not is handed over, too, for whoever asked."""
        try:
            asked = asked_findings(self.client, self.pull, self.options.finding)
            all_of_them = self.options.finding == ALL
            self.request.require(ALL if all_of_them else asked.findings[0].id)
            planned = self._planned(asked)
            return self._fixed(planned, {**asked.left, **planned.left})
        except InterruptedByUserError:
            raise
        except ReviewLoopError as error:
            return self._unfixed([str(error)], code=error.exit_code)

    def _planned(self, asked: FixRequest) -> FixPlan:
        """Check all that is free; raise for a pull request whose branch is not ours to change."""
        self._require_own_branch()
        require_commits(self.place, self.pull)
        since = self.place.git.result("merge-base", self.pull.base_sha, self.pull.head_sha)
        flags: dict[str, Any] = {
            "review.repository_configuration": False,  # of analysers: the head could bring it
            **self.options.limits,
        }
        if self.options.model:
            flags |= dict.fromkeys(("models.reasoning", "models.generation"), self.options.model)
        request = FixWish(
            asked.findings,
            base=self.pull.head_sha,
            # A branch of this clone alone, so that nothing of a person's moves.
            branch=f"reviewloop/pull-{self.pull.number}-{secrets.token_hex(3)}",
            since=since.stdout.decode().strip(),
            # Only here the settings may name commands without a word of trust: they are those of
            # the branch this is to be merged into.
            rules_from=self.pull.base_sha,
            pull=self.pull.number,
            merged=True,
            unsandboxed=self.options.unsandboxed,
            flags={name: value for name, value in flags.items() if value is not None},
        )
        planned = plan_fix(open_repository(self.place.user.root), request)
        judged = check_branch(self.pull.head_ref, planned.plan.loaded.settings)
        if judged.status.stops:
            raise GuardRailError(f"{self.pull.head_ref} is a protected branch, so nothing is fixed")
        return planned

    def _require_own_branch(self) -> None:
        number, head = f"pull request {self.pull.number}", self.pull.head_ref
        if not self.pull.open:
            raise UsageError(f"{number} is closed, so nothing is fixed in it")
        if self.pull.is_fork:
            raise UsageError(
                f"{number} comes from {self.pull.head_repo or 'a deleted fork'}, whose branch is "
                "not this repository's to change; its author can apply the suggestions"
            )
        if head in {self.pull.base_ref, self.client.default_branch()}:
            raise UsageError(f"{number} is made from {head}, which people alone commit to")

    def _fixed(self, planned: FixPlan, left: Mapping[str, str]) -> JobOutcome:
        repository = open_repository(self.place.user.root)
        record = begin(planned.at, planned.plan)
        self.told(f"run {record.run_id}: fixing")
        record = advance(repository, record.run_id, listener=self._listen)
        with view(repository, record) as seen:
            unclean = needs_person(seen.proposal)
            if reasons := unclean or self._changed():
                advance(
                    repository, record.run_id, answer=worded(record, "skip", "; ".join(reasons))
                )
                code = _code_of(record, seen.proposal) if unclean else ExitCode.USAGE
                return self._unfixed(reasons, left, seen.proposal, patch=seen.diff(), code=code)
            approved = worded(record, "approve", act=self.request.act)
            record = advance(repository, record.run_id, answer=approved)
            if record.status is not RunStatus.COMMITTED:
                raise UsageError(f"the commit could not be made: {record.reason}")
            words = fixed_words(
                planned.findings,
                left,
                seen.proposal,
                actor=self.request.act.actor,
                commit=record.commit,
                pull_url=self.pull.url,
                run_url=self.run_url,
            )
            found = tuple(finding.id for finding in planned.findings)
            words = self._hand_over(words, seen.private.git, record, found)
        return JobOutcome(Status.PASSED, pull=self.pull, summary=words, made=self._made(record))

    def _changed(self) -> tuple[str, ...]:
        """Return what changed on GitHub meanwhile: somebody may have taken the word back."""
        number = f"pull request {self.pull.number}"
        try:
            again = requested(self.client, self.pull, self.options.comment)
        except UsageError as error:
            return (str(error),)
        if again != self.request:
            return (f"what was asked for on {number} changed while it was made",)
        if self.client.pull(self.pull.number).head_sha != self.pull.head_sha:
            return (f"{number} was pushed to while it was fixed; ask again for its new head",)
        return ()

    def _unfixed(
        self,
        reasons: Sequence[str],
        left: Mapping[str, str] | None = None,
        proposal: Proposal | None = None,
        *,
        patch: str = "",
        code: ExitCode,
    ) -> JobOutcome:
        words = unfixed_words(reasons, left or {}, proposal, patch=patch, run_url=self.run_url)
        words = self._hand_over(words, self.place.git)
        asks = code in {ExitCode.FINDINGS, ExitCode.GUARD_FAILED}
        status = Status.NEEDS_CHANGES if asks else Status.REVIEW_ERROR
        made = self._made()
        return JobOutcome(status, "; ".join(reasons), code, self.pull, summary=words, made=made)

    def _made(self, record: RunRecord | None = None) -> FixResult:
        made = (record.commit, record.branch) if record else ("", "")
        return FixResult(*made, self.pull.head_ref, str(self.options.handoff))

    def _hand_over(
        self,
        words: str,
        git: Git,
        record: RunRecord | None = None,
        findings: tuple[str, ...] = (),
    ) -> str:
        """Write the handoff, with the commit of a run if there is one; return its words."""
        user, act = self.place.user, self.request.act
        words = redactor_for(user.root, user.git_dir).for_people(words)
        words = clipped(words, LONGEST_TEXT)  # only now: what hides a secret may be longer
        handoff = Handoff.of(
            kind="fix",
            repo=self.pull.repo.full,
            pull=self.pull.number,
            branch=self.pull.head_ref,
            base=self.pull.head_sha if record else "",
            commit=record.commit if record else "",
            body=words,
            approval=Approval(act=act.kind, actor=act.actor, id=act.ident, url=act.url),
            findings=findings,
            comment=self.options.comment,
            run=record.run_id if record else "",
            status="fixed" if record else "not_fixed",
        )
        write_handoff(self.options.handoff, handoff, git)
        return words

    def _listen(self, event: Mapping[str, Any]) -> None:
        if event.get("kind") == "step.start" and event.get("step") in _STEPS:
            self.told(_STEPS[str(event["step"])])


def _code_of(record: RunRecord, proposal: Proposal) -> ExitCode:
    """Return why nothing was committed as an exit code; findings may be all that is left."""
    if proposal["incomplete"]:
        return ExitCode.INCOMPLETE
    blocked = record.status is RunStatus.BLOCKED
    return ExitCode.GUARD_FAILED if blocked else ExitCode.FINDINGS
