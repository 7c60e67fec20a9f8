"""A batch on a terminal: its live screen, its report, and the queue."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from types import TracebackType
from typing import Literal

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from reviewloop.domain.batch_report import BatchReport, QueueEntry, QueueReport, TaskReport
from reviewloop.domain.event import RunEvent
from reviewloop.render.batch import figures_of, sums, task_lines, why_stopped
from reviewloop.render.counts import Counts
from reviewloop.render.event_lines import action, describe
from reviewloop.render.reasons import sentence
from reviewloop.render.terminal.findings import hanging
from reviewloop.render.terminal.progress import drawing
from reviewloop.render.text import all_tokens, counted, duration, money, tokens
from reviewloop.render.untrusted import one_line

_STYLES = {
    "committed": "green",
    "waiting": "bold yellow",
    "blocked": "bold red",
    "stopped": "yellow",
    "running": "cyan",
    "rejected": "dim",
    "undone": "dim",
    "open": "dim",
}
_WIDTH = max(map(len, _STYLES))


def render_account(report: BatchReport, console: Console) -> None:
    """Print the outcome of each task of a batch, then the sums."""
    console.print()
    where = f" on {report.branch}" if report.branch else ""
    name = one_line(f"{report.spec}{where}  ({report.mode}, {report.state})")
    console.print(Text(name, style="bold"))
    if why := why_stopped(report):
        hanging(Text("  "), Text(why), console)
    width = max((len(one_line(row.task)) for row in report.tasks), default=1)
    for row in report.tasks:
        _task(row, width, console)
    for text in report.left_out:
        hanging(Text("  left out  "), Text(one_line(text), style="dim"), console)
    for text in sums(report):
        hanging(Text(""), Text(text), console)
    if report.counts.get("waiting"):
        every = "what `reviewloop queue approve --all` does with it"
        console.print(Text(f"`reviewloop queue` lists what waits, and {every}"), soft_wrap=True)


def _task(row: TaskReport, width: int, console: Console) -> None:
    state = row.state
    head = Text(f"{one_line(row.task):<{width}}  ", style="bold")
    head.append(f"{state:<{_WIDTH}}  ", style=f"not bold {_STYLES.get(state, 'default')}")
    hanging(head, Text(one_line(row.title)), console)
    for text in task_lines(row):
        hanging(Text(" " * (width + 2)), Text(text, style="dim"), console)


_QUEUE_STYLES = {
    "waiting": "bold yellow",
    "stopped": "yellow",
    "running": "cyan",
    "blocked": "bold red",
}


def render_queue(report: QueueReport, console: Console) -> None:
    """Print the queue, from the bottom of the stack to its top."""
    rows, elsewhere = report.entries, report.elsewhere
    if not rows:
        named = report.branch and (elsewhere is None or elsewhere)
        where = f"on {one_line(report.branch or '')}" if named else "for you"
        console.print(f"nothing waits {where}; `reviewloop status` lists the runs")
    width = max((len(one_line(row.report.run)) for row in rows), default=0)
    above = ""
    for row in rows:
        if (branch := _branch(row)) != above:
            above = branch
            console.print(Text(branch, style="bold"), soft_wrap=True)
        run = row.report
        head = Text(f"{one_line(run.run):<{width}}  ", style="bold")
        head.append(f"{run.state:<8} ", style=f"not bold {_QUEUE_STYLES.get(run.state, 'default')}")
        hanging(head, Text(one_line(f"{run.task} {run.title}".strip())), console)
        for text in _below(row):
            hanging(Text(" " * (width + 2)), Text(text, style="dim"), console)
    if any(row.report.state == "waiting" for row in rows):
        see = "`reviewloop queue show RUN --diff`, then `reviewloop queue approve RUN`"
        console.print(Text(f"{see} or `reviewloop queue reject RUN`"), soft_wrap=True)
        one = "" if len(set(map(_branch, rows))) == 1 else " --branch NAME"
        every = f"`reviewloop queue approve --all{one}`"
        # Workers check the base of a run; the result is not known here.
        every_run = report.approve_all.sentence if report.approve_all else ""
        does = every_run or "commits what has no must fix left"
        console.print(Text(one_line(f"{every} {does}")), soft_wrap=True)
    for other in elsewhere or ():
        console.print(one_line(other.sentence))


def render_note(text: str, console: Console) -> None:
    """Print a note on one run of the queue."""
    console.print(Text(one_line(text)))


def _branch(row: QueueEntry) -> str:
    """Return the branch of a run in a store, which has many repositories."""
    return one_line(f"{row.report.branch} of {row.remote}") if row.remote else ""


def _below(row: QueueEntry) -> list[str]:
    run = row.report
    lines = [f"on top of {run.below}" if run.below else "", row.note, sentence(run.because)]
    return [*(one_line(line) for line in lines if line), figures_of(run)]


_STEPS = {"step.start": "step", "gate.start": "gate"}
_REPORTED = {"step.start", "note", "refused"}
_LIVE_STYLES = {"waiting": "yellow", "blocked": "red", "committed": "green", "paused": "yellow"}
_WORDS = ("", "step")
_COLUMNS = ("task", *_WORDS, "findings", "time", "tokens", "cost")
_ABOVE_AND_BELOW = 6  # lines of the screen that are not tasks


@dataclass
class _Task:
    """One task on the screen."""

    title: str
    state: str = ""
    step: str = ""
    doing: str = ""  # last tool call of its agent
    why: str = ""
    findings: int = 0
    tokens: int = 0
    usd: float | None = 0.0
    seconds: float = 0.0  # before the current stretch of work
    runs: dict[str, float] = field(default_factory=dict)  # seconds that each run was in progress
    since: float | None = None  # in progress since

    def take(self, event: RunEvent) -> None:
        """Update it with one event of the task's run."""
        kind = str(event.get("kind", ""))
        if kind in _STEPS:
            self.step = one_line(str(event.get(_STEPS[kind]) or event.get("name") or ""))
            self.doing = ""
        elif kind == "reviewer.start":
            self.step, self.doing = "review", ""
        elif kind in {"tool", "tool.start"}:
            self.doing = action(event)
        elif kind == "finding":
            self.findings += 1
        elif kind == "counts":
            self.findings = Counts.of_event(event).left
        elif kind == "model.reply":
            usage = {} if event.get("from_journal") else event.get("usage", {})
            self.tokens += all_tokens(usage)
            cost = usage.get("cost_usd") if usage else 0.0  # from the journal: paid already
            self.usd = None if cost is None or self.usd is None else self.usd + float(cost)

    @property
    def begun(self) -> bool:
        """Whether it was in progress, or has a state."""
        return bool(self.state)

    def stop(self, now: float) -> None:
        """Stop the clock, if it is in progress."""
        if self.since is not None:
            self.seconds, self.since = self.took(now), None
            self.state, self.step = "stopped", ""

    def took(self, now: float) -> float:
        """Return how long it was in progress."""
        return self.seconds + (now - self.since if self.since is not None else 0.0)


