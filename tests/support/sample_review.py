"""A review of a small made-up change, with everything a report can hold."""

import difflib
from collections.abc import Sequence
from typing import Any

from reviewloop.analysis.contract import AnalyserReport, AnalyserStatus, Rule
from reviewloop.domain.finding import (
    Evidence,
    Finding,
    Placement,
    Severity,
    Status,
    by_severity,
    fingerprint,
)
from reviewloop.git.patches import DiffLine, Hunk
from reviewloop.render.report import ReviewedFile, ReviewerReport, ReviewReport, SkippedFile

DB = '''"""Reads and writes orders."""

import sqlite3

from app.settings import DATABASE


def connect():
    return sqlite3.connect(DATABASE)


def find_orders(request):
    name = request.args["customer"]
    query = "SELECT id, total FROM orders WHERE customer = '" + name + "'"
    with connect() as db:
        return db.execute(query).fetchall()


def totals(customers):
    result = {}
    with connect() as db:
        for customer in customers:
            row = db.execute("SELECT sum(total) FROM orders WHERE customer = ?", (customer,))
            result[customer] = row.fetchone()[0]
    return result


def archive(orders, target, compress, notify, retries, dry_run, verbose):
    for order in orders:
        if order.open:
            continue
        if compress:
            order = order.compressed()
        if not dry_run:
            target.write(order)
    return len(orders)
'''

OLD_DB = '''"""Reads and writes orders."""

import sqlite3

from app.settings import DATABASE


def connect():
    return sqlite3.connect(DATABASE)


def find_orders(name):
    with connect() as db:
        return db.execute("SELECT id, total FROM orders WHERE customer = ?", (name,)).fetchall()
'''

BUCKET = """resource "aws_s3_bucket" "reports" {
  bucket = "acme-reports"
  acl    = "public-read"

  tags = {
    team = "billing"
  }
}
"""

DEPLOY = """#!/bin/sh
set -e
curl -fsSL https://example.com/install.sh | sh
rm -rf $BUILD_DIR/*
"""

PAGE = """export function greet(name) {
  // 名前を表示する
  document.body.innerHTML = "<h1>こんにちは " + name + "</h1>";
\tif (name == null) {\treturn eval("fallback()"); }
}
"""

WORKFLOW = """name: ci
on: pull_request_target
jobs:
  test:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: echo "${{ github.event.pull_request.title }}"
"""

TESTS = """from app.db import totals


def test_totals():
    totals(["ada"])


def test_archive():
    assert True
"""

HOSTILE = 'x = "</script><script>alert(1)</script>"  # \x1b[31m\u202e<!-- @everyone\n'

NEW = {
    "app/db.py": DB,
    "infra/bucket.tf": BUCKET,
    "deploy.sh": DEPLOY,
    "web/greet.js": PAGE,
    ".github/workflows/ci.yml": WORKFLOW,
    "tests/test_db.py": TESTS,
    "app/</script>.py": HOSTILE,
    "docs/caf\udce9.py": "a = 1\n",
}
OLD = {"app/db.py": OLD_DB}

RULES = {
    "taint/sql-injection": Rule(
        "taint/sql-injection",
        "review-security",
        Severity.MUST_FIX,
        "A database query is built from what a user sent",
        "Whoever sends the request decides what the database does.",
        "Pass values as parameters of the query.",
        "injection",
        "CWE-89",
    ),
    "ruff/S608": Rule(
        "ruff/S608",
        "review-security",
        Severity.SHOULD_FIX,
        "SQL is put together from strings",
        source="https://docs.astral.sh/ruff/rules/hardcoded-sql-expression/",
    ),
}


class SampleSource:
    """The files of the made-up change."""

    def __init__(self, new: dict[str, str] = NEW, old: dict[str, str] = OLD) -> None:
        self.new, self.old = new, old

    def text(self, path: str) -> str | None:
        return self.new.get(path)

    def hunks(self, path: str) -> Sequence[Hunk]:
        before = self.old.get(path, "").split("\n")[:-1]
        after = self.new.get(path, "").split("\n")[:-1]
        return hunks_of(before, after)


