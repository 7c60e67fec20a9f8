"""Answers to a waiting run, now or later, and their effect on the checkout."""

import time

import pytest
from support import play
from support.checkout import QUIET_GATES
from support.parts import CLEAN, cast, finds, found, replaces, resolves, says, writes
from support.play import QUOTE_TEST, REVIEWERS, TEST, calls, done, reply, write
from support.terminal import Terminal

from reviewloop.app.project import open_repository
from reviewloop.app.run.advance import advance
from reviewloop.domain.errors import UsageError

TASKS = ".kiro/specs/orders/tasks.md"
DOC = '"""Search."""'
UNCLEAR = found("should_fix", "The module's sentence says nothing", DOC)
BUILD_ONLY = {k: v for k, v in QUIET_GATES.items() if "BUILD" not in k}


def implements_then(change, *, wish):
    """An implementer that makes the clean version first and `change` when a person asks."""
    first = writes({"shop/search.py": CLEAN, "tests/test_search.py": TEST + QUOTE_TEST})
    return lambda received: (change if wish in received.said else first)(received)


# modify


def test_modify_goes_through_implement_guard_and_the_whole_review_with_fresh_rounds(shop):
    wish = "Say in the docstring that the oldest comes first."
    clearer = '"""Search, the oldest first."""'
    rounds = iter(range(1, 4))
    checkout = shop(
        cast(
            implement=implements_then(
                replaces("shop/search.py", "rows = db", "found = db"), wish=wish
            ),
            review_maintainability=lambda r: finds(*([UNCLEAR] if DOC in r.said else []))(r),
            fix=lambda r: (
                done("Edited it.")
                if r.turn
                else reply(write("shop/NOTES.md", f"attempt {next(rounds)}\n"))
                if DOC in r.said and wish not in r.said
                else calls("finish", {"summary": "nothing"})
            ),
        )
    )
    assert checkout.run("run", "2.1").code == 4
    first = checkout.record()["proposal"]
    assert first["rounds"]["used"] == 3
    assert checkout.findings()[UNCLEAR["title"]]["status"] == "open"
    asked = len(checkout.server.ledger)
    gates = len(checkout.events("gate"))

    checkout.server.answer = cast(
        implement=implements_then(
            says(
                reply(play.replace("shop/search.py", "rows = db", "found = db")),
                reply(play.replace("shop/search.py", "in rows]", "in found]")),
                done("Renamed."),
            ),
            wish=wish,
        ),
        review_maintainability=finds(UNCLEAR),
        fix=replaces("shop/search.py", DOC, clearer),
        quick_review=resolves({UNCLEAR["title"]: clearer}),
    )
    said = checkout.run("modify", "-m", wish)
    assert said.code == 4, said.err
    new = checkout.server.ledger[asked:]
    request = new[0]
    assert request.agent == "implement"
    assert "A person looked at your change" in request.said
    assert wish in request.said
    assert "+def items_of(db, customer):" in request.said
    assert {r.agent for r in new} == {"implement", *REVIEWERS, "fix", "quick-review"}
    assert all(any(r.agent == name and r.turn == 0 for r in new) for name in REVIEWERS)
    assert [e["name"] for e in checkout.events("gate")[gates:]].count("secrets") == 2

    proposal = checkout.record()["proposal"]
    assert (proposal["rounds"]["used"], proposal["rounds"]["cycle"]) == (1, 1)
    findings = checkout.findings()
    assert findings[wish]["agents"] == ["person"]
    assert findings[wish]["severity"] == "must_fix"
    assert findings[wish]["status"] == "fixed"
    again = findings[UNCLEAR["title"]]
    assert (again["status"], again["attempts"]) == ("fixed", 1)
    assert checkout.run("approve").code == 0
    assert checkout.read("shop/search.py") == CLEAN.replace(DOC, clearer).replace("rows", "found")


