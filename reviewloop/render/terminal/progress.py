"""The live progress of a run: one table on a terminal, one line per event elsewhere."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from reviewloop.domain.event import RunEvent
from reviewloop.domain.finding import Severity
from reviewloop.render.counts import Counts
from reviewloop.render.event_lines import action, describe, outcome
from reviewloop.render.text import all_tokens, counted, duration, money, tokens
from reviewloop.render.untrusted import one_line


def drawing(
    console: Console,
    screen: Callable[[], RenderableType],
    *,
    per_second: float,
    stays: bool = True,
) -> Live | None:
    """Start to draw the screen and return the drawing; None where lines are printed instead.

    Unless it `stays`, the screen is cleared at the end. Output of the program is not redirected.
    """
    if not console.is_terminal or console.is_dumb_terminal:
        return None
    live = Live(
        get_renderable=screen,
        console=console,
        refresh_per_second=per_second,
        redirect_stdout=False,
        redirect_stderr=False,
        transient=not stays,
    )
    live.start()
    return live


_STARTS = {"step.start", "reviewer.start", "agent.start", "gate.start"}
_ENDS = {"step.end", "reviewer.end", "agent.end", "gate"}
_OUTER = {"step.start", "agent.start"}
_TOOLS = {"tool.start", "tool"}
_PHASES = {"model.asked": "thinking", "model.first": "answering"}
_BAD = {"failed", "blocked", "stopped", "error", "hard_stop"}
_GOOD = {"done", "ok", "passed"}
_NOTES_SHOWN = 3
_NAME_WIDTH = 24  # the longest shipped reviewer, indented
_TIME_WIDTH = 8


@dataclass
class _Row:
    """One step or reviewer on the screen."""

    name: str
    started: float
    ended: float | None = None
    kind: str = ""
    status: str = ""
    action: str = ""  # last tool call of its agent
    phase: str = ""  # current phase of its model
    tokens: int = 0
    ending: str = ""
    findings: int = 0
    indent: bool = False

    @property
    def doing(self) -> str:
        """What it does now: `edits app/search.py +12 -3, thinking, 34.1k tokens`."""
        used = f"{tokens(self.tokens)} tokens" if self.tokens else ""
        found = counted(self.findings, "finding") if self.findings else ""
        return ", ".join(filter(None, (self.action, self.phase, used, found)))

    def seconds(self, now: float) -> float:
        return max(0.0, (self.ended if self.ended is not None else now) - self.started)


@dataclass
class _Screen:
    """The state of the screen after the events so far."""

    rows: list[_Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    found: dict[str, int] = field(default_factory=dict)  # reported and not yet merged
    counts: Counts | None = None  # of the merged list
    tokens: int = 0
    cost: float | None = 0.0
    started: float | None = None

    def take(self, event: RunEvent) -> None:
        """Update the screen with one event."""
        kind, at = str(event.get("kind", "")), float(event.get("at") or time.time())
        self.started = at if self.started is None else self.started
        if kind in _STARTS:
            self._start(event, at)
        elif kind in _ENDS:
            self._end(event, at)
        elif kind == "finding":
            severity = str(event.get("severity"))
            self.found[severity] = self.found.get(severity, 0) + 1
            if row := self.running(event):
                row.findings += 1
        elif kind == "counts":
            self.counts, self.found = Counts.of_event(event), {}
        elif kind == "model.reply":
            self._use(event)
        elif kind in _TOOLS:
            if row := self.running(event):
                row.action, row.phase = action(event), ""
        elif kind in _PHASES:
            if row := self.running(event):
                row.phase = _PHASES[kind]
        elif line := describe(event):
            self.notes.append(line)

    def running(self, event: RunEvent) -> _Row | None:
        """Return the open row that an event is about."""
        name = _name(event)
        return next((r for r in reversed(self.rows) if r.name == name and r.ended is None), None)

    def _start(self, event: RunEvent, at: float) -> None:
        kind = str(event["kind"])
        if kind == "agent.start" and self.running(event):
            return  # a reviewer has its row already
        self.rows.append(_Row(_name(event), at, kind=kind, indent=kind not in _OUTER))

    def _end(self, event: RunEvent, at: float) -> None:
        row = self.running(event)
        if row is None and event["kind"] == "gate":
            row = _Row(_name(event), at - float(event.get("seconds") or 0), indent=True)
            self.rows.append(row)
        if row is None or (event["kind"] == "agent.end" and row.kind != "agent.start"):
            return
        row.ended = at
        if event.get("seconds") is not None:
            row.ended = row.started + float(event["seconds"])
        row.status = one_line(str(event.get("status") or "done"))
        row.findings = int(event.get("findings") or row.findings)
        row.ending = outcome({**event, "findings": row.findings})

    def _use(self, event: RunEvent) -> None:
        usage = event.get("usage", {})
        used = all_tokens(usage)
        self.tokens += used
        if row := self.running(event):
            row.phase = ""
            row.tokens += used
        cost = usage.get("cost_usd")
        self.cost = None if cost is None or self.cost is None else self.cost + float(cost)


class Progress:
    """Show events while a run works; a context manager whose `listen` takes each event."""

    def __init__(
        self,
        console: Console,
        *,
        title: str = "",
        clock: Callable[[], float] = time.time,
        stays: bool = True,
    ) -> None:
        self._stays = stays
        self._console = console
        self._title = one_line(title)
        self._clock = clock
        self._screen = _Screen()
        self._lock = Lock()
        self._spinners: dict[int, Spinner] = {}
        self._live: Live | None = None

    def __enter__(self) -> "Progress":
        self._live = drawing(self._console, self._table, per_second=4, stays=self._stays)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()
            self._live = None

    def listen(self, event: RunEvent) -> None:
        """Take one event; may be called from any thread."""
        with self._lock:
            self._screen.take(event)
            if self._live is None:
                line = describe(self._completed(event))
                if line:
                    self._console.print(Text(line), soft_wrap=True)

    def summary(self) -> str:
        """Return the line below the table: findings, time, tokens, money."""
        screen = self._screen
        started = screen.started if screen.started is not None else self._clock()
        parts = [
            duration(max(0.0, self._clock() - started)),
            f"{tokens(screen.tokens)} tokens",
            money(screen.cost),
            self._found(),
        ]
        return "  ".join(filter(None, parts))

    def _found(self) -> str:
        """Return the findings as counted on the approval screen, and the newly reported ones."""
        screen = self._screen
        new = [f"{screen.found[s]} {s.label}" for s in Severity if screen.found.get(s)]
        listed = screen.counts.words if screen.counts else ""
        reported = f"{', '.join(new)} reported" if new else ""
        return "; ".join(filter(None, (listed, reported)))

    def _table(self) -> Group:
        with self._lock:
            now = self._clock()
            table = Table(
                box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0), expand=True
            )
            table.add_column(width=2)
            table.add_column(no_wrap=True, overflow="ellipsis", width=_NAME_WIDTH)
            table.add_column(justify="right", no_wrap=True, width=_TIME_WIDTH)
            table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
            rows = self._screen.rows[-max(6, self._console.height - 8) :]
            for row in rows:
                name = Text(("  " if row.indent else "") + row.name)
                table.add_row(self._sign(row), name, duration(row.seconds(now)), _ending(row))
            notes = [Text(f"   {note}", style="dim") for note in self._screen.notes[-_NOTES_SHOWN:]]
            head = [Text(self._title, style="bold")] if self._title else []
            return Group(*head, table, *notes, Text(self.summary(), style="dim"))

    def _sign(self, row: _Row) -> "Spinner | Text":
        plain = self._console.options.ascii_only
        if row.ended is None:
            name = "line" if plain else "dots"
            return self._spinners.setdefault(id(row), Spinner(name, style="cyan"))
        if row.status in _BAD:
            return Text("x" if plain else "✗", style="red")
        if row.status in _GOOD:
            return Text("+" if plain else "✓", style="green")
        return Text("-" if plain else "–", style="yellow")

    def _completed(self, event: RunEvent) -> RunEvent:
        """Add to the event that ends a row what only its start and its findings had."""
        if event.get("kind") not in _ENDS:
            return event
        name = _name(event)
        row = next((row for row in reversed(self._screen.rows) if row.name == name), None)
        if row is None or row.ended is None:
            return event
        return {**event, "seconds": row.seconds(self._clock()), "findings": row.findings}


def _name(event: RunEvent) -> str:
    names = (event.get("agent"), event.get("gate"), event.get("step"), event.get("name"))
    return next((one_line(str(name)) for name in names if name), "?")


def _ending(row: _Row) -> Text:
    if row.ended is not None:
        bad = row.status in _BAD
        return Text(row.ending, style="red" if bad else "" if row.status in _GOOD else "yellow")
    return Text(row.doing, style="dim")
