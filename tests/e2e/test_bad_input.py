"""Bad input to a run: one clear sentence, the documented exit code, and nothing lost."""

import contextlib
import fcntl
import re
import signal
import time
from pathlib import Path

import pytest
from support.bedrock import access_denied
from support.checkout import QUIET_GATES, Checkout
from support.parts import CLEAN, QUIET, cast, finds, found, resolves, says, writes
from support.play import REVIEWERS, done, reply, tool_use, write

TASKS = ".kiro/specs/orders/tasks.md"
KEY = "AKIA" + "Z7Q2M5XW3PLK6RTB"  # in two parts, so that no scanner takes this file for a leak


def sentence(said, code: int) -> str:
    """Return the one sentence with which a command ended."""
    assert said.code == code, said.err
    assert "Traceback" not in said.err
    assert "bug in reviewloop" not in said.err
    lines = [line for line in said.err.splitlines() if line.startswith("reviewloop: ")]
    assert len(lines) == 1, said.err
    return lines[0].removeprefix("reviewloop: ")


def wait_until(reached, process) -> None:
    deadline = time.monotonic() + 30
    while not reached():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)


# Before anything is paid


def unknown_task(checkout):
    return ("run", "2.7"), 2, ["there is no task '2.7' in .kiro/specs/orders/tasks.md", "did you"]


def ambiguous_spec(checkout):
    checkout.write(".kiro/specs/returns/tasks.md", "- [ ] 1. Take back\n")
    return ("run", "2.1"), 2, ["orders", "returns", "--spec"]


def unknown_spec(checkout):
    return ("run", "2.1", "--spec", "ordres"), 2, ["ordres"]


def open_dependency(checkout):
    return ("run", "2.2"), 2, ["depends on work that is not done: 2.1"]


def cycle(checkout):
    text = "- [ ] 1. One\n  - _Depends: 2_\n- [ ] 2. Two\n  - _Depends: 1_\n"
    checkout.write(TASKS, text)
    return ("run", "1"), 2, ["1 -> 2 -> 1"]


def done_already(checkout):
    return ("run", "1.1"), 2, ["task 1.1 'Store orders' is done already"]


def detached_head(checkout):
    checkout.git("checkout", "-q", "--detach")
    return ("run", "2.1"), 3, ["HEAD is detached", "--branch reviewloop/orders"]


def protected_branch(checkout):
    checkout.git("branch", "-m", "main")
    return ("run", "2.1"), 3, ["the branch main is protected", "--branch reviewloop/orders"]


def protected_new_branch(checkout):
    return ("run", "2.1", "--branch", "master"), 3, ["the branch master is protected"]


def existing_branch(checkout):
    place = checkout.root.with_name("beside")
    checkout.git("worktree", "add", "-q", "-b", "there", str(place))
    return ("run", "2.1", "--branch", "there"), 2, [f"there is checked out in {place}; run there"]


def impossible_branch(checkout):
    return ("run", "2.1", "--branch", "a..b"), 2, ["a..b"]


def rebase_under_way(checkout):
    checkout.write(".git/rebase-merge/head-name", "refs/heads/work\n")
    return ("run", "2.1"), 2, ["rebase"]


def malformed_agent(checkout):
    text = '{\n  "name": "review-security",\n  "prompt": "x",\n}\n'
    checkout.write(".kiro/agents/review-security.json", text)
    return ("run", "2.1"), 2, [".kiro/agents/review-security.json:3: remove the comma before }"]


def unknown_setting(checkout):
    checkout.write("reviewloop.toml", "[limits]\ntokns = 5\n")
    return ("run", "2.1"), 2, ["reviewloop.toml", "limits.tokns", "did you mean limits.tokens?"]


def unlimited_rounds(checkout):
    checkout.write("reviewloop.toml", "[limits]\nrounds = 4\n")
    return ("run", "2.1"), 2, ["limits.rounds"]


def untrusted_command(checkout):
    checkout.write("reviewloop.toml", '[gates.test]\ncommand = ["make", "test"]\n')
    return ("run", "2.1"), 2, ["gates.test.command", "reviewloop trust"]


def no_region(checkout):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        del checkout.environ[name]
    return ("run", "2.1"), 2, ["but no AWS region; set AWS_REGION or", "--model provider:model"]


def no_credentials(checkout):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del checkout.environ[name]
    return ("run", "2.1"), 2, ["no AWS credentials were found", "aws configure"]


