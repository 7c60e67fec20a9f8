"""The approval screen, and the question below it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, Literal

from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Finding, Severity, Status
from reviewloop.domain.gate import GateStatus
from reviewloop.render.counts import count_records, is_request
from reviewloop.render.proposal import (
    AgentFigures,
    Proposal,
    ProposedFile,
    ProtectedFile,
    choices,
    left_of,
)
from reviewloop.render.terminal.findings import ReadLines, hanging, render_findings, render_list
from reviewloop.render.text import (
    Failure,
    all_input,
    by_reason,
    counted,
    duration,
    money,
    share,
    tokens,
    tokens_in,
)
from reviewloop.render.untrusted import one_line, safe

_LABEL_WIDTH = 11


def render_figures(proposal: Proposal, console: Console) -> None:
    """Print tests, coverage, rounds, reviewers and the sandbox, a row each."""
    tests = proposal.get("tests")
    if tests:
        total = tests.get("passed", 0) + tests.get("failed", 0)
        failed = f", {tests['failed']} failed" if tests.get("failed") else ""
        skipped = f", {tests['skipped']} skipped" if tests.get("skipped") else ""
        style = "red" if failed else "green"
        row("tests", f"{tests.get('passed', 0)}/{total} passing{failed}{skipped}", console, style)
    else:
        row("tests", "not counted", console, "yellow")
    _coverage(proposal, console)
    rounds = proposal.get("rounds", {})
    if rounds:
        parts = [f"{rounds.get('used', 0)} of {rounds.get('limit', 0)} fix rounds"]
        if rounds.get("repairs"):
            parts.append(counted(rounds["repairs"], "repair"))
        if rounds.get("cycle"):
            parts.append(f"modified {counted(rounds['cycle'], 'time')} by a person")
        row("rounds", ", ".join(parts), console)
    reviewers = proposal.get("reviewers", [])
    if reviewers:
        done = sum(r.get("status") == "done" for r in reviewers)
        style = "" if done == len(reviewers) else "red"
        row("reviewers", f"{done} of {len(reviewers)} finished", console, style)
    lost = [
        Failure(
            one_line(r.get("name", "")),
            one_line(r.get("reason", "")) or "no reason given",
            one_line(r.get("unnamed", "")),
        )
        for r in reviewers
        if r.get("status") != "done"
    ]
    for names, why in by_reason(lost):
        row("", f"{names} failed: {why}", console, "red")
    _sandbox(proposal, console)


def _sandbox(proposal: Proposal, console: Console) -> None:
    levels = proposal.get("sandbox", [])
    if not levels:
        return
    ladder = ", then ".join(one_line(level) for level in levels)
    if "none" in levels:
        row(
            "sandbox", f"{ladder}: commands ran with the rights of whoever began it", console, "red"
        )
    elif "external" in levels:
        row("sandbox", f"{ladder}: declared, not proven", console, "yellow")
    else:
        row("sandbox", ladder, console)


def _coverage(proposal: Proposal, console: Console) -> None:
    coverage = proposal.get("coverage")
    if not coverage:
        return
    covered, threshold = coverage.get("covered"), coverage.get("threshold")
    if covered is None:
        why, reason = one_line(coverage.get("why", "")), one_line(coverage.get("reason", ""))
        text = f"not measured: {why}" if why else reason or "not measured"
        row("coverage", text, console, "yellow")
        return
    target = "" if threshold is None else f" (wanted: {share(threshold)})"
    style = "green" if threshold is None or covered >= threshold else "yellow"
    row("coverage", f"{share(covered)} of the new lines{target}", console, style)


def row(label: str, text: str, console: Console, style: str = "") -> None:
    """Print a labelled row; nothing for an empty text."""
    if text:
        hanging(Text(f"{label:<{_LABEL_WIDTH}}", style="bold"), Text(text, style=style), console)


_LOOKS: Mapping[GateStatus, tuple[str, str, str]] = {
    GateStatus.PASSED: ("✓", "passed", "green"),
    GateStatus.FAILED: ("✗", "failed", "red"),
    GateStatus.HARD_STOP: ("✗", "hard stop", "bold red"),
    GateStatus.NEEDS_USER: ("!", "needs a person", "yellow"),
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


def render_gates(gates: Iterable[Mapping[str, Any]], console: Console) -> None:
    """Print one line per gate (`GateResult.plain()`), and the log's excerpt below a red one."""
    for gate in gates:
        status = GateStatus(gate["status"])
        mark, style = mark_of(gate, console)
        words = _LOOKS[status][1]
        head = Text(f"  {mark} ", style=style)
        head.append(f"{one_line(gate['name']):<11} ", style="default")
        summary = one_line(gate.get("summary", ""))
        if status is not GateStatus.NOT_DETECTED or not summary:  # it says that nothing was found
            head.append(f"{words:<15}", style=style)
        body = Text(summary)
        if gate.get("seconds"):
            body.append(f"  {duration(gate['seconds'])}", style="dim")
        if gate.get("command"):
            body.append(f"  {one_line(' '.join(gate['command']))}", style="dim")
        hanging(head, body, console)
        if status.stops and gate.get("excerpt"):
            for line in safe(gate["excerpt"]).rstrip().split("\n")[-20:]:
                console.print(Text("      | ", style="blue").append(line), soft_wrap=True)


