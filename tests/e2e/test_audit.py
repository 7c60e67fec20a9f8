"""`audit`: its entries for an approval, after `clean`, and detection of a changed byte."""

import csv
import io
import json
import re
from contextlib import closing

import pytest
from support.checkout import QUIET_GATES
from support.parts import cast
from support.shop import CRITERIA

from reviewloop.loop.approval_act import Act
from reviewloop.render.audit import audit_csv, audit_html, audit_markdown, audit_text
from reviewloop.store.audit import AuditFile
from reviewloop.store.runs import RunStore

ROW = {
    "number": 1, "hash": "f" * 64, "kind": "commit", "run": "r1", "commit": "c" * 40,
    "title": '=HYPERLINK("x")|<b>', "approved_by": "@SUM(A1)", "gates": [], "cost_usd": 0.5,
}  # fmt: skip


@pytest.fixture(scope="module")
def approved(shared_shop):
    """Return a checkout in which a task was approved and committed."""
    checkout = shared_shop(cast(), QUIET_GATES)
    (checkout.root / ".kiro/steering").mkdir(parents=True, exist_ok=True)
    (checkout.root / ".kiro/steering/style.md").write_text("Plain functions.\n")
    assert checkout.run("run", "2.1").code == 4
    assert checkout.run("approve").code == 0
    return checkout


def trail(checkout) -> AuditFile:
    (path,) = checkout.state.rglob("audit.jsonl")
    return AuditFile(path.parent)


def test_a_row_says_who_approved_what_on_which_grounds(approved):
    (row,) = approved.json("audit")["rows"]
    run = approved.record()
    assert row["commit"] == approved.git("rev-parse", "HEAD").strip()
    assert (row["run"], row["task"], row["kind"]) == (run["run_id"], "2.1", "commit")
    assert row["approved_by"] == run["approved_by"]
    assert row["act"] == {"kind": "command", "actor": run["approved_by"]}
    assert {agent["name"] for agent in row["agents"]} >= {"implement", "review-security"}
    assert all(agent["model"] for agent in row["agents"])
    assert all(re.fullmatch("[0-9a-f]{64}", agent["digest"]) for agent in row["agents"])
    assert [one["path"] for one in row["steering"]] == [".kiro/steering/style.md"]
    assert all(one["digest"] for one in row["steering"])
    assert {one["name"] for one in row["gates"]} >= {"secrets", "branch"}
    assert [one["id"] for one in row["spec"]["criteria"]] == ["1.1"]
    blobs = {one["path"]: one["blob"] for one in row["spec"]["files"]}
    tasks = ".kiro/specs/orders/tasks.md"
    assert blobs[tasks] == approved.git("rev-parse", f"HEAD:{tasks}").strip()
    assert row["cost_usd"] is not None
    assert row["findings"]["counts"] == {} or row["findings"]["counts"]


def test_what_clean_deletes_stays_in_the_trail(approved):
    before = approved.run("audit", "--format", "csv").out
    assert approved.run("clean", "--older-than", "0", "--yes").code in (0, 2)
    approved.run("clean", "--older-than", "0")
    assert approved.run("audit", "--format", "csv").out == before
    assert len(list(csv.reader(io.StringIO(before)))) == 2


def test_one_changed_byte_is_found_and_named(approved):
    assert approved.run("audit", "--verify").code == 0
    path = trail(approved).path
    kept = path.read_bytes()
    try:
        for old, new, words in (
            (b'"task": "2.1"', b'"task": "2.2"', "row 1 was changed"),
            (b'"number": 1', b'"number": 2', "row 1 is missing"),
            (b"{", b"[", "it cannot be read"),
        ):
            path.write_bytes(kept.replace(old, new, 1))
            said = approved.run("audit", "--verify")
            assert said.code == 1
            assert f"line 1 of the trail: {words}" in said.out
    finally:
        path.write_bytes(kept)


def test_a_row_that_was_taken_out_is_found(tmp_path):
    file = AuditFile(tmp_path)
    for number in range(3):
        assert file.append({"kind": "commit"}, once=f"commit {number}")
    assert not file.append({"kind": "commit"}, once="commit 1")
    assert file.verify() is None
    lines = file.path.read_bytes().splitlines(keepends=True)
    file.path.write_bytes(lines[0] + lines[2])
    broken = file.verify()
    assert broken is not None
    assert (broken.line, broken.why) == (2, "row 2 is missing: this is row 3")


def test_a_row_after_one_that_was_cut_off_is_a_line_of_its_own(tmp_path):
    file = AuditFile(tmp_path)
    assert file.append({"kind": "commit"}, once="commit 1")
    with file.path.open("ab") as torn:
        torn.write(b'{"body": {"ki')
    assert file.append({"kind": "commit"}, once="commit 2")
    assert not file.append({"kind": "commit"}, once="commit 2")
    assert [row.number for row in file.rows()] == [1, 2]
    broken = file.verify()
    assert broken is not None
    assert (broken.line, broken.why) == (2, "it cannot be read")


