"""Finds the run that an answer is for, and builds the answer that the graph reads."""

import os
import pwd
from collections.abc import Mapping
from typing import Any

from reviewloop.app.project import Repository, read_settings, settings_of
from reviewloop.app.redactors import redactor_of
from reviewloop.app.run.opening import team_from_plain
from reviewloop.app.state_check import CHECKPOINTS, require_sound_state
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.reason import NO_REASON, ReasonKind, reason
from reviewloop.faults import fault
from reviewloop.loop.approval_act import Act, Here
from reviewloop.loop.state import explained
from reviewloop.store.blobs import Blobs
from reviewloop.store.locks import hold, holder, is_held
from reviewloop.store.runs import OPEN, RESUMABLE, RunRecord, RunStatus, is_stopped

_PROMOTED = "promotion.json"  # of the commit that was undone, see `steps.commit`


def reopen(repository: Repository, run_id: str) -> RunRecord:
    """Return an undone run to its question; after a kill this can be repeated.

    Raises `UsageError` when another run of the same task was committed or waits since.
    """
    with hold(repository.run_lock(run_id), f"run {run_id}"):
        record = repository.runs.find(run_id)
        if record.status is not RunStatus.UNDONE:
            return record
        _require_no_other(repository, record)
        require_sound_state(repository.run_folder(run_id), run_id)
        _ask_again(repository, record)
        fault("reopen.asked")
        (repository.run_folder(run_id) / _PROMOTED).unlink(missing_ok=True)
        record.status = RunStatus.WAITING
        record.explain(NO_REASON, "")
        record.exit_code, record.commit, record.approved_by = int(ExitCode.WAITING), "", ""
        record.new_branch = record.new_branch and not repository.head_of(record.branch)
        repository.runs.save(record)
    return record


def _require_no_other(repository: Repository, record: RunRecord) -> None:
    for other in repository.runs.of_task(record.task_id) if record.task_id else ():
        same = (other.spec_path, other.branch) == (record.spec_path, record.branch)
        there = not other.status.over or other.status is RunStatus.COMMITTED
        if same and there and other.run_id != record.run_id:
            raise UsageError(
                f"task {record.task_id} has been done anew since run {record.run_id} was taken "
                f"back: run {other.run_id} is {other.status}; `reviewloop checkout "
                f"{record.run_id} NAME` saves the earlier work as a branch"
            )


def _ask_again(repository: Repository, record: RunRecord) -> None:
    """Set the graph back to the question to the user, as after a refused commit."""
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"  # read at import
    from reviewloop.app.run.checkpoints import number_after, open_checkpoints
    from reviewloop.loop.graph import build_graph

    folder, limits = repository.run_folder(record.run_id), settings_of(record).limits
    team = team_from_plain(Blobs(folder / "blobs").get_json(record.options["team"]))
    with open_checkpoints(folder / CHECKPOINTS, repository.shared, record.run_id) as checkpoints:
        graph = build_graph(
            [agent.name for agent in team.reviewers],
            rounds=limits.rounds,
            repairs=limits.repairs,
            checkpointer=checkpoints,
        )
        config: Any = {"configurable": {"thread_id": record.run_id}}
        if last := graph.get_state(config).config["configurable"].get("checkpoint_id"):
            number_after(last)
        back = {"refused": int(ExitCode.WAITING), "outcome": "", "commit": ""}
        back |= explained(NO_REASON)
        graph.update_state(config, back, as_node="commit")
        graph.invoke(None, config, durability="sync")  # to the question, and no further


_ANSWERABLE = (RunStatus.WAITING, RunStatus.BLOCKED)
_CAPS = ("usd", "tokens", "minutes")
_PROMOTION = "promotion.json"  # see `steps.commit`: the branch, or files, may be written already


def build_answer(
    record: RunRecord,
    choice: str,
    text: str = "",
    act: Act | None = None,
    how: Here = "command",
) -> dict[str, str]:
    """Return the user's answer; it names the proposal that it answers.

    `act` is an answer given elsewhere, already checked; `how` is the way in which an approval was
    given on this machine.
    """
    act = act or (Act(how, user_name()) if choice == "approve" else None)
    by = act.actor if act else user_name()
    answer = {"choice": choice, "by": by, "text": text, "proposal": record.proposal}
    return answer | (act.plain() if act else {})


def waiting_run(repository: Repository, named: str | None, choice: str) -> RunRecord:
    """Return the run to answer; raise `UsageError` when no run can be answered so.

    A run whose commit was undone asks its question again when it is approved or modified.
    """
    runs = repository.runs
    if named is None:
        _name_undone(runs.all(), choice)
    record = runs.only(_ANSWERABLE, choice) if named is None else runs.find(named, OPEN)
    if record.status is RunStatus.UNDONE and choice != "skip":
        record = reopen(repository, record.run_id)
    if choice == "skip" and is_stopped(record):
        return record
    _require_question(record, choice)
    return record


def require_question(record: RunRecord, answer: Mapping[str, str]) -> None:
    """Raise `UsageError` unless the run still asks what this answers."""
    _require_question(record, answer["choice"])
    if answer["proposal"] != record.proposal:
        raise UsageError(
            f"run {record.run_id} has changed since you looked at it; look again with "
            f"`reviewloop show {record.run_id}` and answer again"
        )


