"""The replies of docs/first-spec.json: from an empty repository to a committed task, no login."""

from pathlib import Path

import pytest
from support.checkout import Checkout

REPLIES = Path(__file__).resolve().parents[2] / "docs/first-spec.json"


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
    assert checkout.run("approve").code == 0
    assert git(root, "log", "-1", "--format=%s") == "Keep one channel per member"
    assert "Tests: 2 passed" in git(root, "log", "-1", "--format=%b")
    assert "- [x] 1." in (root / ".kiro/specs/notices/tasks.md").read_text()
