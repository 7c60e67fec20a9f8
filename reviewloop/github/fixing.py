"""Fixes findings of a pull request when a user with write permission asks for it in a comment."""

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, cast

from reviewloop.app.project import open_repository
from reviewloop.app.redactors import redactor_for
from reviewloop.app.run.advance import advance
from reviewloop.app.run.answers import build_answer
from reviewloop.app.run.fixing import FixPlan, FixRequestText, plan_fix
from reviewloop.app.run.start import begin
from reviewloop.app.run.view import view
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import (
    ExitCode,
    GuardRailError,
    InterruptedByUserError,
    ReviewLoopError,
    UsageError,
)
from reviewloop.domain.event import RunEvent
from reviewloop.domain.finding import Finding, Severity
from reviewloop.domain.finding import Status as FindingStatus
from reviewloop.domain.gate import GateStatus
from reviewloop.git.process import Git
from reviewloop.git.review_repository import ReviewRepository, locate
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.model import PullRequest, Status
from reviewloop.github.artifacts.handoff import (
    LONGEST_TEXT,
    Approval,
    Handoff,
    make_room,
    write_handoff,
)
from reviewloop.github.comments.bodies import break_marks, clip_body, code, sanitise_line
from reviewloop.github.job.event import Trigger, require_commits, with_named_pull
from reviewloop.github.job.outcome import FixResult, JobOutcome, failure_outcome
from reviewloop.github.reviewing.review import run_url_of
from reviewloop.github.user_comments import ALL, FixRequest, Request, get_request, select_findings
from reviewloop.guards.branch import check_branch
from reviewloop.loop.approval_act import Kind
from reviewloop.render.code_view import visible
from reviewloop.render.proposal import Proposal
from reviewloop.render.text import counted, money, tokens
from reviewloop.render.untrusted import fenced, link
from reviewloop.sandbox import Acceptance
from reviewloop.store.runs import RunRecord, RunStatus

_LEFT = {str(FindingStatus.OPEN), str(FindingStatus.UNRESOLVED)}
_NO_RUN = (
    "_GitHub starts no workflow by itself for a push with a workflow's own token. "
    "`/reviewloop review` has this commit reviewed; checks run after another push, when this pull "
    "request is closed and opened again, or when you approve their runs on its page, if GitHub "
    "offers it._"
)
_MOST_PATCH = 30_000  # characters; a comment holds 65,536


def reasons_for_user(proposal: Proposal) -> tuple[str, ...]:
    """Return why a user has to look before approval, one sentence each; () for a clean result.

    The comment that asked for the fixes approves a clean result only: its author had not seen it.
    """
    reasons = [proposal["blocked"]] if proposal["blocked"] else []
    reasons += [
        f"{finding['title']} ({_where(finding)}): {finding['note'] or 'still open'}"
        for finding in proposal["findings"]
        if finding["status"] in _LEFT and Severity(finding["severity"]).actionable
    ]
    reasons += [f"{name} failed" for name in proposal["incomplete"]]
    reasons += proposal["governance"]
    reasons += [f"{file['path']}: it {file['why']}" for file in proposal["protected"]]
    reasons += [
        f"{gate['name']}: {gate['summary']}"
        for gate in proposal["gates"]
        if gate["status"] == GateStatus.NOT_VERIFIABLE
    ]
    return tuple(dict.fromkeys(reasons))


def fixed_message(
    findings: Sequence[Finding],
    left: Mapping[str, str],
    proposal: Proposal,
    *,
    actor: str,
    commit: str,
    pull_url: str,
    run_url: str,
) -> str:
    """Return the answer for a commit that fixes these findings, as Markdown."""
    at = link(commit[:12], f"{pull_url}/commits/{commit}")
    lines = [f"### reviewloop: fixed {counted(len(findings), 'finding')}", "", f"In {at}:", ""]
    lines += [_item(finding) for finding in findings]
    lines += ["", *_untried(left)]
    gates = "; ".join(f"{gate['name']}: {_gate(gate)}" for gate in proposal["gates"])
    lines += [f"**Guard-rails:** {sanitise_line(gates)}", ""] if gates else []
    lines += [f"Approved by {code(actor)} with the comment that asked for it.", ""]
    lines += [_figures(proposal, run_url), "", _NO_RUN]
    return "\n".join(lines)


