"""Hooks on every event of a run: each fires once at its event, also if the run is killed."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from support.bedrock import calls, reply, tool_use
from support.crash import CHECKS
from support.parts import cast, says, writes
from support.play import done, write

from reviewloop.hooks.hook import CAN_BLOCK, FIRED, KIRO_NAMES, OUTSIDE_RUNS, Event

pytestmark = pytest.mark.needs_bubblewrap
SHOWN = "def items_of(db, customer):\n    return []\n"
TESTS = {
    "REVIEWLOOP_GATES__TEST__ENABLED": "true",
    "REVIEWLOOP_GATES__TEST__COMMAND": json.dumps([sys.executable, "-S", "checks.py"]),
    "REVIEWLOOP_GATES__COVERAGE__ENABLED": "false",
    "REVIEWLOOP_REVIEW__ANALYSERS_OFF": '["*"]',
    "REVIEWLOOP_GATES__BUILD__ENABLED": "true",
    "REVIEWLOOP_GATES__BUILD__COMMAND": '["true"]',
}


def own(event, command, more="", trigger=""):
    return (
        f"- name: at {event}\n  trigger:\n    event: {event}\n{trigger}  action:\n"
        f"    command: {json.dumps(command)}\n{more}"
    )


def kiro(trigger, command, matcher=""):
    action = {"type": "command", "command": command}
    hook = {"name": "k", "trigger": trigger, "matcher": matcher, "action": action}
    return json.dumps({"version": "v1", "hooks": [hook]})


@pytest.fixture
def hooked(shop):
    def opened(text, play=None, path=".reviewloop/hooks/a.yaml", settings=None):
        play = play or cast(implement=writes({"shop/search.py": SHOWN}))
        checkout = shop(
            play,
            files={path: text, "checks.py": CHECKS},
            **({"settings": settings} if settings else {}),
        )
        assert checkout.run("trust", "--yes").code == 0
        return checkout

    return opened


def rows(checkout, *more):
    return checkout.json("hooks", "logs", *more)["hooks"]


EVERY = "".join(
    own(event, "true", trigger="    filter: ['shop/**']\n" if event.startswith("file.") else "")
    for event in FIRED
)
ORDER = [
    "session.start",
    "prompt.submit",
    "task.start",
    "tool.before",
    "tool.after",
    "file.create",
    "file.save",
    "code.generated",
    "task.end",
    "build",
    "tests.run",
    "git.pre-commit",
    "session.stop",
    "git.commit",
]


@pytest.mark.slow
def test_a_hook_on_every_event_of_a_run_fires_in_the_order_of_the_moments(hooked):
    play = cast(implement=writes({"shop/more.py": "A = 1\n"}))
    checkout = hooked(EVERY, play, settings=TESTS)
    said = checkout.run("run", "next")
    assert said.code == 4, said.err
    assert checkout.run("approve").code == 0
    found = rows(checkout)
    assert [row["event"] for row in found] == ORDER
    assert {row["exit_code"] for row in found} == {0}
    assert set(FIRED) - {Event.FILE_DELETE} == set(ORDER)
    lines = checkout.run("hooks", "logs").out.splitlines()
    assert len(lines) == len(ORDER)
    assert "at git.commit" in checkout.run("audit", "--format", "json").out


def test_the_table_of_the_docs_is_the_code():
    text = (Path(__file__).parents[2] / "docs/hooks.md").read_text()
    found = re.findall(r"^\| `([a-z.-]+)`(?: \(`(\w+)`\))? \|.*\| (yes|no) \|$", text, re.MULTILINE)
    assert [name for name, _, _ in found] == [str(event) for event in (*FIRED, *OUTSIDE_RUNS)]
    assert {*FIRED, *OUTSIDE_RUNS, Event.MANUAL} == {*Event}
    for name, kiro_name, blocks in found:
        assert KIRO_NAMES.get(Event(name), "") == kiro_name
        assert (blocks == "yes") is (Event(name) in CAN_BLOCK)


STORY = (
    *("session.start", "prompt.submit", "task.start"),
    *("tool.before", "tool.after") * 2,
    *("file.create", "file.save", "file.delete", "code.generated", "code.generated", "task.end"),
    *("build", "tests.run", "git.pre-commit", "file.save", "session.stop", "git.commit"),
)
"""All events of a run, the second `code.generated` by an agent, the second `file.save` queued."""


def story(received):
    """Answer as those who write one file, delete another, and follow a hook's prompt."""
    deleted = tool_use("fs_write", {"command": "delete", "path": "shop/old.py"})
    edits = reply(deleted, write("shop/more.py", "A = 1\n"))
    if "finish_hook" in received.tools:
        return calls("finish_hook", {"summary": "Looked.", "blocks": False})
    return cast(implement=says(edits, done("Wrote it.")))(received)


