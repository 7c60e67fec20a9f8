"""`reviewloop worker`: does the tasks of batches queued in a shared store."""

from collections.abc import Collection, Mapping
from pathlib import Path

import click

from reviewloop.app.project import Repository
from reviewloop.cli.consoles import print_lines
from reviewloop.cli.fleet import address_option, require_driver
from reviewloop.cli.help import Command
from reviewloop.cli.notifications import call_about
from reviewloop.cli.unexpected_errors import bug_report
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.event import RunEvent
from reviewloop.installed import require_all
from reviewloop.store.folders import private_folder, state_root
from reviewloop.store.runs import RunRecord


@click.command(cls=Command)
@address_option
@click.option("--work", "folder", metavar="DIR", default="", help="Folder for its clones.")
@click.option("--once", is_flag=True, help="Stop when no task is left.")
@click.option("--no-sandbox", is_flag=True, help="Run the project's code without a sandbox.")
@click.option(
    "--heartbeat",
    type=click.FloatRange(0.1, 600),
    default=10.0,
    metavar="SECONDS",
    help="Heartbeat interval; after three missed ones, another worker takes over.",
)
@click.option(
    "--patience",
    type=click.FloatRange(0, 86_400),
    default=600.0,
    metavar="SECONDS",
    help="How long to wait for a database that is away.",
)
def worker(
    store: str, folder: str, once: bool, no_sandbox: bool, heartbeat: float, patience: float
) -> ExitCode:
    """Work on what `batch --store` queued.

    It works on clones of its own and pushes what was approved. Start as many as you like, anywhere
    that reaches the database, the remotes and the models.
    """
    if not store:
        raise UsageError("name the database: --store postgresql://USER@HOST/DATABASE")

    require_driver()
    require_all("a worker")
    from reviewloop.app.fleet.worker import work
    from reviewloop.app.fleet.workplace import Workplace

    workplace = Workplace(
        store,
        _clones(folder),
        no_sandbox,
        _Shown(),
        print_lines,
        lambda error: bug_report(error, None),
        call=call_about,
    )
    work(workplace, once=once, heartbeat=heartbeat, patience=patience)
    return ExitCode.CLEAN


def _clones(named: str) -> Path:

    if not named:
        return private_folder(state_root() / "clones")
    try:
        return private_folder(Path(named).absolute())
    except OSError as error:
        raise UsageError(
            f"--work {named}: no folder for clones can be made there ({error.strerror}); "
            "name another"
        ) from None


class _Shown:
    """Prints the progress in plain lines, as a worker has no screen."""

    def opened(self, sentence: str) -> None:
        self._print(sentence)

    def planned(self, titles: Mapping[str, str], left: Collection[str]) -> None:
        pass  # it takes one task at a time

    def begun(self, task: str, run: RunRecord, below: str) -> None:
        self._print(f"{task}: {run.run_id} {run.title}" + (f", on {below}" if below else ""))

    def event(self, task: str, event: RunEvent) -> None:
        if event.get("kind") == "step.start":
            self._print(f"{task}: {event['step']}")

    def settled(self, task: str, run: RunRecord, why: str) -> None:
        self._print(f"{task}: {run.run_id} {run.status}" + (f": {why}" if why else ""))

    def ask(self, repository: Repository, run: RunRecord) -> dict[str, str] | None:
        return None  # no user here: it waits in the queue

    def _print(self, sentence: str) -> None:

        print_lines(sentence)