def unfixed_message(
    reasons: Iterable[str],
    left: Mapping[str, str],
    proposal: Proposal | None,
    *,
    patch: str = "",
    run_url: str,
) -> str:
    """Return the answer when nothing was committed, as Markdown.

    `patch` is the change that was made all the same; the user may apply it by hand.
    """
    lines = ["### reviewloop: not fixed, needs you", ""]
    lines += [f"- {sanitise_line(reason)}" for reason in reasons]
    lines += ["", *_untried(left), "Nothing was committed.", "", *_made(patch)]
    figures = _figures(proposal or Proposal(), run_url)
    return "\n".join([*lines, figures])


def _where(finding: Mapping[str, object]) -> str:
    return f"{finding['path']}:{finding['line']}" if finding["line"] else str(finding["path"])


def _item(finding: Finding) -> str:
    title = sanitise_line(finding.title)
    return f"- {finding.severity.mark} {title} ({code(finding.where)}, {code(finding.id)})"


def _untried(left: Mapping[str, str]) -> list[str]:
    if not left:
        return []
    items = [f"- {code(name)}: {sanitise_line(why)}" for name, why in left.items()]
    return ["Not tried:", "", *items, ""]


def _made(patch: str) -> list[str]:
    """Return an uncommitted patch as a folded block; of a long one its beginning."""
    if not patch.strip():
        return []
    shown = patch.rstrip("\n")
    lines = [break_marks(visible(line)) for line in shown[:_MOST_PATCH].split("\n")]
    if len(shown) > _MOST_PATCH:
        lines[-1] = "… cut here, because a comment holds no more"
    head = "<details><summary>The change that was made</summary>"
    return [head, "", fenced(lines, "diff"), "", "</details>", ""]


def _gate(gate: Mapping[str, object]) -> str:
    words = str(gate["status"]).replace("_", " ")
    counts = str(gate["summary"]) if gate["name"] == "test" else ""
    return f"{words} ({counts})" if counts else words


def _figures(proposal: Proposal, run_url: str) -> str:
    parts = []
    if usage := proposal.get("usage"):
        used = usage["input"] + usage["output"] + usage["cache_read"] + usage["cache_write"]
        rounds = proposal["rounds"]["used"]
        parts = [counted(rounds, "fix round"), f"{tokens(used)} tokens"]
        parts.append(money(usage.get("cost_usd")))
    if run_url:
        parts.append(link("run", run_url))
    return f"<sub>{' · '.join(parts)}</sub>" if parts else ""


OnProgress = Callable[[str], None]
_STEPS = {
    "fix": "fixing",
    "guard": "running the guard-rails",
    "re_review": "having the fixes re-reviewed",
    "repair": "repairing",
}


@dataclass(frozen=True)
class FixOptions:
    """The options of the command line or of the workflow."""

    pull: int
    finding: str  # its id, a prefix of the id, or `all`
    comment: int  # the comment that asks for it
    handoff: Path  # an empty folder, a new one, or one whose handoff has no commit
    repo: str = ""  # owner/name; "": of the workflow
    model: str = ""  # "": as set in the base commit
    limits: Mapping[str, float | int | None] = field(default_factory=dict)
    unsandboxed: Acceptance = ""


def fix_pull(
    options: FixOptions,
    environ: Mapping[str, str],
    *,
    start: Path,
    on_progress: OnProgress = lambda _: None,
) -> JobOutcome:
    """Fix the findings that the comment asks for, and write the handoff: a commit, or the reason.

    PASSED means that there is a commit. No handoff is written when the comment asks for no fix or
    its author may not. `start` is in a clone that has the commits of the pull request.
    """
    pull = None
    try:
        make_room(options.handoff)
        repo = options.repo or environ.get("GITHUB_REPOSITORY", "")
        trigger = with_named_pull(Trigger("none"), repo=repo)
        if trigger.repo is None:
            raise UsageError("which repository? give --repo OWNER/NAME")
        with GitHub.from_environment(environ, trigger.repo) as client:
            pull = client.pull(options.pull)
            request = get_request(client, pull, options.comment)
            repository, url = locate(start), run_url_of(environ)
            return _Job(client, pull, request, options, repository, url, on_progress).end()
    except InterruptedByUserError:
        raise
    except ReviewLoopError as error:
        return failure_outcome(error, pull)


