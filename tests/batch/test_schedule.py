"""The next action of a session, as a table: order, waves, stacks, caps, failures, other
processes.
"""

import random
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import pytest

from reviewloop.app.batch.schedule import (
    Action,
    Answer,
    Approve,
    Begin,
    End,
    Follow,
    GoOn,
    LeaveToUser,
    Loosen,
    PassOver,
    Rebase,
    Snapshot,
    Wait,
    decide,
    schedule,
)
from reviewloop.app.batch.stack import Waiting, chain_below
from reviewloop.app.batch.status import TaskRun, TaskStatus
from reviewloop.domain.reason import NO_REASON, ReasonKind, reason
from reviewloop.render.reasons import sentence
from reviewloop.specs.order import Order, Step
from reviewloop.store.runs import RunRecord, RunStatus

RUN = {
    TaskStatus.RUNNING: RunStatus.RUNNING,
    TaskStatus.STOPPED: RunStatus.PAUSED,
    TaskStatus.WAITING: RunStatus.WAITING,
    TaskStatus.BLOCKED: RunStatus.BLOCKED,
    TaskStatus.COMMITTED: RunStatus.COMMITTED,
    TaskStatus.REJECTED: RunStatus.SKIPPED,
}


def step(row: str) -> Step:
    """Return a step of `TASK STATUS [on BASE] [needs A,B] [after C]`."""
    task, _, *rest = row.split()
    values = dict(zip(rest[::2], rest[1::2], strict=True))
    needs, after = values.get("needs", ""), values.get("after", values.get("needs", ""))
    told = [tuple(filter(None, names.split(","))) for names in (needs, after)]
    return Step(SimpleNamespace(id=task, title=f"Task {task}"), *told)


def task_run(row: str) -> TaskRun:
    task, status, *rest = row.split()
    found = TaskStatus(status)
    if found is TaskStatus.OPEN:
        return TaskRun(found)
    base = rest[rest.index("on") + 1] if "on" in rest else "head"
    base = base if base in {"head", "old"} else f"commit-{base}"
    run = RunRecord(task, "", "", base, "work", task_id=task, status=RUN[found])
    return TaskRun(found, run)


def snapshot(*rows: str, **options) -> Snapshot:
    tasks = {row.split()[0]: task_run(row) for row in rows}
    waiting = [one.run for one in tasks.values() if one.status is TaskStatus.WAITING]
    stack = [Waiting(run, f"commit-{run.task_id}") for run in waiting]
    sets = {name: set(v.split(",")) for name, v in options.items() if isinstance(v, str)}
    sets |= {"mode": {options["mode"]}} if "mode" in options else {}
    options |= {name: value for name, value in sets.items() if name != "mode"}
    return Snapshot(Order(tuple(map(step, rows)), ()), tasks, stack, "head", **options)


def named(action: Action) -> str:
    match action:
        case Begin(one, start):
            return f"begin {one.task.id} on {start.run_id or 'head'}"
        case GoOn(one):
            return f"go on {one.task.id}"
        case Rebase(one, _, below, _, beside):
            onto = below.run.task_id if below else "head"
            return f"rebase {one.task.id} onto {onto}" + " beside" * beside
        case Answer(one):
            return f"answer {one.task.id}"
        case PassOver(tasks):
            return f"pass over {','.join(sorted(tasks))}"
    return {Follow: "follow", Loosen: "loosen", Wait: "wait", End: "end"}[type(action)]


