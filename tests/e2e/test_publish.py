"""Publishing a run to GitHub from a terminal; for the jobs of a workflow: `test_action_commits`."""

import json
import sqlite3
from contextlib import closing

import pytest
from support.hub import Hub
from support.parts import CLEAN, cast, writes
from support.play import QUOTE_TEST, TEST
from support.shop import CRITERIA
from support.terminal import Terminal
from support.untouched import changes

NAMES_ONE = writes(
    {"shop/search.py": CLEAN, "tests/test_search.py": f"{TEST}{QUOTE_TEST}# Requirement 1.1\n"}
)
SSH = """#!/bin/sh
for command; do :; done
case $command in git-*) exec "${{command%% *}}" {bare} ;; esac
"""


@pytest.mark.slow
def test_a_run_is_published_as_a_draft_then_approved_then_kept_up_to_date(shop, tmp_path):
    with Hub(shop(cast(implement=NAMES_ONE), files=CRITERIA), tmp_path) as hub:
        checkout = hub.checkout
        assert checkout.run("run", "2.1").code == 4
        before = checkout.bytes()

        said = checkout.run("publish")
        assert said.code == 2
        assert "waits for your approval" in said.err
        assert "can only be a draft" in checkout.run("publish", "--ready").err
        said = checkout.run("publish", "--unapproved", "--base", "nowhere")
        assert said.code == 2
        assert "octo/demo has no branch nowhere to merge into, so nothing was pushed" in said.err
        assert hub.http.received == []
        # What to merge into is the same with and without a handoff, whatever is checked out.
        out = tmp_path / "handed"
        assert checkout.json("publish", "--handoff", str(out))["base_branch"] == "main"
        started_on = {"GITHUB_REF_NAME": "release", "GITHUB_REF": "refs/heads/release"}
        assert checkout.run("publish", "--handoff", f"{out}2", **started_on).code == 0
        assert json.loads((tmp_path / "handed2/handoff.json").read_text())["base_branch"] == (
            "release"
        )

        said = checkout.run("publish", "--unapproved")
        assert said.code == 0, said.err
        proposed = checkout.record()["proposal"]["commit"]
        assert hub.git("rev-parse", "reviewloop/orders_2.1") == proposed
        pull = hub.pull
        assert (pull.draft, pull.title) == (True, "2.1 Find the items of a customer")
        body = pull.body
        assert "**Nobody has approved this commit: it stays a draft.**" in body
        assert "**Requirement 1: Search**" in body
        assert "As a clerk, I want to find orders" in body
        assert "- [ ] `1.1` WHEN a customer is named, THE Shop SHALL return" in body
        assert "Tests of this change: `tests/test_search.py`." in body
        assert "| reviewers | 6 of 6 finished |" in body
        assert "### What was done\n\nWrote it.\n" in body
        assert "### Findings\n\nno findings remaining; 0 fixed, 0 nits\n" in body
        assert "the order they came — named in `tests/test_search.py`\n" in body
        assert "`ada`, `octo/shop`, `linus`, by the files that change." in body
        assert "robo-bot" not in body
        assert "@ada" not in body
        assert pull.reviewers == []
        assert changes(before, checkout.bytes()) == set()

        # An earlier release named the branch by the task alone: no second draft comes of that.
        hub.git("branch", "-m", "reviewloop/orders_2.1", "reviewloop/2.1")
        pull.head_ref = "reviewloop/2.1"
        [runs] = checkout.state.rglob("runs.sqlite")
        with closing(sqlite3.connect(runs)) as table, table:
            table.execute("UPDATE runs SET record = replace(record, '/orders_2.1\"', '/2.1\"')")
        again = checkout.json("publish", "--unapproved")
        assert (again["branch"], again["pushed"]) == ("reviewloop/2.1", False)
        assert (again["pull"], again["created"]) == (pull.number, False)

        said = checkout.run("approve")
        assert said.code == 0
        assert "It is on GitHub as reviewloop/2.1 of octo/demo already: `git revert`" in said.err
        assert "reviewloop undo" not in said.err
        after = checkout.bytes()
        hub.git("update-ref", "-d", "refs/heads/work")
        told = checkout.json("publish", "--request-reviewers")
        assert (told["branch"], told["pushed"], told["created"]) == ("work", True, True)
        assert hub.git("rev-parse", "work") == checkout.git("rev-parse", "work")
        second = hub.github.state.pulls[told["pull"]]
        assert "Approved by **" in second.body
        assert "** by a command." in second.body
        assert second.reviewers == ["ada", "linus", "shop"]

        second.body = "My words.\n\n" + second.body.replace("### Evidence", "### Changed")
        checkout.git("commit", "-q", "--allow-empty", "-m", "mine")  # not ours to push
        again = checkout.json("publish")
        assert (again["pushed"], again["created"]) == (False, False)
        assert "later commits of yours, which were not pushed" in again["notes"][0]
        assert second.body.startswith("My words.\n\n<!-- reviewloop:pull ")
        assert "### Evidence" in second.body
        assert hub.git("rev-parse", "work") == checkout.git("rev-parse", "work~1")
        checkout.git("reset", "-q", "--soft", "HEAD~1")

        undone = checkout.run("undo")
        assert undone.code == 2
        assert "was published as work of octo/demo" in undone.err
        assert {
            c for c in changes(after, checkout.bytes()) if "refs" in c and "logs" not in c
        } == set()
        assert hub.leaked() == []


