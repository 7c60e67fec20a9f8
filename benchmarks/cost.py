"""Measure what reviewers that share a cached prompt cost beside five that each send all of it.

python benchmarks/cost.py [--tokens 5000 20000 60000] [--turns 1 5] [--reply 0.7] [--runs 3]

Each line is a change reviewed twice, in processes of their own: as we do it, and with
`models.cache = false`, which sends the same five prompts without cache points. The stand-in for
Bedrock bills both; cost is counted in input-token equivalents (input 1, cache write 1.25, cache
read 0.1), output apart. `run` is the review step of a task that is implemented first. Time is that
of the step, the fastest of the runs, in processes that have their imports behind them. `rebase` is
a waiting change of that size under which one small file moved that uses it: what its reviewers are
asked then, beside reviewing all of it again (under `naive`, with cache points). `plain` is a diff
of 300 lines, read by each reviewer in one turn, beside five prompts that hold that diff and a page
of instructions (400 words, 650 tokens) each, and nothing else: no tools, no rules, no cache.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from pull_request import critical_path  # noqa: E402
from support.bedrock import Answer, BedrockServer, Received, calls  # noqa: E402
from support.checkout import QUIET_GATES, Checkout  # noqa: E402
from support.parts import cast, writes  # noqa: E402
from support.play import REVIEWERS, agent_of  # noqa: E402
from support.shop import make_shop  # noqa: E402

MODEL = "bedrock_converse:global.anthropic.claude-sonnet-5-5"
FIRST_BYTE_SECONDS = 0.05
MOST_COST, FROM_TOKENS = 0.4, 20_000
MOST_AGAIN = 0.4
MOST_WALL, MORE_SECONDS = 1.05, 0.3
MOST_PLAIN, PAGE_TOKENS = 0.6, 650
WRITE, READ = 1.25, 0.1
CHARS_PER_TOKEN = 4


class Measured(NamedTuple):
    """One review: billed tokens, duration, findings."""

    cost: float
    cached: float  # share of the input that was read from the cache
    output: int
    shared: int  # tokens before the first cache point of the reviewers' own
    step: float  # seconds from the first reviewer's start to the last one's end
    path: float
    findings: tuple[str, ...]
    one_prefix: bool
    billed: tuple[int, int, int]  # tokens: sent uncached, written to the cache, read from it


def main() -> int:
    """Print a line for each case; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, nargs="+", default=[5_000, 20_000, 60_000])
    parser.add_argument("--turns", type=int, nargs="+", default=[1, 5])
    parser.add_argument("--reply", type=float, default=0.7, help="seconds of a reply")
    parser.add_argument("--runs", type=int, default=3, help="of which the fastest counts for time")
    asked = parser.parse_args()
    kept = plain()
    print(
        f"{'':9} {'shared':>7} {'turns':>5} {'ours':>8} {'naive':>8} {'ratio':>6} {'cached':>7} "
        f"{'step':>6} {'path':>6} {'over':>6}  findings, prefix"
    )
    for tokens in asked.tokens:
        for turns in asked.turns:
            for kind, measure in (("review", review), ("run", run)):
                runs = [measure(tokens, turns, asked.reply, cache=True) for _ in range(asked.runs)]
                ours = min(runs, key=lambda run: run.step - MOST_WALL * run.path)
                naive = measure(tokens, turns, 0.0, cache=False)
                same = all(run.findings == naive.findings for run in runs)
                same &= len(naive.findings) == len(REVIEWERS)
                print(line(kind, turns, ours, naive, same), flush=True)
                aimed = ours.cost <= MOST_COST * naive.cost or tokens < FROM_TOKENS
                in_time = ours.step <= MOST_WALL * ours.path + MORE_SECONDS
                kept &= same and aimed and in_time and all(run.one_prefix for run in runs)
        again, moved = rebase(tokens)
        print(line("rebase", 1, moved, again, moved.findings == again.findings), flush=True)
        kept &= moved.one_prefix and (moved.cost < MOST_AGAIN * again.cost or tokens < FROM_TOKENS)
    print(
        f"aims: cost at most {MOST_COST} of the naive one from {FROM_TOKENS:,} tokens on, the step "
        f"at most {MOST_WALL} of the critical path + {MORE_SECONDS} s, same findings; after a move "
        f"at most {MOST_AGAIN} of a whole review; of 300 lines at most {MOST_PLAIN} of plain "
        "prompts: " + ("kept" if kept else "MISSED")
    )
    return 0 if kept else 1