@dataclass
class BatchScreen:
    """Shows a batch while it works; a context manager. Its methods are thread-safe."""

    console: Console
    clock: Callable[[], float] = time.time
    _earlier: tuple[float, int] | None = None  # dollars and tokens of earlier sessions
    _tasks: dict[str, _Task] = field(default_factory=dict)
    _positions: dict[str, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    _live: Live | None = None

    def __enter__(self) -> "BatchScreen":
        self._live = drawing(self.console, self._table, per_second=4)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            for row in self._tasks.values():
                row.stop(self.clock())
        if self._live:
            self._live.stop()
            self._live = None

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Hide the screen during a question."""
        if self._live is None:
            yield
            return
        self._live.stop()
        try:
            yield
        finally:
            self._live.start()

    def print(self, sentence: str) -> None:
        """Print a sentence above the screen."""
        whole = not self.console.is_terminal  # a terminal wraps between words
        self.console.print(Text(one_line(sentence)), soft_wrap=whole)

    def spent(self, usd: float, used: int) -> None:
        """Set dollars and tokens of earlier sessions."""
        self._earlier = (usd, used)

    def planned(self, titles: Mapping[str, str], left: Collection[str]) -> None:
        """Set the order of all tasks; those `left` may start later, or never."""
        with self._lock:
            self._positions = {task: position for position, task in enumerate(titles)}
            for task in left:
                self._tasks.setdefault(task, _Task(one_line(titles[task])))

    def begun(self, task: str, title: str, run: str, below: str) -> None:
        """Show that a task is in progress; `below` is the run of its base."""
        with self._lock:
            row = self._tasks.setdefault(task, _Task(one_line(title)))
            row.state, row.why, row.since = "running", "", self.clock()
            on = f", on top of {below}" if below else ""
            self._line(f"{task} {title}: run {run}{on}")

    def event(self, task: str, event: RunEvent) -> None:
        """Process an event of a task's run."""
        with self._lock:
            if row := self._tasks.get(task):
                row.take(event)
            if event.get("kind") in _REPORTED and (line := describe(event)):
                self._line(f"{task}   {line}")

    def settled(
        self,
        task: str,
        title: str,
        state: str,
        why: str,
        took: tuple[str, float] | None = None,
        done: Sequence[str] = (),
    ) -> None:
        """Show that a task stopped or ended, and why; `done` is for the line on its change.

        `took`: its run, and the seconds that was in progress without questions.
        """
        with self._lock:
            row = self._tasks.setdefault(task, _Task(one_line(title)))
            row.seconds, row.since = row.took(self.clock()), None
            if took is not None:
                row.runs |= [took]
                row.seconds = sum(row.runs.values())
            row.state, row.why, row.step = one_line(state), one_line(why), ""
            whole = "; ".join(filter(None, (why, ", ".join(done))))
            self._line(f"{task} {title}: {state}" + (f": {whole}" if whole else ""))

    def _line(self, text: str) -> None:
        if self._live is None:
            self.console.print(Text(one_line(text)), soft_wrap=True)

    def _table(self) -> Group:
        with self._lock:
            now = self.clock()
            table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), expand=True)
            shown = max(3, self.console.height - _ABOVE_AND_BELOW)
            rows = [_cells(task, row, now) for task, row in self._shown(shown)]
            for at, name in enumerate(_COLUMNS):
                words = name in _WORDS  # only these shrink in a narrow terminal
                justify: Literal["left", "right"] = "left" if words or not at else "right"
                table.add_column(
                    name,
                    no_wrap=True,
                    overflow="ellipsis",
                    justify=justify,
                    ratio=1 if words else None,
                    width=None if words else max([len(name), *(len(row[at]) for row in rows)]),
                )
            for cells in rows:
                table.add_row(*cells)
            return Group(table, Text(self._sums(now), style="dim"))

    def _shown(self, most: int) -> Sequence[tuple[str, _Task]]:
        """Return the rows that fit: all in progress, and others around the next one to start."""
        rows = sorted(self._tasks.items(), key=lambda row: self._positions.get(row[0], 0))
        following = next((at for at, (_, row) in enumerate(rows) if not row.begun), len(rows))
        near = sorted(
            range(len(rows)), key=lambda at: (rows[at][1].since is None, abs(at - following))
        )
        return [rows[at] for at in sorted(near[:most])]

    def _sums(self, now: float) -> str:
        rows = self._tasks.values()
        begun = sum(row.begun for row in rows)
        usd = sum(row.usd or 0.0 for row in rows)
        used = sum(row.tokens for row in rows)
        took = sum(row.took(now) for row in rows)
        of = f"{begun} of " if begun < len(rows) else ""
        tasks = f"{of}{counted(len(rows), 'task')}"
        work = f"{duration(took)} of work"
        now_used = f"{tasks} begun  {work}  {tokens(used)} tokens  {money(usd)}"
        if self._earlier is None:
            return now_used
        paid, before = self._earlier
        whole = f"{tokens(used + before)} tokens  {money(usd + paid)}"
        return f"{now_used}  (including earlier sessions {whole})"


def _cells(task: str, row: _Task, now: float) -> tuple[Text, ...]:
    at_work = row.since is not None
    state = row.step or row.state if at_work else row.state
    about = row.doing if at_work and row.step else row.why
    whole = f"{state}: {about}" if about else state
    return (
        Text(one_line(task), style="bold" if at_work else ""),
        Text(row.title, style="" if at_work else "dim"),
        Text(whole, style="cyan" if at_work else _LIVE_STYLES.get(row.state, "")),
        Text(str(row.findings) if row.findings else ""),
        Text(duration(row.took(now)) if row.begun else ""),
        Text(tokens(row.tokens) if row.begun else ""),
        Text(money(row.usd) if row.begun else ""),
    )