_DONE = {"A": "created", "M": "changed", "D": "deleted", "R": "moved", "T": "replaced"}


def render_protected(files: list[ProtectedFile], console: Console) -> None:
    """Print each protected file with its effect; nothing when there is none."""
    if not files:
        return
    console.print()
    console.print(Text(f"Protected files ({len(files)}): read them whole", style="bold"))
    for file in files:
        hanging(Text("  ! ", style="red"), Text(protected_line(file)), console)


def protected_line(file: ProtectedFile) -> str:
    """Return one protected file as a line: `.github/workflows/ci.yml created: it decides ...`."""
    done = _DONE.get(file.get("status", ""), "changed")
    unasked = "; nobody asked for it" if file.get("unasked") else ""
    return f"{one_line(file['path'])} {done}: it {file.get('why', 'is protected')}{unasked}"


_FILES_SHOWN = 40
_STATUS = {"A": "created", "M": "modified", "D": "deleted", "R": "renamed", "T": "type changed"}


NO_LOOKS: Mapping[str, Callable[[], None]] = {}


@dataclass(frozen=True)
class UserAnswer:
    """A user's answer; `text` is for modify and reword."""

    choice: str  # approve | modify | edit | reword | skip | quit
    text: str = ""
    more: Mapping[str, str] = field(default_factory=dict)  # further keys of an edit's answer


def render_proposal(
    proposal: Proposal, read_line: ReadLines, console: Console, *, over: bool = False
) -> None:
    """Print everything about a proposed change except its diff; `over`: without a question."""
    _head(proposal, console, over=over)
    _files(proposal, console)
    render_protected(proposal.get("protected", []), console)
    _not_analysed(proposal, console)
    render_figures(proposal, console)
    if proposal.get("gates"):
        _title("Guard-rails", console)
        render_gates(proposal["gates"], console)
    _listed("A person is needed because", proposal.get("governance", []), console, "yellow")
    _findings(proposal, read_line, console)
    _spec(proposal, console)
    _cost(proposal, console)
    if proposal.get("message") and not proposal.get("blocked"):
        _title("Proposed commit message", console)
        for line in safe(proposal["message"]).rstrip().split("\n"):
            console.print(Text("  | ", style="blue").append(line, style="default"), soft_wrap=True)
    console.print()


def question(proposal: Proposal) -> str:
    """Return the question, such as `[a]pprove [m]odify [s]kip [q]uit [d]iff`."""
    return " ".join(f"[{name[0]}]{name[1:]}" for name in choices(proposal))


def ask(
    proposal: Proposal,
    console: Console,
    *,
    read: Callable[[str], str],
    show_diff: Callable[[], None],
    looks: Mapping[str, Callable[[], None]] = NO_LOOKS,
) -> UserAnswer:
    """Ask until there is an answer; `read` prompts and returns a line.

    `looks` show more of the run and then ask again; the first letter of each is its key. The end of
    input means `quit`: the run waits.
    """
    offered = {name[0]: name for name in (*looks, *choices(proposal))}
    while True:
        try:
            answer = read(f"{question(proposal)} > ").strip().casefold()
            choice = offered.get(answer[:1]) if answer else None
            if choice is None or not choice.startswith(answer):
                console.print(f"please answer with one of: {', '.join(offered.values())}")
            elif choice in looks:
                looks[choice]()
            elif choice == "diff":
                show_diff()
            elif choice == "modify":
                text = read("what should be different? (one sentence) > ").strip()
                if text:
                    return UserAnswer(choice, text)
            else:
                return UserAnswer(choice)
        except EOFError:
            return UserAnswer("quit")