def line(kind: str, turns: int, ours: Measured, naive: Measured, same: bool) -> str:
    """Return the printed line of one case."""
    return (
        f"{kind:9} {ours.shared:7,} {turns:5} {ours.cost:8,.0f} {naive.cost:8,.0f} "
        f"{ours.cost / naive.cost:6.3f} {ours.cached:6.0%} {ours.step:6.2f} {ours.path:6.2f} "
        f"{ours.step - ours.path:6.2f}  {len(ours.findings)} "
        f"{'equal' if same else 'DIFFERENT'}, {'one' if ours.one_prefix else 'SEVERAL'}; "
        f"output {ours.output:,}, naive {naive.output:,}"
    )


def plain() -> bool:
    """Print the case `plain`; return whether its target is met."""
    files = [(path, "".join(parts)) for path, parts in small_modules()]
    ours = review_of(files, 1, 0.0, cache=True)
    diff = sum(len(text) + text.count("\n") + len(_HEADER.format(path)) for path, text in files)
    beside = len(REVIEWERS) * (diff / CHARS_PER_TOKEN + PAGE_TOKENS)
    print(
        f"plain: {sum(text.count(chr(10)) for _, text in files)} lines, {diff // 4:,} tokens of "
        f"diff; ours {ours.cost:,.0f}, five plain prompts {beside:,.0f}: {ours.cost / beside:.3f}"
    )
    return ours.cost <= MOST_PLAIN * beside


_HEADER = (
    "diff --git a/{0} b/{0}\nnew file mode 100644\nindex 0000000..1234567\n"
    "--- /dev/null\n+++ b/{0}\n@@ -0,0 +1,50 @@\n"
)


def small_modules() -> Iterator[tuple[str, list[str]]]:
    """Yield six new modules of 50 lines."""
    for number in range(6):
        yield (
            f"shop/part_{number}.py",
            [
                f'"""Part {number} of the shop, of which there are six."""\n',
                *(
                    f"\n\ndef items_{number}_{each}(rows, noun_{each}):\n"
                    f'    """Return the rows of {number} and {each}."""\n{wrong(number, each)}\n'
                    for each in range(10)
                ),
            ],
        )


def review(tokens: int, turns: int, reply: float, *, cache: bool) -> Measured:
    """Review a branch of this size."""
    return review_of(modules(tokens), turns, reply, cache=cache)


def review_of(
    files: Sequence[tuple[str, str]], turns: int, reply: float, *, cache: bool
) -> Measured:
    """Review a branch that adds these files."""
    with (
        tempfile.TemporaryDirectory() as folder,
        BedrockServer(
            reviewers(turns), agent_of=agent_of, seconds=reply, first_byte=FIRST_BYTE_SECONDS
        ) as server,
    ):
        work = Path(folder, "work")
        work.mkdir()
        write(work / "shop/part.py", '"""A part of the shop."""\n')
        git(work, "init", "--quiet", "--initial-branch", "main")
        git(work, "add", "--all")
        git(work, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "base")
        for path, text in files:
            write(work / path, text)
        checkout = Checkout(work, Path(folder, "home"), server, settings(cache))
        said = checkout.forked("review", "--model", MODEL, "--format", "json")
        if said.code not in (0, 1):
            raise SystemExit(f"the review ended with {said.code}:\n{said.out}{said.err}")
        titles = [finding["title"] for finding in json.loads(said.out)["findings"]]
        [events] = checkout.state.glob("repositories/*/reviews/*/events.jsonl")
        told = [json.loads(line) for line in events.read_text().splitlines()]
        return measured(server.ledger, told, titles)


def run(tokens: int, turns: int, reply: float, *, cache: bool) -> Measured:
    """Run a task with a change of this size, and measure its review."""
    with waiting(tokens, turns, reply, cache=cache) as checkout:
        return measured(checkout.server.ledger, checkout.events(), list(checkout.findings()))


def rebase(tokens: int) -> tuple[Measured, Measured]:
    """Return the review of a change, and the requests after a file below it has moved."""
    with waiting(tokens, 1, 0.0, cache=True) as checkout:
        first, told = list(checkout.server.ledger), checkout.events()
        titles = list(checkout.findings())
        write(checkout.root / "shop/uses.py", "from shop.part_0 import items_0_0\n")
        checkout.git("add", "shop/uses.py")
        checkout.git("commit", "--quiet", "--message", "Mine")
        said = checkout.forked("queue", "approve", "--all")
        if said.code != 4:
            raise SystemExit(f"the queue ended with {said.code}:\n{said.out}{said.err}")
        later = checkout.server.ledger[len(first) :]
        events, still = checkout.events()[len(told) :], list(checkout.findings())
        return measured(first, told, titles), measured(later, events, still)