@pytest.mark.slow
def test_what_a_modification_took_away_is_not_left_open(shop):
    wish = "Write the docstring anew."
    checkout = shop(
        cast(
            implement=implements_then(
                replaces("shop/search.py", DOC, '"""Orders of a customer."""'), wish=wish
            ),
            review_maintainability=finds(UNCLEAR),
        )
    )
    checkout.run("run", "2.1")
    assert checkout.findings()[UNCLEAR["title"]]["status"] == "unresolved"
    checkout.server.answer = cast(
        implement=implements_then(
            replaces("shop/search.py", DOC, '"""Orders of a customer."""'), wish=wish
        )
    )
    assert checkout.run("modify", "-m", wish).code == 4
    left = checkout.findings()[UNCLEAR["title"]]
    assert left["status"] == "fixed"
    assert "its code is gone" in left["note"]


@pytest.mark.slow
def test_a_modification_nobody_made_is_left_to_the_person(shop):
    checkout = shop(cast())
    checkout.run("run", "2.1")
    checkout.server.answer = cast(implement=says(done("I like it as it is.")))
    assert checkout.run("modify", "-m", "Use a class.").code == 4
    assert checkout.findings()["Use a class."]["status"] == "unresolved"
    assert "Asked for and not done: Use a class." in checkout.record()["proposal"]["message"]


# skip


def test_reject_leaves_no_trace_in_the_checkout_and_keeps_the_work(shop):
    checkout = shop()
    before = checkout.bytes()
    checkout.run("run", "2.1")
    said = checkout.run("reject", "-m", "not now")
    assert said.code == 7
    assert checkout.bytes() == before
    record = checkout.record()
    assert (record["status"], record["reason"]) == ("skipped", "not now")
    assert f"reviewloop checkout {record['run_id']} NAME" in said.err
    assert checkout.run("approve", record["run_id"]).code == 2
    assert checkout.json("tasks")["tasks"][3]["run"] == ""

    exported = checkout.run("checkout", record["run_id"], "saved/work")
    assert exported.code == 0, exported.err
    assert checkout.git("show", "saved/work:shop/search.py") + "\n" == CLEAN
    assert checkout.git("rev-parse", "saved/work^") == checkout.git("rev-parse", "HEAD")
    assert checkout.git("symbolic-ref", "--short", "HEAD") == "work"
    assert checkout.git("status", "--porcelain") == ""
    taken = checkout.run("checkout", record["run_id"], "work")
    assert (taken.code, "work" in taken.err) == (2, True)


@pytest.mark.slow
def test_a_rejected_task_can_be_started_again(shop):
    checkout = shop()
    checkout.run("run", "2.1")
    checkout.run("reject")
    assert checkout.run("run", "2.1").code == 4


# approve, and taking it back


def test_undo_takes_an_unpushed_commit_back_and_keeps_the_work(shop):
    checkout = shop()
    base, files = checkout.git("rev-parse", "HEAD"), checkout.git("ls-files")
    tasks = checkout.read(TASKS)
    checkout.run("run", "2.1")
    assert checkout.run("approve").code == 0
    said = checkout.run("undo")
    assert said.code == 0, said.err
    assert checkout.git("rev-parse", "HEAD") == base
    assert checkout.git("ls-files") == files
    assert checkout.git("status", "--porcelain") == ""
    assert checkout.read(TASKS) == tasks
    record = checkout.record()
    assert record["status"] == "undone"
    assert checkout.run("undo").code == 2
    assert checkout.run("checkout", record["run_id"], "kept").code == 0


@pytest.mark.slow
def test_an_undone_run_can_be_approved_again_or_modified(shop):
    checkout = shop()
    checkout.run("run", "2.1")
    checkout.run("approve")
    head, run = checkout.git("rev-parse", "HEAD"), checkout.record()["run_id"]
    asked = len(checkout.server.ledger)
    assert f"`reviewloop approve {run}` commits it again" in checkout.run("undo").err
    for command in (("resume", run), ("approve",)):
        said = checkout.run(*command)
        assert (said.code, f"`reviewloop approve {run}` commits it again" in said.err) == (2, True)
    assert checkout.run("approve", run).code == 0
    assert checkout.git("rev-parse", "HEAD") == head
    assert checkout.git("status", "--porcelain") == ""
    assert len(checkout.server.ledger) == asked
    assert checkout.run("undo").code == 0
    mine = commit_beside(checkout)
    checkout.server.answer = cast(implement=replaces("shop/search.py", "rows = db", "found = db"))
    assert checkout.run("modify", run, "-m", "Call it found.").code == 4
    assert checkout.run("approve").code == 0
    assert checkout.git("rev-parse", "HEAD^") == mine
    assert "found = db" in checkout.read("shop/search.py")


