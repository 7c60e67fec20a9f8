"""Runs the commands of a gate and combines their results into one."""

from collections.abc import Callable, Sequence

from reviewloop.domain.gate import GateResult, GateStatus, TestCounts
from reviewloop.guards.against_base import needs_local_network
from reviewloop.guards.base import GuardInput
from reviewloop.guards.plan import DetectedGate, GateName
from reviewloop.sandbox.base import Level
from reviewloop.sandbox.run import NOT_FOUND, CommandResult, read_log

RunEntry = Callable[[GuardInput, DetectedGate], GateResult]

# The worst first: a gate of several commands is as good as its worst one.
_WORST = (
    GateStatus.HARD_STOP,
    GateStatus.ERROR,
    GateStatus.FAILED,
    GateStatus.NOT_VERIFIABLE,
    GateStatus.NEEDS_USER,
    GateStatus.WARNING,
    GateStatus.PASSED,
    GateStatus.NOT_DETECTED,
    GateStatus.OFF,
)


def evaluate_entries(change: GuardInput, name: GateName, run: RunEntry) -> GateResult:
    """Run every entry that the plan has for a gate and return one result for all of them."""
    return combine_results([evaluate(change, entry, run) for entry in change.plan.of(name)])


def evaluate(change: GuardInput, entry: DetectedGate, run: RunEntry) -> GateResult:
    """Run one entry, unless it cannot be run."""
    if entry.source == "off":
        return GateResult(entry.name, GateStatus.OFF, f"switched off: {entry.why}")
    if not entry.argv:
        return GateResult(entry.name, GateStatus.NOT_DETECTED, entry.why)
    if entry.problem:
        summary = f"not run: {entry.problem} ({entry.why})"
        command = change.shown(entry.argv)
        return GateResult(entry.name, GateStatus.NOT_VERIFIABLE, summary, command)
    return run(change, entry)


def combine_results(results: Sequence[GateResult]) -> GateResult:
    """Return the worst of several results, with the counts, findings and time of all."""
    if len(results) == 1:
        return results[0]
    worst = min(results, key=lambda result: _WORST.index(result.status))
    counts = [result.tests for result in results if result.tests is not None]
    details = {key: value for result in results for key, value in result.details.items()}
    details["commands"] = [
        {
            "command": " ".join(r.command),
            "status": str(r.status),
            "summary": r.summary,
            "log": r.log,
        }
        for r in results
    ]
    return GateResult(
        worst.name,
        worst.status,
        "; ".join(result.summary for result in results),
        worst.command,
        worst.exit_code,
        sum(result.seconds for result in results),
        worst.log,
        worst.excerpt,
        TestCounts(
            sum(count.passed for count in counts),
            sum(count.failed for count in counts),
            sum(count.skipped for count in counts),
        )
        if counts
        else None,
        worst.coverage,
        tuple(finding for result in results for finding in result.findings),
        details,
    )


def command_result(
    change: GuardInput,
    entry: DetectedGate,
    result: CommandResult,
    *,
    status: GateStatus | None = None,
    summary: str = "",
    tests: TestCounts | None = None,
    argv: Sequence[str] = (),
    details: dict[str, object] | None = None,
) -> GateResult:
    """Return the result of one command; status and summary follow its exit code unless given."""
    problem = could_not_run(result)
    if problem:
        status, summary = problem
    elif status is None:
        status = GateStatus.FAILED if result.exit_code else GateStatus.PASSED
    summary = summary or (f"exit code {result.exit_code}" if result.exit_code else entry.why)
    if status is GateStatus.FAILED:
        summary += _of_the_sandbox(change, result)
    quiet = status in {GateStatus.PASSED, GateStatus.NOT_DETECTED}
    return GateResult(
        entry.name,
        status,
        summary,
        change.shown(argv or entry.argv),
        result.exit_code,
        result.seconds,
        result.log.name,
        "" if quiet else change.quote_log(result.log),
        tests,
        details=details or {},
    )


def _of_the_sandbox(change: GuardInput, result: CommandResult) -> str:
    """Return a note for a failure that the sandbox may have caused, not the change."""
    sandbox = change.env.confine.sandbox
    if sandbox.level is not Level.LANDLOCK or not needs_local_network(read_log(result.log)):
        return ""
    return (
        "; this sandbox (landlock) has no local network, shared memory or terminals, which these "
        "tests may need: install bubblewrap"
    )


def could_not_run(result: CommandResult) -> tuple[GateStatus, str] | None:
    """Return status and summary of a command that was ended or could not start, else None."""
    if result.timed_out:
        return GateStatus.FAILED, f"did not finish within {result.seconds:.0f} seconds"
    if result.stopped:
        return GateStatus.ERROR, "stopped before it was done"
    if result.exit_code == NOT_FOUND and result.output_bytes == 0:
        return GateStatus.NOT_VERIFIABLE, f"{result.argv[0]} was not found"
    return None
