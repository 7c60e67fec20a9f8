"""Has a run whose commit was taken back wait for the person again: it can be approved once more."""

import os
from typing import Any

from reviewloop.errors import ExitCode, UsageError
from reviewloop.faults import fault
from reviewloop.runs.branches import head_now
from reviewloop.runs.repository import Repository, settings_of
from reviewloop.runs.soundness import CHECKPOINTS, require_sound_state
from reviewloop.runs.team import team_from_plain
from reviewloop.store.blobs import Blobs
from reviewloop.store.locks import hold
from reviewloop.store.runs import RunRecord, RunStatus

_PROMOTION = "promotion.json"  # of the commit that was taken back, see `steps.commit`


def reopen(repository: Repository, run_id: str) -> RunRecord:
    """Return an undone run as one that asks its question again; killed, it can be repeated.

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
        (repository.run_folder(run_id) / _PROMOTION).unlink(missing_ok=True)
        record.status, record.reason = RunStatus.WAITING, ""
        record.exit_code, record.commit, record.approved_by = int(ExitCode.WAITING), "", ""
        record.new_branch = record.new_branch and not head_now(repository, record.branch)
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
    """Put the graph back to where the person is asked, as after a commit that was refused."""
    os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"  # read at import
    from reviewloop.graph import build_graph
    from reviewloop.runs.checkpoints import number_after, open_checkpoints

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
        back = {"refused": int(ExitCode.WAITING), "outcome": "", "commit": "", "reason": ""}
        graph.update_state(config, back, as_node="commit")
        graph.invoke(None, config, durability="sync")  # to the question, and no further