@pytest.mark.slow
@pytest.mark.parametrize("point", ["reopen.asked", "approve.begin", "promote.ref"])
def test_approving_again_what_was_undone_goes_on_after_a_kill(shop, point):
    checkout = shop()
    checkout.run("run", "2.1")
    checkout.run("approve")
    head, run = checkout.git("rev-parse", "HEAD"), checkout.record()["run_id"]
    assert checkout.run("undo").code == 0
    asked = len(checkout.server.ledger)
    killed = checkout.forked("approve", run, REVIEWLOOP_FAULT=f"{point}=kill")
    assert killed.code < 0, killed.err
    assert checkout.git("rev-parse", "HEAD^{tree}") != checkout.git("rev-parse", f"{head}^{{tree}}")
    again = checkout.run("approve", run)
    if again.code:
        assert "`reviewloop resume" in again.err
        again = checkout.run("resume", run)
    if again.code:
        again = checkout.run("approve", run)
    assert again.code == 0, again.err
    assert checkout.git("rev-parse", "HEAD") == head
    assert checkout.git("status", "--porcelain") == ""
    assert (checkout.record()["status"], len(checkout.server.ledger)) == ("committed", asked)


@pytest.mark.slow
def test_show_and_undo_mean_the_same_run_by_the_last_one(shop):
    checkout = shop()
    checkout.run("run", "2.1")
    first = checkout.record()["run_id"]
    checkout.run("run", "-m", "Say hello.")
    assert checkout.record()["run_id"] != first
    assert checkout.run("approve", first).code == 0
    assert checkout.record()["run_id"] == first
    assert checkout.run("undo").code == 0
    assert (checkout.record()["run_id"], checkout.record()["status"]) == (first, "undone")


@pytest.mark.slow
def test_undo_refuses_what_was_pushed(shop):
    checkout = shop()
    checkout.run("run", "2.1")
    checkout.run("approve")
    checkout.git("update-ref", "refs/remotes/origin/work", "HEAD")
    head = checkout.git("rev-parse", "HEAD")
    said = checkout.run("undo")
    assert said.code == 2
    assert "was pushed" in said.err
    assert checkout.git("rev-parse", "HEAD") == head


def edit_new_file(checkout):
    checkout.write("shop/search.py", "# mine\n")
    return lambda: (checkout.root / "shop/search.py").unlink()


def edit_spec(checkout):
    old = checkout.read(TASKS)
    checkout.write(TASKS, old + "- [ ] 3. One more\n")
    return lambda: checkout.write(TASKS, old)


def stage_file(checkout):
    checkout.write("shop/search.py", "# mine\n")
    checkout.git("add", "shop/search.py")

    def back():
        checkout.git("rm", "-q", "--cached", "shop/search.py")
        (checkout.root / "shop/search.py").unlink()

    return back


def hold_index(checkout):
    lock = checkout.write(".git/index.lock", "")
    return lock.unlink


@pytest.mark.slow_but(every=2)
@pytest.mark.parametrize("meddle", [edit_new_file, edit_spec, stage_file, hold_index])
def test_approval_touches_nothing_when_the_person_moved_on_and_can_be_repeated(shop, meddle):
    checkout = shop()
    checkout.run("run", "2.1")
    undo = meddle(checkout)
    before = checkout.bytes()
    said = checkout.run("approve")
    assert said.code == 2, said.err
    assert said.err.count("reviewloop: ") == 1
    assert "Traceback" not in said.err
    assert checkout.bytes() == before
    record = checkout.record()
    assert (record["status"], record["exit_code"]) == ("waiting", 2)
    undo()
    said = checkout.run("approve")
    assert said.code == 0, said.err
    assert checkout.git("status", "--porcelain") == ""


