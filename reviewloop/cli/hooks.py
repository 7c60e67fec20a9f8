"""`reviewloop hooks`: lists the hooks of this repository, and their problems."""

import difflib
import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from reviewloop.app.project import open_repository, repository
from reviewloop.cli.consoles import print_json, print_lines
from reviewloop.cli.help import Group
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo
from reviewloop.hooks.hook import OF_FILES, Event, Hook
from reviewloop.hooks.reading import HookProblem, HooksRead, hook_files, read_hooks
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line, safe
from reviewloop.specs.files import DiskFiles, in_folder
from reviewloop.store.folders import state_root
from reviewloop.store.locks import is_held
from reviewloop.store.runs import RunRecord
from reviewloop.store.trust import TrustStore

if TYPE_CHECKING:
    from reviewloop.app.run.hook_log import HookRow
    from reviewloop.render.hooks_html import ShownHook

_POLL = 0.5  # seconds


@click.group(cls=Group, later={"init": "reviewloop.cli.hook_init:init_hook"})
def hooks() -> None:
    """List and check the hooks of this repository."""


@hooks.command("list")
@click.option("--event", metavar="EVENT", default="", help="Only those of this event.")
@click.option("--path", metavar="FILE", default="", help="Only those that fire on this file.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def list_hooks(event: str, path: str, as_json: bool) -> ExitCode:
    """List every hook: its event, what it does, whether you trust it.

    A run takes them from its base commit, so commit them first.
    """
    repo = repository()
    read = _read(repo)
    trust = TrustStore(state_root())
    chosen = [one for one in read.hooks if not event or one.event is _event(event)]
    if path:
        chosen = [one for one in chosen if one.event in OF_FILES and one.fits_path(path)]
    rows = [_plain(one, trust.is_trusted(repo.key, one.digest)) for one in chosen]
    if as_json:
        print_json("hooks", {"hooks": rows, "problems": [_problem(one) for one in read.problems]})
        return ExitCode.CLEAN
    for hook, row in zip(chosen, rows, strict=True):
        facts = [row["source"], "blocks" if row["blocking"] else "", row["not_run"]]
        facts.append("" if row["trusted"] else "not trusted")
        click.echo(f"{hook.event:<15} {one_line(f'{hook.name}: {hook.in_short}')}")
        click.echo(f"{'':<16}{one_line(', '.join(fact for fact in facts if fact))}")
    if not rows:
        print_lines("no hook fires here")
    return ExitCode.CLEAN


@hooks.command("validate")
@click.argument("paths", nargs=-1, metavar="[FILE]...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def validate(paths: tuple[str, ...], as_json: bool) -> ExitCode:
    """Check every hook file, or these; exit 1 when a hook cannot be used."""
    read = _read(repository())
    if paths:
        read = _of_files(read, repository(), paths)
    if as_json:
        body = {"hooks": len(read.hooks), "problems": [_problem(one) for one in read.problems]}
        print_json("hooks-validate", body)
    else:
        for problem in read.problems:
            click.echo(one_line(f"{problem.level}: {problem.sentence}"))
        click.echo(f"{counted(len(read.hooks), 'hook')}, {counted(len(read.errors), 'error')}")
    return ExitCode.FINDINGS if read.errors else ExitCode.CLEAN


@hooks.command("show")
@click.option("--html", "as_html", is_flag=True, help="Print one page with a filter by path.")
def show(as_html: bool) -> ExitCode:
    """Show which file fires which hooks."""
    from reviewloop.render.hooks_html import hooks_html

    repo = repository()
    read = _read(repo)
    trust = TrustStore(state_root())
    files = _files_of(repo, read.hooks)
    if as_html:
        shown = [_shown(one, trust.is_trusted(repo.key, one.digest)) for one in read.hooks]
        click.echo(hooks_html(repo.root.name, shown, files), nl=False)
        return ExitCode.CLEAN
    for path, names in files.items():
        click.echo(one_line(f"{path}: {', '.join(names)}"))
    others = [one.name for one in read.hooks if one.event not in OF_FILES]
    if others:
        print_lines(f"on no single file: {one_line(', '.join(others))}")
    if not read.hooks:
        print_lines("no hook fires here")
    return ExitCode.CLEAN


@hooks.command("run")
@click.argument("name")
@click.option("--file", "path", metavar="FILE", default="", help="The file that it is told of.")
@click.option("--model", metavar="MODEL", help="The model that a hook with a prompt asks.")
@click.option("--dry-run", is_flag=True, help="Show what would be run, and run nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def run_one(name: str, path: str, model: str | None, dry_run: bool, as_json: bool) -> ExitCode:
    """Run one hook of the last commit on your checkout, in the sandbox.

    NAME is its name or its file. What it writes is shown and not kept; at git.pre-commit it looks
    at what is staged. Exit code 3 when it would block, 1 when it is red.
    """
    from reviewloop.app.run.hook_trial import hook_trial

    trial = hook_trial(repository(), name, path, dry_run=dry_run, model=model)
    if as_json:
        print_json("hooks-run", trial.plain())
        return trial.exit
    click.echo(safe(f"{trial.hook.event}: {trial.command}"))
    if dry_run:
        print_lines("nothing was run")
        return trial.exit
    if trial.output:
        click.echo(safe(trial.output))
    if not trial.ran:
        return trial.exit
    print_lines(f"hook {one_line(trial.hook.name)}: {trial.summary}")
    if trial.would_write:
        print_lines(f"not kept, it wrote: {one_line(', '.join(trial.would_write))}")
    return trial.exit


@hooks.command("logs")
@click.argument("run_id", required=False, metavar="[RUN]")
@click.option("-f", "--follow", is_flag=True, help="Go on printing until the run stops.")
@click.option(
    "--slow",
    type=click.IntRange(min=0),
    metavar="MS",
    help="Only those that the run waited for so long, or longer.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def logs(run_id: str | None, follow: bool, slow: int | None, as_json: bool) -> ExitCode:
    """Print what hooks did in a run: the latest, or RUN.

    Those of commands that are no run (a spec approved, a pull request opened, a deploy) follow:
    without RUN what came after the latest run began, with RUN those about it.
    """
    from reviewloop.app.run.answers import newest_or_named
    from reviewloop.app.run.hook_log import HookRow, hook_rows, moment_rows

    if follow and as_json:
        raise UsageError("--json prints one object when all is known; leave out --follow")
    repo = open_repository(for_reading=True)
    moments = [*moment_rows(repo)]
    is_none = not run_id and bool(moments) and not repo.runs.all()  # outside of runs
    record = None if is_none else newest_or_named(repo, run_id)
    shown: list[HookRow] = []
    count = 0
    while record is not None:
        runs_on = is_held(repo.run_lock(record.run_id))  # first: no row follows its end
        rows = [*hook_rows(repo, record, after=count)]
        count += len(rows)
        chosen = [r for r in rows if slow is None or (r["ms"] >= slow and not r["queued"])]
        for row in () if as_json else chosen:
            click.echo(one_line(_line(row)))
        shown += chosen
        if not (follow and runs_on):
            break
        time.sleep(_POLL)
    about = [row for row in moments if _is_about(row, record, named=bool(run_id))]
    later = [row for row in about if slow is None or row["ms"] >= slow]
    for row in () if as_json else later:
        click.echo(one_line(_line(row)))
    if as_json:
        run = record.run_id if record else ""
        print_json("hooks-logs", {"run": run, "hooks": [*map(dict, (*shown, *later))]})
    elif slow is not None and shown:
        names = ", ".join(dict.fromkeys(row["name"] for row in shown))
        print_lines(f"the run waits for {one_line(names)}; with `mode: queued` it would not")
    elif not shown and not later:
        was_any = slow is not None and (count or about)
        print_lines(f"no hook {'was that slow' if was_any else 'ran'}")
    return ExitCode.CLEAN


def _event(name: str) -> Event:
    names = [str(one) for one in Event]
    if name in names:
        return Event(name)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    more = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}"
    raise UsageError(f"there is no event {one_line(name)}; {more}")


def _of_files(read: HooksRead, repo: UserRepo, paths: Sequence[str]) -> HooksRead:
    """Return the hooks read from these files; raise `UsageError` for a file without hooks."""
    files = in_folder(DiskFiles(repo.root), repo.project)
    known = {*hook_files(files)}
    chosen = {path.removeprefix("./") for path in paths}
    for path in sorted(chosen - known):
        there = "hooks are not read from it" if files.read(path) is not None else "it is not there"
        raise UsageError(f"{one_line(path)}: {there}; `reviewloop hooks list` shows where they are")
    return HooksRead(
        tuple(one for one in read.hooks if one.source in chosen),
        tuple(one for one in read.problems if one.path in chosen),
    )


def _is_about(row: "HookRow", record: RunRecord | None, *, named: bool) -> bool:
    """Return whether a hook outside of runs is about a run, or ran after it started."""
    if record is None:
        return True
    return row["run"] == record.run_id if named else row["at"] >= record.created_at


def _line(row: "HookRow") -> str:
    code = row["exit_code"]
    end = "did not end by itself" if code is None else f"exit code {code}"
    facts = [end, f"{row['ms']} ms", "queued" if row["queued"] else ""]
    facts.append(f"{counted(row['calls'], 'call')}, {_cost(row)}" if row["calls"] else "")
    facts += ["edited the change" if row["edited"] else "", row["log"]]
    clock = time.strftime("%H:%M:%S", time.localtime(row["at"]))
    about = f" {row['path']}" if row["path"] else ""
    return f"{clock} {row['event']:<15} {row['name']}{about}: {', '.join(filter(None, facts))}"


def _cost(row: "HookRow") -> str:
    return "price not known" if row["usd"] is None else f"${row['usd']:.4f}"


def _read(repo: UserRepo) -> HooksRead:
    return read_hooks(in_folder(DiskFiles(repo.root), repo.project))


def _plain(hook: Hook, trusted: bool) -> dict[str, Any]:
    return {
        "name": hook.name,
        "event": str(hook.event),
        "source": hook.source,
        "line": hook.line,
        "does": hook.does,
        "filters": list(hook.filters),
        "blocking": hook.blocking,
        "trusted": trusted,
        "not_run": hook.why_not_run,
    }


def _shown(hook: Hook, trusted: bool) -> "ShownHook":
    facts = ["blocks" if hook.blocking else "", hook.why_not_run, "" if trusted else "not trusted"]
    return {
        "name": hook.name,
        "event": str(hook.event),
        "does": hook.does,
        "filters": hook.filters,
        "source": hook.source,
        "facts": [fact for fact in facts if fact],
        "fires": trusted and not hook.why_not_run,
        "of_files": hook.event in OF_FILES,
    }


def _files_of(repo: UserRepo, hooks: Sequence[Hook]) -> dict[str, list[str]]:
    """Return file -> names of the hooks that it fires, for the project's files in git."""
    start = f"{repo.project}/" if repo.project else ""
    listed = Git(repo.git_dir, cwd=repo.root).run("ls-files", "-z").split(b"\0")
    found = {}
    for path in sorted(os.fsdecode(one) for one in listed if one):
        own = path.removeprefix(start)
        names = [one.name for one in hooks if one.event in OF_FILES and one.fits_path(own)]
        if path.startswith(start) and names:
            found[own] = names
    return found


def _problem(problem: HookProblem) -> dict[str, Any]:
    return {
        "path": problem.path,
        "line": problem.line,
        "text": problem.text,
        "level": problem.level,
    }
