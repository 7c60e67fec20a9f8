"""Hooks with a prompt: an agent runs it, within the limits of the engine."""

import json
import time

import pytest
from support.bedrock import calls, reply
from support.parts import cast, says, writes
from support.play import done, write

pytestmark = pytest.mark.needs_bubblewrap
SHOWN = "def items_of(db, customer):\n    return []\n"


def hook(event="file.save", more="", prompt="Document {file_path}. See @workspace."):
    return (
        f"name: mine\ntrigger:\n  event: {event}\n  filter: ['shop/**']\naction:\n"
        f"  prompt: {json.dumps(prompt)}\n{more}"
    )


@pytest.fixture
def hooked(shop):
    def opened(text, *answers, repair=None):
        parts = {"repair": repair} if repair else {}
        play = cast(implement=writes({"shop/search.py": SHOWN}), **parts)
        part, asked = says(*answers), []

        def answer(received):
            if "finish_hook" in received.tools:
                asked.append(received)
                said = part(received)
                return said(received) if callable(said) else said
            return play(received)

        checkout = shop(answer, files={".reviewloop/hooks/a.yaml": text})
        assert checkout.run("trust", "--yes").code == 0
        return checkout, asked

    return opened


def ended(blocks=False):
    return calls("finish_hook", {"summary": "I looked at it.", "blocks": blocks})


def test_what_an_agent_of_a_hook_writes_is_reviewed_and_needs_a_person(hooked):
    documented = SHOWN.replace(":\n", ':\n    """Items."""\n', 1)
    text = hook(more="  require_approval: true\n")
    checkout, asked = hooked(text, reply(write("shop/search.py", documented)), ended())
    assert checkout.run("run", "next").code == 4
    assert "Document shop/search.py." in asked[0].said
    assert "# @workspace" in asked[0].said
    assert "store.py" in asked[0].said.partition("# @workspace")[2]
    assert "Items." in checkout.server.of("review-security")[0].said
    proposal = checkout.record()["proposal"]
    said = "the hook mine edited shop/search.py and asks for your approval"
    assert said in json.dumps(proposal["governance"])
    rows = checkout.json("hooks", "logs")["hooks"]
    assert sum(row["calls"] for row in rows) == len(asked)
    first = rows[0]
    assert first["edited"] is True
    assert 0 < first["usd"] < 1
    assert f"2 calls, ${first['usd']:.4f}" in checkout.run("hooks", "logs").out


def test_an_agent_of_a_hook_that_blocks_stops_the_change(hooked):
    text = hook("git.pre-commit", "  blocking: true\n", "Block what has no test.")
    checkout, asked = hooked(text, ended(blocks=True))
    assert checkout.run("run", "next").code == 3
    assert asked
    assert "fs_write" not in asked[0].tools
    assert "I looked at it." in checkout.server.of("repair")[0].said
    assert checkout.server.of("review-security") == []


def test_an_agent_of_a_hook_that_ended_is_not_asked_again_on_resume(hooked):
    checkout, _ = hooked(hook(), ended())
    assert checkout.forked("run", "next", REVIEWLOOP_FAULT="hook.recorded:1=kill").code < 0
    assert checkout.run("resume").code == 4
    assert [one["from_journal"] for one in checkout.events("hook")] == [True]


@pytest.mark.slow
def test_an_agent_that_takes_longer_than_its_hook_may_gave_no_answer(hooked):
    def slow(received):
        time.sleep(0.3)
        return reply(write("shop/left.py", "A = 1\n"))

    text = hook(more="  timeout: 0.2\n  blocking: true\n")
    checkout, asked = hooked(text, slow, repair=says(done("No.")))
    assert checkout.run("run", "next").code == 3
    assert {one.turn for one in asked} == {0, 1}, "it may finish, and does not"
    rows = checkout.json("hooks", "logs")["hooks"]
    assert {row["exit_code"] for row in rows} == {None}
    assert {row["edited"] for row in rows} == {False}


@pytest.mark.slow
def test_the_resources_of_the_implementer_reach_the_agent_of_a_hook(shop):
    agent = {"name": "implement", "prompt": "Implement.", "tools": ["fs_read", "fs_write"]}
    agent["resources"] = ["file://docs/words.md"]
    play = cast(implement=writes({"shop/search.py": SHOWN}))
    part, asked = says(ended()), []

    def answer(received):
        if "finish_hook" in received.tools:
            asked.append(received)
            return part(received)
        return play(received)

    files = {
        ".reviewloop/hooks/a.yaml": hook(),
        ".kiro/agents/implement.json": json.dumps(agent),
        "docs/words.md": "A till is no cart.\n",
    }
    checkout = shop(answer, files=files)
    assert checkout.run("trust", "--yes").code == 0
    said = checkout.run("run", "next")
    assert said.code == 4, said.err
    assert "A till is no cart." in asked[0].said