def commit_beside(checkout, path="docs/notes.md", text="mine\n"):
    """The person goes on working on the branch."""
    checkout.write(path, text)
    checkout.git("add", path)
    checkout.git("commit", "-q", "-m", "mine")
    return checkout.git("rev-parse", "HEAD")


@pytest.mark.slow
def test_approving_after_the_branch_moved_brings_the_change_there_and_commits(shop):
    checkout = shop()
    checkout.run("run", "2.1")
    mine, asked = commit_beside(checkout), len(checkout.server.ledger)
    seen = checkout.run("show")
    assert f"work is at {mine[:10]} by now: approving rebases the change first" in seen.out
    gates = len(checkout.events("gate"))
    said = checkout.run("approve")
    assert said.code == 0, said.err
    assert f"the change was rebased onto {mine[:10]}" in said.err
    assert len(checkout.server.ledger) == asked  # nobody had to read it again
    assert len(checkout.events("gate")) > gates
    assert checkout.git("rev-parse", "HEAD^") == mine
    assert checkout.git("status", "--porcelain") == ""
    assert checkout.read("shop/search.py") == CLEAN
    assert "- [x] 2.1" in checkout.read(TASKS)


@pytest.mark.slow
def test_approving_asks_once_more_where_the_branch_meets_the_change(shop):
    checkout = shop()
    checkout.run("run", "2.1")
    asked = len(checkout.server.ledger)
    longer = checkout.read("shop/store.py").replace('"""Store an order."""', '"""Add it."""')
    mine = commit_beside(
        checkout, "shop/store.py", longer.replace("customer, item):", "who, what):")
    )
    said = checkout.run("approve")
    assert said.code == 4, said.err
    assert "not committed yet: what came below it meets it in shop/store.py" in said.err
    assert f"rebased onto {mine[:10]}" in said.err
    assert "Ready for your decision" in said.err
    assert checkout.git("rev-parse", "HEAD") == mine
    readers = {received.agent for received in checkout.server.ledger[asked:]}
    assert readers == set(REVIEWERS)
    again = len(checkout.server.ledger)
    assert checkout.run("approve").code == 0
    assert len(checkout.server.ledger) == again
    assert checkout.git("rev-parse", "HEAD^") == mine


@pytest.mark.slow
def test_a_change_that_does_not_merge_is_told_in_one_sentence_and_nothing_is_lost(shop):
    checkout = shop()
    checkout.run("run", "2.1")
    run = checkout.record()["run_id"]
    commit_beside(checkout, "shop/search.py", "# mine\n")
    before = checkout.bytes()
    said = checkout.run("approve")
    assert said.code == 4
    assert f"run {run} and work, which moved on, now changed the same lines of shop/" in said.err
    assert f"`reviewloop checkout {run} NAME`" in said.err
    assert checkout.bytes() == before
    assert checkout.record()["status"] == "waiting"
    seen = " ".join(checkout.run("show").out.split())
    assert "approving rebases" not in seen
    assert "this does not merge with it (" in seen
    assert "approving commits nothing; `reviewloop checkout" in seen
    commit_beside(checkout)  # what was found out is of that commit only
    assert "approving rebases the change first" in " ".join(checkout.run("show").out.split())
    assert checkout.run("checkout", run, "saved").code == 0
    assert checkout.git("show", "saved:shop/search.py") + "\n" == CLEAN
    assert checkout.run("reject").code == 7