def hunks_of(before: list[str], after: list[str], context: int = 3) -> list[Hunk]:
    """Return the blocks of a diff between two lists of lines."""
    hunks = []
    for group in difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_grouped_opcodes(
        context
    ):
        lines = []
        for tag, a, b, c, d in group:
            if tag == "equal":
                lines += [DiffLine(" ", text) for text in before[a:b]]
                continue
            lines += [DiffLine("-", text) for text in before[a:b]]
            lines += [DiffLine("+", text) for text in after[c:d]]
        (_, a, _, c, _), (_, _, b, _, d) = group[0], group[-1]
        hunks.append(Hunk(a + 1 if b > a else a, b - a, c + 1 if d > c else c, d - c, tuple(lines)))
    return hunks


def finding(path: str, line: int | None, rule: str, title: str, **more: Any) -> Finding:
    """Return a finding with everything that a test does not say filled in."""
    values: dict[str, Any] = {
        "agents": ("review-security",),
        "severity": Severity.SHOULD_FIX,
        "why": f"This is why {title.lower()} is a risk.",
        "suggestion": "Do it another way.",
        "category": "example",
        "confidence": "high",
        "evidence": (Evidence(kind="analyser", source=rule.partition("/")[0], text=title),),
        **more,
    }
    return Finding(
        id=fingerprint(path, str(line), rule + title),
        path=path,
        line=line,
        rule=rule,
        title=title,
        **values,
    )


def sample_findings() -> tuple[Finding, ...]:
    """Return findings of every severity and placement, worst first."""
    must, nit = Severity.MUST_FIX, Severity.NIT
    listed = [
        finding(
            "app/db.py", 14, "taint/sql-injection", "The query holds request.args['customer']",
            severity=must, agents=("review-security", "review-maintainability"),
            column=13, end_column=75, replacement=None,
            why="Whoever sends the request decides what the database does: "
            "customer=' OR 1=1 -- reads every order.",
            suggestion="Write a placeholder into the query and hand the name over beside it.",
            evidence=(
                Evidence(kind="analyser", source="taint", text="request.args (line 13) reaches "
                         "execute (line 16)"),
                Evidence(kind="analyser", source="ruff 0.17.5", text="S608 at the same line"),
            ),
        ),
        finding(
            "app/db.py", 20, "py/query-in-loop", "One query per customer",
            agents=("review-performance",), end_line=23, column=5, end_column=57,
            suggestion="Ask once, with GROUP BY customer.",
        ),
        finding(
            "app/db.py", 27, "py/many-parameters", "Seven parameters, four of them flags",
            severity=nit, agents=("review-maintainability",), column=5, end_column=12,
        ),
        finding(
            "infra/bucket.tf", 3, "tf/s3-public-acl", "Everyone can read this bucket",
            severity=must, agents=("review-infrastructure", "review-security"), column=12,
            end_column=25, replacement='  acl    = "private"', fix_safe=True,
            url="https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html",
        ),
        finding(
            "infra/bucket.tf", 1, "tf/s3-no-versioning", "No versions of the objects are kept",
            agents=("review-infrastructure",), end_line=8,
        ),
        finding("deploy.sh", 3, "sh/curl-pipe-shell", "A script from the network is run unseen",
                severity=must, column=1, end_column=48),
        finding("deploy.sh", 4, "shellcheck/SC2115", "An empty BUILD_DIR deletes from the root",
                column=8, end_column=20, replacement='rm -rf "${BUILD_DIR:?}"/*'),
        finding("web/greet.js", 3, "js/inner-html", "Text of others becomes markup",
                column=44, end_column=48, severity=must),
        finding("web/greet.js", 4, "js/eval", "Code is made of text", column=29, end_column=47),
        finding(".github/workflows/ci.yml", 8, "zizmor/template-injection",
                "A pull request's title is run as a shell command", severity=must, column=20,
                end_column=58),
        finding("tests/test_db.py", 4, "tests/no-assertion", "test_totals asserts nothing",
                agents=("review-test-quality",), end_line=5),
        finding("tests/test_db.py", 9, "tests/always-true", "This assertion cannot fail",
                agents=("review-test-quality",), column=12, end_column=16, severity=nit),
        finding("app/</script>.py", 1, "js/hidden-text", "</script><img src=x onerror=boom()> @all",
                severity=nit, quote="x"),
        finding("app/db.py", 9, "ruff/S101", "The connection is never closed", severity=nit,
                placement=Placement.CONTEXT, agents=("review-performance",)),
        finding("app/settings.py", None, "", "The setting may be missing in production",
                placement=Placement.UNANCHORED, quote="DATABASE = os.environ['DB']",
                agents=("review-infrastructure",), confidence="low", evidence=()),
        finding("docs/caf\udce9.py", None, "tests/change-without-test", "No test was changed",
                placement=Placement.FILE, agents=("review-test-quality",), severity=nit),
        finding("", None, "diff/mixed-concerns", "The change does four things at once",
                placement=Placement.FILE, agents=("review-maintainability",), severity=nit),
    ]  # fmt: skip
    return tuple(by_severity(listed))


