"""The runs of a repository and the lines of their logs; imported only to show them."""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Required, TypedDict

from rich.console import Console
from rich.text import Text

from reviewloop.domain.event import RunEvent
from reviewloop.render.event_lines import LASTING, action, describe
from reviewloop.render.terminal.findings import hanging
from reviewloop.render.text import all_tokens, counted, duration, tokens
from reviewloop.render.untrusted import one_line

_STYLES = {
    "running": "cyan",
    "waiting": "bold yellow",
    "blocked": "bold red",
    "paused": "yellow",
    "stopped": "yellow",
    "committed": "green",
}
_DAY = 86_400


class RunRow(TypedDict, total=False):
    """A run in a list, as `status --json` prints it."""

    run: Required[str]
    status: Required[str]
    task: str
    batch: str
    title: str
    spec: str
    branch: str
    commit: str
    step: str
    reason: str
    incomplete: list[str]
    exit_code: int
    created_at: float
    updated_at: float
    active_seconds: float


def render_runs(
    rows: Sequence[RunRow],
    console: Console,
    *,
    now: float | None = None,
    cleaned: str = "",
    alone: Collection[str] = (),
) -> None:
    """Print runs, newest first: id, state, age, title, and why they stopped.

    `cleaned` is a note on deleted ones where there are none; `alone` are runs of a batch that
    continue without it.
    """
    if not rows:
        sentence = f"no runs any more: {cleaned}" if cleaned else "no runs yet"
        console.print(Text(one_line(f"{sentence}; `reviewloop run` starts one")), soft_wrap=True)
        return
    now = time.time() if now is None else now
    ids = max(len(one_line(row["run"])) for row in rows)
    for row in rows:
        state = _state(row)
        head = Text(f"{one_line(row['run']):<{ids}}  ", style="bold")
        head.append(f"{state:<9}", style=f"not bold {_STYLES.get(state, 'default')}")
        head.append(f" {_age(now - float(row.get('updated_at') or now)):>8}  ", style="not bold")
        title = " ".join(filter(None, (row.get("task"), row.get("title"))))
        hanging(head, Text(one_line(title)), console)
        for text in _below(row, state, alone):
            hanging(Text(" " * 4), Text(text, style="dim"), console)


@dataclass
class _Talk:
    """The usage of one conversation so far."""

    replies: int = 0
    kept: int = 0  # of these, from the journal: paid before
    tokens: int = 0
    models: dict[str, None] = field(default_factory=dict)


class LogLines:
    """Turns the events of a run, given in their order, into the lines of `logs`."""

    def __init__(self) -> None:
        self._talks: dict[tuple[str, str], _Talk] = {}

    def line(self, event: RunEvent) -> str:
        """Return an event as a line with its local time; "" when it has no line."""
        line = self._message(event)
        if not line:
            return ""
        at = time.localtime(float(event.get("at") or 0))
        return f"{time.strftime('%H:%M:%S', at)}  {line}"

    def _message(self, event: RunEvent) -> str:
        kind = event.get("kind")
        key = str(event.get("agent")), str(event.get("finding") or "")
        if kind == "model.reply":
            self._count(self._talks.setdefault(key, _Talk()), event)
            return ""
        if kind == "agent.end":
            return self._talked(event, self._talks.pop(key, _Talk()))
        if kind == "tool.start":
            return self._doing(event, key)
        if kind == "tool":
            return "" if event.get("from_journal") else self._did(event, key)
        return describe(event)

    def _count(self, talk: _Talk, event: RunEvent) -> None:
        talk.replies += 1
        talk.models[one_line(str(event.get("model")))] = None
        if event.get("from_journal"):
            talk.kept += 1
        else:
            talk.tokens += all_tokens(event.get("usage") or {})

    def _doing(self, event: RunEvent, key: tuple[str, str]) -> str:
        used = self._talks.get(key, _Talk()).tokens
        so_far = f"  ({tokens(used)} tokens so far)" if used else ""
        return f"{one_line(key[0])}: {action(event)}{so_far}"

    def _did(self, event: RunEvent, key: tuple[str, str]) -> str:
        """Return how a call ended; the start of a long one was shown before."""
        message = one_line(str(event.get("said") or ""))
        if event.get("name") in LASTING:
            return f"{one_line(key[0])}: {message}" if message else ""
        reason = f" ({message})" if message and event.get("error") else ""
        return self._doing(event, key) + reason

    def _talked(self, event: RunEvent, talk: _Talk) -> str:
        if not talk.replies:
            return ""
        again = f", {talk.kept} of them from the journal" if talk.kept else ""
        who = one_line(f"{event.get('agent')} ({event.get('step')})")
        replies = counted(talk.replies, "reply", "replies")
        return f"{who}: {replies} of {', '.join(talk.models)}{again}, {tokens(talk.tokens)} tokens"


def _state(row: RunRow) -> str:
    """Return the status of a run, in the words of a batch's report."""
    state = one_line(row["status"])
    if state == "skipped":
        return "rejected"
    return "stopped" if state == "paused" and row.get("batch") else state


def _below(row: RunRow, state: str, alone: Collection[str]) -> list[str]:
    lines = []
    if row.get("commit") and state == "committed":
        lines.append(f"{one_line(row['commit'])[:10]} on {one_line(row.get('branch') or '')}")
    elif row.get("step") and state in {"running", "paused", "stopped"}:
        lines.append(f"at {one_line(row['step'])}, {duration(row.get('active_seconds') or 0.0)} in")
    if row.get("reason"):
        lines.append(one_line(row["reason"]))
    if row.get("incomplete"):
        lines.append(f"incomplete: {', '.join(map(one_line, row['incomplete']))} failed")
    if state in {"paused", "stopped"}:
        on = f"`reviewloop resume {one_line(row['run'])}` goes on"
        of_batch = row.get("batch") and row["run"] not in alone
        lines.append("the same `reviewloop batch` goes on with it" if of_batch else on)
    elif state in {"waiting", "blocked"}:
        what = "what it proposes" if state == "waiting" else "what stands in the way"
        lines.append(f"`reviewloop show {one_line(row['run'])}` shows {what}")
    return lines


def _age(seconds: float) -> str:
    if seconds < 60:
        return "now"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 2 * _DAY else f"{seconds / _DAY:.0f} days"