@pytest.mark.slow
def test_what_was_dirty_in_the_way_can_be_committed_and_approving_works_then(shop):
    checkout = shop()
    checkout.run("run", "2.1")
    old = checkout.read(TASKS)
    checkout.write(TASKS, old + "\n- [ ] 3. One more\n")
    said = checkout.run("approve")
    run = checkout.record()["run_id"]
    assert (said.code, f", then `reviewloop approve {run}`" in said.err) == (2, True), said.err
    checkout.git("commit", "-q", "-am", "mine")
    said = checkout.run("approve", run)
    assert said.code == 0, said.err
    now = checkout.read(TASKS)
    assert now == (old + "\n- [ ] 3. One more\n").replace("- [ ] 2.1", "- [x] 2.1")
    assert checkout.git("status", "--porcelain") == ""


@pytest.mark.slow
def test_a_moved_run_is_modified_where_it_is_and_brought_when_it_is_approved(shop):
    checkout = shop()
    checkout.run("run", "2.1")
    mine = commit_beside(checkout)
    checkout.server.answer = cast(implement=replaces("shop/search.py", "rows = db", "found = db"))
    assert checkout.run("modify", "-m", "Call it found.").code == 4
    said = checkout.run("approve")
    assert said.code == 0, said.err
    assert checkout.git("rev-parse", "HEAD^") == mine


RED = found("must_fix", "The statement is put together from text", "rows = db")


@pytest.mark.slow
def test_must_fix_findings_that_are_left_ask_a_second_time(shop):
    checkout = shop(
        cast(
            review_security=finds(RED),
            fix=lambda r: done("No.") if r.turn else calls("finish", {"summary": "nothing"}),
        )
    )
    said = checkout.run("run", "2.1")
    assert said.code == 4
    assert "Ready for your decision: 1 must fix left; 2.1" in said.err
    run, head = checkout.record()["run_id"], checkout.git("rev-parse", "HEAD")
    said = checkout.run("approve")
    assert said.code == 2
    assert f"run {run} has 1 must fix left (`reviewloop show {run}`)" in said.err
    assert f"`reviewloop approve {run} --with-must-fix`" in said.err
    assert checkout.git("rev-parse", "HEAD") == head
    terminal = Terminal(checkout, "approve")
    terminal.expect("commit with 1 must fix left? [y/N]")
    terminal.type("")
    terminal.expect(" > ")
    terminal.type("q")
    assert terminal.end() == 4
    assert checkout.git("rev-parse", "HEAD") == head
    assert checkout.run("approve", "--with-must-fix").code == 0
    assert "Left open: 🔴 The statement" in checkout.git("log", "-1", "--format=%B")


def test_an_answer_to_an_earlier_question_is_refused_and_changes_nothing(shop):
    checkout = shop()
    checkout.run("run", "2.1")
    old = checkout.record()
    checkout.server.answer = cast(implement=says(done("Nothing.")))
    checkout.run("modify", "-m", "Look again.")
    new = checkout.record()
    assert new["proposal"]["commit"] != old["proposal"]["commit"]
    with checkout.inside():
        repository = open_repository()
        stale = {"choice": "approve", "by": "ada", "text": "", "proposal": "0" * 64}
        with pytest.raises(UsageError, match="has changed since you looked"):
            advance(repository, old["run_id"], answer=stale)
        repository.runs.close()
    assert checkout.record()["status"] == "waiting"
    assert checkout.run("approve").code == 0
    with checkout.inside():
        repository = open_repository()
        with pytest.raises(UsageError, match="does not wait for an answer"):
            advance(repository, old["run_id"], answer=stale)
        repository.runs.close()
    assert checkout.record()["status"] == "committed"


@pytest.mark.slow
def test_an_answer_without_a_waiting_run_or_with_two_says_what_to_do(shop):
    checkout = shop()
    said = checkout.run("approve")
    assert (said.code, "there is no run to approve" in said.err) == (2, True)
    checkout.run("run", "2.1")
    checkout.run("run", "2.1", "--again")
    said = checkout.run("approve")
    assert said.code == 2
    assert "more than one run could be meant" in said.err
    assert all(row["status"] == "waiting" for row in checkout.json("status")["runs"])


