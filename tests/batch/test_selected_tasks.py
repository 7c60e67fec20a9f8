"""A batch of selected tasks: reports on them and on the others, exit codes."""

import pytest
from support.many import many
from support.parts import says
from support.play import done, reply, write

CHOSEN = ("batch", "--tasks", "1,4")
UNTIL = "--until-failure"
RED = write("tests/test_part4.py", "def test_four():\n    assert False\n")


def red_fourth():
    return many({4: says(reply(RED), done("Wrote it.", "Add part 4"))})


@pytest.mark.with_tests
@pytest.mark.slow
def test_how_others_than_the_chosen_tasks_ended_is_not_in_the_exit_code(shop):
    checkout = shop(red_fourth())
    assert checkout.run(*CHOSEN, UNTIL).code == 3
    assert checkout.run("queue", "approve", "1").code == 0
    assert "task 4 is blocked still (--until-failure)" in checkout.run(*CHOSEN, UNTIL).err
    for _ in range(2):
        said = checkout.run("batch", "--tasks", "1", "--mode", "autopilot")
        assert said.code == 0, said.err
        assert "every chosen task of .kiro/specs/many is done" in said.err
        assert "(autopilot, ended)" in said.out
        assert UNTIL not in said.err + said.out
        checkout.run("queue", "reject", "4")
    assert checkout.run(*CHOSEN, UNTIL).code == 3  # it is done anew, and red once more


@pytest.mark.slow
def test_the_account_lists_tasks_as_the_spec_does_whenever_they_joined(shop):
    checkout = shop.waiting("4")
    assert checkout.run(*CHOSEN).code == 4
    assert [row["task"] for row in checkout.json("status")["batch"]["tasks"]] == ["1", "4"]
