"""Tasks with other numbers or titles than their runs had: what waits, and in which row it is told.

Without a batch: records of runs, and a spec that was committed twice.
"""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from support.many import PAIR, SPEC, TASKS, with_a_new_task_above

from reviewloop.app.batch.report import build_report, keep_rows
from reviewloop.app.batch.spec_changes import renumbered, tasks_held_by_runs
from reviewloop.app.batch.start import BatchRequest, ChosenBatch, find_batch, reopen_rejected
from reviewloop.app.batch.status import TaskStatus, statuses_of
from reviewloop.app.project import Repository, open_repository
from reviewloop.domain.task import Spec
from reviewloop.git.process import Git
from reviewloop.render.reasons import sentence
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.order import order_tasks
from reviewloop.specs.tasks import UNTICKED
from reviewloop.store.batches import BatchRecord, BatchStore
from reviewloop.store.runs import RunRecord, RunStatus

FOLDER = str(Path(SPEC).parent)


class Planned:
    """A repository with a spec that is planned anew again and again."""

    def __init__(self, repo: Path) -> None:
        self._root = repo

    def plan(self, text: str) -> tuple[Repository, Spec]:
        """Commit the list of tasks; return the repository and the spec as they are then."""
        place = self._root / SPEC
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        git = Git(self._root / ".git", cwd=self._root)
        git.text("add", "-A")
        git.text("commit", "-q", "-m", "Plan")
        repository = open_repository(self._root)
        return repository, open_spec(DiskFiles(self._root), FOLDER)

    def run(self, ident: str, title: str, status: RunStatus, **fields) -> RunRecord:
        """Save the run of a task of batch b."""
        repository = open_repository(self._root)
        user = repository.user
        run = RunRecord(ident, str(user.root), title, user.head, user.branch, status=status)
        run.task_id, run.spec_path, run.options = ident.partition("-")[0], FOLDER, {"batch": "b"}
        for name, value in fields.items():
            setattr(run, name, value)
        repository.runs.save(run)
        return run


@pytest.fixture
def planned(repo: Path) -> Planned:
    return Planned(repo)


def batch(repository: Repository, *tasks: str, **fields) -> BatchRecord:
    titles = {"1": "First number", "2": "Second number", "4": "Fourth number"}
    listed = {task: titles[task] for task in tasks}
    branch = repository.user.branch
    return BatchRecord("b", FOLDER, "queue", tasks=listed, branch=branch, **fields)


def test_the_task_of_a_run_is_known_by_its_place_when_it_is_renamed_and_numbered_anew(planned):
    planned.plan(PAIR)
    planned.run("4-a", "Fourth number", RunStatus.WAITING)
    new = PAIR.replace("- [ ] 4. Fourth number", "- [x] 4. By hand\n- [ ] 5. A Fourth number")
    [(task, held)] = tasks_held_by_runs(*planned.plan(new.replace("[ ] 1.", "[x] 1."))).items()
    assert task == "5"
    assert "run 4-a (waiting) is of 'Fourth number', which was task 4" in sentence(held)


def test_a_committed_task_that_was_renamed_is_not_done_again_before_it_is_ticked(planned):
    planned.plan(TASKS)
    run = planned.run("4-a", "Fourth number", RunStatus.COMMITTED, commit="c" * 40)
    renamed = TASKS.replace("4. Fourth number", "4. The Fourth number, all of it")
    assert tasks_held_by_runs(*planned.plan(renamed)) == {}  # it was ticked, so it is another task
    run.evidence = {UNTICKED: "the line of task 4 changed"}
    repository, spec = planned.plan(f"{renamed}\n")
    repository.runs.save(run)
    [(task, held)] = tasks_held_by_runs(repository, spec).items()
    assert task == "4"
    assert "run 4-a committed 'Fourth number' (cccccccccc)" in sentence(held)
    assert f"could not tick it: tick {SPEC}:9 by hand" in sentence(held)
    assert tasks_held_by_runs(*planned.plan(renamed.replace("[ ] 4.", "[x] 4."))) == {}


