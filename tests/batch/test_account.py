"""The report of a batch: sums, reasons, next steps; it outlives the runs."""

import json
from contextlib import closing
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console
from support.checkout import Checkout

from reviewloop.app.batch.limits import Spending
from reviewloop.app.batch.policy import because_of, reason_now
from reviewloop.app.batch.report import build_report, exit_code, keep_rows, queued_report
from reviewloop.app.batch.status import newest_batch
from reviewloop.app.project import open_repository
from reviewloop.domain.batch_report import Cost, Figures, TaskReport, Totals
from reviewloop.domain.errors import BudgetExhaustedError, ExitCode
from reviewloop.domain.reason import NO_REASON, ReasonKind, reason
from reviewloop.llm.budget import Budget
from reviewloop.render.batch import (
    figures_of,
    html,
    markdown,
    next_of,
    report_object,
    sums,
    task_lines,
)
from reviewloop.render.reasons import sentence
from reviewloop.render.terminal.batch import BatchScreen, render_account
from reviewloop.settings import Limits, Settings
from reviewloop.store.batches import (
    BatchRecord,
    BatchStore,
    LeftToUser,
    SessionClock,
    batch_of,
    sessions_of,
)
from reviewloop.store.locks import hold
from reviewloop.store.reasons import legacy_reason
from reviewloop.store.runs import RunRecord, RunStatus, RunStore, record_of

COST = ("calls", "tokens", "usd", "seconds")


def told(checkout: Checkout) -> tuple[dict, dict[str, dict]]:
    """Return the account, which must add up, and its rows by task."""
    body = checkout.json("status")["batch"]
    for name in COST:
        assert sum(row[name] for row in body["tasks"]) == pytest.approx(body["totals"][name])
    return body, {row["task"]: row for row in body["tasks"]}


@pytest.mark.slow
def test_what_was_rejected_taken_over_and_deleted_stays_in_the_account(shop):
    checkout = shop()
    assert checkout.run("run", "1").code == 4
    asked = len(checkout.server.ledger)
    assert checkout.run("batch", "--tasks", "1,2").code == 4
    first, rows = told(checkout)
    assert first["totals"]["calls"] == len(checkout.server.ledger) - asked
    assert first["totals"]["before"]["usd"] == pytest.approx(first["totals"]["usd"], rel=0.1)
    assert checkout.run("queue", "reject", rows["1"]["run"], "-m", "no good").code == 7
    _, rows = told(checkout)
    assert (rows["1"]["state"], rows["1"]["why"]) == ("rejected", "no good")
    assert rows["2"]["why"] == "it needs 1, which is rejected"
    assert rows["2"]["next"].startswith("`reviewloop batch` does 1 anew")

    assert checkout.run("batch", "--tasks", "1,2", "--budget-usd", "0.09").code == 4
    second, rows = told(checkout)
    assert second["batch"] == first["batch"]
    assert rows["1"]["earlier"]["tries"] == 1
    assert second["totals"]["calls"] == len(checkout.server.ledger) - asked
    assert second["totals"]["before"] == first["totals"]["before"]
    assert second["totals"]["sittings"] == 2
    assert second["totals"]["wall_seconds"] >= second["totals"]["seconds"] > 0

    assert checkout.run("approve", "--all").code == 0
    before, rows = told(checkout)
    assert checkout.run("clean", "--older-than", "0", "--yes", "--with-work").code == 0
    after, kept = told(checkout)
    assert kept == rows
    with checkout.inside():
        repository = open_repository()
        record = newest_batch(repository)
        held = Spending(repository, record, Settings()).usd()
    assert held == pytest.approx(after["totals"]["usd"])  # against the budget
    assert {**after, "told_at": 0} == {**before, "told_at": 0}
    said = checkout.run("status").out
    assert said.startswith(f"no runs any more: those of {record.batch_id} were cleaned away")
    assert "2 committed" in said


