"""State stays small: a change of one megabyte is stored once, not once per step."""

import sqlite3
from contextlib import closing

import pytest
from support.parts import CLEAN, cast, finds, found, replaces, resolves, says
from support.play import done, reply, tool_use, write

MEGABYTE = 1_000_000
DOC = '"""Search."""'


@pytest.mark.slow
def test_checkpoints_stay_under_two_megabytes_when_the_diff_has_one(shop):
    delete = tool_use("fs_write", {"command": "delete", "path": "shop/items.py"})
    finding = found("should_fix", "The module's sentence says nothing", DOC)
    clearer = '"""Search, the oldest first."""'
    checkout = shop(
        cast(
            implement=says(reply(delete, write("shop/search.py", CLEAN)), done("Items are gone.")),
            review_maintainability=finds(finding),
            fix=replaces("shop/search.py", DOC, clearer),
            quick_review=resolves({finding["title"]: clearer}),
        )
    )
    lines = [f"    {number}: 'item {number} of the catalogue',\n" for number in range(25_000)]
    checkout.write("shop/items.py", "".join(["ITEMS = {\n", *lines, "}\n"]))
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", "items")

    said = checkout.run("run", "2.1")
    assert said.code == 4, said.err
    proposal = checkout.record()["proposal"]
    assert proposal["governance"]
    assert proposal["rounds"]["used"] == 1
    assert checkout.findings()[finding["title"]]["status"] == "fixed"
    assert int(checkout.git("cat-file", "-s", "HEAD:shop/items.py")) > MEGABYTE
    database = checkout.folder() / "checkpoints.sqlite"
    stored = sum(path.stat().st_size for path in database.parent.glob("checkpoints.sqlite*"))
    with closing(sqlite3.connect(database)) as connection:
        (steps,) = connection.execute("SELECT count(*) FROM checkpoints").fetchone()
    assert steps >= 9
    assert stored < MEGABYTE / 2
    assert checkout.run("approve").code == 0
