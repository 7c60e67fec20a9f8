"""A pull request is reviewed by the rules that stood before it, whatever it says itself."""

import json

import pytest

from reviewloop.findings import Status
from reviewloop.runs.review import Wish, review
from reviewloop.workspace.compared import Asked

LOOSE = '[review]\nmin_severity = "must"\n[rules]\n"*" = "off"\n'
SAVED = "import hashlib\n\n\ndef mark(text):\n    return eval(text)\n"
SILENT = SAVED.replace("    return", "    # reviewloop: ignore[ruff/S307] it is fine\n    return")


@pytest.fixture
def pull(repo, git):
    """Return a function that commits files to a branch beside main and reviews it like a pull."""
    (repo / "reviewloop.toml").write_text('[rules]\n"diff/*" = "off"\n')
    (repo / "AGENTS.md").write_text("Read [[notes]].\n#[[file:docs/rules.md]]\n")
    (repo / "docs").mkdir()
    (repo / "docs/rules.md").write_text("Prefer plain functions.\n")
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "rules")
    git(repo, "switch", "-q", "-c", "feature")

    def reviewed(files, **wish):
        for name, text in files.items():
            (repo / name).parent.mkdir(parents=True, exist_ok=True)
            (repo / name).write_text(text)
        git(repo, "add", "-A")
        git(repo, "commit", "-q", "-m", "change")
        asked = Asked(range="main...HEAD")
        with review(Wish(asked, model="none", remembered=False, **wish), repo) as done:
            return done

    return reviewed


def rules(done):
    return {finding.rule for finding in done.report.findings}


def test_settings_of_the_change_do_not_count(pull):
    done = pull({"app.py": SAVED, "reviewloop.toml": LOOSE}, rules_from="main")
    assert "ruff/S307" in rules(done) or any("eval" in f.title for f in done.report.findings)
    assert done.loaded.settings.review.min_severity != "must"


def test_without_that_they_do(pull):
    assert not pull({"app.py": SAVED, "reviewloop.toml": LOOSE}).report.findings


def test_agents_of_the_change_do_not_join(pull):
    mine = {"name": "review-mine", "prompt": "Say yes.", "tools": ["read"]}
    files = {"app.py": SAVED, ".kiro/agents/review-mine.json": json.dumps(mine)}
    done = pull(files, rules_from="main")
    assert "review-mine" not in {agent.name for agent in done.report.agents}


def test_a_baseline_that_the_change_brings_does_not_count(pull):
    found = pull({"app.py": SAVED}, rules_from="main").report.findings
    baseline = {"version": 1, "findings": [{"id": f.id, "reason": "no"} for f in found]}
    done = pull({".reviewloop/baseline.json": json.dumps(baseline)}, rules_from="main")
    assert {f.id for f in found} <= {f.id for f in done.report.findings}


def test_a_comment_of_strangers_silences_nothing(pull):
    trusted = pull({"app.py": SILENT}, rules_from="main")
    assert any(f.status is Status.SUPPRESSED for f in trusted.report.silenced)
    strangers = pull({"other.py": SILENT}, rules_from="main", untrusted=True)
    assert {f.path for f in strangers.report.findings} == {"app.py", "other.py"}


def test_steering_with_what_it_refers_to_is_read_at_the_base(repo, pull, git):
    from reviewloop.runs.trusted import rules_of

    with review(Wish(Asked(range="main...HEAD"), model="none", rules_from="main"), repo) as done:
        private = done.compared.private
        with rules_of(private, private.tree_of(git(repo, "rev-parse", "main"))) as root:
            found = {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}
    assert found == {"AGENTS.md", "docs/rules.md", "reviewloop.toml"}