def run(ident: str, status: RunStatus, **fields) -> RunRecord:
    task = ident.partition("-")[0]
    record = RunRecord(ident, "", f"Task {task}", "", "work", status=status, spec_path="spec")
    record.task_id, record.options = task, {"batch": "b", **fields.pop("options", {})}
    for name, value in fields.items():
        setattr(record, name, value)
    return record_of({**record.plain(), "because": None})  # as a release without kinds stored it


def batch(**fields) -> BatchRecord:
    tasks = {task: f"Task {task}" for task in "1234"}
    return BatchRecord("b", "spec", "queue", tasks=tasks, branch="work", **fields)


def test_every_row_says_why_it_is_where_it_is_and_the_exit_code_follows_them(repo):
    repository = open_repository(repo)
    redone = run("1-a", RunStatus.SKIPPED, reason="it does not merge", options={"redo": True})
    over = "the cap limits.usd of this run is reached: ... `reviewloop resume --budget-usd 4`"
    for one in (
        redone,
        run("2-a", RunStatus.BLOCKED, reason="test: 1 failed", exit_code=3),
        run("3-a", RunStatus.PAUSED, reason=over, exit_code=6),
    ):
        repository.runs.save(one)
    record = batch(needs={"4": ["2"]}, refused=["4"], held={"4": legacy_reason("the spec changed")})
    body = build_report(repository, record)
    first, second, third, fourth = body.tasks
    assert [row.state for row in body.tasks] == ["open", "blocked", "stopped", "open"]
    assert sentence(first.because) == "it does not merge"
    assert first.earlier.runs == (("1-a", first.because),)
    assert (sentence(second.because), sentence(fourth.because)) == (
        "test: 1 failed",
        "the spec changed",
    )
    assert third.next == "`reviewloop resume 3-a --budget-usd 4`, then the same `reviewloop batch`"
    assert not body.because  # its last sitting was not killed: a row says what is left
    cut_off = SessionClock(repository.folder, "b")
    assert sentence(build_report(repository, record).because).startswith("it was cut off")
    cut_off.close()
    assert exit_code(body, ExitCode.BUDGET) is ExitCode.USAGE
    record.refused.clear()
    body = build_report(repository, record)
    assert sentence(body.tasks[3].because) == "waits for 2, which is blocked"
    assert exit_code(body, ExitCode.BUDGET) is ExitCode.GUARD_FAILED


def test_every_earlier_try_keeps_its_reason(repo):
    repository = open_repository(repo)
    anew = {"options": {"anew": True}}
    for one in (
        run("1-a", RunStatus.SKIPPED, reason="too long", created_at=1.0, **anew),
        run("1-b", RunStatus.SKIPPED, reason="no <b>types</b>", created_at=2.0, **anew),
        run("1-c", RunStatus.WAITING, created_at=3.0),
    ):
        repository.runs.save(one)
    report = build_report(repository, batch())
    assert (report.deadline, report.budget_usd, report.totals.runs) == (None, None, 3)
    printed = report_object(report)["tasks"][0]
    assert printed["earlier"]["each"] == [
        {"run": "1-a", "why": "too long"},
        {"run": "1-b", "why": "no <b>types</b>"},
    ]
    assert (printed["earlier"]["tries"], printed["earlier_runs"]) == (2, ["1-b", "1-a"])
    console = Console(width=120, file=StringIO())
    render_account(report, console)
    for text in (console.file.getvalue(), markdown(report), html(report)):
        assert "2 earlier tries, " in text
        assert "1-a: too long" in text
        assert "1-b: no " in text
    assert "<b>types" not in html(report)


def test_how_a_task_stopped_that_is_not_chosen_this_time_sets_no_exit_code(repo):
    repository = open_repository(repo)
    repository.runs.save(run("1-a", RunStatus.PAUSED, reason="interrupted", exit_code=130))
    report = build_report(repository, batch())
    assert exit_code(report) is ExitCode.INTERRUPTED
    assert exit_code(report, ExitCode.BUDGET) is ExitCode.BUDGET  # it was interrupted before
    left = build_report(repository, batch(held={"1": reason(ReasonKind.NOT_CHOSEN)}))
    assert exit_code(left) is ExitCode.CLEAN
    assert sentence(left.tasks[0].because) == "was not chosen this time"
    assert left.tasks[0].next.endswith("without `--tasks` and `--wave` goes on with it")


