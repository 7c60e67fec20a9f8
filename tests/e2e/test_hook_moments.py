"""Hooks on events outside of runs: an approved spec, a pull request, a deployment."""

import json
import subprocess
from pathlib import Path

import pytest
from e2e.test_hook_events import EVERY, ORDER, TESTS, own
from e2e.test_spec_session import Site
from support.checkout import Checkout, Said
from support.crash import CHECKS
from support.hub import Hub
from support.parts import CLEAN, cast, writes
from support.spec_script import replies

from reviewloop.hooks.hook import OUTSIDE_RUNS

pytestmark = pytest.mark.needs_bubblewrap
FILE = ".reviewloop/hooks/moments.yaml"
SHOWS = "cat; echo; exit 3"  # red, so that the command prints what the hook read


def hook(event: str, command: str = SHOWS, more: str = "") -> str:
    return (
        f"- name: at {event}\n  trigger:\n    event: {event}\n{more}"
        f"  action:\n    command: {json.dumps(command)}\n"
    )


def facts_in(text: str) -> dict[str, object]:
    """Return what a hook read on stdin, of the sentence that tells how it ended."""
    found: dict[str, object] = json.loads(text[text.index("{") : text.rindex("}") + 1])
    return found


@pytest.fixture
def site(repo: Path, tmp_path: Path, git) -> Site:
    """Return a repository with a trusted hook of approved specs, and one for another folder."""
    (repo / FILE).parent.mkdir(parents=True)
    other = hook("spec.approved", more="    filter: ['docs/**']\n").replace(
        "at spec", "never at spec"
    )
    (repo / FILE).write_text(hook("spec.approved") + other)
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "hooks")
    return Site(repo, tmp_path / "home")


def ended(site: Site) -> list[tuple[str, str, int]]:
    rows = json.loads(site.program("hooks", "logs", "--json").stdout)["hooks"]
    return [(row["name"], row["event"], row["exit_code"]) for row in rows]


AT_SPEC = ("at spec.approved", "spec.approved", 3)


@pytest.mark.slow
def test_an_approved_phase_fires_once_and_an_untrusted_hook_is_named(site: Site) -> None:
    site.new()
    site.run("answer", "notify", "1=email")
    said = site.run("approve", "notify")
    assert said.returncode == 4
    assert "the hook at spec.approved is not trusted and was not run" in said.stderr
    assert site.program("trust", "--yes").returncode == 0
    said = site.run("approve", "notify")
    assert "hook at spec.approved at spec.approved: exit code 3: {" in said.stderr
    [line] = [line for line in said.stderr.splitlines() if line.startswith("hook at")]
    facts = facts_in(line)
    assert (facts["spec"], facts["phase"]) == (".kiro/specs/notify", "high_level")
    assert facts["hook_event_name"] == "spec.approved"
    assert ended(site) == [AT_SPEC]
    site.run("approve", "notify")
    assert ended(site) == [AT_SPEC] * 2


def test_a_phase_that_was_approved_fires_also_where_the_next_one_fails(site: Site) -> None:
    site.program("trust", "--yes")
    site.model = Site(site.repo, site.folder, replies()[:3]).model  # nothing after requirements
    site.new()
    site.run("answer", "notify", "1=email")
    assert site.run("approve", "notify").returncode == 5
    assert ended(site) == [AT_SPEC]
    assert site.run("resume", "notify").returncode == 5
    assert ended(site) == [AT_SPEC]


@pytest.mark.slow
def test_killed_while_it_approves_nothing_fires_twice(site: Site) -> None:
    site.program("trust", "--yes")
    site.new()
    site.run("answer", "notify", "1=email")
    assert site.run("approve", "notify", fault="spec.written").returncode < 0
    assert site.run("resume", "notify").returncode == 4
    assert site.run("approve", "notify").returncode == 4
    assert ended(site) == [AT_SPEC]