@dataclass(frozen=True)
class _Job:
    client: GitHub
    pull: PullRequest
    request: Request
    options: FixOptions
    repository: ReviewRepository
    run_url: str
    on_progress: OnProgress

    def end(self) -> JobOutcome:
        """Fix and write the handoff; a failure is written to it as a reason for the user."""
        try:
            request = select_findings(self.client, self.pull, self.options.finding)
            all_of_them = self.options.finding == ALL
            self.request.require(ALL if all_of_them else request.findings[0].id)
            planned = self._planned(request)
            return self._fixed(planned, {**request.left, **planned.left})
        except InterruptedByUserError:
            raise
        except ReviewLoopError as error:
            return self._unfixed([str(error)], code=error.exit_code)

    def _planned(self, fix_request: FixRequest) -> FixPlan:
        """Run all checks that cost nothing; raise for a pull request whose branch we may not
        change.
        """
        self._require_own_branch()
        require_commits(self.repository, self.pull)
        since = self.repository.git.result("merge-base", self.pull.base_sha, self.pull.head_sha)
        flags: dict[str, Any] = {
            "review.repository_configuration": False,  # analysers: the head could bring it
            **self.options.limits,
        }
        if self.options.model:
            flags |= dict.fromkeys(("models.reasoning", "models.generation"), self.options.model)
        request = FixRequestText(
            fix_request.findings,
            base=self.pull.head_sha,
            # A branch of this clone alone, so that the user's branches stay.
            branch=f"reviewloop/pull-{self.pull.number}-{secrets.token_hex(3)}",
            since=since.stdout.decode().strip(),
            # Only here may settings name commands without an act of trust: they are those of the
            # branch this is to be merged into.
            rules_from=self.pull.base_sha,
            pull=self.pull.number,
            merged=True,
            unsandboxed=self.options.unsandboxed,
            flags={name: value for name, value in flags.items() if value is not None},
        )
        planned = plan_fix(open_repository(self.repository.user.root), request)
        branch_check = check_branch(self.pull.head_ref, planned.plan.loaded.settings)
        if branch_check.status.stops:
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
        repository = open_repository(self.repository.user.root)
        record = begin(planned.at, planned.plan)
        self.on_progress(f"run {record.run_id}: fixing")
        record = advance(repository, record.run_id, listener=self._listen)
        with view(repository, record) as seen:
            unclean = reasons_for_user(seen.proposal)
            if reasons := unclean or self._changed():
                advance(
                    repository,
                    record.run_id,
                    answer=build_answer(record, "skip", "; ".join(reasons)),
                )
                code = _code_of(record, seen.proposal) if unclean else ExitCode.USAGE
                return self._unfixed(reasons, left, seen.proposal, patch=seen.diff(), code=code)
            approved = build_answer(record, "approve", act=self.request.act)
            record = advance(repository, record.run_id, answer=approved)
            if record.status is not RunStatus.COMMITTED:
                raise UsageError(f"the commit could not be made: {record.reason}")
            words = fixed_message(
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
        """Return what changed on GitHub meanwhile: the user may have withdrawn the request."""
        number = f"pull request {self.pull.number}"
        try:
            again = get_request(self.client, self.pull, self.options.comment)
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
        words = unfixed_message(reasons, left or {}, proposal, patch=patch, run_url=self.run_url)
        words = self._hand_over(words, self.repository.git)
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
        """Write the handoff, with the commit of a run if there is one; return its text."""
        user, act = self.repository.user, self.request.act
        words = redactor_for(user.root, user.git_dir).for_people(words)
        words = clip_body(words, LONGEST_TEXT)  # only now: redaction may make it longer
        handoff = Handoff.of(
            kind="fix",
            repo=self.pull.repo.full,
            pull=self.pull.number,
            branch=self.pull.head_ref,
            base=self.pull.head_sha if record else "",
            commit=record.commit if record else "",
            body=words,
            approval=Approval(act=cast(Kind, act.kind), actor=act.actor, id=act.ident, url=act.url),
            findings=findings,
            comment=self.options.comment,
            run=record.run_id if record else "",
            status="fixed" if record else "not_fixed",
        )
        write_handoff(self.options.handoff, handoff, git)
        return words

    def _listen(self, event: RunEvent) -> None:
        if event.get("kind") == "step.start" and event.get("step") in _STEPS:
            self.on_progress(_STEPS[str(event["step"])])


def _code_of(record: RunRecord, proposal: Proposal) -> ExitCode:
    """Return as an exit code why nothing was committed; findings may be all that is left."""
    if proposal["incomplete"]:
        return ExitCode.INCOMPLETE
    blocked = record.status is RunStatus.BLOCKED
    return ExitCode.GUARD_FAILED if blocked else ExitCode.FINDINGS