def test_a_batch_that_a_blocked_task_stopped_says_so_until_that_is_answered(repo):
    repository = open_repository(repo)
    blocked = run("4-a", RunStatus.BLOCKED, reason="test: 1 failed", exit_code=3)
    for one in (run("1-a", RunStatus.COMMITTED, commit="c" * 40), blocked):
        repository.runs.save(one)
    record = batch(because=reason(ReasonKind.STILL_BLOCKED, task="4"))
    report = build_report(repository, record)
    assert sentence(report.because).startswith("task 4 is blocked still (--until-failure)")
    assert [row.next[:18] for row in report.tasks[::3]] == ["", "`reviewloop show 4"]
    blocked.status = RunStatus.SKIPPED
    repository.runs.save(blocked)
    report = build_report(repository, record)
    assert (report.state, bool(report.because)) == ("stopped", False)
    assert [row.next for row in report.tasks[::3]] == [
        "",
        "`reviewloop batch` does it anew; `reviewloop checkout 4-a NAME` saves its work",
    ]


def test_a_reason_is_told_as_long_as_it_holds(repo):
    repository = open_repository(repo)
    landed = run("1-a", RunStatus.COMMITTED)
    moved = "Only the branch work moved; the checkout is as it was."
    notes = reason(ReasonKind.COMMIT_NOTES, moved=moved, notes=("a.py is left as it is.",))
    landed.explain(notes, sentence(notes))
    assert landed.reason == f"{moved}; a.py is left as it is."
    assert sentence(reason_now(repository, landed)) == "a.py is left as it is."
    alone = reason(ReasonKind.COMMIT_NOTES, moved=moved, notes=())
    landed.explain(alone, sentence(alone))
    assert reason_now(repository, landed) == NO_REASON
    refused = run("2-a", RunStatus.WAITING, reason="a.py was edited; commit, revert or move it")
    assert reason_now(repository, refused) == NO_REASON
    (repo / "a.py").write_text("mine = 1\n")
    now = sentence(reason_now(open_repository(repo), refused))
    assert now.startswith("not committed when it was")


def test_words_of_an_older_record_are_told_and_no_decision_reads_them(repo):
    untouched = "Only the branch work moved; the checkout is as it was."
    landed = run("1-a", RunStatus.COMMITTED, reason=f"{untouched}; a.py is left as it is.")
    assert sentence(reason_now(open_repository(repo), landed)) == landed.reason
    fresh = run("2-a", RunStatus.WAITING)
    told = reason(ReasonKind.ERROR, text="raise --budget-usd, then it builds on 1-a")
    fresh.explain(told, sentence(told))
    assert because_of(fresh) == told  # no flag and no kind is read from it


def test_a_run_that_clean_deletes_is_in_the_account_once_however_often_clean_was_killed(repo):
    repository = open_repository(repo)
    rejected = run("1-a", RunStatus.SKIPPED, reason="no good", active_seconds=4.0)
    gone = run("9-a", RunStatus.COMMITTED, commit="c" * 40, active_seconds=2.0)
    for one in (rejected, gone):
        repository.runs.save(one)
    with closing(BatchStore(repository.folder)) as store:
        store.save(batch(ended=True))
    for _ in range(2):  # killed between the two steps, it begins again
        keep_rows(repository, [rejected, gone])
    with closing(BatchStore(repository.folder)) as store:
        record = store.find("b")
    before = build_report(repository, record)
    for one in (rejected, gone):
        repository.runs.delete(one.run_id)
    after = build_report(repository, record)
    assert after.totals == before.totals
    assert after.totals.cost.seconds == 6.0
    assert after.counts == before.counts == {"rejected": 1, "open": 3, "committed": 1}
    assert after.tasks[0].next == "`reviewloop batch` does it anew"  # its work is deleted
    assert exit_code(after) is ExitCode.SKIPPED


