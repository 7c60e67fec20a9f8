"""The replies of docs/first-spec.json: from an empty repository to a committed task, no login."""

from pathlib import Path

import pytest
from support.checkout import QUIET_GATES, Checkout

REPLIES = Path(__file__).resolve().parents[2] / "docs/first-spec.json"
MODEL = ("--model", f"script:{REPLIES}")


@pytest.mark.slow  # the same way with replies of our own is in test_spec_forms.py
def test_they_lead_to_a_committed_first_task_through_its_gates(tmp_path, git):
    root = tmp_path / "idea"
    root.mkdir()
    git(root, "init", "-q", "-b", "work")
    git(root, "config", "user.name", "ada")
    git(root, "config", "user.email", "ada@shop.example")
    git(root, "commit", "-q", "--allow-empty", "-m", "start")
    checkout = Checkout(root, tmp_path / "home")
    model = ("--model", f"script:{REPLIES}")

    assert checkout.run("spec", "new", "notices", "-m", "tell members of replies", *model).code == 4
    assert checkout.run("spec", "answer", "notices", "1").code == 4
    ends = [checkout.run("spec", "approve").code for _ in range(4)]
    assert ends == [4, 4, 4, 0]
    git(root, "add", ".kiro")
    git(root, "commit", "-qm", "spec")
    run = checkout.run("run", "next", *model, "--no-sandbox")

    assert run.code == 4, run.err
    assert "estimate   $0.00, the replies are in a file; stops at" in run.err
    assert checkout.run("approve").code == 0
    assert git(root, "log", "-1", "--format=%s") == "Keep one channel per member"
    assert "Tests: 2 passed" in git(root, "log", "-1", "--format=%b")
    assert "- [x] 1." in (root / ".kiro/specs/notices/tasks.md").read_text()


@pytest.fixture
def idea(tmp_path, git):
    """Return a repository on a protected branch with one empty commit, as a stranger has it."""
    root = tmp_path / "idea"
    root.mkdir()
    git(root, "init", "-q", "-b", "master")
    git(root, "config", "user.name", "ada")
    git(root, "config", "user.email", "ada@shop.example")
    git(root, "commit", "-q", "--allow-empty", "-m", "start")
    return Checkout(root, tmp_path / "home", settings=QUIET_GATES)


def _approved(idea):
    idea.run("spec", "new", "notices", "-m", "tell members of replies", *MODEL)
    idea.run("spec", "answer", "notices", "1")
    return [idea.run("spec", "approve") for _ in range(4)][-1]


@pytest.mark.slow
def test_on_a_protected_branch_what_is_next_begins_with_a_branch(idea, git):
    done = _approved(idea)

    assert "next: git switch -c notices (a run needs a branch that is not protected), commit" in (
        done.err
    )
    git(idea.root, "switch", "-qc", "notices")
    git(idea.root, "add", ".kiro")
    git(idea.root, "commit", "-qm", "spec")
    assert idea.run("run", "next", "--spec", "notices", *MODEL, "--no-sandbox").code == 4


@pytest.mark.slow
def test_a_spec_committed_elsewhere_meanwhile_comes_along_by_the_commands_that_are_named(idea, git):
    """Git would not switch: the tick is a local change, and the branch has no spec."""
    _approved(idea)
    idea.run("run", "next", *MODEL, "--no-sandbox", "--branch", "reviewloop/notices")
    git(idea.root, "add", ".kiro")
    git(idea.root, "commit", "-qm", "spec")

    done = idea.run("approve")

    tasks = ".kiro/specs/notices/tasks.md"
    way = "git switch reviewloop/notices && git merge master"
    first = f"commit or stash {tasks}, which git would overwrite, then {way}"
    assert f"To have it in your checkout: {first}\n" in done.err
    again = idea.run("run", "next", *MODEL)
    assert again.code == 3
    assert "reviewloop/notices has earlier tasks and no .kiro/specs/notices; have both" in again.err
    assert first in again.err

    git(idea.root, "commit", "-qm", "tick", tasks)
    assert way_of(idea) == way
    git(idea.root, "switch", "-q", "reviewloop/notices")
    git(idea.root, "merge", "-q", "master")
    assert "- [x] 1." in (idea.root / tasks).read_text()
    assert (idea.root / "notices/store.py").exists()
    planned = idea.run("run", "next", *MODEL, "--preflight")
    assert (planned.code, "2 Send one message a reply" in planned.err) == (0, True)


def way_of(idea) -> str:
    """Return the commands that a run on the protected branch names now."""
    return idea.run("run", "next", *MODEL).err.strip().rpartition("have both there: ")[2]
