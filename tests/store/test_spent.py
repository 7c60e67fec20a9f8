"""Usage and figures of finished runs are computed once and kept until the run is saved again."""

from dataclasses import asdict, replace

import pytest

from reviewloop.app import project
from reviewloop.app.project import Repository, open_repository
from reviewloop.domain.batch_report import FindingCounts
from reviewloop.llm.budget import Spent
from reviewloop.store.runs import RunRecord, RunStatus

USED = {"input": 10, "output": 5, "cache_read": 0, "cache_write": 0, "cost_usd": 0.5}


@pytest.fixture
def repository(repo, monkeypatch):
    monkeypatch.chdir(repo)
    found = open_repository(for_reading=True)
    yield found
    found.runs.close()


def run(status: RunStatus) -> RunRecord:
    return RunRecord("1-a", "/r", "One", "c", "main", status=status)


def summed(repository, record, monkeypatch, usages) -> tuple[Spent, int]:
    """Return what is said of a run whose journal holds these usages, and how often it was read."""
    read = []

    def stored_usages(path):
        read.append(path)
        return usages

    monkeypatch.setattr(project, "stored_usages", stored_usages)
    found = repository.spent(record)
    repository.keep_computed()
    return found, len(read)


def test_the_journal_of_a_run_that_is_over_is_read_once(repository, monkeypatch):
    record = run(RunStatus.COMMITTED)
    repository.runs.save(record)

    first = summed(repository, record, monkeypatch, [USED, USED])
    again = summed(repository, record, monkeypatch, [])

    assert first == (Spent(calls=2, input=20, output=10, usd=1.0), 1)
    assert again == (first[0], 0)
    assert asdict(again[0]) == asdict(first[0])


def test_a_run_that_goes_on_is_summed_anew(repository, monkeypatch):
    record = run(RunStatus.COMMITTED)
    repository.runs.save(record)
    summed(repository, record, monkeypatch, [USED])
    record.status = RunStatus.RUNNING
    repository.runs.save(record)
    assert summed(repository, record, monkeypatch, [USED, USED])[0].calls == 2

    record.status = RunStatus.COMMITTED
    repository.runs.save(record)

    assert summed(repository, record, monkeypatch, [USED, USED, USED])[0].calls == 3


def test_what_was_summed_before_a_save_does_not_count_after_it(repository, monkeypatch):
    record = run(RunStatus.COMMITTED)
    repository.runs.save(record)
    monkeypatch.setattr(project, "stored_usages", lambda path: [USED])
    repository.spent(record)
    other = repository.runs.find("1-a")
    repository.runs.save(other)  # another process moved it meanwhile

    repository.keep_computed()

    assert summed(repository, other, monkeypatch, [USED, USED])[0].calls == 2


def test_a_deleted_run_leaves_nothing(repository, monkeypatch):
    record = run(RunStatus.COMMITTED)
    repository.runs.save(record)
    summed(repository, record, monkeypatch, [USED])

    repository.runs.delete("1-a")

    rows = repository.runs._connection.execute("SELECT * FROM spent").fetchall()
    assert rows == []


def test_the_proposal_of_a_run_that_is_over_is_read_once(repository, monkeypatch):
    record = replace(run(RunStatus.COMMITTED), proposal="a")
    repository.runs.save(record)
    read = []

    def proposal(self, run):
        read.append(run.run_id)
        return PROPOSAL

    monkeypatch.setattr(Repository, "proposal", proposal)
    first = repository.figures(record)
    assert repository.figures(record) == first
    repository.keep_computed()
    assert repository.figures(record) == first
    assert read == ["1-a", "1-a"]
    assert (first.subject, first.tests, first.findings) == (
        "feat: one",
        {"passed": 3},
        FindingCounts(left=1, must_fix=1),
    )
    repository.runs.save(record)
    repository.figures(record)
    assert len(read) == 3


PROPOSAL = {
    "message": "feat: one\n\nMore.",
    "files": [{"path": "a.py"}],
    "tests": {"passed": 3},
    "gates": [{"name": "test", "status": "passed"}],
    "coverage": None,
    "rounds": {"used": 1},
    "reviewers": [{"name": "review-security"}],
    "findings": [{"severity": "must_fix", "status": "open", "agents": ["review-security"]}],
}