def test_a_task_that_was_done_anew_stays_done_when_only_its_rejected_try_is_kept(repo):
    repository = open_repository(repo)
    first = run("1-a", RunStatus.SKIPPED, reason="no good", created_at=1.0, options={"anew": True})
    second = run("1-b", RunStatus.COMMITTED, commit="c" * 40, created_at=2.0, active_seconds=2.0)
    needing = run("2-a", RunStatus.WAITING, created_at=3.0)
    for one in (first, second, needing):
        repository.runs.save(one)
    record = batch(ended=True, needs={"2": ["1"]})
    with closing(BatchStore(repository.folder)) as store:
        store.save(record)
        before = build_report(repository, record)
        keep_rows(repository, [second])
        repository.runs.delete(second.run_id)
        record = store.find("b")
    after = build_report(repository, record)
    assert replace(after, reported_at=0) == replace(before, reported_at=0)
    assert sentence(after.tasks[0].earlier.runs[-1][1]) == "no good"
    # What is begun after it counts again.
    third = run("1-c", RunStatus.SKIPPED, reason="nor this", created_at=4.0, options={"anew": True})
    repository.runs.save(third)
    assert build_report(repository, record).tasks[0].state == "open"


class Ending(RunStore):
    """The runs of a repository; those at work come to their end just after they were read."""

    def all(self) -> list[RunRecord]:
        found = super().all()
        for one in super().all():
            if one.status is RunStatus.RUNNING:
                one.status = RunStatus.WAITING
                self.save(one)
        return found


def test_what_ends_while_it_is_looked_at_was_not_cut_off(repo):
    repository = open_repository(repo)
    repository.runs = Ending(repository.folder)
    record = batch(ended=False)
    for ident in ("1-a", "2-a"):
        repository.runs.save(run(ident, RunStatus.RUNNING))
    with hold(repository.run_lock("2-a"), "run 2-a"):
        body = build_report(repository, record, at_work=True)
    assert [row.state for row in body.tasks] == ["waiting", "running", "open", "open"]
    assert not body.tasks[0].because
    assert body.state == "running"  # as far as this record can know
    assert build_report(repository, record).state == "stopped"
    record.because = legacy_reason("the batch's budget is spent")
    assert build_report(repository, record, at_work=True).state == "stopped"
    record.ended, record.because = True, NO_REASON
    assert build_report(repository, record, at_work=True).state == "ended"


def test_reports_escape_what_others_wrote_and_show_commands_as_code(repo):
    repository = open_repository(repo)
    evil = "<script>alert(1)</script> `<script> | x`"
    repository.runs.save(run("1-a", RunStatus.BLOCKED, reason=evil))
    body = build_report(repository, batch())
    page, text = html(body), markdown(body)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in text
    assert "`<script> \\| x`" in text  # code, and no cell of its own
    assert "<code>reviewloop show 1-a</code></small>" in page
    assert "<small>then <code>reviewloop modify 1-a -m TEXT</code> or" in page
    assert "next: `reviewloop show 1-a`<br>then `reviewloop modify 1-a -m TEXT` or" in text
    for row in body.tasks:  # all of them say the same
        for line in task_lines(row):
            words = line.replace("`", "").replace("<", "&lt;").replace(">", "&gt;")
            assert words in page.replace("<code>", "").replace("</code>", "")


@pytest.mark.parametrize(
    ("state", "why", "expected"),
    [
        ("waiting", "", "`reviewloop queue show 1-a --diff`, then `reviewloop queue approve 1-a`"),
        ("rejected", "no", "`reviewloop batch` does it anew; `reviewloop checkout 1-a NAME` saves"),
        ("stopped", "", "the same `reviewloop batch` goes on"),
        ("open", "waits for 2, which is blocked", ""),
        (
            "open",
            "stopped at task 2 (--until-failure)",
            "`reviewloop batch` without `--until-failure`",
        ),
        ("committed", "", ""),
    ],
)
def test_what_is_not_committed_has_a_next_step(state, why, expected):
    row = TaskReport(task="1", run="1-a", state=state, because=legacy_reason(why))
    assert next_of(row, legacy_reason(why)).startswith(expected)
    assert bool(next_of(row, legacy_reason(why))) == bool(expected)
    spent = reason(ReasonKind.BATCH_CAP, flags=("--budget-usd",))
    raised = next_of(replace(row, state="open"), batch_because=spent)
    assert raised == "the same `reviewloop batch` goes on with a higher `--budget-usd`"
    assert next_of(replace(row, state="open"), going_on=True) == ""


