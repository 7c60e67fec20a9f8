"""Changes requested with `modify` are no findings: they are counted separately."""

import pytest
from support.bedrock import Answer, Received, reply
from support.many import files_of, many
from support.parts import says
from support.play import done, write

pytestmark = pytest.mark.with_tests

NONE = {"left": 0, "must_fix": 0, "fixed": 0, "dismissed": 0, "nits": 0}


def fourth(received: Received) -> Answer:
    """Return what the implementer of task 4 says: it does one wish, and no other."""
    files = files_of(4)
    if "Add a note" in received.said:
        files = {"shop/note.py": '"""A note."""\n'}
    elif "Use a class" in received.said:
        return done("I like it as it is.")
    made = (write(path, text) for path, text in files.items())
    return says(reply(*made), done("Wrote it.", "Add part 4"))(received)


@pytest.mark.slow
def test_a_wish_is_counted_apart_from_findings(shop):
    checkout = shop(many({4: fourth}))
    assert checkout.run("batch", "--tasks", "4").code == 4
    assert checkout.run("modify", "4", "-m", "Add a note.").code == 4
    [row] = checkout.json("queue")["runs"]
    assert (row["findings"], row["why"], row["modifications"]) == (NONE, "", 1)
    [row] = checkout.json("status")["batch"]["tasks"]
    assert (row["findings"], row["why"]) == (NONE, "")
    shown = checkout.run("queue", "show", "4").out
    assert "Findings: none remaining; 0 fixed, 0 dismissed" in shown
    assert "Asked for" in shown

    assert checkout.run("modify", "4", "-m", "Use a class.").code == 4
    [row] = checkout.json("queue")["runs"]
    assert (row["findings"], row["why"]) == (NONE, "1 request not done")
    shown = checkout.run("queue", "show", "4").out
    assert "Asked for and not done\n  - Use a class. (the implementer changed nothing)" in shown
    assert "must fix" not in shown
    said = checkout.run("queue", "approve", "--all")
    assert (said.code, "held: 1 request not done; only naming it commits" in said.err) == (4, True)