@pytest.mark.slow
def test_other_peoples_changes_in_the_checkout_are_untouched_and_said(shop):
    checkout = shop()
    checkout.write("shop/store.py", "# half an idea\n")
    checkout.write("scratch.txt", "notes\n")
    checkout.write("shop/staged.py", "x = 1\n")
    checkout.git("add", "shop/staged.py")
    base = checkout.git("rev-parse", "--short=10", "HEAD")
    before = checkout.bytes()
    said = checkout.run("run", "2.1")
    assert said.code == 4
    assert f"based on commit {base}; your uncommitted changes (" in said.err
    assert "stay untouched" in said.err
    assert checkout.bytes() == before
    assert checkout.run("approve").code == 0
    assert checkout.read("shop/store.py") == "# half an idea\n"
    assert checkout.git("status", "--porcelain").splitlines() == [
        "A  shop/staged.py",
        " M shop/store.py",
        "?? scratch.txt",
    ]
    assert checkout.git("show", "--name-only", "--format=", "HEAD").splitlines() == [
        TASKS,
        "shop/search.py",
        "tests/test_search.py",
    ]


@pytest.mark.slow
def test_on_a_protected_branch_a_new_one_is_offered_and_made_at_approval(shop):
    checkout = shop(branch="main")
    refused = checkout.run("run", "2.1")
    assert refused.code == 3
    assert "the branch main is protected; start with --branch reviewloop/orders" in refused.err
    assert checkout.server.ledger == []
    before = checkout.bytes()
    base = checkout.git("rev-parse", "main")
    assert checkout.run("run", "2.1", "--branch", "reviewloop/orders").code == 4
    assert checkout.bytes() == before
    assert checkout.run("approve").code == 0
    assert checkout.git("rev-parse", "reviewloop/orders^") == base
    assert checkout.git("rev-parse", "main") == base
    assert checkout.git("symbolic-ref", "--short", "HEAD") == "main"
    assert checkout.git("status", "--porcelain") == ""
    assert "- [x] 2.1" in checkout.git("show", f"reviewloop/orders:{TASKS}")
    assert checkout.run("undo").code == 0
    assert checkout.git("branch", "--format=%(refname:short)") == "main"


@pytest.mark.slow
def test_from_main_the_second_task_goes_on_on_the_branch_of_the_first(shop):
    checkout = shop(branch="main")
    terminal = Terminal(checkout, "run", "2.1")
    terminal.expect("Commit to a new branch reviewloop/orders? [Y/n]")
    terminal.type("")
    terminal.expect("[q]uit")
    terminal.type("a")
    terminal.expect("Switch to reviewloop/orders now? [Y/n]")
    terminal.type("n")
    terminal.expect("run `reviewloop handoff`? [y/N]")
    terminal.type("")
    assert terminal.end() == 0
    first, main = checkout.git("rev-parse", "reviewloop/orders"), checkout.git("rev-parse", "main")
    rows = {task["id"]: task for task in checkout.json("tasks")["tasks"]}
    assert (rows["2.1"]["done_on"], rows["2.1"]["eligible"]) == ("reviewloop/orders", False)
    assert "done on reviewloop/orders" in checkout.run("tasks").out
    assert "done_on" in rows["2.2"]
    checkout.server.answer = cast(implement=writes({"shop/report.py": "REPORT = 1\n"}))
    terminal = Terminal(checkout, "run")
    terminal.expect("Go on on the branch reviewloop/orders? [Y/n]")
    terminal.type("")
    terminal.expect("[q]uit")
    terminal.type("a")
    terminal.expect("Switch to reviewloop/orders now? [Y/n]")
    terminal.type("")
    terminal.expect("run `reviewloop handoff`? [y/N]")
    terminal.type("")
    assert terminal.end() == 0
    assert checkout.git("rev-parse", "reviewloop/orders^") == first
    assert checkout.git("rev-parse", "main") == main
    assert checkout.git("symbolic-ref", "--short", "HEAD") == "reviewloop/orders"
    assert checkout.git("status", "--porcelain") == ""
    tasks = checkout.read(TASKS)
    assert "- [x] 2.1" in tasks and "- [x] 2.2" in tasks