@contextmanager
def waiting(tokens: int, turns: int, reply: float, *, cache: bool) -> Iterator[Checkout]:
    """Yield a checkout in which a task with a change of this size waits for approval."""
    implement = writes(dict(modules(tokens)), "Write the parts")
    part = reviewers(turns)
    parts = dict.fromkeys((name.replace("-", "_") for name in REVIEWERS), part)
    with (
        tempfile.TemporaryDirectory() as folder,
        BedrockServer(
            cast(implement=implement, **parts),
            agent_of=agent_of,
            seconds=reply,
            first_byte=FIRST_BYTE_SECONDS,
        ) as server,
    ):
        root = Path(folder, "shop")
        root.mkdir()
        make_shop(root)
        checkout = Checkout(root, Path(folder, "home"), server, settings(cache))
        said = checkout.forked("run", "2.1")
        if said.code != 4:
            raise SystemExit(f"the run ended with {said.code}:\n{said.out}{said.err}")
        yield checkout


def measured(
    ledger: Sequence[Received], told: Sequence[dict[str, Any]], titles: Sequence[str]
) -> Measured:
    """Return the bill of the reviewers' requests, and their time by the review's own events."""
    asked = [received for received in ledger if received.agent in REVIEWERS]
    if len({received.agent for received in asked}) != len(REVIEWERS):
        raise SystemExit("not all reviewers were asked")
    fresh = total(asked, "inputTokens")
    written, read = total(asked, "cacheWriteInputTokens"), total(asked, "cacheReadInputTokens")
    begun = min(event["at"] for event in told if event["kind"] == "reviewer.start")
    ended = max(event["at"] for event in told if event["kind"] == "reviewer.end")
    first = [received for received in asked if received.turn == 0]
    prefixes = {prefix(received) for received in first}
    return Measured(
        cost=fresh + WRITE * written + READ * read,
        cached=read / (fresh + written + read),
        output=total(asked, "outputTokens"),
        shared=len(next(iter(prefixes))) // CHARS_PER_TOKEN,
        step=ended - begun,
        path=critical_path(asked),
        findings=tuple(sorted(title for title in titles if title.startswith("Filters in"))),
        one_prefix=len(prefixes) == 1,
        billed=(fresh, written, read),
    )


def total(asked: Sequence[Received], name: str) -> int:
    """Return the sum of one count of the bill."""
    return sum(received.usage.get(name, 0) for received in asked)


def prefix(received: Received) -> str:
    """Return tools, system and first message as sent, up to its last cache point."""
    body = received.body
    content = body["messages"][0]["content"]
    last = max((n for n, block in enumerate(content) if "cachePoint" in block), default=-2)
    return json.dumps([body["toolConfig"]["tools"], body.get("system"), content[: last + 1]])


def reviewers(turns: int) -> Callable[[Received], Answer]:
    """Return reviewers that read a file in each turn and report a nit of their own in the last."""

    def part(received: Received) -> Answer:
        place = REVIEWERS.index(agent_of(received))
        if received.turn < turns - 1:
            path = f"shop/part_{received.turn}.py"
            return calls("fs_read", {"path": path, "end_line": 60 + place})
        finding = {
            **{"severity": "nit", "title": f"Filters in Python, seen by {place}"},
            **{"path": "shop/part_0.py", "quote": wrong(0, place)},
            **{"why": "Every row is read.", "suggestion": "Filter in the query."},
        }
        return calls("report_findings", {"findings": [finding]})

    return part


def settings(cache: bool) -> dict[str, str]:
    """Return the settings of a case: no gates, no analysers, and the change read at once."""
    return {
        **QUIET_GATES,
        "REVIEWLOOP_MODELS__CACHE": str(cache).lower(),
        "REVIEWLOOP_LIMITS__CONTEXT_TOKENS": "150000",
        "REVIEWLOOP_LIMITS__USD": "1000",
    }


def modules(tokens: int) -> list[tuple[str, str]]:
    """Return new modules of so many tokens, minus the rest of the prompt."""
    left, made = tokens * CHARS_PER_TOKEN - 14_000, []
    while left > 0 or len(made) < 5:
        number, parts = len(made), [f'"""Part {len(made)} of the shop."""\n']
        for each in range(60):
            if sum(map(len, parts)) * 1.05 > left and each >= len(REVIEWERS):
                break
            parts.append(
                f"\n\ndef items_{number}_{each}(rows, noun_{each}):\n"
                f'    """Return the rows of {number} and {each}."""\n{wrong(number, each)}\n'
            )
        text = "".join(parts)
        made.append((f"shop/part_{number}.py", text))
        left -= len(text) + text.count("\n")
    return made


def wrong(number: int, each: int) -> str:
    """Return the line that a reviewer reports."""
    return f"    return [row for row in rows if row[{number}] == noun_{each}]"


def write(path: Path, text: str) -> None:
    """Write a file and the folders it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def git(folder: Path, *argv: str) -> None:
    """Run git in a folder, without the user's configuration."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "-C", str(folder), *argv], env=environment, check=True)


if __name__ == "__main__":
    sys.exit(main())
