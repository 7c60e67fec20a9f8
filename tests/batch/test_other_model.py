"""A batch resumed with another model: a wrong one is replaced, and nothing is paid twice."""

import pytest
from support.bedrock import Answer, Received, access_denied, reply
from support.many import files_of, many
from support.play import done, write

FIRST, SECOND = "us.amazon.nova-lite-v1:0", "us.amazon.nova-pro-v1:0"


def withdrawn(received: Received) -> Answer:
    """Return what the implementer says whose first model is withdrawn after its first turn."""
    if received.turn == 0:
        return reply(*(write(path, text) for path, text in files_of(1).items()))
    return access_denied() if received.model == FIRST else done("Wrote it.", "Add part 1")


@pytest.mark.slow
def test_a_task_that_stopped_goes_on_with_the_model_that_is_asked_for_now(shop):
    checkout = shop(many({1: withdrawn}))
    batch = ("batch", "--tasks", "1", "--model")
    assert checkout.run(*batch, FIRST).code == 5
    stopped = checkout.record()
    assert stopped["status"] == "paused"

    said = checkout.run(*batch, "script:nope.json")
    assert (said.code, said.err.count("cannot be asked")) == (2, 1)
    assert checkout.record()["settings"]["models"]["reasoning"] == FIRST

    said = checkout.run(*batch, SECOND)
    assert said.code == 4, said.err
    run = checkout.record()
    assert (run["run_id"], run["status"]) == (stopped["run_id"], "waiting")
    assert run["settings"]["models"]["reasoning"] == SECOND
    note = f"asks {SECOND} instead of {FIRST} from here on; what was answered is not asked again"
    assert note in said.err
    first = [one for one in checkout.server.ledger if (one.agent, one.turn) == ("implement", 0)]
    assert len(first) == 1
    assert checkout.server.paid_twice() == []
    assert checkout.run("batch", "--tasks", "1").code == 4
