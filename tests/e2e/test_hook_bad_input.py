"""Invalid hooks: one sentence with its location, and the exit code."""

import json

import pytest
from e2e.test_bad_input import sentence
from support.parts import cast, says, writes
from support.play import done

pytestmark = pytest.mark.needs_bubblewrap
OURS, KIRO, OLD = ".reviewloop/hooks/a.yaml", ".kiro/hooks/a.json", ".kiro/hooks/a.kiro.hook"
HOOK = (
    "name: mine\ntrigger:\n  event: file.save\n  filter: ['shop/**']\naction:\n  command: 'true'\n"
)
TWICE = "- {{name: mine, trigger: {{event: {}}}, action: {{command: 'true'}}}}\n"


def kiro(**more):
    action = {"type": "command", "command": "true"}
    return json.dumps({"name": "mine", "trigger": "PreTaskExec", "action": action, **more})


WRITTEN = {
    "broken YAML": (OURS, HOOK + " x: [\n", f"{OURS}:7: not valid YAML"),
    "broken JSON": (KIRO, '{\n "name": \n}\n', f"{KIRO}:3: not valid JSON"),
    "broken JSON of old": (OLD, "{,}", f"{OLD}:1: not valid JSON"),
    "broken TypeScript": (
        ".reviewloop/hooks/a.ts",
        "let a = 1",
        "a.ts:1: only one `export const NAME",
    ),
    "unknown event": (
        OURS,
        HOOK.replace("file.save", "file.saved"),
        f"{OURS}:3: there is no event 'file.saved', did you mean file.save?",
    ),
    "unknown trigger": (KIRO, kiro(trigger="PreTask"), "'PreTask', did you mean PreTaskExec?"),
    "two actions": (OURS, HOOK + "  prompt: x\n", f"{OURS}:7: it has two actions"),
    "no action": (KIRO, kiro(action={}), f"{KIRO}:1: it has no action"),
    "unknown placeholder": (
        OURS,
        HOOK.replace("'true'", "'cat {file}'"),
        f"{OURS}:6: there is no placeholder {{file}}; there are: {{file_path}}",
    ),
    "two of one name": (
        OURS,
        TWICE.format("build") + TWICE.format("deploy"),
        "two hooks are called 'mine'",
    ),
    "a condition that calls": (
        OURS,
        HOOK.replace("  filter", "  condition: open(1)\n  filter"),
        f"{OURS}:4: the condition cannot be read: 'open' is no name it knows",
    ),
    "commits by itself": (OURS, HOOK + "  auto_commit: true\n", "auto_commit: true is refused"),
    "a list for a type": (OURS, HOOK + "  type: [command]\n", "type ['command'] does not fit"),
    "no time": (OURS, HOOK + "  timeout: .nan\n", "timeout is nan, expected a number from 0 on"),
    "unknown action": (
        OURS,
        HOOK.replace("command: 'true'", "run: runLint"),
        "there is no action 'runLint', did you mean runLinter?",
    ),
}


@pytest.mark.slow_but(every=8)
@pytest.mark.parametrize("what", WRITTEN)
def test_what_a_person_wrote_is_named_with_its_line_and_refused(shop, what):
    path, text, expected = WRITTEN[what]
    checkout = shop(files={path: text})
    said = checkout.run("hooks", "validate")
    assert said.code == 1
    [line] = [line for line in said.out.splitlines() if line.startswith("error: ")]
    assert expected in line
    refused = sentence(checkout.run("run", "next"), 2)
    assert expected in refused
    assert "a hook cannot be read: " in refused
    assert "--no-hooks" in refused
    assert checkout.server.of("implement") == []


def test_a_hook_without_a_filter_is_a_warning(shop):
    checkout = shop(files={OURS: HOOK.replace("  filter: ['shop/**']\n", "")})
    said = checkout.run("hooks", "validate")
    assert said.code == 0
    assert said.out.splitlines()[0] == (
        f"warning: {OURS}:1: 'mine' has no filter: it fires on every file"
    )


ENDS = {
    "is red": ("echo too long; exit 1", 1),
    "hangs": ("sleep 600", None),
    "forks and hangs": ("for n in 1 2 3; do (setsid sleep 600 &); done; sleep 600", None),
    "dies by a signal": ("kill -9 $$", 137),
    "prints without end": ("head -c 200000000 /dev/zero | tr '\\0' x; exit 1", 1),
    "is not there": ("exec no-such-program", None),
}


@pytest.mark.slow_but(every=6)
@pytest.mark.parametrize("how", ENDS)
def test_a_hook_that_blocks_and_ends_badly_blocks_the_run(shop, how):
    command, code = ENDS[how]
    text = HOOK.replace("'true'", json.dumps(command)) + "  blocking: true\n  timeout: 8\n"
    text = text.replace("  timeout: 8", "  timeout: 1") if "hangs" in how else text
    play = cast(
        implement=writes({"shop/search.py": "def items_of(db, customer):\n    return []\n"}),
        repair=says(done("No.")),
    )
    checkout = shop(play, files={OURS: text})
    assert checkout.run("trust", "--yes").code == 0
    said = checkout.run("run", "next")
    assert said.code == 3, said.err
    rows = checkout.json("hooks", "logs")["hooks"]
    assert {row["exit_code"] for row in rows} == {code}
    end = "did not end by itself" if code is None else f"exit code {code}"
    assert f"hook mine: {end} at file.save of shop/search.py" in checkout.record()["reason"]
    assert all(path.stat().st_size < 3 << 20 for path in checkout.state.rglob("hook-*.log"))
