"""Hooks in whole runs: trusted ones run in the sandbox, blocking ones stop or send back."""

import json

import pytest
from support.bedrock import reply
from support.parts import cast, says, writes
from support.play import done, write

pytestmark = pytest.mark.needs_bubblewrap
SHOWN = "def items_of(db, customer):\n    return []\n"


def kiro(name, trigger, command):
    hook = {"name": name, "trigger": trigger, "action": {"type": "command", "command": command}}
    return json.dumps({"version": "v1", "hooks": [hook]})


def own(event, command, blocking=True):
    return (
        f"name: mine\ntrigger:\n  event: {event}\n  filter: ['shop/**']\naction:\n"
        f"  command: {json.dumps(command)}\n  blocking: {str(blocking).lower()}\n"
    )


@pytest.fixture
def hooked(shop):
    def opened(path, text, play=None, trust=True):
        checkout = shop(play or cast(), files={path: text})
        if trust:
            assert checkout.run("trust", "--yes").code == 0
        return checkout

    return opened


def test_a_hook_that_blocks_keeps_the_task_from_beginning(hooked):
    command = 'read line; echo "$line" | grep -q PreTaskExec && echo not on fridays >&2; exit 2'
    checkout = hooked(".kiro/hooks/a.json", kiro("no fridays", "PreTaskExec", command))
    said = checkout.run("run", "next")
    assert said.code == 3, said.err
    assert "not begun: hook 'no fridays' says: not on fridays" in said.err + said.out
    assert checkout.server.of("implement") == []


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize("code", [0, 1])
def test_other_exit_codes_of_kiro_do_not_block(hooked, code):
    checkout = hooked(".kiro/hooks/a.json", kiro("a", "PreTaskExec", f"exit {code}"))
    assert checkout.run("run", "next").code == 4


def test_a_blocking_hook_that_nobody_trusts_refuses_the_run(hooked):
    text = kiro("a", "PreTaskExec", "exit 2")
    checkout = hooked(".kiro/hooks/a.json", text, trust=False)
    said = checkout.run("run", "next")
    assert said.code == 2
    assert "a (task.start: exit 2)" in said.err
    assert checkout.run("run", "next", "--no-hooks").code == 4
    assert "switched off by --no-hooks: a" in json.dumps(checkout.record()["proposal"]["warnings"])


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize("command", [("run", "next"), ("batch", "--mode", "queue")])
def test_a_blocking_action_that_nobody_trusts_refuses_the_run(hooked, command):
    text = "hooks:\n  on_commit:\n  - {pattern: '*', action: security_scan, fail_on: critical}\n"
    checkout = hooked(".reviewloop/hooks/a.yaml", text, trust=False)
    said = checkout.run(*command)
    assert said.code == 2, said.err
    assert "not trusted: a on_commit 1 (git.pre-commit: security-scan: fail_on" in said.err
    assert "add --no-hooks" in said.err
    assert checkout.server.of("implement") == []
    went_on = checkout.run(*command, "--no-hooks")
    assert went_on.code != 2, went_on.err
    assert checkout.server.of("implement") != []


@pytest.mark.slow
def test_a_red_hook_goes_back_to_the_agent_and_then_blocks(hooked):
    play = cast(implement=writes({"shop/search.py": SHOWN}), repair=says(done("No.")))
    checkout = hooked(
        ".reviewloop/hooks/a.yaml", own("file.save", "echo bad {file_path}; exit 1"), play
    )
    assert checkout.run("run", "next").code == 3
    repairs = [one for one in checkout.server.of("repair") if one.turn == 0]
    assert len(repairs) == 2
    assert "bad shop/search.py" in repairs[0].said
    assert checkout.server.of("review-security") == []