def test_a_commit_that_git_lost_is_said(approved):
    path = trail(approved).path
    kept = path.read_bytes()
    AuditFile(path.parent).append(
        {"kind": "commit", "run": "gone", "commit": "d" * 40, "at": 1.0}, once="commit d"
    )
    try:
        said = approved.run("audit", "--verify")
        assert said.code == 1
        assert said.out == "commit dddddddddd is in the trail and not in git any more\n"
    finally:
        path.write_bytes(kept)


def test_every_form_can_be_read_by_what_reads_it(approved):
    (row,) = csv.DictReader(io.StringIO(approved.run("audit", "--format", "csv").out))
    assert row["commit"] == approved.git("rev-parse", "HEAD").strip()
    (line,) = approved.run("audit", "--format", "in-toto").out.splitlines()
    statement = json.loads(line)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"][0]["digest"] == {"gitCommit": row["commit"]}
    assert row["commit"][:10] in approved.run("audit").out
    assert f"| {row['title']} |" in approved.run("audit", "--format", "markdown").out


def test_no_cell_is_a_formula_and_no_text_is_markup():
    (_, cells) = csv.reader(io.StringIO(audit_csv([ROW])))
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+", "-"))]
    assert "<b>" not in audit_html([ROW])
    assert "<b>" not in audit_markdown([ROW])
    assert audit_markdown([ROW]).splitlines()[2].count("|") == 9


def test_a_row_of_another_release_is_shown_as_far_as_it_is_known():
    odd = {**ROW, "spec": "text", "agents": {"name": "a"}, "findings": None, "gates": ["red"]}
    (_, cells) = csv.reader(io.StringIO(audit_csv([odd])))
    assert cells[:3] == ["1", "", "commit"]
    assert "commit" in audit_text([odd])


@pytest.mark.needs_chromium
@pytest.mark.slow
def test_the_page_opens_in_a_browser_and_loads_nothing(approved, tmp_path):
    from playwright.sync_api import sync_playwright

    page_file = tmp_path / "audit.html"
    page_file.write_text(approved.run("audit", "--format", "html").out)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_file.as_uri())
        assert page.locator("tbody tr").count() == 1
        assert approved.git("rev-parse", "HEAD").strip() in page.locator("tbody").inner_text()
        assert asked == [page_file.as_uri()]
        browser.close()


def chromium() -> str:
    import shutil

    return next(path for name in ("chromium", "chromium-browser") if (path := shutil.which(name)))


def test_names_can_be_left_out_and_an_undone_commit_is_a_row(shop):
    checkout = shop(cast(), {**QUIET_GATES, "REVIEWLOOP_AUDIT__NAMES": "false"})
    assert checkout.run("run", "2.1").code == 4
    assert checkout.run("approve").code == 0
    assert checkout.run("undo").code == 0
    first, second = checkout.json("audit")["rows"]
    assert first["approved_by"] == "a person"
    assert first["act"] == {"kind": "command"}
    assert (second["kind"], second["commit"]) == ("undo", first["commit"])


def test_without_names_a_row_has_no_login_of_github_and_no_approver_of_a_spec(shop):
    checkout = shop(cast(), {**QUIET_GATES, "REVIEWLOOP_AUDIT__NAMES": "false"}, files=CRITERIA)
    assert checkout.run("spec", "approve", "orders").code == 0
    assert checkout.run("run", "2.1").code == 4
    assert checkout.run("approve").code == 0
    (path,) = checkout.state.rglob("audit.jsonl")
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:1]))  # then anew
    with closing(RunStore(path.parent)) as store:
        (run,) = store.all()
        act = Act("comment", "octo-cat", "17", "https://github.com/o/n/pull/1#issuecomment-17")
        run.evidence |= {"act": act.plain(), "approvals": [{"by": "octo-cat", **act.plain()}]}
        store.save(run)
    spec, commit = checkout.json("audit")["rows"]
    assert (spec["approved_by"], spec["act"]) == ("a person", {"kind": "spec approve"})
    assert commit["act"] == {"kind": "comment", "id": "17", "url": act.url}
    assert [one["by"] for one in commit["approvals"]] == ["a person"]
    assert "octo-cat" not in path.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nope",), "no row of run 'nope'"),
        (("--since", "soon"), "give a span such as 90d"),
    ],
)
def test_what_cannot_be_shown_is_said(approved, arguments, words):
    said = approved.run("audit", *arguments)
    assert said.code == 2
    assert words in said.err


def test_rows_of_a_newer_release_are_not_guessed_at(tmp_path):
    file = AuditFile(tmp_path)
    file.append({"kind": "commit"})
    file.path.write_bytes(file.path.read_bytes().replace(b'"version": 1', b'"version": 9'))
    with pytest.raises(Exception, match=r"written by a newer release of reviewloop \(version 9\)"):
        [*file.rows()]