@pytest.mark.slow
def test_the_whole_story_fires_each_hook_once_wherever_it_is_killed(shop):
    """Each process dies at the second hook that it comes to, by turns before and after its record.

    What is killed before its record is the first one of the next process, what is killed after it
    does not come again: two of three hooks are hit. What is done without a kill,
    `test_a_hook_on_every_event_of_a_run` shows.
    """
    asks = "- name: asks\n  trigger: {event: code.generated}\n  action: {prompt: Look.}\n"
    later = own("file.save", "sleep 0.1", "    mode: queued\n", "    filter: ['shop/**']\n")
    text = EVERY + asks + later.replace("at file", "later at file")
    files = {".reviewloop/hooks/a.yaml": text, "shop/old.py": "B = 1\n", "checks.py": CHECKS}
    checkout = shop(story, files=files, settings=TESTS)
    assert checkout.run("trust", "--yes").code == 0
    killed = done = 0
    for command, code in (("run", "next"), 4), (("approve",), 0):
        number, words = 2, command
        while True:
            point = ("journal.before", "journal.after")[killed % 2]
            said = checkout.forked(*words, REVIEWLOOP_FAULT=f"{point}:{number}=kill")
            if said.code >= 0 or killed > 30:
                break
            killed, before, done, words = killed + 1, done, len(rows(checkout)), ("resume",)
            number = 2 if done > before else number + 1  # calls of models pass it again, too
        assert said.code == code, said.err
    found = rows(checkout)
    assert tuple(row["event"] for row in found) == STORY
    assert {row["exit_code"] for row in found} == {0}
    assert [row["at"] for row in found] == sorted(row["at"] for row in found)
    assert [row["name"] for row in found if row["usd"]] == ["asks"]
    assert [row["queued"] for row in found].count(True) == 1
    run = [
        (one["event"], one["name"]) for one in checkout.events("hook") if not one["from_journal"]
    ]
    about_tools = [one for one in run if one[0].startswith("tool.")]
    assert len(about_tools) <= 4
    others = [one for one in run if one not in about_tools]
    assert len(others) == len({*others}), "a hook ran twice"
    assert killed > 10


@pytest.mark.slow
@pytest.mark.parametrize("point", ["hook.recorded", "hook.start"])
def test_killed_inside_of_a_hook_nothing_is_run_twice(hooked, point):
    """One run, whose processes are killed four times, each at the third hook on its way or so."""
    play = cast(implement=writes({"shop/more.py": "A = 1\n"}))
    checkout = hooked(EVERY, play)
    command, done, number = ("run", "next"), 0, 3
    for _ in range(4):
        said = checkout.forked(*command, REVIEWLOOP_FAULT=f"{point}:{number}=kill")
        assert said.code < 0, said.err
        command, before, done = ("resume",), done, len(rows(checkout))
        number += done == before  # what is done passes the point again, or is not come to
    said = checkout.run(*command)
    assert said.code == 4, said.err
    assert checkout.run("approve").code == 0
    quiet = [event for event in ORDER if event not in {"build", "tests.run"}]
    assert [row["event"] for row in rows(checkout)] == quiet
    run = [one["event"] for one in checkout.events("hook") if not one["from_journal"]]
    assert len(run) == len(set(run)), "a hook ran twice"


def test_a_tool_hook_refuses_by_kiros_names_and_fields(hooked):
    check = (
        'import json,sys; d=json.load(sys.stdin); i=d["tool_input"]; '
        'sys.exit(2 if (d["tool_name"], i["path"]) == ("fs_write", "shop/bad.py") else 0)'
    )
    command = f"echo not there >&2; exec python3 -c {shlex.quote(check)}"
    play = cast(
        implement=says(
            reply(write("shop/bad.py", "A = 1\n")),
            reply(write("shop/good.py", "B = 1\n")),
            done("Wrote it."),
        )
    )
    text = kiro("PreToolUse", command, "write|str_replace")
    checkout = hooked(text, play, ".kiro/hooks/a.json")
    assert checkout.run("run", "next").code == 4
    asked = [one for one in checkout.server.of("implement") if one.turn == 1]
    assert "hook 'k' refused this call: not there" in json.dumps(asked[0].body)
    assert [one["path"] for one in checkout.record()["proposal"]["files"]] == ["shop/good.py"]
    assert [row["exit_code"] for row in rows(checkout)] == [2, 0]


