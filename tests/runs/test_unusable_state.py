import sqlite3

import pytest

from reviewloop.app.state_check import unusable_state
from reviewloop.domain.errors import ExitCode


def test_full_disk_is_said_as_such_and_the_run_can_go_on(tmp_path):
    database = sqlite3.connect(tmp_path / "checkpoints.sqlite")
    database.execute("PRAGMA max_page_count = 2")  # what a full disk looks like to SQLite
    with pytest.raises(sqlite3.DatabaseError) as full:
        database.execute("CREATE TABLE state (body TEXT)")
        database.execute("INSERT INTO state VALUES (?)", ("x" * 100_000,))
    database.close()

    told = unusable_state(full.value, "2.1-0101-abcd")

    assert "is full; free some space, then `reviewloop resume 2.1-0101-abcd`" in str(told)
    assert told.exit_code == ExitCode.USAGE


def test_damaged_state_names_the_way_to_save_the_work(tmp_path):
    file = tmp_path / "checkpoints.sqlite"
    file.write_bytes(b"no database at all" * 100)
    database = sqlite3.connect(file)
    with pytest.raises(sqlite3.DatabaseError) as damaged:
        database.execute("SELECT * FROM checkpoints")
    database.close()

    assert "`reviewloop checkout RUN NAME`" in str(unusable_state(damaged.value, "RUN"))
