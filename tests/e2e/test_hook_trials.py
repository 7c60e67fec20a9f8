"""`hooks test`: hooks with agents, named actions or conditions, tried on a user's checkout."""

import json
import os

import pytest
from support.bedrock import calls, reply
from support.parts import cast
from support.play import write

from reviewloop.app.hook_session import hook_session
from reviewloop.app.watch import Edit, hooks_for_edits, watching
from reviewloop.git.repository import discover
from reviewloop.hooks.hook import Event

pytestmark = pytest.mark.needs_bubblewrap
MODEL = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
DOCUMENTED = '"""Orders."""\n'
TAGS = """
name: mine
trigger: {event: EVENT, filter: ["shop/*.py", "!shop/__init__.py"]CONDITION}
action: {prompt: "Document {file_path}.", blocking: true, require_approval: true}
"""


def text(event="file.save", condition=""):
    more = f", condition: {condition}" if condition else ""
    return TAGS.replace("EVENT", event).replace("CONDITION", more)


@pytest.fixture
def hooked(shop):
    """Return a function: a hook and what its agent answers -> checkout, what was asked of it."""

    def opened(written, *answers, trust=True):
        asked = []
        quiet = cast()

        def answer(received):
            if "finish_hook" not in received.tools:
                return quiet(received)
            asked.append(received)
            return answers[min(received.turn, len(answers) - 1)]

        checkout = shop(answer, files={".reviewloop/hooks/a.yaml": written})
        if trust:
            assert checkout.run("trust", "--yes").code == 0
        return checkout, asked

    return opened


def ended(blocks=False, summary="Looked at it."):
    return calls("finish_hook", {"summary": summary, "blocks": blocks})


def test_an_agents_hook_is_tried_on_the_files_as_they_are_and_nothing_is_kept(hooked):
    checkout, asked = hooked(text(), reply(write("shop/new.py", DOCUMENTED)), ended())
    checkout.write("shop/store.py", "mine = 1\n")
    before = checkout.bytes()
    said = checkout.run(
        "hooks", "run", ".reviewloop/hooks/a.yaml", "--file", "shop/store.py", "--model", MODEL
    )
    assert said.code == 0, said.err
    assert "Document shop/store.py." in asked[0].said
    assert "+mine = 1" in asked[0].said
    assert "Looked at it." in said.out
    assert "hook mine: exit code 0; $" in said.err
    assert "for 2 calls" in said.err
    assert "not kept, it wrote: shop/new.py" in said.err
    assert checkout.bytes() == before
    assert not [*checkout.state.glob("repositories/*/hooks/runs/*")]
    assert checkout.run("status").out.count("mine") == 0


def test_before_a_commit_it_looks_at_what_is_staged_and_its_exit_code_stops_git(hooked):
    checkout, asked = hooked(text("git.pre-commit"), ended(True, "No test."))
    checkout.write("shop/store.py", "staged = 1\n")
    checkout.git("add", "-A")
    checkout.write("shop/store.py", "later = 1\n")
    said = checkout.run("hooks", "run", "mine", "--model", MODEL)
    assert said.code == 3
    assert "it would block" in said.err
    assert "+staged = 1" in asked[0].said
    assert "later = 1" not in asked[0].said
    assert "fs_write" not in asked[0].tools


def test_where_its_condition_does_not_hold_nobody_is_asked(hooked):
    checkout, asked = hooked(text(condition="lines > 50"), ended())
    tried = ("hooks", "run", "mine", "--file", "shop/store.py", "--model", MODEL)
    said = checkout.run(*tried)
    assert (said.code, asked) == (0, [])
    assert "it would not fire" in said.out
    checkout.write("shop/store.py", "a = 1\n" * 51)
    assert checkout.run(*tried).code == 0
    assert len(asked) == 1


def test_without_a_named_model_nobody_is_asked(hooked):
    checkout, asked = hooked(text(), ended())
    said = checkout.run("hooks", "run", "mine", "--file", "shop/store.py")
    assert (said.code, asked) == (2, [])
    assert "the hook mine asks an agent; name a model with --model provider:model" in said.err
    said = checkout.run("watch", "--files")
    assert (said.code, "it asks an agent; name a model" in said.err) == (2, True)
    assert "shop/store.py" in checkout.run("watch", "--files", "--model", MODEL).out


def test_a_named_action_is_done_on_the_checkout(hooked):
    scan = "name: mine\ntrigger: {event: git.pre-commit}\n"
    scan += "action: {run: securityScan, config: {tool: trivy, failOnCritical: true}}\n"
    checkout, _ = hooked(scan, ended())
    checkout.write("shop/store.py", "a = 1\n")
    checkout.git("add", "-A")
    facts = json.loads(checkout.run("hooks", "run", "mine", "--json").out)
    assert (facts["exit_code"], facts["blocks"]) == (None, True)
    assert "trivy could not scan" in facts["output"]


def test_a_file_outside_of_the_project_is_none(hooked):
    checkout, _ = hooked(text(), ended())
    (checkout.root.parent / "x.py").write_text("a = 1\n")
    said = checkout.run("hooks", "run", "mine", "--file", "../x.py", "--model", MODEL)
    assert (said.code, "../x.py is outside of the project" in said.err) == (2, True)


def test_a_persons_save_asks_the_agent_and_its_edit_is_proposed(hooked):
    edit = reply(write("shop/new.py", DOCUMENTED))
    checkout, asked = hooked(text(), edit, ended())
    with checkout.inside():
        user = discover(checkout.root)
        with watching(user, lambda *of: hooks_for_edits(*of, model=True)) as watch:
            checkout.write("shop/store.py", "mine = 1\n")
            assert watch.look() == [Edit(Event.FILE_SAVE, "shop/store.py")]
            with hook_session(watch.chosen.hooks, model=MODEL) as session:
                watch.in_session = session.run
                [done] = watch.fire(Edit(Event.FILE_SAVE, "shop/store.py"))
                assert [*watch.fire(Edit(Event.FILE_SAVE, "shop/__init__.py"))] == []
            assert done.exit_code == 0
            assert done.proposal.files == {"shop/new.py": (None, DOCUMENTED.encode())}
            assert done.cost.endswith(" so far")
            assert not os.path.lexists(checkout.root / "shop/new.py")
            watch.write(done.proposal)
    assert checkout.read("shop/new.py") == DOCUMENTED
    assert len(asked) == 2