QUEUE = [
    # order and stacks, one at a time
    ("begin 1 on head", ["1 open", "2 open needs 1"], {}),
    ("begin 2 on 1", ["1 waiting", "2 open needs 1"], {"tried": "1"}),
    ("begin 4 on 2", ["1 waiting", "2 waiting on 1", "4 open"], {}),
    ("begin 2 on head", ["1 committed", "2 open needs 1"], {}),
    ("go on 2", ["1 waiting", "2 stopped on 1", "3 open"], {}),
    ("wait", ["1 running", "2 open"], {"busy": "1", "tried": "1"}),
    ("end", ["1 waiting", "2 waiting on 1"], {"tried": "1,2", "loose": True}),
    # beside each other: on nothing more than is needed
    ("begin 4 on head", ["1 running", "2 open needs 1", "4 open"], {"busy": "1", "parallel": 2}),
    ("wait", ["1 running", "2 open needs 1"], {"busy": "1", "parallel": 2}),
    ("wait", ["1 running", "4 running", "5 open"], {"busy": "1,4", "parallel": 2}),
    (
        "begin 4 on 1",
        ["1 waiting", "2 running on 1", "4 open needs 1"],
        {"busy": "2", "parallel": 2},
    ),
    ("wait", ["1 running", "2 open after 1"], {"busy": "1", "parallel": 2}),
    ("follow", ["1 running", "2 open needs 1"], {}),  # another process has it
    # a run is rebased once all tasks before it have come to rest
    ("rebase 4 onto 1 beside", ["1 waiting", "4 waiting"], {"tried": "1,4", "parallel": 2}),
    ("wait", ["1 running", "4 waiting on old"], {"busy": "1", "tried": "1,4", "parallel": 2}),
    ("rebase 4 onto 1", ["1 waiting", "4 waiting"], {"straightening": True}),
    ("rebase 1 onto head", ["1 waiting on old", "2 waiting on 1"], {"straightening": True}),
    ("rebase 2 onto 1", ["1 waiting", "2 waiting on old needs 1"], {"straightening": True}),
    # what it needs is nowhere, so it stays; the fourth goes below it no more
    (
        "rebase 4 onto head",
        ["1 rejected", "2 waiting on old needs 1", "4 waiting on old"],
        {"straightening": True},
    ),
    ("begin 5 on head", ["4 waiting on old", "5 open"], {"kept": "4", "parallel": 2}),
    # its thread has it still, another one is rebased now, or another process has it
    ("wait", ["1 waiting", "2 waiting"], {"busy": "2", "tried": "1,2", "parallel": 2}),
    (
        "wait",
        ["1 waiting", "4 waiting", "5 running"],
        {"busy": "5", "tried": "1,4,5", "rebasing": True, "parallel": 2},
    ),
    ("follow", ["1 waiting", "4 waiting"], {"tried": "1,4", "moved": "4"}),
    ("follow", ["1 running", "4 waiting on old"], {"tried": "1,4"}),
    ("loosen", ["1 running", "4 waiting on old"], {"tried": "1,4", "followed": True}),
    (
        "rebase 4 onto head beside",
        ["1 running", "4 waiting on old"],
        {"tried": "1,4", "given_up": "1"},
    ),
    # what the next task begins on where it is, is not rebased before
    (
        "begin 3 on 2",
        ["1 waiting on old", "2 waiting", "3 open needs 2"],
        {"moved": "1", "parallel": 2},
    ),
    ("begin 3 on 2", ["1 waiting", "2 waiting", "3 open needs 2"], {"parallel": 2}),
    # nor what comes after a task that is to begin yet
    ("begin 3 on 1", ["1 waiting", "3 open", "4 waiting on old"], {"straightening": True}),
    # the order of tasks decides, wherever a user's approvals have put their runs
    (
        "rebase 5 onto 1",
        ["1 waiting on 4", "4 waiting", "5 waiting on old"],
        {"straightening": True},
    ),
    # siblings that one commit cannot hold, and what is only listed above
    ("loosen", ["1 waiting", "2 waiting", "3 open needs 1,2"], {"kept": "1,2", "followed": True}),
    (
        "begin 3 on 1",
        ["1 waiting", "2 waiting", "3 open after 1,2"],
        {"loose": True, "kept": "1,2"},
    ),
    (
        "pass over 3",
        ["1 waiting", "2 waiting", "3 open needs 1,2"],
        {"kept": "1,2", "loose": True, "followed": True},
    ),
    (
        "begin 4 on 1",
        ["1 waiting", "2 waiting", "3 open needs 1,2", "4 open after 3"],
        {"kept": "1,2", "passed": "3", "loose": True, "parallel": 2},
    ),
    # failures: what needs them never begins, what only follows them does
    (
        "begin 4 on head",
        ["1 blocked", "2 open needs 1", "3 open needs 2", "4 open"],
        {"tried": "1"},
    ),
    ("begin 3 on head", ["1 blocked", "2 open needs 1", "3 open after 2"], {}),
    ("end", ["1 blocked", "2 open needs 1"], {"loose": True}),
    ("begin 2 on head", ["1 open", "2 open after 1"], {"tried": "1"}),
    ("end", ["1 rejected", "4 rejected"], {"tried": "1,4", "loose": True}),
    # rejected while the session works: it stays so until the next command
    ("begin 5 on 4", ["1 rejected", "4 waiting", "5 open after 1"], {"tried": "1,4"}),
    ("end", ["1 rejected", "4 waiting"], {"tried": "4", "loose": True}),
    # the end of a session: nothing begins, what is at work comes to its end
    ("wait", ["1 running", "4 open"], {"busy": "1", "closing": True, "parallel": 2}),
    ("end", ["1 blocked", "4 open"], {"closing": True}),
    ("wait", ["1 running", "4 open"], {"busy": "1", "failed": True, "parallel": 2}),
    ("end", ["1 waiting on old", "4 open"], {"failed": True, "straightening": True}),
    # short of money beside others: it goes on alone
    ("wait", ["1 stopped", "4 running"], {"busy": "4", "alone": "1", "parallel": 2}),
    ("go on 1", ["1 stopped", "4 waiting"], {"alone": "1", "parallel": 2}),
]