@pytest.mark.slow
def test_a_branch_that_moved_is_refused_and_a_person_publishes_from_the_terminal(shop, tmp_path):
    with Hub(shop(), tmp_path) as hub:
        checkout = hub.checkout
        terminal = Terminal(checkout, "run", "2.1")
        terminal.expect("[a]pprove [m]odify [e]dit [s]kip [q]uit [d]iff > ")
        elsewhere = hub.git(
            *("-c", "user.name=Max", "-c", "user.email=max@example.org"),
            *("commit-tree", "work^{tree}", "-p", "work", "-m", "meanwhile"),
        )
        hub.git("update-ref", "refs/heads/work", elsewhere)
        terminal.type("a")
        terminal.expect("push-and-pr: run `reviewloop publish ")
        terminal.type("y")
        terminal.expect("nothing was pushed, because a push of ours only ever adds to a branch")
        assert terminal.end() == 0
        assert hub.git("rev-parse", "work") == elsewhere

        hub.git("update-ref", "refs/heads/work", f"{elsewhere}~1")
        hub.github.state.protected.add("work")
        said = checkout.run("publish")
        assert said.code == 3
        assert "work is a protected branch on GitHub" in said.err
        hub.github.state.protected.clear()
        told = checkout.json("publish", "--ready")
        assert (told["draft"], told["created"], told["pushed"]) == (False, True, True)
        assert "Approved by **" in hub.pull.body
        assert "| reviewers | 5 of 5 finished |" in hub.pull.body

        # A person's git has a helper that knows the password, and a guard of its own at pushes.
        hub.git("update-ref", "-d", "refs/heads/work")
        words = f"echo username=x-access-token; echo password={hub.github.token}"
        (checkout.home / ".gitconfig").write_text(
            f'[credential]\n\thelper = "!f() {{ {words}; }}; f"\n'
        )
        hook = checkout.write(".git/hooks/pre-push", f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        hook.chmod(0o755)
        before = checkout.bytes()
        assert checkout.json("publish")["pushed"] is True
        assert not (tmp_path / "ran").exists()
        assert changes(before, checkout.bytes()) == set()

        checkout.git("remote", "set-url", "origin", "https://gitlab.example.org/octo/demo.git")
        said = checkout.run("publish")
        assert said.code == 2
        assert "gitlab.example.org is not github.com; if it is a GitHub Enterprise" in said.err
        checkout.git("remote", "set-url", "origin", str(hub.bare))
        assert "is not a GitHub repository; name one with --repo" in checkout.run("publish").err
        assert "there is no remote 'other' here (there is: origin)" in (
            checkout.run("publish", "--remote", "other").err
        )
        # By a path, with a repository that is named; then over the ssh of the person's own git.
        assert checkout.json("publish", "--repo", "octo/demo")["pushed"] is False
        ssh = checkout.home / "ssh"
        ssh.write_text(SSH.format(bare=hub.bare))
        ssh.chmod(0o755)
        (checkout.home / ".gitconfig").write_text(f"[core]\n\tsshCommand = {ssh}\n")
        checkout.git("remote", "set-url", "origin", "git@github.com:octo/demo.git")
        hub.git("update-ref", "-d", "refs/heads/work")
        assert checkout.json("publish")["pushed"] is True
        checkout.git("config", "core.sshCommand", "touch ran; false")  # not the person's own
        assert checkout.run("publish").code == 0
        assert not (checkout.root / "ran").exists()