def render_diff(patch: str, console: Console) -> None:
    """Print a unified diff in colours; long lines wrap, nothing is left out."""
    styles = (("+++", "bold"), ("---", "bold"), ("@@", "cyan"), ("+", "green"), ("-", "red"))
    for line in safe(patch).rstrip("\n").split("\n"):
        style = next((style for start, style in styles if line.startswith(start)), "")
        if line.startswith(("diff ", "index ", "rename ", "new file", "deleted file")):
            style = "bold"
        console.print(Text(line, style=style), soft_wrap=True)


def render_head(proposal: Proposal, console: Console) -> None:
    """Print the headline, why it is blocked, its base and the notes."""
    _head(proposal, console, over=False)


def render_files(proposal: Proposal, console: Console) -> None:
    """Print the number of changed files, and their names."""
    _files(proposal, console)


def render_book(proposal: Proposal, read_line: ReadLines, console: Console) -> None:
    """Print all findings, open ones with their code."""
    _findings(proposal, read_line, console)


def render_costs(proposal: Proposal, console: Console) -> None:
    """Print the usage of the run, in sum and by agent."""
    _cost(proposal, console)


def _head(proposal: Proposal, console: Console, *, over: bool) -> None:
    blocked = proposal.get("blocked", "")
    title = " ".join(filter(None, (proposal.get("task", ""), proposal.get("title", ""))))
    if over:
        lead = "Was blocked" if blocked else "Proposed"
    else:
        lead = "Blocked" if blocked else "Ready for your decision"
    left = "" if blocked or over else left_of(proposal).red
    lead = f"{lead}: {left}" if left else lead
    style = "red" if blocked else "yellow" if left else "green"
    rule = "-" if console.options.ascii_only else "─"
    head = Text(f"{lead}{'; ' if left else ': '}{one_line(title)}", style=f"bold {style}")
    console.print(Rule(head, align="left", style=style, characters=rule))
    if blocked:
        hanging(Text("why        "), Text(one_line(blocked), style="red"), console)
    row("run", one_line(proposal.get("run", "")), console)
    base = proposal.get("base", {})
    if base:
        new = ", a new branch" if base.get("new_branch") else ""
        target = f"; the commit goes to {one_line(base.get('branch', ''))}{new}"
        based = one_line(base.get("commit", ""))[:10]
        row("based on", based + (target if base.get("branch") else ""), console)
        if base.get("behind"):
            branch = one_line(base.get("branch", ""))
            now, run = one_line(base["behind"])[:10], one_line(proposal.get("run", ""))
            why = one_line(base.get("conflict", ""))
            sentence = _no_merge(branch, now, run, why) if why else _behind(branch, now)
            row("moved on", sentence, console, "red" if why else "yellow")
        edited = base.get("edited", [])
        dirty = [path for path in base.get("dirty", []) if path not in edited]
        _dirty(dirty, console)
        _edited(edited, console)
    if proposal.get("moved"):
        row("moved", one_line(proposal["moved"]), console)
    if by_user := proposal.get("person_edited"):
        row("edited", _edited_by_user(by_user), console)
    for one in proposal.get("told", []):
        row(
            "told",
            f"the implementer, why {one_line(one['run'])} was rejected: {one_line(one['why'])}",
            console,
        )
    if failed := "; ".join(_failed_reviewers(proposal)):
        row("incomplete", f"{failed}; this review is not complete", console, "red")
    for warning in proposal.get("warnings", []):
        row("note", one_line(warning), console, "yellow")


def _failed_reviewers(proposal: Proposal) -> list[str]:
    """Return each failed reviewer, with the reason where it is known."""
    why = {one["name"]: one.get("reason", "") for one in proposal.get("reviewers", [])}
    return [
        f"{one_line(name)} failed"
        + (f": {one_line(why[name]).rstrip('.')}" if why.get(name) else "")
        for name in proposal.get("incomplete", [])
    ]