@pytest.mark.parametrize(("expected", "rows", "options"), QUEUE)
def test_in_a_queue(expected, rows, options):
    assert named(schedule(snapshot(*rows, **options))) == expected


ANSWERS = [
    ("answer 1", ["1 waiting", "4 open"], {}),
    ("answer 1", ["1 blocked", "4 open"], {}),
    ("begin 4 on head", ["1 waiting", "4 open"], {"answered": "1"}),
    ("begin 2 on 1", ["1 waiting", "2 open needs 1"], {"answered": "1"}),
    ("begin 2 on head", ["1 committed", "2 open needs 1"], {}),
    ("answer 4", ["1 committed", "4 waiting on old"], {}),
    # what an earlier session left waiting
    ("answer 1", ["1 waiting", "2 open needs 1"], {}),
    ("answer 2", ["1 committed", "2 waiting on old needs 1"], {"answered": "1"}),
    # each in its turn, also where a later one is faster
    ("wait", ["1 running", "4 waiting"], {"busy": "1", "tried": "1,4", "parallel": 2}),
    ("answer 4", ["1 rejected", "4 waiting"], {}),
    # nothing is rebased beside others: each is answered where it is
    (
        "wait",
        ["1 waiting", "4 waiting", "5 running"],
        {"busy": "5", "answered": "1,4", "tried": "1,4,5", "parallel": 2},
    ),
    # after the first failure, what is finished is answered still
    ("answer 4", ["1 open", "4 waiting"], {"closing": True}),
    # who interrupts or leaves is asked nothing more
    ("end", ["1 waiting", "4 waiting on 1"], {"asks": False, "closing": True}),
    ("wait", ["1 waiting", "4 running"], {"asks": False, "failed": True, "busy": "4"}),
    ("answer 1", ["1 waiting", "4 running"], {"failed": True, "busy": "4"}),
]


@pytest.mark.parametrize("mode", ["each", "autopilot"])
@pytest.mark.parametrize(("expected", "rows", "options"), ANSWERS)
def test_where_each_is_answered_in_its_turn(mode, expected, rows, options):
    now = snapshot(*rows, **options)
    deep = mode == "each" and named(schedule(replace(now, mode=mode))).startswith("begin 4")
    assert named(schedule(replace(now, mode=mode))) == ("begin 4 on 1" if deep else expected)


DECISIONS = [
    ("commit", ["4 waiting"], ""),
    ("it could be better", ["4 waiting"], "it could be better"),
    ("rebase 4 onto head", ["1 committed", "4 waiting on old"], ""),
    ("it builds on 1, which waits for a person", ["1 waiting", "4 waiting on 1"], ""),
    ("it could be better", ["1 waiting", "4 waiting on 1"], "it could be better"),
    ("it needs task 1, which is not committed", ["1 blocked", "4 waiting needs 1"], ""),
    ("it needs task 1, which is not committed", ["1 rejected", "4 waiting on old needs 1"], ""),
    ("commit", ["1 committed", "4 waiting needs 1"], ""),
    ("test: 1 failed", ["4 blocked"], "test: 1 failed"),
]


@pytest.mark.parametrize(("expected", "rows", "why"), DECISIONS)
def test_what_autopilot_commits(expected, rows, why):
    now = snapshot(*rows, mode="autopilot")
    because = reason(ReasonKind.ERROR, text=why) if why else NO_REASON
    decision = decide(now, now.steps[-1], now.tasks["4"].run, because)
    told = {Approve: lambda _: "commit", LeaveToUser: lambda one: sentence(one.because)}
    assert told.get(type(decision), named)(decision) == expected