def test_a_batch_whose_tasks_were_numbered_anew_keeps_the_rows_of_what_it_did(planned):
    repository, _ = planned.plan(PAIR)
    planned.run("1-a", "First number", RunStatus.COMMITTED, commit="c" * 40, created_at=1.0)
    planned.run("4-a", "Fourth number", RunStatus.WAITING, created_at=2.0)
    before = batch(repository, "1", "4", head=repository.user.head)
    repository, spec = planned.plan(with_a_new_task_above(PAIR).replace("[ ] 2.", "[x] 2."))
    now = find_batch(repository, before, spec, order_tasks(spec, (), None), BatchRequest())
    assert now.record.batch_id == before.batch_id  # it is no new one
    assert now.numbered == f"{FOLDER} numbers its tasks otherwise than when b began"
    report = build_report(repository, now.record)
    rows = {row.title: row for row in report.tasks}
    assert (rows["First number"].task, rows["First number"].state) == ("2", "committed")
    assert rows["First number"].run == "1-a"
    assert (rows["Fifth number"].task, rows["Fifth number"].state) == ("1", "open")
    waits = tasks_held_by_runs(repository, spec)[rows["Fourth number"].task]
    assert "run 4-a (waiting) is of 'Fourth number'" in sentence(waits)
    assert (report.totals.runs, len(report.tasks)) == (2, 3)


def test_a_renamed_task_is_no_other_number_and_the_report_keeps_what_was_done(planned):
    repository, _ = planned.plan(TASKS)
    first = planned.run("1-a", "First number", RunStatus.COMMITTED, commit="c" * 40)
    fourth = planned.run("4-a", "Fourth number", RunStatus.WAITING)
    before = batch(repository, "1", "4")
    repository, spec = planned.plan(TASKS.replace("4. Fourth number", "4. Grand totals"))
    record, others = renumbered(before, spec)
    assert not others
    rows = build_report(repository, record).tasks
    assert [(row.task, row.title, row.state) for row in rows] == [
        ("1", "First number", "committed"),
        ("4", "Grand totals", "open"),
        ("4 before", "Fourth number", "waiting"),
    ]
    fourth.status, fourth.commit = RunStatus.COMMITTED, "d" * 40
    repository.runs.save(fourth)
    with closing(BatchStore(repository.folder)) as store:
        store.save(record)
        keep_rows(repository, [first, fourth])
        for run in (first, fourth):
            repository.runs.delete(run.run_id)
        record = store.find("b")
    ticked = TASKS.replace("[ ] 4. Fourth number", "[x] 4. Grand totals")
    record, _ = renumbered(record, planned.plan(ticked)[1])
    rows = build_report(repository, record).tasks
    assert [row.state for row in rows if row.run == "4-a"] == ["committed"]


def test_what_was_rejected_while_the_batch_was_stopped_the_next_command_does_anew(planned):
    repository, spec = planned.plan(TASKS)
    for ident, title in (("1-a", "First number"), ("4-a", "Fourth number")):
        planned.run(ident, title, RunStatus.SKIPPED, reason="no good")
    record = batch(repository, "1", "4", until_failure=True)
    rows = build_report(repository, record).tasks
    assert [row.state for row in rows] == ["rejected"] * 2
    assert all(row.next.startswith("`reviewloop batch` does it anew") for row in rows)
    order = order_tasks(spec, ("1", "4"))
    reopen_rejected(repository, ChosenBatch(record, None), order)
    assert build_report(repository, record).tasks == rows  # of a new batch nothing is done anew
    reopen_rejected(repository, ChosenBatch(record, record), order)
    found = statuses_of(repository, "b", FOLDER, record.tasks)
    assert {one.status for one in found.values()} == {TaskStatus.OPEN}
    rows = build_report(repository, record).tasks
    assert [(row.state, len(row.earlier.runs)) for row in rows] == [("open", 1)] * 2


def test_a_task_that_was_taken_back_is_told_as_that_not_as_rejected(planned):
    repository, spec = planned.plan(TASKS)
    run = planned.run("4-a", "Fourth number", RunStatus.UNDONE, created_at=1.0)
    record = batch(repository, "4", ended=True)
    taken_back = "its commit was taken back (`reviewloop undo`)"
    [row] = build_report(repository, record).tasks
    assert (row.state, sentence(row.because)) == ("undone", taken_back)
    assert row.next.startswith("`reviewloop batch` does it anew")
    reopen_rejected(repository, ChosenBatch(record, record), order_tasks(spec, ("4",)))
    again = planned.run("4-b", "Fourth number", RunStatus.SKIPPED, created_at=2.0)
    [row] = build_report(repository, record).tasks
    assert (row.state, [sentence(why) for _, why in row.earlier.runs]) == ("rejected", [taken_back])
    with closing(BatchStore(repository.folder)) as store:
        store.save(record)
        runs = [repository.runs.find(one.run_id) for one in (run, again)]
        keep_rows(repository, runs)
        for one in runs:
            repository.runs.delete(one.run_id)
        [after] = build_report(repository, store.find("b")).tasks
    assert replace(after, next="") == replace(row, next="")