@pytest.mark.slow
def test_a_spec_that_is_approved_as_it_is_fires(site: Site) -> None:
    site.program("trust", "--yes")
    folder = site.repo / ".kiro/specs/shop"
    folder.mkdir(parents=True)
    (folder / "tasks.md").write_text("# Plan\n\n- [ ] 1. Do it\n")
    said = site.run("approve", "shop")
    assert said.returncode == 0, said.stderr
    assert ended(site) == [AT_SPEC]


def rows(checkout: Checkout) -> list[tuple[str, int | None]]:
    found = checkout.json("hooks", "logs")["hooks"]
    return [(row["event"], row["exit_code"]) for row in found]


@pytest.mark.slow
def test_a_hook_on_every_event_fires_in_one_story(shop, tmp_path):
    text = EVERY + "".join(own(event, "true") for event in OUTSIDE_RUNS)
    play = cast(implement=writes({"shop/more.py": "A = 1\n"}))
    files = {FILE: text, "Makefile": "deploy:\n\ttrue\n", "checks.py": CHECKS}
    with Hub(shop(play, files=files, settings=TESTS), tmp_path) as hub:
        checkout = hub.checkout
        assert checkout.run("trust", "--yes").code == 0
        for words in (("run", "2.1"), ("spec", "approve", "orders"), ("approve",), ("publish",)):
            said = checkout.run(*words)
            assert said.code == (4 if words[0] == "run" else 0), said.err
        assert checkout.run("ship", "--yes").code == 0
        found = checkout.json("hooks", "logs")["hooks"]
        assert [row["event"] for row in found] == [
            *ORDER,
            *("spec.approved", "pr.created", "deploy"),
        ]
        assert {row["exit_code"] for row in found} == {0}
        assert all(row["ms"] > 0 and row["usd"] == 0 for row in found)


def lines_of(said: Said, event: str) -> dict[str, object]:
    [line] = [line for line in said.err.splitlines() if line.startswith(f"hook at {event}")]
    return facts_in(line)


@pytest.mark.slow
def test_an_opened_pull_request_fires_and_one_brought_up_to_date_does_not(shop, tmp_path):
    more = "    filter: ['shop/**']\n"
    files = {FILE: hook("pr.created", more=more)}
    play = cast(implement=writes({"shop/search.py": CLEAN}))
    with Hub(shop(play, files=files), tmp_path) as hub:
        checkout = hub.checkout
        assert checkout.run("trust", "--yes").code == 0
        assert checkout.run("run", "2.1").code == 4
        assert checkout.run("approve").code == 0
        said = checkout.run("publish")
        assert said.code == 0, said.err
        facts = lines_of(said, "pr.created")
        assert facts["number"] == str(hub.pull.number)
        assert facts["commit"] == checkout.git("rev-parse", "work")
        assert (facts["branch"], facts["task"]["id"]) == ("work", "2.1")
        assert rows(checkout) == [("pr.created", 3)]
        assert checkout.run("publish").code == 0
        assert rows(checkout) == [("pr.created", 3)]
        run = checkout.record()["run_id"]
        assert checkout.run("hooks", "logs", run).out.count(": exit code 3") == 1
        assert hub.leaked() == []


