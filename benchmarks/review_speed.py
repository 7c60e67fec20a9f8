"""Measure a review without a model of 500, 10,000 and 100,000 changed lines, as a process.

python benchmarks/review_speed.py [--lines 500 10000 100000] [--runs 3] [--all-tools] [--keep DIR]

The repositories are made up, in nine languages, the same on every machine; about a tenth of the
files were there before and are changed, the rest is new.
"""

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MOST_SECONDS = {500: 2.0, 100_000: 15.0}
MOST_MEGABYTES = {100_000: 500}
CHANGED = 10  # every so many files existed before, half as long
NOUNS = ("order", "cart", "price", "item", "user", "label", "parcel", "invoice", "refund", "stock")
VERBS = ("load", "save", "check", "count", "merge", "split", "print", "send", "close", "open")


@dataclass(frozen=True)
class Measured:
    """One size: the cost and the findings of a run."""

    lines: int
    seconds: float
    megabytes: float
    findings: int
    outcome: str
    slowest: str


def main() -> int:
    """Print a line for each size; return 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, nargs="+", default=[500, 10_000, 100_000])
    parser.add_argument("--runs", type=int, default=3, help="warm runs, of which the median counts")
    parser.add_argument("--all-tools", action="store_true", help="use other tools found here, too")
    parser.add_argument("--keep", type=Path, help="make the repositories here and keep them")
    asked = parser.parse_args()
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="reviewloop-speed-"))
    kept, before = True, None
    print(
        f"{'lines':>8} {'seconds':>8} {'MB':>6} {'growth':>7}  findings, outcome, slowest analyser"
    )
    try:
        for lines in asked.lines:
            repository = folder / str(lines)
            actual = make(repository, lines)
            runs = asked.runs if lines <= 10_000 else 1
            now = measure(repository, folder / "home", actual, runs, asked.all_tools)
            growth = "" if before is None else f"{now.seconds / before.seconds:.1f}x"
            print(
                f"{actual:8} {now.seconds:8.2f} {now.megabytes:6.0f} {growth:>7}  "
                f"{now.findings}, {now.outcome}, {now.slowest}"
            )
            kept &= now.seconds < MOST_SECONDS.get(lines, float("inf"))
            kept &= now.megabytes < MOST_MEGABYTES.get(lines, float("inf"))
            before = now
    finally:
        if asked.keep is None:
            shutil.rmtree(folder)
    return 0 if kept else 1


def measure(repository: Path, home: Path, lines: int, runs: int, all_tools: bool) -> Measured:
    """Review the repository's uncommitted work and return the median of the runs after the first.

    Memory is that of the largest single process.
    """
    home.mkdir(exist_ok=True)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CONFIG_HOME": str(home / "config"),
    }
    if not all_tools:
        environment["PATH"] = f"{Path(shutil.which('git') or '').parent}:/usr/bin:/bin"
    argv = [sys.executable, "-m", "reviewloop", "review", "--format", "json", "--model", "none"]
    times, peak, report = [], 0.0, {}
    for _ in range(runs + 1):
        started = time.perf_counter()
        done = subprocess.run(argv, cwd=repository, env=environment, capture_output=True)
        times.append(time.perf_counter() - started)
        # The largest of all children so far; sizes are measured from small to large.
        peak = max(peak, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
        try:
            report = json.loads(done.stdout)
        except ValueError:
            raise SystemExit(f"exit {done.returncode}: {done.stderr.decode()[-2000:]}") from None
    analysers = sorted(report["analysers"], key=lambda each: -each["seconds"])
    slowest = ", ".join(f"{each['name']} {each['seconds']:.1f}" for each in analysers[:3])
    seconds = statistics.median(times[1:]) if runs else times[0]
    return Measured(lines, seconds, peak, len(report["findings"]), report["outcome"], slowest)


def make(folder: Path, lines: int) -> int:
    """Create a repository with about so many added lines; return their number."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    chance = random.Random(lines)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    made = list(files(chance, lines))
    for path, text in made[::CHANGED]:
        write(folder / path, "".join(text.splitlines(keepends=True)[::2]))
    write(folder / "README.md", "# A shop\n")
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "base")
    for path, text in made:
        write(folder / path, text)
    git(folder, "add", "--all")
    shown = git(folder, "diff", "--cached", "--numstat")
    git(folder, "reset", "--quiet")
    return sum(int(line.split()[0]) for line in shown.splitlines())