def missing_provider(checkout):
    return ("run", "2.1", "--model", "groq:large"), 2, ["langchain-groq"]


def unknown_provider(checkout):
    return ("run", "2.1", "--model", "antropic:large"), 2, ["did you mean anthropic?"]


def no_model(checkout):
    return ("run", "2.1", "--model", "none"), 2, ["implementing needs a model"]


def task_and_message(checkout):
    return ("run", "2.1", "-m", "do it"), 2, ["not both"]


def negative_budget(checkout):
    return ("run", "2.1", "--budget-usd", "-1"), 2, ["limits.usd"]


@pytest.mark.parametrize(
    "situation",
    [
        *(unknown_task, ambiguous_spec, unknown_spec, open_dependency, cycle, done_already),
        *(detached_head, protected_branch, protected_new_branch, existing_branch),
        *(impossible_branch, rebase_under_way),
        *(malformed_agent, unknown_setting, unlimited_rounds, untrusted_command),
        *(no_region, no_credentials, missing_provider, unknown_provider, no_model),
        *(task_and_message, negative_budget),
    ],
    ids=lambda situation: situation.__name__,
)
def test_a_run_that_cannot_start_says_why_and_costs_nothing(shop, situation):
    checkout = shop()
    arguments, code, words = situation(checkout)
    before = checkout.bytes()
    why = sentence(checkout.run(*arguments), code)
    assert all(word in why for word in words), why
    assert checkout.server.ledger == []
    assert checkout.bytes() == before
    assert not list(checkout.state.glob("repositories/*/runs/*"))


def test_outside_of_a_repository(tmp_path):
    (tmp_path / "folder").mkdir()
    checkout = Checkout(tmp_path / "folder", tmp_path / "home")
    assert "is not inside a git repository" in sentence(checkout.run("run"), 2)


UNNAMED = (
    "`git config user.name NAME` and `git config user.email ADDRESS`, which git does not know "
    "here, then "
)


@pytest.mark.slow
def test_before_the_first_commit(tmp_path):
    (tmp_path / "folder").mkdir()
    checkout = Checkout(tmp_path / "folder", tmp_path / "home")
    checkout.git("init", "-q")
    checkout.write(".kiro/specs/todo/requirements.md", TODO)
    checkout.write(".kiro/specs/todo/tasks.md", "- [ ] 1. List\n  - _Requirements: 1.1_\n")
    for command in ("run", "spec new x -m y", "change -m x", "ask x", "watch"):
        said = sentence(checkout.run(*command.split()), 2)
        assert "has no commits yet; `git commit --allow-empty" in said.replace(UNNAMED, ""), command
        assert UNNAMED in said, command
    assert UNNAMED in " ".join(checkout.run("doctor", "--offline").out.split())
    checkout.git("config", "user.name", "ada")
    checkout.git("config", "user.email", "ada@shop.example")
    assert UNNAMED not in checkout.run("run").err
    for command in (
        *("tasks", "spec check", "spec trace todo", "spec history todo", "spec sync --check"),
        *("status", "queue", "hooks list", "memory list", "audit", "stats", "agents"),
        *(
            "steering list",
            "config show",
            "skills list",
            "review",
            "handoff",
            "init",
            "session resume",
        ),
    ):
        said = checkout.run(*command.split())
        assert said.code == 0, (command, said.err)


TODO = """\
# Requirements Document

### Requirement 1: List

#### Acceptance Criteria

1. WHEN a user runs `todo` THEN the system SHALL print each open item on a line
"""


def test_the_preflight_alone_costs_nothing_and_begins_nothing(shop):
    checkout = shop()
    before = checkout.bytes()
    said = checkout.run("run", "next", "--preflight")
    assert said.code == 0
    assert "task       2.1 Find the items of a customer (orders)" in said.err
    money = r"about \$\d+\.\d\d, up to \$\d+\.\d\d"
    assert re.search(rf"estimate   {money} \([\d,]+ to [\d,]+ tokens\)", said.err)
    assert checkout.server.ledger == []
    assert checkout.json("status")["runs"] == []
    assert checkout.bytes() == before


# Models


