"""Repeating a batch command after `clean`, and after rejections while it was stopped."""

import pytest
from support.many import many
from support.parts import says
from support.play import done, reply, write

pytestmark = pytest.mark.with_tests

CHOSEN = ("batch", "--tasks", "1,4")
RED = {"tests/test_part4.py": "def test_four():\n    assert False\n"}


def implements(files):
    return says(reply(*(write(p, t) for p, t in files.items())), done("Wrote it.", "Add it"))


@pytest.mark.slow
def test_after_clean_the_same_command_says_what_it_said_before(shop):
    checkout = shop(many({4: implements(RED)}))
    assert checkout.run(*CHOSEN).code == 3
    assert checkout.run("queue", "approve", "1").code == 0
    before, account = checkout.run("batch", "--tasks", "4"), checkout.json("status")["batch"]
    assert "no task left to begin" in before.err
    assert "1 committed, 1 blocked" in before.err
    assert (account["state"], account["counts"]) == ("ended", {"committed": 1, "blocked": 1})
    assert "Deleted (1)" in checkout.run("clean", "--older-than", "0", "--yes").err
    after, again = checkout.run("batch", "--tasks", "4"), checkout.json("status")["batch"]
    assert (after.code, after.err) == (before.code, before.err)
    assert (again["state"], again["reason"], again["counts"]) == ("ended", "", account["counts"])
