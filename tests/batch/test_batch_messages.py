"""Messages of a batch: at its start, in its lines, after a restart, and about retries."""

from io import StringIO

import pytest
from rich.console import Console
from support.bedrock import reply
from support.many import many
from support.parts import says
from support.play import done, write

from reviewloop.render.terminal.batch import BatchScreen

RED = {"tests/test_part4.py": "def test_four():\n    assert False\n"}


def red():
    return says(reply(*(write(path, text) for path, text in RED.items())), done("Wrote it."))


@pytest.mark.with_tests
@pytest.mark.slow
def test_the_beginning_counts_what_is_blocked_and_what_was_cut_off(shop):
    checkout = shop(many({4: red()}))
    said = checkout.run("batch", "--tasks", "4")
    assert said.code == 3
    assert said.err.splitlines()[-1].endswith("; 1 file, tests failed, not reviewed")
    both = ("batch", "--tasks", "1,4")
    assert checkout.forked(*both, REVIEWLOOP_FAULT="propose.begin:1").code == -9
    assert "goes on" in checkout.run("status").out

    said = checkout.run(*both)
    head, second, *_, last = said.err.splitlines()
    assert head.startswith(".kiro/specs/many on work: 1 of 2 tasks left and 1 blocked, one at")
    assert second.endswith(": 1 blocked, 1 stopped on the way")
    assert last == "1 First number: waiting: 2 files, tests passed, no findings"
    head, second = checkout.run(*both).err.splitlines()
    assert head == ".kiro/specs/many on work: no task left to begin, mode queue"
    assert second.endswith(": 1 waiting for you, 1 blocked")


def test_the_foot_of_the_live_table_has_the_sums_of_this_sitting_and_of_all():
    console = Console(width=120, file=StringIO())
    screen = BatchScreen(console)
    screen.begun("4", "Fourth number", "4-a", "")
    reply_of = {"kind": "model.reply", "usage": {"input": 1_000, "cost_usd": 0.02}}
    screen.event("4", reply_of)
    console.print(screen._table())
    assert console.file.getvalue().rstrip().endswith("1.0k tokens  $0.02")
    screen.spent(0.1, 5_000)
    screen.event("4", {**reply_of, "from_journal": True})  # an earlier sitting has paid that
    console.print(screen._table())
    foot = console.file.getvalue().rstrip()
    assert foot.endswith("1.0k tokens  $0.02  (including earlier sessions 6.0k tokens  $0.12)")