def resumable_run(repository: Repository, named: str | None) -> RunRecord:
    """Return the run to resume; raise `UsageError` when there is none or a process works on it."""
    record = repository.runs.find(named) if named else _only_to_resume(repository)
    if record.status is RunStatus.UNDONE:
        raise UsageError(
            f"the commit of run {record.run_id} was taken back, and nothing of it is left to do; "
            f"{_after_undo(record)}"
        )
    if record.status.over:
        raise UsageError(f"run {record.run_id} is over (it is {record.status})")
    if is_held(repository.run_lock(record.run_id)):
        raise UsageError(
            f"run {record.run_id} is at work in {holder(repository.run_lock(record.run_id))}; "
            "`reviewloop logs -f` follows it"
        )
    return record


def _only_to_resume(repository: Repository) -> RunRecord:
    """Return the only stopped run; if none stopped, the only one that waits."""
    runs = repository.runs.all()
    waiting = [run for run in runs if run.status in _ANSWERABLE]
    if waiting and not any(run.status in RESUMABLE for run in runs):
        if len(waiting) == 1:
            return waiting[0]
        ways = "; ".join(map(next_commands, waiting))
        raise UsageError(f"no run stopped on its way; these ask you: {ways}")
    if not any(run.status in RESUMABLE for run in runs):
        raise UsageError(
            "there is no run to resume; `reviewloop status` lists the runs, `reviewloop spec "
            "resume` goes on with a spec, `reviewloop session resume` with a handoff"
        )
    return repository.runs.only(RESUMABLE, "resume")


def next_commands(record: RunRecord) -> str:
    """Return the state of a run that is not over, and the commands that continue it."""
    run = record.run_id
    if record.status is RunStatus.WAITING:
        return f"run {run} waits for you: `reviewloop approve {run}`, modify or reject"
    if record.status is RunStatus.BLOCKED:
        other = f"`reviewloop reject {run}`"
        return f"run {run} is blocked: `reviewloop modify {run} -m '...'` or {other}"
    if record.status in RESUMABLE:
        return f"run {run} stopped on its way: `reviewloop resume {run}`"
    if record.status is RunStatus.UNDONE:
        return f"the commit of run {run} was taken back: {_after_undo(record)}"
    return f"run {run} is {record.status}"


def give_up(repository: Repository, record: RunRecord, text: str) -> RunRecord:
    """End a stopped run without a commit; its work is kept, the checkout is not changed."""
    with hold(repository.run_lock(record.run_id), f"run {record.run_id}"):
        record = repository.runs.find(record.run_id)
        if record.status not in RESUMABLE:
            raise UsageError(f"run {record.run_id} has moved on (it is {record.status})")
        if is_half_way(repository, record):
            raise UsageError(
                f"run {record.run_id} was approved and is half-way to its branch: `reviewloop "
                f"resume {record.run_id}` finishes it, `reviewloop undo {record.run_id}` takes it "
                "back then"
            )
        redactor = redactor_of(repository.user)
        record.status, given = RunStatus.SKIPPED, redactor.for_people(text)
        record.explain(reason(ReasonKind.USER, text=given) if given else NO_REASON, given)
        record.exit_code = int(ExitCode.SKIPPED)
        repository.runs.save(record)
    return record


def is_half_way(repository: Repository, record: RunRecord) -> bool:
    """Return whether a run was approved and then stopped before its branch was written."""
    return is_stopped(record) and (repository.run_folder(record.run_id) / _PROMOTION).exists()


def changed_limits(repository: Repository, record: RunRecord) -> dict[str, Any]:
    """Return the `[limits]` set in settings now, which apply to a resumed run.

    A cap of the run that is higher stays, so that nothing lowers what was raised for it.
    """
    loaded = read_settings(repository.user.root, project=record.project)
    now, kept = loaded.settings.limits.model_dump(), record.settings.get("limits", {})
    for cap in _CAPS:
        now[cap] = max(now[cap], kept.get(cap, 0))
    return {
        name: now[name.partition(".")[2]]
        for name, origin in loaded.origins.items()
        if name.startswith("limits.") and origin != "default"
    }


def _after_undo(record: RunRecord) -> str:
    name = record.run_id
    return (
        f"`reviewloop approve {name}` commits it again, `reviewloop modify {name} -m '...'` "
        "changes it first"
    )


def _name_undone(runs: list[RunRecord], choice: str) -> None:
    """Raise `UsageError` that names the last undone run, where no run waits."""
    if choice == "skip" or any(run.status in _ANSWERABLE for run in runs):
        return
    undone = [run for run in runs if run.status is RunStatus.UNDONE]
    if undone:
        last = max(undone, key=lambda run: run.updated_at)
        raise UsageError(
            f"no run waits; the commit of {last.run_id} was taken back: {_after_undo(last)}"
        )


def newest_or_named(repository: Repository, named: str | None) -> RunRecord:
    """Return the named run, or the one updated last."""
    if named:
        return repository.runs.find(named)
    runs = repository.runs.all()
    if not runs:
        raise UsageError("there are no runs in this repository yet; `reviewloop run` starts one")
    return max(runs, key=lambda run: run.updated_at)


def user_name() -> str:
    """Return the user name that is recorded with an answer on this machine.

    It is read from the account, not from LOGNAME, which anybody can set.
    """
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user id without a name
        return f"uid {os.getuid()}"


def _require_question(record: RunRecord, choice: str) -> None:
    if record.status not in _ANSWERABLE:
        raise UsageError(
            f"run {record.run_id} does not wait for an answer (it is {record.status})"
            + ("; `reviewloop resume` goes on with it" if record.status in RESUMABLE else "")
        )
    if choice == "approve" and record.status is RunStatus.BLOCKED:
        raise UsageError(
            f"run {record.run_id} is blocked ({record.reason}); modify it, reject it, or save its "
            f"work with `reviewloop checkout {record.run_id} NAME`"
        )
