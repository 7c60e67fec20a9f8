"""Measure two checkouts of reviewloop in turns: start, reviews, memory, and a long list of runs.

python benchmarks/side_by_side.py BEFORE [--now CHECKOUT] [--runs 3] [--list 2000]

Seconds are processor time, children included, the least of the runs; memory is that of the largest
single process. A change of 300 lines is reviewed by five reviewers who ask the stand-in for
Bedrock, and by a plain LangGraph fan-out of five nodes with the same client and a prompt of a page
each; then without a model. `status` lists the runs of a batch that an older release stored. Each
checkout runs under the Python of its .venv; the fan-out under that of `--now`.
"""

import argparse
import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from cost import MODEL, git, reviewers, small_modules, write  # noqa: E402
from support.bedrock import BedrockServer  # noqa: E402
from support.play import REVIEWERS, agent_of  # noqa: E402
from support.stored import unpack  # noqa: E402

MOST_REVIEW, MOST_ALONE, MOST_STATUS = 1.0, 0.5, 1.0  # of the fan-out; seconds; seconds
MOST_MEGABYTES = 110
NOT_WORSE = 1.05

FAN_OUT = """
import subprocess, sys
from typing import Annotated, Any, TypedDict
import operator
from langchain.chat_models import init_chat_model
from langchain_core.tools import tool
from langgraph.graph import END, START, StateGraph

@tool
def report_findings(findings: list[dict[str, Any]]) -> str:
    "Report what is wrong with the change, once, in one call."
    return ""

class State(TypedDict):
    diff: str
    findings: Annotated[list[Any], operator.add]

model = init_chat_model(sys.argv[1]).bind_tools([report_findings])

def reviewer(name):
    def node(state):
        said = model.invoke([
            ("system", "You review changes to code. " * 80),
            ("user", f"# The change\\n{state['diff']}\\n# Your part: {name}\\nReport."),
        ])
        return {"findings": [f for call in said.tool_calls for f in call["args"]["findings"]]}
    return node

graph = StateGraph(State)
for name in sys.argv[2:]:
    graph.add_node(name, reviewer(name))
    graph.add_edge(START, name)
    graph.add_edge(name, END)
diff = subprocess.run(["git", "diff", "HEAD"], capture_output=True, text=True, check=True).stdout
found = graph.compile().invoke({"diff": diff, "findings": []})["findings"]
assert len(found) == len(sys.argv[2:]), found
"""


class Cost(NamedTuple):
    """The cost of a process."""

    seconds: float  # of the processor
    megabytes: float


class Checkout(NamedTuple):
    """Code to measure, and the program that runs it."""

    root: Path
    python: str

    def command(self, *arguments: str) -> list[str]:
        """Return the start of a command."""
        return [self.python, "-m", "reviewloop", *arguments]