def sample_report(**changed: Any) -> ReviewReport:
    """Return the report of the made-up change; keywords replace its fields."""
    silenced = finding(
        "app/db.py", 9, "ruff/S110", "An error is swallowed", status=Status.SUPPRESSED,
        note="suppressed in line 8: the caller logs it",
    )  # fmt: skip
    accepted = finding(
        "deploy.sh", 2, "shellcheck/SC3040", "set -e alone", status=Status.DISMISSED,
        note="in the baseline",
        note_from=Evidence(kind="baseline"),
    )  # fmt: skip
    values: dict[str, Any] = {
        "what": "your changes against main (1a2b3c4), uncommitted work included",
        "base": "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d",
        "head": "99aabbccddeeff00112233445566778899aabbcc",
        "findings": sample_findings(),
        "silenced": (silenced, accepted),
        "reviewed": tuple(
            ReviewedFile(path, "M" if path in OLD else "A", ((1, text.count("\n")),))
            for path, text in NEW.items()
        ),
        "skipped": (
            SkippedFile("package-lock.json", "M", "lock file"),
            SkippedFile("yarn.lock", "M", "lock file"),
            SkippedFile("logo.png", "A", "binary"),
            SkippedFile("docs/na\udcefve.bin", "A", "binary"),
        ),
        "agents": (
            ReviewerReport("review-security", "done", 0.41, 8),
            ReviewerReport("review-infrastructure", "done", 0.22, 3),
            ReviewerReport("review-maintainability", "done", 0.18, 3),
            ReviewerReport("review-performance", "done", 0.12, 2),
            ReviewerReport("review-test-quality", "done", 0.09, 3),
        ),
        "analysers": (
            AnalyserReport("ruff", AnalyserStatus.DONE, 0.04, "0.17.5", 4),
            AnalyserReport("zizmor", AnalyserStatus.DONE, 0.08, "1.32.0", 1),
            AnalyserReport("taint", AnalyserStatus.DONE, 0.03, "", 4),
            AnalyserReport("hadolint", AnalyserStatus.MISSING),
            AnalyserReport("shellcheck", AnalyserStatus.MISSING),
            AnalyserReport(
                "advisories", AnalyserStatus.NOT_CHECKED, reason="no advisories are configured"
            ),
        ),
        "outcome": "findings",
        "exit_code": 1,
        "fail_on": "should",
        "seconds": 0.84,
        "model": "none",
        "notes": ("No model is configured: reviewers report patterns, not logic bugs.",),
    }
    return ReviewReport(**{**values, **changed})


def failed_report() -> ReviewReport:
    """Return a report in which a reviewer and an analyser failed."""
    whole = sample_report()
    agents = list(whole.agents)
    agents[0] = ReviewerReport(
        "review-security", "failed", 31.0, 0, "big-model", reason="no answer within 30 s"
    )
    analysers = [
        *whole.analysers,
        AnalyserReport("cfn-lint", AnalyserStatus.FAILED, 60.0, "1.58", 2, "timed out after 60 s"),
    ]
    return sample_report(
        agents=tuple(agents),
        analysers=tuple(analysers),
        outcome="incomplete",
        exit_code=5,
        model="big-model",
    )
