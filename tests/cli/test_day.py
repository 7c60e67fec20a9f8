"""`handoff` and `session resume`: how a working day ends, and how the next one begins."""

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import click
import pytest

from reviewloop.app.day.document import SECTIONS
from reviewloop.cli.main import cli
from reviewloop.git.repository import discover
from reviewloop.store.blobs import Blobs
from reviewloop.store.folders import repository_folder
from reviewloop.store.runs import RunRecord, RunStatus, RunStore

pytestmark = pytest.mark.usefixtures("quick_tools", "a_model")
DOCUMENT = ".kiro/context/session-handoff.md"
TASKS = "# Plan\n\n- [x] 1. Set up\n- [ ] 2. Log in\n- [ ] 3. Log out\n"
TEMPLATE = 'resource "aws_s3_bucket" "logs" {\n  bucket = "logs"\n}\n'
FINDING = {"severity": "must_fix", "status": "fixed", "agents": ["review-security"]}
PROPOSAL = {
    "files": [{"path": "shop/login.py", "status": "A", "added": 12, "removed": 1}],
    "tests": {"passed": 41, "failed": 0, "skipped": 2},
    "rounds": {"used": 2, "limit": 3},
    "usage": {"cost_usd": 0.25},
}
ANSWERS = [
    {"at": 1.0, "kind": "answer", "choice": "modify", "text": "use the clock we have"},
    {"at": 2.0, "kind": "answer", "choice": "approve", "text": ""},
]