@pytest.mark.slow
@pytest.mark.parametrize("makes", ["true", "false"])
def test_a_deploy_fires_whether_it_ended_well_or_not(repo, tmp_path, git, makes):
    (repo / FILE).parent.mkdir(parents=True)
    writes_too = "echo pwned > deployed.txt; " + SHOWS
    (repo / FILE).write_text(hook("deploy", writes_too))
    (repo / "Makefile").write_text(f"deploy:\n\t{makes}\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "deploy")
    checkout = Checkout(repo, tmp_path / "home")
    assert checkout.run("trust", "--yes").code == 0
    said = checkout.run("ship", "--yes")
    assert said.code == (0 if makes == "true" else 5), said.err
    facts = lines_of(said, "deploy")
    assert facts["result"] == ("done" if makes == "true" else "failed")
    assert (facts["commit"], facts["found_in"]) == (git(repo, "rev-parse", "HEAD"), "Makefile")
    assert not (repo / "deployed.txt").exists(), "what it writes is thrown away"
    assert rows(checkout) == [("deploy", 3)]
    assert checkout.run("ship", "--plan").code == 0
    assert len(rows(checkout)) == 1, "a plan deploys nothing"


@pytest.mark.slow
def test_where_its_end_cannot_be_kept_the_command_ends_as_it_did(repo, tmp_path, git):
    (repo / FILE).parent.mkdir(parents=True)
    (repo / FILE).write_text(hook("deploy", "true"))
    (repo / "Makefile").write_text("deploy:\n\ttrue\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "deploy")
    checkout = Checkout(repo, tmp_path / "home")
    assert checkout.run("trust", "--yes").code == 0
    assert checkout.run("ship", "--yes").code == 0
    [log] = checkout.state.rglob("hook-moments.jsonl")
    log.unlink()
    log.mkdir()
    said = checkout.run("ship", "--yes")
    assert (said.code, "hooks of deploy were not run: " in said.err) == (0, True), said.err


@pytest.mark.slow
def test_a_hook_of_a_deploy_reaches_nothing_of_the_person(repo, tmp_path, git):
    key, target = tmp_path / "home/.ssh/id_ed25519", tmp_path / "pwned"
    key.parent.mkdir(parents=True)
    key.write_text("s3cr3t-of-this-person\n")
    attack = f"cat {key}; touch {target}; exit 3"
    subprocess.run(["sh", "-c", attack], check=False, capture_output=True)
    target.unlink()  # the attack itself works
    (repo / FILE).parent.mkdir(parents=True)
    (repo / FILE).write_text(hook("deploy", attack))
    (repo / "Makefile").write_text("deploy:\n\ttrue\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "deploy")
    checkout = Checkout(repo, tmp_path / "home")
    assert checkout.run("trust", "--yes").code == 0
    said = checkout.run("ship", "--yes")
    assert rows(checkout) == [("deploy", 3)]
    assert not target.exists()
    kept = "".join(path.read_text() for path in checkout.state.rglob("hook-moments.jsonl"))
    assert "s3cr3t-of-this-person" not in said.err + said.out + kept


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (hook("deploy").replace("command:", "prompt:"), "agents are asked in runs only"),
        (hook("deploy", more="    condition: lines > 1\n"), "count in runs only"),
    ],
)
def test_what_only_a_run_can_do_is_named_and_listed(repo, tmp_path, git, text, words):
    (repo / FILE).parent.mkdir(parents=True)
    (repo / FILE).write_text(text)
    (repo / "Makefile").write_text("deploy:\n\ttrue\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-qm", "deploy")
    checkout = Checkout(repo, tmp_path / "home")
    assert checkout.run("trust", "--yes").code == 0
    assert words in checkout.run("hooks", "list").out
    said = checkout.run("ship", "--yes")
    assert (said.code, words in said.err) == (0, True), said.err


@pytest.mark.slow
def test_a_hook_of_the_settings_blocks_a_run_once_it_is_trusted(shop):
    text = '[[hooks]]\nname = "never"\ntrigger = { event = "task.start" }\n'
    text += 'action = { command = "echo not today; exit 1", blocking = true }\n'
    checkout = shop(files={"reviewloop.toml": text})
    said = checkout.run("run", "2.1")
    assert (said.code, "never (task.start: echo not today" in said.err) == (2, True), said.err
    assert "hook never (reviewloop.toml, task.start)" in checkout.run("trust", "--yes").out
    said = checkout.run("run", "2.1")
    assert (said.code, "hook 'never' says: not today" in said.err) == (3, True), said.err
    assert checkout.run("config", "show").code == 0