@dataclass
class World:
    """Carries out what is scheduled, without git: who finishes first is drawn by lot."""

    order: Order
    options: dict
    lots: random.Random
    fails: frozenset[str] = frozenset()
    head: str = "head"
    runs: dict[str, RunRecord] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)
    busy: dict[str, Action] = field(default_factory=dict)
    memory: dict = field(default_factory=lambda: {"straightening": True})
    tried: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    passed: set[str] = field(default_factory=set)
    made: int = 0

    def snapshot(self) -> Snapshot:
        back = {status: stand for stand, status in RUN.items()}
        tasks = {}
        for one in self.order.steps:
            run = self.runs.get(one.task.id)
            tasks[one.task.id] = TaskRun(back[run.status], run) if run else TaskRun(TaskStatus.OPEN)
        waiting = [
            Waiting(one.run, self.commits[task])
            for task, one in tasks.items()
            if one.status is TaskStatus.WAITING
        ]
        beside = any(isinstance(one, Rebase) for one in self.busy.values())
        sets = {"tried": self.tried, "answered": self.answered, "passed": self.passed}
        known = {name: frozenset(found) for name, found in sets.items()}
        busy = frozenset(self.busy)
        return Snapshot(
            *(self.order, tasks, waiting, self.head),
            **(self.options | self.memory | known | {"busy": busy, "rebasing": beside}),
        )

    def go(self) -> None:
        for _ in range(2000):
            action = schedule(now := self.snapshot())
            self.memory["straightening"] = isinstance(action, Rebase) and not action.beside
            self.memory["followed"] = isinstance(action, Follow)
            if isinstance(action, End):
                return
            self.take(action, now)
        raise AssertionError("it never ends")

    def take(self, action: Action, now: Snapshot) -> None:
        match action:
            case Begin(one, start):
                self.tried.add(one.task.id)
                self.memory["loose"] = False
                base = start.chain[-1].commit if start.chain else self.head
                self.runs[one.task.id] = RunRecord(one.task.id, "", "", base, "work")
                self.runs[one.task.id].task_id = one.task.id
                self.busy[one.task.id] = action
            case Rebase(one, run, below):
                run.base_commit = below.commit if below else self.head
                if action.beside:
                    self.busy[one.task.id] = action
                else:
                    self.finish(one.task.id)
            case Wait():
                done = self.lots.choice(sorted(self.busy))
                del self.busy[done]
                self.finish(done)
            case Answer(one, run):
                self.answered.add(run.run_id)
                found = decide(now, one, run, NO_REASON)
                if isinstance(found, Rebase):
                    run.base_commit = self.head
                    self.finish(run.task_id)
                    found = decide(self.snapshot(), one, run, NO_REASON)
                if isinstance(found, Approve):
                    run.status, self.head = RunStatus.COMMITTED, self.commits[run.task_id]
            case Loosen():
                self.memory["loose"] = True
            case PassOver(tasks):
                self.passed |= tasks

    def finish(self, task: str) -> None:
        self.made += 1
        run = self.runs[task]
        run.status = RunStatus.BLOCKED if task in self.fails else RunStatus.WAITING
        self.commits[task] = f"{task}-{self.made}"


def drawn(lots: random.Random) -> Order:
    """Return tasks each of which may need some before it, and may follow others."""
    names = [str(number) for number in range(1, lots.randint(2, 9))]
    steps = []
    for place, name in enumerate(names):
        needs = tuple(one for one in names[:place] if lots.random() < 0.25)
        after = tuple({*needs, *(one for one in names[:place] if lots.random() < 0.15)})
        steps.append(Step(SimpleNamespace(id=name, title=name), needs, after))
    return Order(tuple(steps), ())


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize("parallel", [1, 2, 3, 8])
def test_who_is_faster_does_not_change_where_anything_ends(parallel):
    for seed in range(120):
        lots = random.Random(seed)
        order = drawn(lots)
        fails = frozenset(one.task.id for one in order.steps if lots.random() < 0.15)
        ends = []
        for luck in range(4):
            world = World(order, {"parallel": parallel}, random.Random(luck), fails)
            world.go()
            now = world.snapshot()
            assert now.is_straight, (seed, luck)
            assert not any(one.status is TaskStatus.RUNNING for one in now.tasks.values())
            for one in now.waiting:  # what a task needs is below it
                below = {lower.run.task_id for lower in chain_below(one, now.waiting)}
                mine = next(s for s in order.steps if s.task.id == one.run.task_id)
                assert below.issuperset(mine.needs), (seed, luck)
            ends.append([one.run.task_id for one in now.stack])
        assert ends == ends[:1] * 4, seed
        needed = {one.task.id: one.needs for one in order.steps}
        failed = set(fails)
        for one in order.steps:  # whatever needs nothing that failed was done, and nothing else
            if not failed.isdisjoint(needed[one.task.id]):
                failed.add(one.task.id)
        assert ends[0] == [one.task.id for one in order.steps if one.task.id not in failed], seed


@pytest.mark.parametrize("parallel", [1, 3])
def test_autopilot_commits_in_the_order_of_the_tasks_whoever_is_faster(parallel):
    for seed in range(120):
        lots = random.Random(seed)
        order = drawn(lots)
        fails = frozenset(one.task.id for one in order.steps if lots.random() < 0.15)
        ends = []
        for luck in range(3):
            options = {"parallel": parallel, "mode": "autopilot"}
            world = World(order, options, random.Random(luck), fails)
            world.go()
            now = world.snapshot()
            ends.append(sorted(now.committed))
            for one in order.steps:
                if one.task.id in now.committed:
                    assert now.committed.issuperset(one.needs), (seed, luck)
        assert ends == ends[:1] * 3, seed