@pytest.mark.parametrize(
    "because",
    [
        reason(ReasonKind.NOT_CHOSEN),
        reason(ReasonKind.NEED_OPEN, need="2", status="blocked"),
        reason(ReasonKind.NEED_OPEN, need="2"),
        reason(ReasonKind.FAILURE_STOPS, task="2"),
        reason(ReasonKind.STILL_BLOCKED, task="2"),
        reason(ReasonKind.NOT_COMMITTED, why="a.py was edited; commit, revert or move it"),
    ],
    ids=lambda because: f"{because.kind} {because.text('status')}".strip(),
)
def test_a_record_of_sentences_is_read_as_one_of_kinds(because):
    left = LeftToUser("proposal", "head", because)
    stored = batch(held={"1": because}, because=because, said={"1-a": left})
    assert batch_of(json.loads(json.dumps(stored.plain()))) == stored

    told = sentence(because)
    old = {**stored.plain(), "held": {"1": told}, "said": {"1-a": ["proposal", "head", told]}}
    del old["because"]
    read = batch_of(old | {"reason": told})

    reasons = (read.held["1"], read.because, read.said["1-a"].because)
    assert {(one.kind, sentence(one)) for one in reasons} == {(because.kind, told)}
    if because.kind is ReasonKind.STILL_BLOCKED:
        assert read.because.text("task") == "2"


def test_a_subject_that_says_what_the_title_says_is_left_out():
    why = legacy_reason("no test ran")
    row = TaskReport(task="1", state="waiting", title="Say hello", because=why)
    same = replace(row, figures=Figures(subject="Say hello"))
    assert task_lines(same) == ["no test ran"]
    moved = replace(row, figures=Figures(subject="Greet", moved="builds on 1 now"))
    assert task_lines(moved) == ["Greet; no test ran", "builds on 1 now"]
    done = replace(same, state="committed", because=NO_REASON, commit="a" * 40, branch="work")
    assert task_lines(done) == ["aaaaaaaaaa on work"]


def test_what_a_run_builds_on_is_said_once():
    row = TaskReport(task="1", state="waiting", below="1-a")
    why = reason(ReasonKind.BUILDS_ON, run="1-a", which="waits for a person")
    assert task_lines(row) == ["on top of 1-a"]
    assert task_lines(replace(row, because=why)) == ["it builds on 1-a, which waits for a person"]


def test_a_cap_of_the_batch_is_told_as_the_batch_s():
    limits = Limits(usd=0.000001, minutes=1)
    for lent, words, other in (
        ([], "the cap limits.usd of this run", "`reviewloop batch`"),
        (["limits.usd"], "what the batch's budget leaves to this run", "reviewloop resume"),
    ):
        with pytest.raises(BudgetExhaustedError) as stopped:
            Budget(limits, shared=lent)._reserve(10, 1.0, lambda: False)
        assert words in str(stopped.value)
        assert other not in str(stopped.value)
        assert ("$0.00 of $0.00" in str(stopped.value)) is not bool(lent)
        assert stopped.value.cap == "limits.usd"


def test_a_sitting_that_is_killed_keeps_the_time_until_it_was_last_seen(tmp_path):
    now = [100.0]
    first = SessionClock(tmp_path, "b", lambda: now[0])
    for now[0] in (106.5, 107.0, 107.4):
        first.seen()
    now[0] = 200.0
    with closing(SessionClock(tmp_path, "b", lambda: now[0])):
        now[0] = 202.0
    assert sessions_of(tmp_path, "b") == [(100.0, 106.5, False), (200.0, 202.0, True)]
    assert sessions_of(tmp_path, "other") == []
    first.close()


