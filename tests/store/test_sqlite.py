"""Two processes that make the same database file at once both get it."""

import sqlite3
import threading

from reviewloop.store.sqlite import open_database


def test_a_file_that_another_process_is_making_is_waited_for(tmp_path):
    """SQLite itself does not wait here: it answers "locked" at once."""
    path = tmp_path / "runs.sqlite"
    other = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT * FROM sqlite_master").fetchall()
    other.execute("CREATE TABLE elsewhere (a)")  # it holds the file, and has not committed
    release = threading.Timer(0.3, lambda: other.execute("COMMIT"))
    release.start()
    connection = open_database(path, "CREATE TABLE IF NOT EXISTS runs (a);")
    release.join()
    tables = {name for (name,) in map(tuple, connection.execute("SELECT name FROM sqlite_master"))}
    assert tables == {"elsewhere", "runs"}
    connection.close()
    other.close()
