"""Guard-rail results as a table of marks and words; only what was run and passed is green."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from reviewloop.output.figures import duration
from reviewloop.output.terminal import hanging
from reviewloop.output.untrusted import one_line, safe
from reviewloop.state import GateStatus

_LOOKS: Mapping[GateStatus, tuple[str, str, str]] = {
    GateStatus.PASSED: ("✓", "passed", "green"),
    GateStatus.FAILED: ("✗", "failed", "red"),
    GateStatus.HARD_STOP: ("✗", "hard stop", "bold red"),
    GateStatus.NEEDS_PERSON: ("!", "needs a person", "yellow"),
    GateStatus.WARNING: ("!", "warning", "yellow"),
    GateStatus.NOT_DETECTED: ("–", "not detected", "yellow"),
    GateStatus.NOT_VERIFIABLE: ("–", "not verifiable", "yellow"),
    GateStatus.ERROR: ("✗", "gate broke", "red"),
    GateStatus.OFF: ("–", "switched off", "yellow"),
}
_ASCII = {"✓": "+", "✗": "x", "–": "-"}


def mark_of(gate: Mapping[str, Any], console: Console) -> tuple[str, str]:
    """Return the mark of a gate's result and its style."""
    mark, _, style = _LOOKS[GateStatus(gate["status"])]
    return (_ASCII.get(mark, mark) if console.options.ascii_only else mark), style


def _said_already(gate: Mapping[str, Any]) -> str:
    """Return what the words of the status say, too."""
    if gate["status"] != GateStatus.NOT_DETECTED:
        return ""
    return f"no {one_line(gate['name'])} gate detected; "


def render_gates(gates: Iterable[Mapping[str, Any]], console: Console) -> None:
    """Print one line per gate (`GateResult.plain()`), and the log's core below a red one."""
    for gate in gates:
        status = GateStatus(gate["status"])
        mark, style = mark_of(gate, console)
        words = _LOOKS[status][1]
        head = Text(f"  {mark} ", style=style)
        head.append(f"{one_line(gate['name']):<12}", style="default")
        head.append(f"{words:<15}", style=style)
        body = Text(one_line(gate.get("summary", "")).removeprefix(_said_already(gate)))
        if gate.get("seconds"):
            body.append(f"  {duration(gate['seconds'])}", style="dim")
        if gate.get("command"):
            body.append(f"  {one_line(' '.join(gate['command']))}", style="dim")
        hanging(head, body, console)
        if status.stops and gate.get("excerpt"):
            for line in safe(gate["excerpt"]).rstrip().split("\n")[-20:]:
                console.print(Text("      | ", style="blue").append(line), soft_wrap=True)