@pytest.mark.slow
def test_a_mended_file_is_shown_to_the_hook_again(hooked):
    mends = says(reply(write("shop/search.py", SHOWN + "# good\n")), done("Mended."))
    play = cast(implement=writes({"shop/search.py": SHOWN}), repair=mends)
    command = "grep -q good {file_path}"
    checkout = hooked(".reviewloop/hooks/a.yaml", own("file.save", command), play)
    assert checkout.run("run", "next").code == 4
    assert len([one for one in checkout.server.of("repair") if one.turn == 0]) == 1


@pytest.mark.slow
def test_what_a_hook_writes_is_what_reviewers_read(hooked):
    protected = ".github/workflows"
    command = f"mkdir -p {protected}; echo x > {protected}/x.yml"
    command = f"echo '# made by the hook' >> $KIRO_HOOK_FILE; {command}"
    play = cast(implement=writes({"shop/search.py": SHOWN}))
    text = own("file.save", f"grep -q 'made by' $KIRO_HOOK_FILE || ({command})")
    checkout = hooked(".reviewloop/hooks/a.yaml", text, play)
    said = checkout.run("run", "next")
    assert said.code == 4, said.err
    assert "made by the hook" in checkout.server.of("review-security")[0].said
    files = [one["path"] for one in checkout.record()["proposal"]["files"]]
    assert "shop/search.py" in files
    assert not [one for one in files if one.startswith(".github")]


@pytest.mark.slow
def test_hooks_that_fire_each_other_are_stopped(hooked):
    each = "- name: {}\n  trigger: {{event: file.save, filter: ['shop/{}.py']}}\n"
    each += "  action: {{command: 'date +%N >> shop/{}.py'}}\n"
    text = each.format("a", "search", "other") + each.format("b", "other", "search")
    checkout = hooked(
        ".reviewloop/hooks/a.yaml", text, cast(implement=writes({"shop/search.py": SHOWN}))
    )
    assert checkout.run("run", "next").code == 4
    assert "cycle of hooks a → b → a stopped at depth 3" in checkout.run("logs").out
    found = [row["name"] for row in checkout.json("hooks", "logs")["hooks"]]
    assert found == ["a", "b", "a"]


def test_a_hook_is_not_fired_by_what_it_left_of_the_file_itself(hooked):
    text = "name: a\ntrigger: {event: file.save, filter: ['shop/**']}\n"
    text += "action: {command: 'date +%N >> {file_path}'}\n"
    play = cast(implement=writes({"shop/search.py": SHOWN, "shop/other.py": "A = 1\n"}))
    checkout = hooked(".reviewloop/hooks/a.yaml", text, play)
    assert checkout.run("run", "next").code == 4
    rows = checkout.json("hooks", "logs")["hooks"]
    assert [(row["path"], row["edited"]) for row in rows] == [
        ("shop/other.py", True),
        ("shop/search.py", True),
    ]
    assert "cycle of hooks" not in checkout.run("logs").out


@pytest.mark.slow
def test_a_red_hook_before_the_commit_blocks_without_being_able_to_write(hooked):
    play = cast(implement=writes({"shop/search.py": SHOWN}), repair=says(done("No.")))
    text = own("git.pre-commit", "echo x > shop/left.py; exit 1")
    checkout = hooked(".reviewloop/hooks/a.yaml", text, play)
    assert checkout.run("run", "next").code == 3
    assert [one["path"] for one in checkout.record()["proposal"]["files"]] == ["shop/search.py"]


@pytest.mark.slow
def test_a_finished_hook_is_not_run_again_on_resume(hooked):
    text = own("file.save", "echo '# hooked' >> $KIRO_HOOK_FILE", blocking=False)
    text = text.replace("['shop/**']", "['shop/**', '!**/made.py']")
    play = cast(implement=writes({"shop/search.py": SHOWN, "shop/made.py": "A = 1\n"}))
    checkout = hooked(".reviewloop/hooks/a.yaml", text, play)
    assert checkout.forked("run", "next", REVIEWLOOP_FAULT="hook.recorded").code < 0
    assert checkout.run("resume").code == 4
    logs = [*checkout.state.rglob("logs/hook-*.log")]
    assert len(logs) == 1
    assert checkout.run("show", "--diff").out.count("\n+# hooked") == 1