def findings_words(proposal: Proposal) -> str:
    """Return the counts of the findings, or that it was blocked before a review."""
    records = proposal.get("findings", [])
    read = any(one.get("status") == "done" for one in proposal.get("reviewers", []))
    unread = "reviewers" in proposal and not read and not records
    return "not reviewed" if unread and proposal.get("blocked") else count_records(records).words


def _edited_by_user(edited: Mapping[str, Any]) -> str:
    unread = edited["unread"]
    named = (
        f" ({', '.join(map(one_line, unread[:3]))})" if len(unread) < len(edited["paths"]) else ""
    )
    again = f"not reviewed again{named}" if unread else "reviewed again"
    paths = ", ".join(map(one_line, edited["paths"][:6])) + (
        ", ..." if len(edited["paths"]) > 6 else ""
    )
    return f"by {one_line(edited['by'])} after the review: {paths}; {again}"


def _behind(branch: str, now: str) -> str:
    return (
        f"{branch} is at {now} by now: approving rebases the change first, where gates "
        "run again and reviewers look at what meets it; it asks you once more only if something "
        "does"
    )


def _no_merge(branch: str, now: str, run: str, why: str) -> str:
    return (
        f"{branch} is at {now} by now, and this does not merge with it ({why}): approving commits "
        f"nothing; `reviewloop checkout {run} NAME` saves the work as a branch"
    )


def _not_analysed(proposal: Proposal, console: Console) -> None:
    _listed("Not analysed", not_analysed_lines(proposal), console, "yellow")


def not_analysed_lines(proposal: Proposal) -> list[str]:
    """Return each file that analysers did not read completely, and each failed analyser.

    Files that only the change itself keeps from being read come first.
    """
    files = sorted(proposal.get("not_analysed", []), key=lambda file: not file["chosen"])
    lines = [
        f"{one_line(file['path'])}: {one_line(file['reason'])}"
        + (" (only the change itself says so)" if file["chosen"] else "")
        for file in files
    ]
    return [*map(one_line, proposal.get("analysers_failed", [])), *lines]


def _dirty(paths: list[str], console: Console) -> None:
    if not paths:
        return
    named = ", ".join(map(one_line, paths[:3])) + (", ..." if len(paths) > 3 else "")
    were = counted(len(paths), "file was", "files were")  # when the run read the checkout
    what = f"{were} uncommitted ({named})"
    row("checkout", f"{what}: not part of this run; untouched either way", console, "yellow")


def _edited(paths: list[str], console: Console) -> None:
    if not paths:
        return
    named = ", ".join(map(one_line, paths[:3])) + (", ..." if len(paths) > 3 else "")
    are, them, until = ("is", "it", "it is") if len(paths) == 1 else ("are", "them", "they are")
    what = f"{named} {are} uncommitted, and the run changes {them}, too"
    refused = f"approving is refused until {until} committed or put away"
    row("checkout", f"{what}: {refused}", console, "red")


def _files(proposal: Proposal, console: Console) -> None:
    files = proposal.get("files", [])
    counts = {word: sum(f.get("status") == s for f in files) for s, word in _STATUS.items()}
    shown = [f"{number} {word}" for word, number in counts.items() if number]
    added, removed = (
        sum(f.get("added", 0) for f in files),
        sum(f.get("removed", 0) for f in files),
    )
    row("files", f"{', '.join(shown) or 'none'}, +{added} -{removed}", console)
    for file in files[:_FILES_SHOWN]:
        console.print(_file_line(file), no_wrap=True, overflow="ignore", crop=False)
    if len(files) > _FILES_SHOWN:
        console.print(f"    ... {counted(len(files) - _FILES_SHOWN, 'more file')}")


def _file_line(file: ProposedFile) -> Text:
    status = file.get("status", "M")
    style = {"A": "green", "D": "red"}.get(status, "yellow")
    old = f"{one_line(file['old_path'])} -> " if file.get("old_path") and status == "R" else ""
    line = Text.assemble("    ", (one_line(status), style), f" {old}{one_line(file['path'])} ")
    if file.get("binary"):
        return line.append(" binary", style="dim")
    return line.append(f" +{file.get('added', 0)} -{file.get('removed', 0)}", style="dim")