def files(chance: random.Random, lines: int) -> Iterator[tuple[str, str]]:
    """Yield path and text of files with so many lines in all."""
    kinds = [python, python, python, python_test, script, typescript, go, shell, terraform,
             template, dockerfile, workflow, markdown]  # fmt: skip
    largest = min(300, max(50, lines // 12))
    total = number = 0
    while total < lines:
        path, text = kinds[number % len(kinds)](chance, number, min(largest, lines - total))
        total += text.count("\n") // (1 if number % CHANGED else 2)
        number += 1
        yield path, text


def pieces(size: int, *made: str) -> str:
    """Join texts up to so many lines."""
    joined, total = [], 0
    for text in made:
        if total >= size:
            break
        joined.append(text)
        total += text.count("\n")
    return "".join(joined)


def name(chance: random.Random, number: int) -> str:
    """Return a made-up name that occurs once."""
    return f"{chance.choice(VERBS)}_{chance.choice(NOUNS)}_{number}"


def many(size: int) -> range:
    """Return enough numbers for a file of so many lines."""
    return range(size)


def python(chance: random.Random, number: int, size: int) -> tuple[str, str]:
    """Return a Python module, occasionally with a problem."""
    parts = ['"""A part of the shop."""\n\nimport hashlib\nimport json\n\n']
    for each in many(size // 9 + 1):
        noun, share = chance.choice(NOUNS), chance.randrange(90)
        odd = f"    digest = hashlib.md5({noun}.encode()).hexdigest()\n" if share == 0 else ""
        parts.append(
            f"\ndef {name(chance, each)}({noun}, limit={share}):\n"
            f'    """Return what is known of {noun} up to {share}."""\n{odd}'
            f"    rows = [row for row in {noun}.rows if row.total > limit]\n"
            f"    if not rows:\n        return {{}}\n"
            f'    return json.loads(rows[0].text)["{chance.choice(NOUNS)}"]\n\n'
        )
    return f"shop/part_{number}.py", pieces(size, *parts)


def python_test(chance: random.Random, number: int, size: int) -> tuple[str, str]:
    """Return a Python test file."""
    parts = ["from shop import part_0\n\n"]
    for each in many(size // 6 + 1):
        value = chance.randrange(1000)
        parts.append(
            f"\ndef test_{name(chance, each)}():\n    rows = part_0.rows({value})\n"
            f"    assert len(rows) == {value}\n    assert rows[0].total < {value + 1}\n\n"
        )
    return f"tests/test_part_{number}.py", pieces(size, *parts)


def script(chance: random.Random, number: int, size: int) -> tuple[str, str]:
    """Return a JavaScript module."""
    parts = ['const db = require("./db");\n']
    for each in many(size // 8 + 1):
        noun = chance.choice(NOUNS)
        parts.append(
            f"\nasync function {name(chance, each)}({noun}) {{\n"  # noqa: S608 - it is reviewed, not run
            f'  const rows = await db.query("SELECT * FROM {noun} WHERE id = $1", [{noun}.id]);\n'
            f"  if (rows.length > {chance.randrange(50)}) {{\n    return rows[0];\n  }}\n"
            f"  return null;\n}}\n"
        )
    return f"web/part_{number}.js", pieces(size, *parts)


def typescript(chance: random.Random, number: int, size: int) -> tuple[str, str]:
    """Return a TypeScript module."""
    parts = []
    for each in many(size // 6 + 1):
        noun = chance.choice(NOUNS)
        parts.append(
            f"export function {name(chance, each)}({noun}: number[]): number {{\n"
            f"  const large = {noun}.filter((each) => each > {chance.randrange(99)});\n"
            f"  return large.reduce((sum, each) => sum + each, 0);\n}}\n\n"
        )
    return f"web/part_{number}.ts", pieces(size, *parts)


def go(chance: random.Random, number: int, size: int) -> tuple[str, str]:
    """Return a Go file."""
    parts = ['package shop\n\nimport "errors"\n']
    for each in many(size // 7 + 1):
        called = name(chance, each).title().replace("_", "")
        parts.append(
            f"\nfunc {called}(rows []int) (int, error) {{\n"
            f"\tif len(rows) < {chance.randrange(9)} {{\n"
            f'\t\treturn 0, errors.New("too few")\n\t}}\n\treturn rows[0], nil\n}}\n'
        )
    return f"shop/part_{number}.go", pieces(size, *parts)


def shell(chance: random.Random, number: int, size: int) -> tuple[str, str]:
    """Return a shell script."""
    parts = ["#!/usr/bin/env bash\nset -euo pipefail\n"]
    for each in many(size // 5 + 1):
        parts.append(
            f"\n{name(chance, each)}() {{\n"
            f'  local folder=$1\n  find "$folder" -name "*.{chance.choice(NOUNS)}" -print\n}}\n'
        )
    return f"scripts/part_{number}.sh", pieces(min(size, 60), *parts)


def terraform(chance: random.Random, number: int, size: int) -> tuple[str, str]:
    """Return a Terraform file."""
    parts = []
    for each in many(size // 9 + 1):
        called = name(chance, each)
        parts.append(
            f'resource "aws_sqs_queue" "{called}" {{\n  name = "{called}-{number}"\n'
            f"  sqs_managed_sse_enabled = true\n"
            f"  message_retention_seconds = {chance.randrange(1000, 9000)}\n}}\n\n"
            f'resource "aws_cloudwatch_log_group" "{called}" {{\n  name = "/{called}"\n'
            f"  retention_in_days = 30\n}}\n\n"
        )
    return f"infra/part_{number}.tf", pieces(size, *parts)


def template(chance: random.Random, number: int, size: int) -> tuple[str, str]:
    """Return a CloudFormation template."""
    parts = ['AWSTemplateFormatVersion: "2010-09-09"\nResources:\n']
    for each in many(size // 5 + 1):
        called = name(chance, each).title().replace("_", "")
        parts.append(
            f"  {called}:\n    Type: AWS::SQS::Queue\n    Properties:\n"
            f"      SqsManagedSseEnabled: true\n"
            f"      MessageRetentionPeriod: {chance.randrange(1000, 9000)}\n"
        )
    return f"infra/part_{number}.yaml", pieces(size, *parts)


def dockerfile(chance: random.Random, number: int, size: int) -> tuple[str, str]:
    """Return a Dockerfile, which is always short."""
    noun = chance.choice(NOUNS)
    text = (
        "FROM python:3.12.7-slim-bookworm\nWORKDIR /app\nCOPY requirements.txt .\n"
        "RUN pip install --no-cache-dir --requirement requirements.txt\nCOPY . .\n"
        f'USER 10001\nCMD ["python", "-m", "shop.{noun}"]\n'
    )
    return f"images/{number}/Dockerfile", pieces(size, text)


def workflow(chance: random.Random, number: int, size: int) -> tuple[str, str]:
    """Return a GitHub workflow; repositories have a few, so the others are other YAML."""
    text = (
        f"name: {chance.choice(NOUNS)} {number}\non: push\npermissions: {{}}\njobs:\n  test:\n"
        "    runs-on: ubuntu-24.04\n    steps:\n"
    ) + "".join(f"      - run: make {name(chance, each)}\n" for each in range(20))
    folder = ".github/workflows" if number < 130 else "deploy"
    return f"{folder}/part-{number}.yml", pieces(size, text)


def markdown(chance: random.Random, number: int, size: int) -> tuple[str, str]:
    """Return prose."""
    lines = (f"The {chance.choice(NOUNS)} of number {each}.\n\n" for each in many(size // 2 + 1))
    return f"docs/part_{number}.md", pieces(size, *lines)


def write(path: Path, text: str) -> None:
    """Write a file and the folders it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def git(folder: Path, *argv: str) -> str:
    """Run git in a folder, without the user's configuration."""
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-C", str(folder), *argv]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