def test_a_missing_permission_is_named_and_the_run_goes_on_when_it_is_granted(shop):
    checkout = shop(says(access_denied()))
    why = sentence(checkout.run("run", "2.1"), 5)
    assert "bedrock:InvokeModelWithResponseStream" in why
    assert "global.anthropic.claude-sonnet-5-5" in why
    assert len(checkout.server.ledger) == 1
    assert checkout.record()["status"] == "paused"
    checkout.server.answer = cast()
    assert checkout.run("resume").code == 4


@pytest.mark.slow
def test_an_exhausted_budget_pauses_and_a_higher_one_goes_on_without_paying_again(shop):
    checkout = shop()
    said = checkout.run("run", "2.1", "--budget-tokens", "9000")
    why = sentence(said, 6)
    assert "the cap limits.tokens of this run is reached" in why
    assert checkout.record()["status"] == "paused"
    paid = len(checkout.server.ledger)
    assert paid >= 2
    assert "the cap limits.tokens of this run is reached" in sentence(checkout.run("resume"), 6)
    assert len(checkout.server.ledger) == paid
    advice = re.search(r"`reviewloop (resume --budget-tokens) \d+`", why)
    assert advice
    said = checkout.run(*advice[1].split(), "200000")
    assert said.code == 4, said.err
    assert len(checkout.server.ledger) == 2 + len(REVIEWERS)
    assert checkout.server.paid_twice() == []
    checkout.server.answer = cast(implement=says(done("Nothing.")))
    assert checkout.run("modify", "-m", "Look again.").code == 4  # under the raised cap


@pytest.mark.slow
def test_the_higher_of_the_cap_that_a_run_has_and_the_one_in_the_settings_holds(shop):
    checkout = shop()
    low = {"REVIEWLOOP_LIMITS__TOKENS": "9000"}
    assert checkout.run("run", "2.1", **low).code == 6
    assert checkout.run("resume", "--budget-tokens", "12000", **low).code == 6
    why = sentence(checkout.run("resume", **low), 6)
    assert " of 12,000 tokens used" in why
    assert "a higher limits.tokens in the settings" in why
    assert checkout.run("resume", REVIEWLOOP_LIMITS__TOKENS="800000").code == 4


def test_a_cap_that_cannot_be_is_refused_and_leaves_the_run_alone(shop):
    checkout = shop()
    checkout.run("run", "2.1", "--budget-tokens", "9000")
    before = checkout.record()
    assert "limits.tokens" in sentence(checkout.run("resume", "--budget-tokens", "0"), 2)
    assert checkout.record() == before


# Secrets


def test_a_secret_in_the_change_stops_the_run_and_never_goes_to_a_model(shop):
    checkout = shop(cast(implement=writes({"shop/search.py": f'{CLEAN}\nKEY = "{KEY}"\n'})))
    said = checkout.run("run", "2.1")
    assert said.code == 3
    assert "Blocked" in said.err
    assert "shop/search.py:9" in said.err
    assert KEY not in said.err
    assert KEY not in str(checkout.record())
    assert {received.agent for received in checkout.server.ledger} == {"implement"}
    assert "is blocked (secrets: " in sentence(checkout.run("approve"), 2)

    delete = tool_use("fs_write", {"command": "delete", "path": "shop/search.py"})
    clean = write("shop/search.py", CLEAN)
    checkout.server.answer = cast(implement=says(reply(delete, clean), done("No key.")))
    said = checkout.run("modify", "-m", "Read the key from the environment.")
    assert said.code == 4, said.err
    assert not [r.agent for r in checkout.server.ledger if KEY in str(r.body)]
    assert checkout.run("approve").code == 0
    assert checkout.read("shop/search.py") == CLEAN


def test_a_secret_that_a_fix_brings_in_stops_the_run_before_the_re_review(shop):
    finding = found("should_fix", "The customer is not logged", '"""Search."""')
    checkout = shop(
        cast(
            review_maintainability=finds(finding),
            fix=writes({"shop/log.py": f'TOKEN = "{KEY}"\n'}),
            quick_review=resolves({finding["title"]: "TOKEN"}),
        )
    )
    assert checkout.run("run", "2.1").code == 3
    assert checkout.server.of("quick-review") == []
    assert not [r.agent for r in checkout.server.ledger if KEY in str(r.body)]