def test_the_live_table_counts_the_time_of_runs_as_the_account_does():
    now = [100.0]
    console = Console(width=80, file=StringIO())
    screen = BatchScreen(console, clock=lambda: now[0])
    for ident, took in (("4-a", 1.5), ("4-b", 2.0), ("4-b", 2.6)):
        screen.begun("4", "Fourth number", ident, "")
        now[0] += 60  # of which most is a person's
        screen.settled("4", "Fourth number", "waiting", "", (ident, took))
    console.print(screen._table())
    assert console.file.getvalue().splitlines()[-1].startswith("1 task begun  4.1 s of work")


def test_a_long_reason_takes_no_room_from_the_figures_of_the_live_table():
    console = Console(width=80, file=StringIO())
    screen = BatchScreen(console)
    screen.begun("4", "Fourth number", "4-a", "")
    usage = {"input": 19_300, "cost_usd": 0.02}
    screen.event("4", {"kind": "model.reply", "usage": usage})
    screen.settled("4", "Fourth number", "blocked", "test: the tests ended badly " * 5)
    console.print(screen._table())
    line = console.file.getvalue().splitlines()[-2]
    assert line.startswith("4    Fourth number")
    assert line.rstrip().endswith("19.3k $0.02")
    titles = ("5", "Default currency set"), ("6", "Default currency read")
    for task, title in titles:
        screen.begun(task, title, f"{task}-a", "")
    screen.__exit__(None, None, None)  # it was never entered, so it drew nothing
    console.file.truncate(0)
    console.print(screen._table())
    shown = [line[5:26] for line in console.file.getvalue().splitlines() if "Default" in line]
    assert len(set(shown)) == 2
    assert console.file.getvalue().count("stopped") == 2
    terminal = Console(
        width=40, file=StringIO(), force_terminal=True, color_system=None, _environ={"TERM": "x"}
    )
    BatchScreen(terminal).print("many on work: 2 of 6 tasks, at most $10 each")
    assert "$10" in terminal.file.getvalue().replace("\n", " ").split()
    assert len(terminal.file.getvalue().splitlines()) == 2


def test_what_is_estimated_and_what_is_small_is_told_as_such():
    cost = Cost(tokens=900, usd=0.02, seconds=3.0, estimated=1)
    row = TaskReport(task="1", state="open", cost=cost)
    assert figures_of(row) == "900 tokens, about $0.02, 3.0 s"
    assert figures_of(replace(row, cost=replace(cost, estimated=0))) == "900 tokens, $0.02, 3.0 s"
    spent = Cost(calls=4, tokens=900, usd=0.0042, seconds=3.0, estimated=1)
    report = replace(queued_report(batch(budget_usd=0.05)), totals=Totals(cost=spent))
    assert sums(report)[0] == "4 open"
    assert sums(report)[1].startswith("about $0.0042 of $0.05, 900 tokens, 4 calls (1 estimated), ")


def test_tasks_that_are_to_come_stand_in_the_live_table_without_figures():
    console = Console(width=80, height=13, file=StringIO())
    screen = BatchScreen(console)
    titles = {str(number): f"Number {number}" for number in range(1, 31)}
    screen.planned(titles, set(titles) - {"1"})  # which was done by an earlier sitting
    for task in ("6", "2", "3", "5", "4", "1"):
        screen.begun(task, f"Number {task}", f"{task}-a", "")
        if task != "2":  # is at work for as long as it takes
            screen.settled(task, f"Number {task}", "waiting", "")
    console.file.truncate(0)
    console.print(screen._table())
    lines = console.file.getvalue().splitlines()
    shown = [line.split()[0] for line in lines[1:-1]]
    assert shown == ["2", "4", "5", "6", "7", "8", "9"]
    assert lines[-2].rstrip() == "9    Number 9"
    assert lines[-1].startswith("6 of 30 tasks begun")
