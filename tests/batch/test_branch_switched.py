"""Another branch is checked out during a batch: nothing is lost, and the exit code shows it."""

from collections.abc import Callable

import pytest
from support.bedrock import Answer, Received, access_denied, reply
from support.checkout import Checkout
from support.many import files_of, many
from support.play import done, write

from reviewloop.app.project import open_repository


@pytest.mark.slow
def test_a_branch_that_is_switched_meanwhile_is_a_workspace_problem(
    shop: Callable[..., Checkout],
) -> None:
    opened: list[Checkout] = []

    def fourth(received: Received) -> Answer:
        if received.turn == 0:
            opened[0].git("switch", "-q", "-c", "other")
            return reply(*(write(path, text) for path, text in files_of(4).items()))
        return done("Wrote it.", "Add part 4")

    opened.append(checkout := shop(many({1: lambda received: access_denied(), 4: fourth})))
    assert checkout.run("batch", "--tasks", "1").code == 5
    with checkout.inside():
        runs = open_repository(checkout.root).runs
        run = runs.all()[0]
        run.exit_code = 130  # as Ctrl-C leaves it
        runs.save(run)
    said = checkout.run("batch", "--tasks", "4")
    assert "meanwhile other was checked out; nothing is lost: `git switch work`" in said.err
    assert said.code == 2, said.err
