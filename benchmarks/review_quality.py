"""Measure the recall and the false positives of a review without a model on labelled cases.

python benchmarks/review_quality.py [FOLDER] [--all-tools] [--verbose]

FOLDER holds cases in the format of benchmarks/cases.md; the default is those of the tests.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.corpus import LabelError, Score, cases, examine_case  # noqa: E402

LEAST_RECALL, MOST_WRONG = 0.85, 0.05


def main() -> int:
    """Print recall and false positives; return 1 if they are beyond the limits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "tests" / "corpus")
    parser.add_argument("--all-tools", action="store_true", help="use other tools found here, too")
    parser.add_argument("--verbose", action="store_true", help="print every miss and false alarm")
    asked = parser.parse_args()
    try:
        scores = [examine_case(case, all_tools=asked.all_tools) for case in cases(asked.folder)]
    except LabelError as error:
        print(error, file=sys.stderr)
        return 2
    if not scores:
        print(f"{asked.folder} holds no case (benchmarks/cases.md)", file=sys.stderr)
        return 2
    if asked.verbose:
        details(scores)
    by_language = (
        (score.case.language, len(score.found), len(score.missed), len(score.wrong), 1)
        for score in scores
    )
    table("language", by_language)
    table("reviewer", by_reviewer(scores))
    found, missed = (sum(len(getattr(s, name)) for s in scores) for name in ("found", "missed"))
    wrong, silent = sum(len(s.wrong) for s in scores), sum(len(s.case.silent) for s in scores)
    recall = found / (found + missed) if found + missed else 1.0
    print(f"\nrecall {recall:.1%} ({found} of {found + missed}), ", end="")
    print(f"{wrong} false positives in {silent} places that must stay silent")
    return 0 if recall >= LEAST_RECALL and wrong <= MOST_WRONG * max(silent, 1) else 1


def by_reviewer(scores: Iterable[Score]) -> Iterable[tuple[str, int, int, int, int]]:
    """Yield the figures by responsible reviewer; labels without one count for `(any)`."""
    for score in scores:
        for wanted in score.found:
            yield wanted.agent or "(any)", 1, 0, 0, 0
        for wanted in score.missed:
            yield wanted.agent or "(any)", 0, 1, 0, 0
        for placed in score.wrong:
            yield placed.rule.reviewer, 0, 0, 1, 0


def table(title: str, rows: Iterable[tuple[str, int, int, int, int]]) -> None:
    """Print found, missed, recall and false positives by name."""
    columns: tuple[Counter[str], ...] = (Counter(), Counter(), Counter(), Counter())
    for name, *figures in rows:
        for column, figure in zip(columns, figures, strict=True):
            column[name] += figure
    found, missed, wrong, many = columns
    print(f"\n{title:24} {'found':>6} {'missed':>7} {'recall':>7} {'false':>6}")
    for name in sorted(found):
        total = found[name] + missed[name]
        recall = f"{found[name] / total:.0%}" if total else "-"
        cases_of = f"   {many[name]} cases" if many[name] else ""
        print(f"{name:24} {found[name]:6} {missed[name]:7} {recall:>7} {wrong[name]:6}{cases_of}")


def details(scores: Iterable[Score]) -> None:
    """Print missed and false findings, and the analysers that failed."""
    for score in scores:
        for wanted in score.missed:
            why = f" [known: {wanted.known_miss}]" if wanted.known_miss else ""
            print(f"missed {score.case.name}: {wanted}{why}")
        for placed in score.wrong:
            line = placed.hit.span.line if placed.hit.span else "-"
            print(f"wrong  {score.case.name}: {placed.hit.path}:{line} {placed.rule.id} "
                  f"{placed.hit.message}")  # fmt: skip
        for report in score.examination.failed:
            print(f"failed {score.case.name}: {report.name}: {report.reason}")


if __name__ == "__main__":
    sys.exit(main())
