"""Measure the Python taint pass on a checkout of OWASP BenchmarkPython.

python benchmarks/owasp_python.py FOLDER [--no-ruff] [--wrong]

FOLDER is a clone of github.com/OWASP-Benchmark/BenchmarkPython (it holds testcode/ and
expectedresults-*.csv). A case counts as found when a hit of its own category lies in its file.
For the categories `hash` and `weakrand` ruff's rules count too, as they do in a review. Printed
per category and together, for all cases and for the odd and even numbered half: recall (found of
the vulnerable ones) and false positives (found of the harmless ones). The cases are generated
from templates, so the halves are not independent. `--wrong` names every case that came out wrong.
"""

import argparse
import csv
import json
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from reviewloop.analysis.contract import SourceFile
from reviewloop.rules.taint import CHECKS

RULES = {
    "cmdi": {"taint/command-injection"},
    "codeinj": {"taint/code-injection"},
    "deserialization": {"taint/deserialization"},
    "hash": {"taint/weak-hash", "S303", "S324"},
    "ldapi": {"taint/ldap-injection"},
    "pathtraver": {"taint/path-traversal"},
    "redirect": {"taint/open-redirect"},
    "securecookie": {"taint/secure-cookie"},
    "sqli": {"taint/sql-injection"},
    "trustbound": {"taint/trust-boundary"},
    "weakrand": {"taint/weak-random", "S311"},
    "xpathi": {"taint/xpath-injection"},
    "xss": {"taint/xss"},
    "xxe": {"taint/xxe"},
}
HALVES = ("all", "odd", "even")


def main() -> int:
    """Print the table; return 0."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--no-ruff", action="store_true", help="count our own pass only")
    parser.add_argument("--wrong", action="store_true", help="name the cases that came out wrong")
    options = parser.parse_args()
    expected = read_expected(options.folder)
    found, seconds, lines = run_pass(options.folder / "testcode", sorted(expected))
    if not options.no_ruff:
        for name, rules in run_ruff(options.folder / "testcode").items():
            found[name] |= rules
    print(f"{lines:,} lines in {seconds:.1f} s: {lines / seconds:,.0f} lines a second\n")
    print_table(expected, found)
    if options.wrong:
        for name, (category, real) in sorted(expected.items()):
            if bool(found[name] & RULES[category]) != real:
                print(f"{name} {category} {'missed' if real else 'false alarm'}")
    return 0


def read_expected(folder: Path) -> dict[str, tuple[str, bool]]:
    """Return category and truth of every case by its name."""
    table = next(iter(sorted(folder.glob("expectedresults-*.csv"))))
    rows = csv.reader(table.read_text("utf-8").splitlines())
    return {row[0]: (row[1], row[2] == "true") for row in rows if not row[0].startswith("#")}


def run_pass(folder: Path, names: list[str]) -> tuple[dict[str, set[str]], float, int]:
    """Return the rules with hits in every case, the seconds it took and the lines read."""
    found: dict[str, set[str]] = defaultdict(set)
    lines = 0
    started = time.perf_counter()
    for name in names:
        text = (folder / f"{name}.py").read_text("utf-8")
        lines += text.count("\n")
        file = SourceFile(f"{name}.py", text, language="python")
        found[name] |= {hit.rule for check in CHECKS for hit in check.run(file)}
    return found, time.perf_counter() - started, lines


def run_ruff(folder: Path) -> dict[str, set[str]]:
    """Return the codes of ruff's hash and random rules by case."""
    argv = ["ruff", "check", "--isolated", "--ignore-noqa", "--select", "S303,S311,S324",
            "--output-format", "json", str(folder)]  # fmt: skip
    program = Path(sys.executable).with_name("ruff")
    argv[0] = str(program) if program.exists() else "ruff"
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    found: dict[str, set[str]] = defaultdict(set)
    for item in json.loads(done.stdout):
        if item["code"]:
            found[Path(item["filename"]).stem].add(item["code"])
    return found


def print_table(expected: dict[str, tuple[str, bool]], found: dict[str, set[str]]) -> None:
    """Print recall and false positives per category and together, for both halves."""
    counts: dict[tuple[str, str, bool], list[int]] = defaultdict(lambda: [0, 0])
    for name, (category, real) in expected.items():
        hit = bool(found[name] & RULES[category])
        half = "odd" if int(name[-1]) % 2 else "even"
        for group in (category, "together"):
            for part in ("all", half):
                counts[group, part, real][0] += hit
                counts[group, part, real][1] += 1
    heads = "".join(f"{part:>26}" for part in HALVES)
    print(f"{'':16}{heads}")
    for group in [*sorted(RULES), "together"]:
        cells = ""
        for part in HALVES:
            recall, false = counts[group, part, True], counts[group, part, False]
            text = f"{share(recall)} recall {share(false)} fp"
            cells += f"{text:>26}"
        print(f"{group:16}{cells}")
    hits, true = counts["together", "all", True]
    alarms, harmless = counts["together", "all", False]
    print(f"\nfound {hits} of {true} vulnerable, {alarms} of {harmless} harmless cases")


def share(counted: list[int]) -> str:
    """Return a share as a percentage."""
    return f"{100 * counted[0] / counted[1]:5.1f}%" if counted[1] else "    -"


if __name__ == "__main__":
    sys.exit(main())