@pytest.mark.slow
def test_two_runs_for_one_new_branch_can_both_be_approved(shop):
    """The first approval makes the branch; the second finds it there."""
    checkout = shop(branch="main")
    checkout.run("run", "2.1", "--branch", "feature")
    first = checkout.record()["run_id"]
    checkout.server.answer = cast(implement=writes({"shop/hello.py": "HELLO = 1\n"}))
    checkout.run("run", "-m", "Say hello.", "--branch", "feature")
    second = checkout.record()["run_id"]
    assert checkout.run("approve", first).code == 0
    made = checkout.git("rev-parse", "feature")
    said = checkout.run("approve", second)
    assert said.code == 0, said.err
    assert checkout.git("rev-parse", "feature^") == made
    assert "git switch feature" in said.err


def test_an_untracked_spec_is_ticked_on_disk_and_stays_out_of_the_commit(shop):
    checkout = shop()
    checkout.git("rm", "-rq", "--cached", ".kiro")
    checkout.write(".gitignore", ".kiro/\n")
    checkout.git("add", ".gitignore")
    checkout.git("commit", "-q", "-m", "spec is private")
    old = checkout.read(TASKS)
    said = checkout.run("run", "2.1")
    assert f"{TASKS} is not committed: it is ticked on disk after the commit" in said.err
    assert checkout.read(TASKS) == old
    assert checkout.run("approve").code == 0
    assert checkout.read(TASKS) == old.replace("- [ ] 2.1", "- [x] 2.1")
    assert checkout.git("show", "--name-only", "--format=", "HEAD").splitlines() == [
        "shop/search.py",
        "tests/test_search.py",
    ]


# blocked


@pytest.mark.slow
def test_a_gate_that_stays_red_after_two_repairs_blocks_the_run(shop):
    checkout = shop(cast(implement=writes({"shop/search.py": "def broken(:\n"})), BUILD_ONLY)
    before = checkout.bytes()
    said = checkout.run("run", "2.1")
    assert said.code == 3
    assert "Blocked: 2.1" in said.err
    assert all("--without" in way for way in said.err.split("reviewloop approve ")[1:])
    agents = [received.agent for received in checkout.server.ledger]
    assert agents == ["implement", "implement", "repair", "repair"]
    assert "SyntaxError" in checkout.server.of("repair")[0].said
    record = checkout.record()
    assert record["status"] == "blocked"
    assert record["proposal"]["commit"] == ""

    for name in ((), (record["run_id"],)):
        refused = checkout.run("approve", *name)
        assert refused.code == 2
        assert "is blocked (build: " in refused.err
    assert checkout.bytes() == before
    exported = checkout.run("checkout", record["run_id"], "saved")
    assert exported.code == 0
    assert checkout.git("show", "saved:shop/search.py") == "def broken(:"

    checkout.server.answer = cast(implement=writes({"shop/search.py": CLEAN}))
    assert checkout.run("modify", "-m", "Mend the syntax.").code == 4
    assert checkout.run("approve").code == 0
    assert checkout.read("shop/search.py") == CLEAN


def test_an_empty_change_is_blocked_and_nobody_reviews_it(shop):
    checkout = shop(cast(implement=says(done("It is fine already."))))
    said = checkout.run("run", "2.1")
    assert said.code == 3
    nothing = "the change is empty: the implementer changed nothing"
    assert f"The run is blocked: {nothing}; it said: “It is fine already.”" in said.err
    hint = said.err[said.err.index("Possible: ") :]
    assert "reviewloop modify" in hint and "reviewloop reject" in hint
    assert "checkout" not in hint and "waits for you" not in said.err
    assert {received.agent for received in checkout.server.ledger} == {"implement"}
    assert checkout.run("reject").code == 7


# at a terminal


