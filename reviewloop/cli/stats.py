"""`reviewloop stats`: quality, time and cost of this repository's runs."""

import re
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import click

from reviewloop.app.audit import spec_approvals
from reviewloop.app.fleet.port import Fleet
from reviewloop.app.project import repository_if_any
from reviewloop.app.stats import Chosen, figures, share_of
from reviewloop.cli.consoles import print_json, results
from reviewloop.cli.fleet import fleet_option
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.regex import regex
from reviewloop.render.stats_html import stats_html
from reviewloop.render.terminal.stats import render_stats
from reviewloop.store.folders import repository_folder
from reviewloop.store.metrics import RunMetrics

if TYPE_CHECKING:
    from reviewloop.git.repository import UserRepo
    from reviewloop.render.stats_figures import RepositoryFigures

_SPAN = regex(r"(\d{1,5})([dw])", re.ASCII)
_DAYS = {"d": 1, "w": 7}


@click.command(cls=Command)
@click.option("--since", metavar="WHEN", default="", help="Runs begun since: 30d, 8w, 2026-01-31.")
@click.option("--spec", metavar="PATH", default="", help="Only the tasks of this spec.")
@click.option("--repository", is_flag=True, help="Also of the checkout: docs, specs, architecture.")
@click.option("--html", "as_html", is_flag=True, help="Print one page with plots over time.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@fleet_option
def stats(
    since: str, spec: str, repository: bool, as_html: bool, as_json: bool, fleet: Fleet
) -> ExitCode:
    """Show quality, time and money of all runs.

    First-pass rate, findings, coverage, approvals. Runs that `clean` deleted count, too.
    With --store: the runs of all workers.
    """

    begin = read_since(since)
    rows = fleet.metrics()
    chosen = Chosen(begin, _spec_of(rows, spec))
    spec_dates = fleet.spec_dates([row for row in rows if chosen.of(row)])
    if as_html and as_json:
        raise UsageError("--html and --json cannot be combined; give one of them")
    user = repository_if_any()
    approvals = spec_approvals(repository_folder(user.key)) if user else {}
    first = {path: one.at for path, one in approvals.items()}
    several = sum(len(one.people) > 1 for one in approvals.values())
    body = figures(rows, spec_dates, chosen, first, share_of(several, len(approvals)))
    body["repository"] = _of_checkout(user) if user and (repository or as_html) else None
    if as_html:
        click.echo(stats_html(body), nl=False)
    elif as_json:
        print_json("stats", body)
    else:
        render_stats(body, results())
    return ExitCode.CLEAN


def _of_checkout(user: "UserRepo") -> "RepositoryFigures":
    from reviewloop.app.repository_figures import repository_figures  # parsers take a while to load

    return repository_figures(user)


def read_since(text: str) -> float:
    """Return the time in seconds since the epoch, 0 for an empty text."""
    written = text.strip()
    if not written:
        return 0.0
    if span := _SPAN.fullmatch(written):
        return max(0.0, time.time() - int(span[1]) * _DAYS[span[2]] * 86_400)
    try:
        return max(0.0, datetime.fromisoformat(written).timestamp())
    except (ValueError, OverflowError, OSError):
        raise UsageError(f"--since {text!r} is no time; write 30d, 8w or 2026-01-31") from None


def _spec_of(rows: Sequence[RunMetrics], spec_name: str) -> str:
    """Return the path of the named spec, as runs store it."""
    if not spec_name:
        return ""
    name = spec_name.removeprefix("./").rstrip("/")
    known = sorted({row.spec_path for row in rows if row.spec_path})
    found = [path for path in known if path == name] or [
        path for path in known if _is_meant(PurePosixPath(path), PurePosixPath(name))
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"--spec {spec_name!r} could be {' or '.join(found)}; name the file")
    listed = f"; there are runs of {', '.join(known)}" if known else ""
    raise UsageError(f"no run of this repository is about the spec {spec_name!r}{listed}")


def _is_meant(spec: PurePosixPath, name: PurePosixPath) -> bool:
    """Return whether a name is a file or a folder of the spec, or its feature's name."""
    related = spec in name.parents or name in spec.parents
    return related or str(name) in {spec.name, spec.stem.removesuffix("-spec")}
