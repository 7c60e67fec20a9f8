"""What must hold after a run that was made to fail, seen from outside.

The server's ledger, git, the databases and the file system tell; I1 to I10 name the invariants.
"""

import json
import re
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from support import play
from support.crash import Drive, Site, action_of, rows_of

ROUNDS, RETRIES, REPAIRS = 3, 2, 2

_KEPT = (
    *("title", "task", "files", "tests", "coverage", "rounds", "findings", "message"),
    *("incomplete", "blocked", "tree", "warnings"),
)


@dataclass
class Ending:
    """What a run left: in the person's repository, in its own record, on the bill."""

    tree: str
    message: str
    parents: int
    branches: list[str]
    proposal: dict[str, Any]  # without times and names of this run
    report: str  # as people read it, without ids and figures of the bill
    state: list[str]  # what stands in the state folder, outside of what each run fills
    journalled: int
    asked: int  # requests that the server got
    tokens: int  # that the record says were used


def look(site: Site) -> Ending:
    """Return what is there now that the run is over."""
    git = site.checkout.git
    (record,) = [run for run in site.runs() if run["proposal"]]
    folder = site.checkout.folder(record["run_id"])
    proposal = json.loads((folder / "blobs" / record["proposal"]).read_bytes())
    usage = [json.loads(row["usage"]) for row in site.rows()]
    return Ending(
        tree=git("rev-parse", "HEAD^{tree}"),
        message=git("log", "-1", "--format=%B"),
        parents=len(git("log", "-1", "--format=%P").split()),
        branches=git("branch", "--format=%(refname)").split(),
        proposal=_timeless(proposal),
        report=_plain_report(site.checkout.run("show").out, record["run_id"]),
        state=_listed(site),
        journalled=site.journalled(),
        asked=len(site.server.ledger),
        tokens=sum(_tokens(row, "input", "output", "cache_read", "cache_write") for row in usage),
    )


def problems_of(site: Site, drive: Drive, clean: Ending) -> list[str]:
    """Return all that is wrong after a run with faults; nothing is, if the promises hold.

    The last look deletes the run, so that this can be asked once.
    """
    seen = look(site)
    torn = sum(action_of(fault) == "torn" for fault in drive.fired)
    if torn and clean.journalled - torn <= seen.journalled < clean.journalled:
        # A reply that was lost after the step that used it was kept is not needed any more.
        lost = clean.journalled - seen.journalled
        calls = {**clean.proposal, "calls": clean.proposal["calls"] - lost}
        clean = replace(clean, journalled=seen.journalled, tokens=-1, proposal=calls)
    found = drive.problems + differences(clean, seen) + leftovers(site)
    found += _paid(site, drive, clean, seen) + _beyond_limits(site)
    found += secrets_in(site.checkout.state, site.secrets())
    return found + _changed_by_another_resume(site) + _not_cleaned(site)


def differences(clean: Ending, seen: Ending) -> list[str]:
    """I1, I4: the ending of a run with faults is that of an undisturbed one."""
    names = ("tree", "message", "parents", "branches", "proposal", "report", "journalled")
    found = [
        f"I1 {name}: {_apart(getattr(clean, name), getattr(seen, name))}"
        for name in names
        if getattr(seen, name) != getattr(clean, name)
    ]
    more, less = Counter(seen.state), Counter(clean.state)
    found += [f"I7 left in the state folder: {name}" for name in (more - less).elements()]
    return found + [f"I7 not in the state folder: {name}" for name in (less - more).elements()]


def _apart(clean: object, seen: object) -> str:
    """Return where two values begin to differ."""
    first, second = str(clean), str(seen)
    start = next((n for n, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), 0)
    begin = max(0, start - 20)
    return f"{second[begin : start + 60]!r} instead of {first[begin : start + 60]!r}"


def leftovers(site: Site) -> list[str]:
    """I6, I7: no process, lock, temporary file or half edit is left."""
    root, git = site.checkout.root, site.checkout.git
    found = [f"I7 in the temporary folder: {path.name}" for path in site.temporary.iterdir()]
    found += [f"I7 lock: {path.name}" for path in (root / ".git").rglob("*.lock")]
    found += [f"I6 git status: {line}" for line in git("status", "--short").splitlines()]
    deadline = time.monotonic() + 10
    while (processes := site.processes()) and time.monotonic() < deadline:
        time.sleep(0.05)  # a gate's command is given a moment to end by itself
    return found + [f"I7 process: {line}" for line in processes]