def test_a_person_at_the_terminal_modifies_approves_and_runs_a_follow_up(shop):
    checkout = shop()
    settings = checkout.home / ".config/reviewloop/config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        '[follow_ups]\npush_and_pr = ["sh", "-c", "echo pushed $REVIEWLOOP_COMMIT"]\n'
        "[notify]\nbell = true\n"
    )
    terminal = Terminal(checkout, "run", "2.1")
    terminal.expect("\a")
    terminal.expect("]9;reviewloop: 2.1 Find the items of a customer waits for you")
    terminal.expect("[a]pprove [m]odify [e]dit [s]kip [q]uit [d]iff > ")
    terminal.type("d")
    terminal.expect("+def items_of(db, customer):")
    terminal.expect(" > ")
    terminal.type("c")
    terminal.expect("review-security")
    terminal.expect(" > ")
    checkout.server.answer = cast(implement=replaces("shop/search.py", "rows = db", "found = db"))
    terminal.type("m")
    terminal.expect("what should be different?")
    terminal.type("Call it found.")
    terminal.expect("Ready for your decision")
    terminal.expect(" > ")
    terminal.type("a")
    terminal.expect("push-and-pr: run `sh -c echo pushed $REVIEWLOOP_COMMIT`?")
    terminal.type("y")
    terminal.expect(f"pushed {checkout.git('rev-parse', 'HEAD')}")
    terminal.expect("session-handoff: run `reviewloop handoff`?")
    terminal.type("n")
    assert terminal.end() == 0
    assert "not configured" not in terminal.screen
    assert "found = db" in checkout.git("show", "HEAD:shop/search.py")


@pytest.mark.slow
def test_quitting_at_the_terminal_leaves_the_run_waiting(shop):
    checkout = shop(branch="main")
    terminal = Terminal(checkout, "run", "2.1")
    terminal.expect("Commit to a new branch reviewloop/orders? [Y/n]")
    terminal.type("")
    terminal.expect("[q]uit [d]iff > ")
    terminal.type("q")
    assert terminal.end() == 4
    assert checkout.record()["status"] == "waiting"
    assert checkout.run("approve").code == 0
    assert checkout.git("log", "-1", "--format=%s", "reviewloop/orders") != "base"


@pytest.mark.slow
@pytest.mark.parametrize("words", [("approve",), ("queue", "approve", "2.1")], ids=" ".join)
def test_a_clock_that_jumped_back_does_not_put_the_answer_before_the_question(
    shop, monkeypatch, words
):
    """Checkpoints are found by ids that begin with the time."""
    from langgraph.checkpoint.base import id as ids

    checkout = shop()
    assert checkout.run("run", "2.1").code == 4
    monkeypatch.setattr(ids, "_last_v6_timestamp", None)  # as in another process
    now = time.time_ns
    monkeypatch.setattr(ids.time, "time_ns", lambda: now() - 3600 * 10**9)
    said = checkout.run(*words)
    assert (said.code, checkout.record()["status"]) == (0, "committed"), said.err


@pytest.mark.slow
def test_ctrl_c_at_the_question_names_what_answers_it_and_resume_asks_again(shop):
    checkout = shop()
    terminal = Terminal(checkout, "run", "2.1")
    terminal.expect("[d]iff >")
    terminal.interrupt()
    assert terminal.end() == 130
    run = checkout.record()["run_id"]
    assert terminal.screen.splitlines()[-1] == (
        f"reviewloop: nothing was decided: run {run} waits for you: `reviewloop approve {run}`, "
        "modify or reject"
    )
    again = checkout.run("resume")
    assert again.code == 4, again.err
    assert f"reviewloop approve {run}" in again.err

    second = checkout.run("run", "2.1")
    assert second.code == 2
    assert f"run {run} waits for you: `reviewloop approve {run}`" in second.err
    below = checkout.run("run", "2.2")
    assert "depends on work that is not done: 2.1" in below.err
    assert f"run {run} waits for you: `reviewloop approve {run}`" in below.err
    mistyped = checkout.run("run", "2.2", "--model", "opnai:gpt")
    assert "no provider is called 'opnai'" in mistyped.err