@pytest.fixture
def a_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have a model that needs no key, so that its lack is no blocker."""
    (tmp_path / "replies.json").write_text('{"replies": []}')
    monkeypatch.setenv("REVIEWLOOP_MODELS__REASONING", f"script:{tmp_path / 'replies.json'}")
    monkeypatch.setenv("REVIEWLOOP_MODELS__GENERATION", f"script:{tmp_path / 'replies.json'}")


@pytest.fixture
def day(project, git):
    """Return a repository with a spec and infrastructure code, half done."""
    for path, text in {".kiro/specs/login/tasks.md": TASKS, "infra/main.tf": TEMPLATE}.items():
        (project / path).parent.mkdir(parents=True)
        (project / path).write_text(text)
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "spec")
    return project


def put(
    root: Path,
    run_id: str = "r1",
    status: RunStatus = RunStatus.WAITING,
    findings: Sequence[dict[str, object]] = (FINDING,),
    **more,
) -> Path:
    """Store a run that came as far as a proposal; return its folder."""
    user = discover(root, for_reading=True)
    folder = repository_folder(user.key)
    run = folder / "runs" / run_id
    run.mkdir(parents=True, exist_ok=True)
    proposal = Blobs(run / "blobs").put_json(
        {**PROPOSAL, "run": run_id, "commit": "", "findings": [*findings]}
    )
    (run / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in ANSWERS))
    record = RunRecord(
        run_id, str(root), "Log in", str(user.head), "main", task_id="2", status=status,
        spec_path=".kiro/specs/login", proposal=proposal, **more,
    )  # fmt: skip
    store = RunStore(folder)
    store.save(record)
    store.close()
    return run


def sections(root: Path, path: str = DOCUMENT) -> dict[str, str]:
    parts = re.split(r"^## (.*)$", (root / path).read_text(), flags=re.MULTILINE)[1:]
    return {name: text.strip() for name, text in zip(parts[::2], parts[1::2], strict=True)}


def test_the_nine_sections_stand_in_their_order_and_hold_facts(day, reviewloop):
    put(day)
    said = reviewloop("handoff", "--offline", "-m", "SQS and not SNS: one reader")
    assert (said.code, said.out) == (0, f"{DOCUMENT} is written, with 1 blocker\n")
    found = sections(day)
    assert tuple(found) == SECTIONS
    assert SECTIONS[0] == "BEFORE RESUMING"
    assert "run r1 (Log in) waits for your approval: `reviewloop show r1`" in found[SECTIONS[0]]
    assert found["IMMEDIATE NEXT STEPS"].startswith("1. `reviewloop approve r1` — decide on 'Log")
    assert "- login: 1/3 tasks (.kiro/specs/login)" in found["CURRENT STATE"]
    assert "- tests: 41 passed, 0 failed, 2 skipped (run r1)" in found["CURRENT STATE"]
    done = found["WHAT WE DID THIS SESSION"]
    assert "- task 2: Log in: waiting; 2 rounds, 1 fixed, 0 left, $0.25 (run r1)" in done
    assert re.search(r"- commit [0-9a-f]{10}: spec", done)
    assert "| 2 | Log in | run r1: waiting | .kiro/specs/login |" in found["WHAT'S REMAINING"]
    assert "| 3 | Log out | waits for 2 | .kiro/specs/login |" in found["WHAT'S REMAINING"]
    assert "| `logs` | aws_s3_bucket | infra/main.tf:1 |" in found["AWS RESOURCES"]
    assert "| shop | `shop/login.py` | +12 −1 | r1 |" in found["KEY FILES"]
    assert found["KEY DECISIONS"].splitlines()[0] == "1. use the clock we have (modify, run r1)"
    assert re.search(r"2\. SQS and not SNS: one reader \(note, \d{4}-", found["KEY DECISIONS"])
    assert found["STAKEHOLDER PREFERENCES"].splitlines()[0] == "none"


def test_written_twice_only_the_time_differs(day, reviewloop):
    put(day)
    note = ("handoff", "--offline", "-m", "one reader")
    assert reviewloop(*note).code == 0
    first = (day / DOCUMENT).read_text()
    assert reviewloop(*note).code == 0
    assert without_time((day / DOCUMENT).read_text()) == without_time(first)
    assert not (day / f"{DOCUMENT}.bak").exists()


def without_time(text: str) -> str:
    return re.sub(r'^Written \S+ \S+|"(at|since)": [\d.]+', "", text, flags=re.MULTILINE)


def test_each_command_of_it_is_one(day, reviewloop, git):
    put(day)
    put(day, "r2", RunStatus.PAUSED, reason="the budget is spent")
    put(day, "r3", RunStatus.BLOCKED, reason="tests are red")
    (day / "a.txt").write_text("new\n")
    body = json.loads(reviewloop("handoff", "--offline", "--json").out)
    commands = [step["command"] for step in body["next"]]
    assert len(commands) >= 4
    for line in commands:
        program, *words = shlex.split(line)
        assert program == "reviewloop"
        command: click.Command = cli
        while isinstance(command, click.Group):
            found = command.get_command(click.Context(command), words[0])
            assert found is not None, line
            command, words = found, words[1:]
        command.make_context(line, words)  # raises where it does not take these arguments


def test_blockers_are_credentials_runs_commits_and_conflicts(
    day, reviewloop, git, tmp_path, monkeypatch
):
    assert reviewloop("handoff", "--offline").code == 0
    assert sections(day)["BEFORE RESUMING"] == "none"
    (day / DOCUMENT).unlink()
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    git(day, "remote", "add", "origin", str(tmp_path / "remote.git"))
    git(day, "push", "-q", "-u", "origin", "HEAD")
    git(day, "switch", "-q", "-c", "other")
    (day / "infra/main.tf").write_text("theirs\n")
    git(day, "commit", "-q", "-am", "theirs")
    git(day, "switch", "-q", "-")
    (day / "infra/main.tf").write_text("ours\n")
    git(day, "commit", "-q", "-am", "ours")
    with pytest.raises(Exception, match="merge"):
        git(day, "merge", "-q", "other")
    monkeypatch.setenv("REVIEWLOOP_MODELS__REASONING", "anthropic:claude-sonnet-4-5")
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    said = reviewloop("handoff", "--offline")
    assert said.code == 0, said.err
    lines = sections(day)["BEFORE RESUMING"].splitlines()
    assert any("merge is under way" in line for line in lines)
    assert "- conflicts in infra/main.tf" in lines
    assert any(re.fullmatch(r"- 1 commit of \S+ not pushed to origin/\S+", line) for line in lines)
    assert any(line.startswith("- models: anthropic:claude-sonnet-4-5") for line in lines)


def test_a_branch_that_was_never_pushed_is_not_pushed(day, reviewloop, git, tmp_path):
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    git(day, "remote", "add", "origin", str(tmp_path / "remote.git"))
    git(day, "push", "-q", "origin", "HEAD")
    git(day, "switch", "-q", "-c", "it's-new")
    assert reviewloop("handoff", "--offline").code == 0
    assert sections(day)["BEFORE RESUMING"] == "none"  # its commits are on the remote
    git(day, "commit", "-q", "--allow-empty", "-m", "mine")
    assert reviewloop("handoff", "--offline").code == 0
    found = sections(day)
    where = "1 commit of it's-new not pushed to origin, which has no such branch"
    assert found["BEFORE RESUMING"] == f"- {where}"
    push = """`git push -u origin 'it'"'"'s-new'` — 1 commit not pushed"""
    assert push in found["IMMEDIATE NEXT STEPS"]
    first = reviewloop("session", "resume", "--offline").out.splitlines()[0]
    assert first == "not pushed: 1 commit of it's-new to origin, which has no such branch"


def test_what_was_found_is_named_and_a_must_fix_is_no_approval(day, reviewloop):
    row = {"title": "SQL [here](http://x)", "path": "shop/a.py", "line": 3, "agents": ["review-a"]}
    left = [
        {**row, "severity": "must_fix", "status": "unresolved"},
        {**row, "severity": "should_fix", "status": "open", "title": "No limit", "line": None},
        {**row, "severity": "nit", "status": "open", "title": "A nit"},
        *({**row, "severity": "should_fix", "status": "fixed"} for _ in range(5)),
    ]
    put(day, findings=left)
    assert reviewloop("handoff", "--offline").code == 0
    found = sections(day)
    first = found["IMMEDIATE NEXT STEPS"].splitlines()[0]
    assert first == "1. `reviewloop show r1` — decide on 'Log in': 1 must fix left"
    done = found["WHAT WE DID THIS SESSION"].splitlines()[1:]
    assert [line for line in done if "fixed: " in line][3:] == [
        "- run r1 fixed: 2 more: `reviewloop show r1`"
    ]
    assert [line for line in done if "left: " in line][1:] == [
        "- run r1 left: No limit (shop/a.py)"
    ]
    assert "SQL \\[here\\](" in "".join(done)


def test_the_lack_of_a_model_is_a_blocker(day, reviewloop, monkeypatch):
    for name in ("REASONING", "GENERATION"):
        monkeypatch.delenv(f"REVIEWLOOP_MODELS__{name}")
    assert reviewloop("handoff", "--offline").code == 0
    assert "- models: a run needs a model: " in sections(day)["BEFORE RESUMING"]


def test_no_secret_gets_into_it(day, reviewloop, monkeypatch):
    token = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
    monkeypatch.setenv("SHOP_API_KEY", "s3cr3t-value-of-the-shop")
    folder = put(day)
    (folder / "logs").mkdir()
    (folder / "logs/build-and-deploy.log").write_text(
        f"token {token}\nhttps://shop.example.org/?key=s3cr3t-value-of-the-shop\n"
        "arn:aws:lambda:eu-central-1:123456789012:function:shop\n"
    )
    assert reviewloop("handoff", "--offline", "-m", f"we keep {token}").code == 0
    text = (day / DOCUMENT).read_text()
    assert "s3cr3t-value-of-the-shop" not in text
    assert token not in text
    found = sections(day)
    assert "- live: https://shop.example.org/" in found["CURRENT STATE"]
    assert "arn:aws:lambda:eu-central-1:123456789012:function:shop" in found["AWS RESOURCES"]


def test_a_document_with_a_masked_secret_was_not_edited_by_hand(day, reviewloop, git, monkeypatch):
    monkeypatch.setenv("DEPLOY_SECRET_KEY", "hunter2hunter2XYZ987")
    git(day, "commit", "-q", "--allow-empty", "-m", "leave out hunter2hunter2XYZ987")
    for _ in range(2):
        assert reviewloop("handoff", "--offline").code == 0
    assert "⟦secret:DEPLOY_SECRET_KEY" in (day / DOCUMENT).read_text()
    assert not (day / f"{DOCUMENT}.bak").exists()


def test_the_next_session_is_told_of_every_difference(day, reviewloop, git):
    put(day)
    assert reviewloop("handoff", "--offline").code == 0
    git(day, "switch", "-q", "-c", "elsewhere")
    git(day, "commit", "-q", "--allow-empty", "-m", "change 1")
    (day / ".kiro/specs/login/tasks.md").write_text(TASKS.replace("[ ] 2", "[x] 2"))
    git(day, "commit", "-q", "-am", "change 2")
    (day / "a.txt").write_text("new\n")
    put(day, status=RunStatus.COMMITTED, commit="0" * 40)
    said = reviewloop("session", "resume", "--offline")
    lines = said.out.splitlines()
    assert said.code == 0
    assert len(lines) <= 25
    assert lines[0] == "not committed: a.txt"
    differs = [line.removeprefix("differs: ") for line in lines if line.startswith("differs: ")]
    assert differs == [
        "branch: it was main, you are on elsewhere",
        "commits: 2 commits since, the last is 'change 2'",
        "files: edited since and not committed: a.txt",
        "run r1: it was waiting, now committed",
    ]
    body = json.loads(reviewloop("session", "resume", "--offline", "--json").out)
    assert body["discrepancies"] == differs
    assert body["context"]["agents"]
    assert any(line.startswith("1. reviewloop run 3 ") for line in lines), lines


def test_what_cannot_wait_comes_first(day, reviewloop, git, tmp_path):
    assert reviewloop("handoff", "--offline").code == 0
    git(tmp_path, "init", "-q", "--bare", "remote.git")
    git(day, "remote", "add", "origin", str(tmp_path / "remote.git"))
    git(day, "push", "-q", "-u", "origin", "HEAD")
    git(day, "commit", "-q", "--allow-empty", "-m", "more")
    (day / "a.txt").write_text("new\n")
    lines = reviewloop("session", "resume", "--offline").out.splitlines()
    assert lines[0].startswith("not pushed: 1 commit of main to origin/main")
    assert lines[1] == "not committed: a.txt"


def test_without_a_handoff_there_is_nothing_to_resume(day, reviewloop):
    said = reviewloop("session", "resume", "--offline")
    assert said.code == 2
    assert "there is no handoff; `reviewloop handoff` writes one" in said.err


def test_what_a_person_wrote_into_it_is_kept_and_their_preferences_go_on(day, reviewloop):
    assert reviewloop("handoff", "--offline", "-m", "one reader").code == 0
    head, _, rest = (day / DOCUMENT).read_text().partition("## STAKEHOLDER PREFERENCES\n\nnone")
    own = "\nWe keep SQS. It has one reader.\n- Tabs. Always.\n\n"
    head = head.rstrip("\n") + own
    edited = f"{head}## STAKEHOLDER PREFERENCES\n\n- small commits\n- no force push{rest}"
    (day / DOCUMENT).write_text(edited)
    said = reviewloop("handoff", "--offline")
    assert f"it was edited by hand: that is kept as {DOCUMENT}.bak" in said.err
    assert (day / f"{DOCUMENT}.bak").read_text() == edited
    found = sections(day)
    assert found["STAKEHOLDER PREFERENCES"].startswith("- small commits\n- no force push")
    assert re.fullmatch(
        r"1\. one reader \(note, \S+\)\n2\. We keep SQS\. It has one reader\.\n3\. Tabs\. Always\.",
        found["KEY DECISIONS"],
    )
    assert "prefer: - small commits" in reviewloop("session", "resume", "--offline").out


def test_without_kiro_it_goes_to_our_own_folder(project, reviewloop):
    assert reviewloop("handoff", "--offline").code == 0
    assert (project / ".reviewloop/context/session-handoff.md").exists()
    assert reviewloop("session", "resume", "--offline").code == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "# Session handoff\n\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> x\n",
            ":3 has marks of a merge",
        ),
        ('<!-- reviewloop-handoff {"version": 9} -->\n', "written by a newer release"),
        ("x" * 1_000_001, "has 1,000,001 bytes"),
    ],
    ids=["conflict", "newer", "huge"],
)
def test_a_document_that_cannot_be_read_is_said(day, reviewloop, text, words):
    (day / DOCUMENT).parent.mkdir(parents=True)
    (day / DOCUMENT).write_text(text)
    for command in (("handoff", "--offline"), ("session", "resume", "--offline")):
        said = reviewloop(*command)
        assert said.code == 2
        assert words in said.err
    assert (day / DOCUMENT).read_text() == text


def test_a_document_of_somebody_else_is_kept_and_not_compared(day, reviewloop):
    (day / DOCUMENT).parent.mkdir(parents=True)
    (day / DOCUMENT).write_text("# Handoff\n\n## STAKEHOLDER PREFERENCES\n\n- tabs\n")
    said = reviewloop("session", "resume", "--offline")
    assert "its state is not compared" in said.out
    assert reviewloop("handoff", "--offline").code == 0
    assert (day / f"{DOCUMENT}.bak").read_text().startswith("# Handoff")
    assert sections(day)["STAKEHOLDER PREFERENCES"].startswith("- tabs")


def test_nothing_is_written_through_a_link(day, reviewloop, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (day / ".kiro/context").symlink_to(outside)
    said = reviewloop("handoff", "--offline")
    assert said.code == 2
    assert "is no regular file of this repository" in said.err
    assert not [*outside.iterdir()]
