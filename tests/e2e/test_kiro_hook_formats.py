"""Kiro's three formats of hooks in whole runs, each with exit codes 0, 1 and 2: only 2 blocks."""

import json

import pytest
from support.bedrock import reply
from support.parts import cast, says
from support.play import done, write

pytestmark = pytest.mark.needs_bubblewrap
FORMATS = {
    "new": (
        ".kiro/hooks/a.json",
        lambda command: {
            "version": "v1",
            "hooks": [
                {
                    **{"name": "a", "trigger": "PreToolUse", "matcher": "fs_write"},
                    "action": {"type": "command", "command": command},
                }
            ],
        },
    ),
    "older": (
        ".kiro/hooks/a.kiro.hook",
        lambda command: {
            "name": "a",
            "when": {"type": "preToolUse", "toolTypes": ["write"]},
            "then": {"type": "runCommand", "command": command},
        },
    ),
    "of an agent": (
        ".kiro/agents/mine.json",
        lambda command: {
            **{"name": "mine", "prompt": "p"},
            "hooks": {"preToolUse": [{"matcher": "fs_write", "command": command}]},
        },
    ),
}


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize("code", [0, 1, 2])
@pytest.mark.parametrize("form", FORMATS)
def test_only_exit_code_2_blocks(shop, form, code):
    path, made = FORMATS[form]
    command = f"echo not on fridays >&2; exit {code}"
    play = cast(
        implement=says(reply(write("shop/search.py", "A = 1\n")), done("Wrote it.")),
    )
    checkout = shop(play, files={path: json.dumps(made(command))})
    validated = checkout.run("hooks", "validate")
    assert (validated.code, validated.out) == (0, "1 hook, 0 errors\n")
    assert checkout.run("trust", "--yes").code == 0
    said = checkout.run("run", "next")
    asked = json.dumps([one.body for one in checkout.server.of("implement")])
    [row, *_] = checkout.json("hooks", "logs")["hooks"]
    assert (row["event"], row["exit_code"]) == ("tool.before", code)
    assert ("refused this call: not on fridays" in asked) is (code == 2)
    files = [one["path"] for one in (checkout.record()["proposal"] or {}).get("files", ())]
    assert ("shop/search.py" in files) is (code != 2)
    assert said.code == (4 if code != 2 else said.code)