def test_a_file_that_must_never_be_committed_cannot_be_written(shop):
    checkout = shop(
        cast(
            implement=says(
                reply(write(".env", "DEBUG=1\n")),
                reply(write("shop/search.py", CLEAN)),
                done("Wrote it."),
            )
        )
    )
    assert checkout.run("run", "2.1").code == 4
    assert ".env" in checkout.server.of("implement")[1].results[0]
    assert [f["path"] for f in checkout.record()["proposal"]["files"]] == ["shop/search.py"]


# Two at once


@pytest.mark.slow
def test_a_second_run_of_the_same_task_is_refused_unless_asked_for(shop):
    checkout = shop()
    checkout.run("run", "2.1")
    run = checkout.record()["run_id"]
    asked = len(checkout.server.ledger)
    for task in ("2.1", "next"):
        why = sentence(checkout.run("run", task), 2)
        assert run in why or "2.1" in why
        assert "--again" in why
    assert len(checkout.server.ledger) == asked
    assert checkout.run("run", "2.1", "--again").code == 4


@pytest.mark.slow
def test_a_run_that_somebody_else_moves_is_left_alone(shop):
    checkout = shop()
    checkout.run("run", "2.1")
    with (checkout.folder() / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "is in use by process" in sentence(checkout.run("approve"), 2)
    assert checkout.record()["status"] == "waiting"
    assert checkout.run("approve").code == 0


@pytest.mark.slow
def test_a_repository_that_somebody_else_writes_to_is_left_alone(shop):
    checkout = shop()
    checkout.run("run", "2.1")
    before = checkout.bytes()
    with (checkout.folder().parent.parent / "lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "is in use by" in sentence(checkout.run("approve"), 2)
    assert checkout.bytes() == before
    assert checkout.record()["status"] == "waiting"
    assert checkout.run("approve").code == 0


# Ctrl-C


@pytest.mark.slow
def test_ctrl_c_keeps_replies_on_their_way_and_resume_pays_nothing_twice(shop):
    quiet = cast()

    def slow(received):
        answer = quiet(received)
        return answer.after(1.0) if received.agent.startswith("review-") else answer

    checkout = shop(slow)
    before = checkout.bytes()
    with checkout.start("run", "2.1") as process:
        wait_until(lambda: sum("review-" in r.agent for r in checkout.server.ledger) == 5, process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "reviewloop resume" in err
    (row,) = checkout.json("status")["runs"]
    assert (row["status"], row["exit_code"]) == ("paused", 130)
    assert checkout.bytes() == before
    said = checkout.run("resume")
    assert said.code == 4, said.err
    assert checkout.server.paid_twice() == []
    assert len(checkout.server.ledger) == 2 + len(REVIEWERS)
    assert checkout.run("approve").code == 0


@pytest.mark.slow
def test_a_second_ctrl_c_leaves_at_once(shop):
    checkout = shop(lambda received: QUIET["implement"](received).after(600.0, 0.1))
    with checkout.start("run", "2.1") as process:
        wait_until(lambda: checkout.server.ledger, process)
        process.send_signal(signal.SIGINT)
        wait_until(lambda: checkout.events("note"), process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert "reviewloop resume" in err
    assert checkout.json("status")["runs"][0]["status"] == "stopped"
    checkout.server.answer = cast()
    assert checkout.run("resume").code == 4


@pytest.mark.slow
def test_ctrl_c_ends_a_gate_and_leaves_no_process(shop):
    sleepy = (
        "import pathlib, time\n\n\ndef test_sleeps():\n"
        "    pathlib.Path('sleeping').touch()\n    time.sleep(60)\n"
    )
    settings = {k: v for k, v in QUIET_GATES.items() if "TEST" not in k}
    checkout = shop(cast(implement=writes({"tests/test_sleepy.py": sleepy})), settings)

    def asleep():  # the workspace is all that the test can write to
        with contextlib.suppress(FileNotFoundError):  # folders come and go meanwhile
            return any(checkout.state.glob("**/workspace/*/sleeping"))
        return False

    with checkout.start("run", "2.1") as process:
        wait_until(asleep, process)
        started = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert len(started) >= 2
    assert not started & living().keys()
    assert checkout.json("status")["runs"][0]["status"] == "paused"


def living():
    """Return the ids of all processes with the id of their parents."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                found[int(stat.parent.name)] = int(parent)
    return found


def descendants(pid):
    known, ours = living(), {pid}
    while more := {child for child, parent in known.items() if parent in ours} - ours:
        ours |= more
    return ours - {pid}
