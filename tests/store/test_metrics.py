"""The figures of runs: in a file of their own, whose damage harms nothing else."""

import sqlite3
from contextlib import closing

import pytest

from reviewloop.domain.errors import WorkspaceError
from reviewloop.store import metrics
from reviewloop.store.metrics import FindingCount, MetricsStore, RunMetrics, files_of_metrics

ROW = RunMetrics(
    run_id="2.1-a",
    kind="task",
    status="committed",
    begun_at=10.0,
    record_at=20.0,
    task_id="2.1",
    spec_path="docs/x-spec.md",
    usd=0.25,
    findings=(FindingCount(("review-security", "review-x"), "must_fix", "fixed", 2),),
)


@pytest.fixture
def store(tmp_path):
    with closing(MetricsStore(tmp_path)) as opened:
        yield opened


def changed(tmp_path, statement, *values):
    with closing(sqlite3.connect(tmp_path / metrics.FILE)) as connection, connection:
        connection.execute(statement, values)


def test_a_row_comes_back_as_it_was_saved_and_twice_is_once(store, tmp_path):
    store.save([ROW])
    store.save([ROW])
    store.save_birth("docs/x-spec.md", 5.0)
    with closing(MetricsStore(tmp_path)) as other:
        assert other.all() == [ROW]
        assert other.stamps() == {"2.1-a": 20.0}
        assert other.spec_dates() == {"docs/x-spec.md": 5.0}


def test_only_the_owner_can_read_the_file(store, tmp_path):
    assert {path.stat().st_mode & 0o777 for path in files_of_metrics(tmp_path)} == {0o600}


def test_a_figure_that_this_release_does_not_know_is_left_alone(store, tmp_path):
    store.save([ROW])
    changed(tmp_path, "UPDATE figures SET body = json_set(body, '$.something_later', 1)")
    assert store.all() == [ROW]


def test_a_file_of_a_newer_release_is_refused_and_not_touched(store, tmp_path):
    store.save([ROW])
    changed(tmp_path, f"PRAGMA user_version = {metrics.VERSION + 1}")
    with pytest.raises(WorkspaceError, match=r"newer reviewloop \(version 2, .*clean --metrics"):
        MetricsStore(tmp_path)
    assert store.all() == [ROW]


def test_a_damaged_file_is_named_with_the_way_out(tmp_path):
    (tmp_path / metrics.FILE).write_bytes(b"no database, but long enough to be looked at" * 99)
    with pytest.raises(WorkspaceError, match=r"metrics\.sqlite cannot be used .*clean --metrics"):
        MetricsStore(tmp_path)


def test_a_file_in_use_is_not_waited_for_and_nothing_is_half_written(store, tmp_path, monkeypatch):
    monkeypatch.setattr(metrics, "_PATIENCE", 0.05)
    with closing(MetricsStore(tmp_path)) as late:
        writer = sqlite3.connect(tmp_path / metrics.FILE)
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(WorkspaceError, match="in use by another process"):
            late.save([ROW])
        assert late.all() == []
        writer.close()
        late.save([ROW])
        assert late.all() == [ROW]