def _findings(proposal: Proposal, read_line: ReadLines, console: Console) -> None:
    records = proposal.get("findings", [])
    requests = [Finding.model_validate(record) for record in records if is_request(record)]
    every = [Finding.model_validate(record) for record in records if not is_request(record)]
    loud = [f for f in every if f.severity is not Severity.NIT]
    remaining = [f for f in loud if f.status in {Status.OPEN, Status.UNRESOLVED}]
    fixed = [f for f in every if f.status is Status.FIXED]
    quiet = [f for f in every if f.status is Status.DISMISSED]
    over = {Status.DISMISSED, Status.FIXED, Status.SUPPRESSED}
    nits = [f for f in every if f.severity is Severity.NIT and f.status not in over]
    _title(f"Findings: {findings_words(proposal)}", console)
    undone = [request for request in requests if request.status in {Status.OPEN, Status.UNRESOLVED}]
    if remaining:
        console.print()
        render_findings(remaining, read_line, console)
    for title, group in {
        "Asked for and not done": undone,
        "Asked for": [request for request in requests if request not in undone],
    }.items():
        _request_lines(title, group, console)
    groups = {"Fixed": fixed, "Dismissed": quiet, "Nits, listed only": nits}
    for title, group in groups.items():
        if group:
            console.print(Text(f"  {title}", style="dim"))
            render_list(group, console)


def _request_lines(title: str, requests: Sequence[Finding], console: Console) -> None:
    """Print a user's requests, which are not findings."""
    if requests:
        console.print(Text(f"  {title}", style="dim"))
    for request in requests:
        note = f" ({request.note})" if request.note else ""
        hanging(Text("  - "), Text(one_line(f"{request.suggestion}{note}")), console)


def _spec(proposal: Proposal, console: Console) -> None:
    progress = proposal.get("spec_progress")
    if not progress:
        return
    console.print()
    done = f"{progress.get('done', 0)}/{progress.get('total', 0)} tasks done after approval"
    row("spec", f"{done}  {one_line(proposal.get('spec', ''))}".rstrip(), console)
    for task in progress.get("newly_eligible", []):
        row("", f"can start next: {one_line(task['id'])} {one_line(task['title'])}", console)


def _cost(proposal: Proposal, console: Console) -> None:
    usage = proposal.get("usage", {})
    console.print()
    parts = [duration(proposal.get("seconds", 0.0))]
    if usage:
        parts.append(f"{tokens_in(usage)}, {tokens(usage.get('output', 0))} out")
        about = "about " if usage.get("estimated") else ""
        parts.append(about + money(usage.get("cost_usd")))
    row(
        "spent",
        " · ".join(parts) if console.encoding.startswith("utf") else ", ".join(parts),
        console,
    )
    if proposal.get("agents"):
        console.print(_agents(proposal, console.width))


def _agents(proposal: Proposal, width: int) -> Table:
    """Return the table of agents; columns that do not fit a narrow terminal are left out."""
    figures: dict[str, Callable[[AgentFigures], str]] = {
        "calls": lambda agent: str(agent.get("calls", 0)),
        "in": lambda agent: tokens(all_input(agent)),
        "out": lambda agent: tokens(agent.get("output", 0)),
        "cached": lambda agent: tokens(agent.get("cache_read", 0)),
        "time": lambda agent: duration(agent.get("seconds", 0.0)),
        "money": lambda agent: _price(agent.get("cost_usd")),
        "model": lambda agent: one_line(agent.get("model", "")),
    }
    left_out = {"model"} if width < 110 else set()
    left_out |= {"cached", "time"} if width < 80 else set()
    columns = {name: figure for name, figure in figures.items() if name not in left_out}
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("    agent", no_wrap=True, overflow="ellipsis")
    for name in columns:
        right: Literal["left", "right"] = "left" if name == "model" else "right"
        table.add_column(name, justify=right, overflow="ellipsis", no_wrap=True)
    for agent in proposal.get("agents", []):
        who = Text(f"    {one_line(agent.get('agent', ''))}")
        table.add_row(who, *(Text(figure(agent)) for figure in columns.values()))
    return table


def _price(usd: float | None) -> str:
    return "unknown" if usd is None else money(usd)


def _title(text: str, console: Console) -> None:
    console.print()
    console.print(Text(text, style="bold"))


def _listed(title: str, items: list[str], console: Console, style: str) -> None:
    if items:
        _title(title, console)
    for item in items:
        hanging(Text("  - ", style=style), Text(one_line(item)), console)