def main() -> int:
    """Print a line for each case; return 1 if a target is missed or a figure grew worse."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("--now", type=Path, default=ROOT)
    parser.add_argument("--runs", type=int, default=3, help="of which the cheapest counts")
    parser.add_argument("--list", type=int, default=2000, help="how many runs `status` lists")
    asked = parser.parse_args()
    pair = tuple(checkout(each) for each in (asked.before, asked.now))
    kept = True
    print(f"{'':34} {'before':>9} {'now':>9} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kept &= starts(pair, folder, asked.runs)
        kept &= reviews(pair, folder, asked.runs)
        kept &= statuses(pair, folder, asked.runs, asked.list)
    return 0 if kept else 1


def starts(pair: Sequence[Checkout], folder: Path, runs: int) -> bool:
    """Measure `--help`."""

    def start(one: Checkout) -> Cost:
        return cost(one.command("--help"), folder, home(one, folder))

    before, now = in_turns(runs, lambda: start(pair[0]), lambda: start(pair[1]))
    return line("reviewloop --help", before, now)


def reviews(pair: Sequence[Checkout], folder: Path, runs: int) -> bool:
    """Measure reviews of 300 lines: five reviewers, a plain fan-out, no model."""
    work = changed(folder / "work")
    with BedrockServer(reviewers(1), agent_of=agent_of, over_http=True) as server:
        environ = {**server.env(), "REVIEWLOOP_LIMITS__USD": "1000"}

        def asks(one: Checkout) -> Cost:
            # `--again`: otherwise a review of the same change would be cached.
            command = one.command("review", "--again", "--model", MODEL, "--format", "json")
            return cost(command, work, home(one, folder) | environ, ends=(0, 1))

        def fans_out() -> Cost:
            command = [pair[1].python, "-c", FAN_OUT, MODEL, *REVIEWERS]
            return cost(command, work, home(pair[1], folder) | environ)

        asks(pair[0])  # fills caches
        before, now, plain = in_turns(runs, lambda: asks(pair[0]), lambda: asks(pair[1]), fans_out)
    kept = line("review of 300 lines, 5 reviewers", before, now)
    kept &= line("... beside a plain fan-out", plain, now, at_most=MOST_REVIEW, names="plain, now")

    def alone(one: Checkout) -> Cost:
        command = one.command("review", "--model", "none", "--format", "json")
        return cost(command, work, home(one, folder), ends=(0, 1))

    before, now = in_turns(runs, lambda: alone(pair[0]), lambda: alone(pair[1]))
    kept &= line("review of 300 lines, no model", before, now)
    return kept & aim(f"{now.seconds:.2f} s of {MOST_ALONE}", now.seconds <= MOST_ALONE)


def statuses(pair: Sequence[Checkout], folder: Path, runs: int, many: int) -> bool:
    """Measure `status` with many runs that an older release stored."""
    site = unpack("queue", folder)
    (known,) = (site.state / "repositories").iterdir()
    multiply(known, many)

    def status(one: Checkout) -> Cost:
        environ = home(one, folder) | {"REVIEWLOOP_STATE_DIR": str(site.state)}
        return cost(one.command("status", "--json"), site.root, environ)

    before, now = in_turns(runs, lambda: status(pair[0]), lambda: status(pair[1]))
    kept = line(f"status with {many:,} runs", before, now)
    return kept & aim(f"{now.seconds:.2f} s of {MOST_STATUS}", now.seconds <= MOST_STATUS)


def multiply(known: Path, many: int) -> None:
    """Add copies of a stored run of a batch up to so many, each a committed task.

    They share one folder: what is read of each is the same.
    """
    with closing(sqlite3.connect(known / "runs.sqlite")) as database, database:
        row = "SELECT created_at, record FROM runs ORDER BY created_at LIMIT 1"
        created, text = database.execute(row).fetchone()
        (there,) = database.execute("SELECT count(*) FROM runs").fetchone()
        record = json.loads(text)
        for number in range(many - there):
            name, at = f"9.{number}-1123-{number:04x}", created - number - 1
            own = {"run_id": name, "task_id": f"9.{number}", "title": f"Task {number}"}
            over = {"status": "committed", "commit": record["base_commit"]}
            copy = {**record, **own, **over, "created_at": at, "updated_at": at}
            values = (name, at, at, "committed", json.dumps(copy))
            database.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", values)
            (known / "runs" / name).symlink_to(known / "runs" / record["run_id"])


def changed(folder: Path) -> Path:
    """Return a repository with an uncommitted change of 300 lines."""
    write(folder / "shop/part.py", '"""A part of the shop."""\n')
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "base")
    for path, parts in small_modules():
        write(folder / path, "".join(parts))
    git(folder, "add", "--all")
    return folder


def checkout(root: Path) -> Checkout:
    """Return a checkout with the Python of its own environment, else this one."""
    python = root.resolve() / ".venv" / "bin" / "python"
    return Checkout(root.resolve(), str(python if python.exists() else sys.executable))


def home(one: Checkout, folder: Path) -> dict[str, str]:
    """Return an environment with a home of its own, and only bundled tools."""
    place = folder / f"home-{abs(hash(one.root))}"
    place.mkdir(exist_ok=True)
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(place),
        "REVIEWLOOP_STATE_DIR": str(place / "state"),
        "PYTHONPATH": str(one.root),
    }


def in_turns(runs: int, *works: Callable[[], Cost]) -> list[Cost]:
    """Return the least cost of each work; they take turns, so that load affects all alike."""
    seen = [[work() for work in works] for _ in range(runs)]
    return [Cost(*map(min, zip(*each, strict=True))) for each in zip(*seen, strict=True)]


def cost(
    argv: Sequence[str], cwd: Path, environ: Mapping[str, str], ends: Sequence[int] = (0,)
) -> Cost:
    """Run a command and return its cost, with that of its children."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        start = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(answer), *argv]
        done = subprocess.run(
            start, cwd=cwd, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True
        )
        code, seconds, kilobytes = json.loads(answer.read_text())
    if code not in ends:
        raise SystemExit(f"{argv} ended with {code}:\n{done.stderr.decode()[-2000:]}")
    return Cost(seconds, kilobytes / 1024)


# A process inherits the memory figure of its parent: so a small one starts it.
_LAUNCH = """
import json, os, resource, sys
code = os.spawnvp(os.P_WAIT, sys.argv[2], sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([code, used.ru_utime + used.ru_stime, used.ru_maxrss], file)
"""


def line(what: str, one: Cost, other: Cost, at_most: float = NOT_WORSE, names: str = "") -> bool:
    """Print seconds and megabytes of two, and their ratios; return whether the target is met."""
    ratio = other.seconds / one.seconds
    memory = other.megabytes / one.megabytes
    said = f"  ({names})" if names else ""
    print(f"{what:34} {one.seconds:7.2f} s {other.seconds:7.2f} s {ratio:6.2f}{said}")
    print(f"{'  memory':34} {one.megabytes:5.0f} MiB {other.megabytes:5.0f} MiB {memory:6.2f}")
    kept = ratio <= at_most and other.megabytes <= max(MOST_MEGABYTES, one.megabytes * NOT_WORSE)
    return kept or aim(f"at most {at_most}", kept=False)


def aim(what: str, kept: bool) -> bool:
    """Print whether a target is met; return it."""
    print(f"  {'kept' if kept else 'MISSED'}: {what}")
    return kept


if __name__ == "__main__":
    sys.exit(main())
