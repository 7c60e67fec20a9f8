"""Measure what reviewloop itself adds to the time of models.

python benchmarks/overhead.py [--files N]
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.crash import WAITING, Site  # noqa: E402

from reviewloop.git.private import PrivateRepo  # noqa: E402
from reviewloop.git.repository import discover  # noqa: E402
from reviewloop.store.journal import CallKey, Journal  # noqa: E402

REPLY_SECONDS = 1.0
FIRST_BYTE_SECONDS = 0.05
REQUEST_CHARACTERS = 40_000  # about the size of a reviewer's prompt


def main() -> int:
    """Print the ratio for a whole run, and the two most frequent writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--files", type=int, default=2000, help="of the repository snapshots are of"
    )
    files = parser.parse_args().files
    with tempfile.TemporaryDirectory() as folder:
        run_ratio(Path(folder, "site"))
        journal_writes(Path(folder))
        snapshots(Path(folder, "repository"), files)
    return 0


def run_ratio(folder: Path) -> None:
    """Run the play of the end-to-end tests with slow replies."""
    with Site(folder, seconds=REPLY_SECONDS, first_byte=FIRST_BYTE_SECONDS) as site:
        started = time.monotonic()
        said = site.call("run", "2.1")
        if said.code != WAITING:
            raise SystemExit(f"the run did not come to its question: {said.err}")
        wall = time.monotonic() - started
        spans = sorted((r.at, r.ended_at or r.at) for r in site.server.ledger)
        replies = len(spans)
    models, until = 0.0, 0.0
    for begun, ended in spans:
        models += max(0.0, ended - max(begun, until))
        until = max(until, ended)
    print(
        f"whole run           {wall:.1f} s, of which models answer {models:.1f} s "
        f"({replies} replies of {REPLY_SECONDS:.0f} s, reviewers in parallel), ratio "
        f"{wall / models:.2f}; the rest, {wall - models:.1f} s, is the start of Python, all gates "
        "and our own work"
    )


def journal_writes(folder: Path) -> None:
    """Write replies as a run does: durable before the call returns."""
    journal = Journal(folder / "journal.sqlite")
    request = {"messages": ["x y z " * (REQUEST_CHARACTERS // 6)]}

    def write(number: int) -> None:
        journal.record(
            CallKey("agent", "review", turn=number),
            str(number),
            "model",
            request=request,
            reply={"text": "a reply " * 200},
            usage={"input": 1},
            seconds=1.0,
        )

    print(f"journal write       {milliseconds(write):.1f} ms (median of 100, synchronous=FULL)")
    journal.close()


def snapshots(folder: Path, files: int) -> None:
    """Edit one file in a repository of many and store the tree, as each step of a run does."""
    for number in range(files):
        path = folder / f"package{number % 50}" / f"module{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"VALUE = {number}\n")
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    for args in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "base"]):
        subprocess.run(["git", *args], cwd=folder, check=True)
    user = discover(folder)
    private = PrivateRepo.create(folder.parent / "private", user)
    tree = private.tree_of(user.head or "")

    def snapshot(number: int) -> None:
        new = private.edit(tree, {"package1/module1.py": f"VALUE = -{number}\n".encode()})
        private.keep(new, "run", f"step-{number}")

    print(f"snapshot            {milliseconds(snapshot):.1f} ms (median of 100, {files} files)")
    private.close()


def milliseconds(work: Callable[[int], None]) -> float:
    """Return the median time of a hundred calls."""
    times = []
    for number in range(100):
        started = time.perf_counter()
        work(number)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


if __name__ == "__main__":
    sys.exit(main())