def secrets_in(folder: Path, secrets: list[bytes]) -> list[str]:
    """I10: no file holds a secret of the environment, packed or not."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            for text in _texts_of(path):
                if any(secret in text for secret in secrets):
                    found.append(f"I10 secret in {path.relative_to(folder)}")
    return found


def _paid(site: Site, drive: Drive, clean: Ending, seen: Ending) -> list[str]:
    """I2, I3, I8: what was recorded is not asked for again, and the bill is the server's."""
    found = []
    asked_since = seen.asked - drive.asked
    paid_again = asked_since - (clean.journalled - drive.journalled)
    if drive.kills and paid_again:
        found.append(f"I2 {paid_again} recorded replies were asked for again")
    if len(site.server.paid_twice()) > drive.in_flight:
        found.append("I2 the server sent a reply twice that had been received")
    torn = sum(action_of(fault) == "torn" for fault in drive.fired)  # may lose one that was written
    if drive.in_flight > len(play.REVIEWERS) * drive.kills + torn:
        found.append(f"I3 {drive.in_flight} requests were in flight")
    billed = {received.digest: received.usage for received in site.server.ledger}
    parts = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
    ledger = sum(_tokens(usage, *parts) for usage in billed.values())
    if seen.tokens != ledger and clean.tokens >= 0:
        found.append(f"I8 {seen.tokens} tokens in the record, {ledger} in the ledger")
    return found


def _beyond_limits(site: Site) -> list[str]:
    """I5: rounds, retries of a finding and repairs stay within their limits across restarts."""
    tries: Counter[tuple[Any, ...]] = Counter()
    found = []
    for row in site.rows():
        if row["turn"]:
            continue
        if row["round"] > ROUNDS:
            found.append(f"I5 round {row['round']}")
        where = (row["step"], row["finding"], row["cycle"], row["round"])
        tries[where] += 1
    for where, count in tries.items():
        most = {"fix": RETRIES + 1, "repair": REPAIRS}.get(where[0])
        if most is not None and count > most:
            found.append(f"I5 {count} tries in {where}")
    return found


def _changed_by_another_resume(site: Site) -> list[str]:
    """I9: a second resume after success changes nothing, and says so."""
    (record,) = site.runs()
    before, asked = site.checkout.bytes(), len(site.server.ledger)
    said = site.checkout.run("resume", record["run_id"])
    same = (site.checkout.bytes(), len(site.server.ledger), site.runs()) == (
        before,
        asked,
        [record],
    )
    return [] if said.code == 2 and same else [f"I9 resume of a run that is over: {said}"]


def _not_cleaned(site: Site) -> list[str]:
    """I7: `clean` knows everything that is left."""
    site.checkout.run("clean", "--older-than", "0", "--with-work", "--yes")
    left = {path.name for path in site.checkout.state.glob("repositories/*/*") if path.is_file()}
    left |= {path.name for path in site.checkout.state.glob("repositories/*/*/*")}
    kept = ("runs.sqlite", "metrics.sqlite")  # the table itself, and the figures of what is gone
    left -= {f"{name}{end}" for name in kept for end in ("", "-wal", "-shm")}
    left -= {"lock", "begin.lock", "audit.jsonl", "audit.lock"}  # the trail outlives its runs
    return [f"I7 not deleted by clean: {name}" for name in left]


def _listed(site: Site) -> list[str]:
    """Return names in the state folder down to what each run's folder holds."""
    names = []
    for path in site.checkout.state.rglob("*"):
        name = path.relative_to(site.checkout.state).as_posix()
        name = re.sub(r"repositories/[^/]+", "repositories/R", name)
        name = re.sub(r"runs/[^/]+", "runs/X", name)
        name = re.sub(r"rates/[^/]+", "rates/Q", name)  # named after the endpoint, port included
        if "__pycache__" not in name and len(name.split("/")) <= 5:
            names.append(name)
    ignored = ("-wal", "-shm", ".log")  # the log of a bug is what the action `raise` leaves
    return sorted(name for name in names if not name.endswith(ignored) and name != "logs")


def _timeless(proposal: dict[str, Any]) -> dict[str, Any]:
    result = {name: proposal[name] for name in _KEPT}
    result["reviewers"] = [(r["name"], r["status"], r["findings"]) for r in proposal["reviewers"]]
    result["gates"] = [(g["name"], g["status"], g["summary"]) for g in proposal["gates"]]
    result["calls"] = proposal["usage"]["calls"]
    return result


def _plain_report(report: str, run_id: str) -> str:
    """Return the report without what differs between two runs of the same: ids, times, bill."""
    before, _, bill = report.partition("\nspent")
    report = (before + bill[bill.find("\nProposed") :]).replace(run_id, "RUN")
    report = re.sub(r"\b[0-9a-f]{10,64}\b", "ID", report)
    return re.sub(r"[ ─-]+", " ", re.sub(r"\d[\d.,]*( ?(s|ms|k|M)\b)?", "N", report))


def _tokens(usage: dict[str, Any], *names: str) -> int:
    return sum(usage.get(name) or 0 for name in names)


def _texts_of(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    yield data
    if "objects" in path.parts:
        try:
            yield zlib.decompress(data)
        except zlib.error:
            return
    elif path.name == "journal.sqlite":
        for row in rows_of(path, "SELECT request, reply FROM calls"):
            yield from map(zlib.decompress, row)