def test_list_and_validate(hooked):
    checkout = hooked(".reviewloop/hooks/a.yaml", own("file.save", "true"), trust=False)
    [hook] = checkout.json("hooks", "list")["hooks"]
    assert (hook["event"], hook["trusted"], hook["blocking"]) == ("file.save", False, True)
    assert checkout.run("hooks", "validate").code == 0
    checkout.write(".reviewloop/hooks/b.yaml", "a: [")
    said = checkout.run("hooks", "validate")
    assert said.code == 1
    assert ".reviewloop/hooks/b.yaml:1: not valid YAML" in said.out


def test_hooks_of_an_event_and_of_one_file(hooked):
    checkout = hooked(".reviewloop/hooks/a.yaml", own("file.save", "true"), trust=False)
    one = "name: later\ntrigger: {event: deploy}\naction: {command: [make smoke, make tidy]}\n"
    checkout.write("reviewloop.hooks.yaml", one)
    listed = checkout.run("hooks", "list", "--event", "deploy").out.splitlines()
    assert listed[0] == "deploy          later: make smoke && make tidy"
    assert listed[1].startswith(" " * 16 + "reviewloop.hooks.yaml")
    assert len(listed) == 2
    said = checkout.run("hooks", "list", "--event", "deploi")
    assert (said.code, "there is no event deploi; did you mean deploy?" in said.err) == (2, True)
    checkout.write(".reviewloop/hooks/b.yaml", "a: [")
    said = checkout.run("hooks", "validate", "reviewloop.hooks.yaml")
    assert (said.code, said.out) == (0, "1 hook, 0 errors\n")
    assert checkout.run("hooks", "validate", "./.reviewloop/hooks/b.yaml").code == 1
    for path, why in (("setup.py", "it is not there"), ("shop/store.py", "hooks are not read")):
        said = checkout.run("hooks", "validate", path)
        assert (said.code, f"{path}: {why}" in said.err) == (2, True)


@pytest.mark.slow
def test_one_hook_is_tried_by_its_name_and_nothing_of_it_is_kept(hooked):
    command = "echo looked at {file_path}; echo x >> shop/store.py; exit 1"
    checkout = hooked(".reviewloop/hooks/a.yaml", own("file.save", command))
    before = checkout.bytes()
    for name in ("mine", ".reviewloop/hooks/a.yaml", "a"):
        said = checkout.run("hooks", "run", name, "--file", "shop/store.py", "--dry-run")
        assert said.code == 0, said.err
        assert "echo looked at shop/store.py" in said.out
    said = checkout.run("hooks", "run", "mine", "--file", "shop/store.py")
    assert said.code == 3
    assert "exit code 1; it would block" in said.err
    facts = checkout.json("hooks", "run", "mine", "--file", "shop/store.py")
    assert facts["output"].startswith("looked at shop/store.py")
    assert facts["would_write"] == ["shop/store.py"]
    assert checkout.bytes() == before


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("mine",), "name one with --file"),
        (("mine", "--file", "no.py"), "there is no file no.py"),
        (("main", "--file", "shop/store.py"), "did you mean mine?"),
        (("mine", "--file", "shop/store.py"), "is not trusted"),
    ],
)
def test_a_hook_that_cannot_be_tried(hooked, arguments, expected):
    text = own("file.save", "true")
    checkout = hooked(".reviewloop/hooks/a.yaml", text, trust=expected != "is not trusted")
    said = checkout.run("hooks", "run", *arguments)
    assert said.code == 2
    assert expected in said.err


def test_a_manual_hook_is_run_without_a_file(hooked):
    checkout = hooked(".kiro/hooks/a.json", kiro("a", "Manual", "echo by hand"))
    said = checkout.run("hooks", "run", "a")
    assert said.code == 0, said.err
    assert "by hand" in said.out