@pytest.mark.slow_but(every=8)
@pytest.mark.parametrize("code", [0, 1])
def test_a_tool_hook_of_kiro_that_ends_otherwise_lets_the_call_be_made(hooked, code):
    text = kiro("PreToolUse", f"exit {code}", "fs_write")
    checkout = hooked(text, path=".kiro/hooks/a.json")
    assert checkout.run("run", "next").code == 4
    assert "shop/search.py" in [one["path"] for one in checkout.record()["proposal"]["files"]]


def test_a_prompt_hook_that_blocks_and_what_one_prints(hooked):
    text = kiro("UserPromptSubmit", "echo we ship on mondays only")
    checkout = hooked(text, path=".kiro/hooks/a.json")
    assert checkout.run("run", "next").code == 4
    assert "we ship on mondays only" in checkout.server.of("implement")[0].said


def test_a_prompt_hook_blocks(hooked):
    checkout = hooked(kiro("UserPromptSubmit", "exit 2"), path=".kiro/hooks/a.json")
    assert checkout.run("run", "next").code == 3
    assert checkout.server.of("implement") == []


@pytest.mark.slow
@pytest.mark.parametrize("event", ["build", "tests.run"])
def test_a_red_hook_of_build_or_tests_goes_back_to_the_agent(hooked, event):
    play = cast(implement=writes({"shop/search.py": SHOWN}), repair=says(done("No.")))
    command = 'grep -q \'"result": "passed\' && echo slow tests; exit 1'
    text = own(event, command, "    blocking: true\n")
    checkout = hooked(text, play, settings=TESTS)
    assert checkout.run("run", "next").code == 3
    assert "slow tests" in checkout.server.of("repair")[0].said


@pytest.mark.slow
def test_queued_hooks_wait_until_every_reviewer_has_read(hooked):
    text = "".join(
        own("file.save", "true", "    mode: queued\n", "    filter: ['shop/**']\n").replace(
            "name: at", f"name: {number} at"
        )
        for number in range(6)
    )
    checkout = hooked(text)
    assert checkout.run("run", "next").code == 4
    kinds = [one["kind"] for one in checkout.events() if one["kind"] in {"agent.end", "hook"}]
    assert kinds.count("hook") == 6
    assert "agent.end" not in kinds[kinds.index("hook") :]
    assert {row["queued"] for row in rows(checkout)} == {True}
    assert rows(checkout, "--slow", "0") == []


def test_conditions_and_slow_hooks(hooked):
    named = "    filter: ['shop/**']\n    condition: lines > {}\n"
    text = own("file.save", "true", trigger=named.format(1))
    text += own("file.save", "true", trigger=named.format(50)).replace("name: at", "name: not at")
    checkout = hooked(text)
    assert checkout.run("run", "next").code == 4
    assert [row["name"] for row in rows(checkout)] == ["at file.save"]
    assert "with `mode: queued` it would not" in checkout.run("hooks", "logs", "--slow", "0").err


@pytest.mark.slow
def test_an_edit_with_which_the_tests_are_red_is_taken_back(hooked):
    test = "from shop.search import items_of\n\n\ndef test_it():\n    assert items_of(1, 2) == []\n"
    play = cast(implement=writes({"shop/search.py": SHOWN, "tests/test_search.py": test}))
    command = "grep -q hooked shop/search.py || echo 'hooked = 1 / 0' >> shop/search.py"
    text = own("file.save", command, "    run_tests: true\n", "    filter: ['shop/search.py']\n")
    checkout = hooked(text, play, settings=TESTS)
    assert checkout.run("run", "next").code == 4
    [row] = rows(checkout)
    assert row["edited"] is False
    assert checkout.run("approve").code == 0
    assert "hooked" not in checkout.git("show", "HEAD:shop/search.py")
