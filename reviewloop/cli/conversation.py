"""Advances a run for a user at a terminal: live table, approval screen, answer, follow-ups."""

from collections.abc import Mapping
from typing import Any

import click
from rich.console import Console

from reviewloop.app.batch.approve import has_moved, rebase_waiting
from reviewloop.app.fleet.port import Resumed, Seen
from reviewloop.app.project import Repository, settings_of
from reviewloop.app.run.advance import advance
from reviewloop.app.run.answers import build_answer, next_commands
from reviewloop.app.run.branches import reread_repository, way_into_checkout
from reviewloop.app.run.finished_run import follow_ups, run_follow_up
from reviewloop.app.run.view import current_proposal, differs_since, proposal_of, run_object, view
from reviewloop.checkout.promote import switch
from reviewloop.cli.consoles import (
    confirm,
    echo,
    is_interactive,
    messages,
    print_json,
    print_lines,
    read_line,
)
from reviewloop.cli.editing import ask_for_edit
from reviewloop.cli.notifications import call_about
from reviewloop.cli.user_programs import paged
from reviewloop.domain.errors import (
    ExitCode,
    InterruptedByUserError,
    ModelError,
    ReviewLoopError,
    UsageError,
    WorkspaceError,
)
from reviewloop.domain.event import RunEvent
from reviewloop.domain.reason import ReasonKind
from reviewloop.github.api.client import on_github
from reviewloop.loop.approval_act import Here
from reviewloop.render.proposal import left_of
from reviewloop.render.terminal.approval import UserAnswer, ask, render_diff, render_proposal
from reviewloop.render.terminal.page import render_page, views
from reviewloop.render.terminal.progress import Progress
from reviewloop.render.untrusted import one_line, safe
from reviewloop.store.runs import RunRecord, RunStatus, in_words


def must_fix_error(run_id: str, red: int) -> str:
    """Return the sentence that a run is committed only with `--with-must-fix`."""
    return (
        f"run {run_id} has {red} must fix left (`reviewloop show {run_id}`), so nothing was "
        f"committed; `reviewloop approve {run_id} --with-must-fix` commits it all the same"
    )


def move(
    repository: Repository,
    record: RunRecord,
    *,
    answer: UserAnswer | None = None,
    ask: bool = True,
    agreed: bool = False,
    overrides: Mapping[str, Any] | None = None,
) -> RunRecord:
    """Advance a run and, with a user at the terminal, ask until it is over or left waiting.

    `agreed`: the user accepts open must-fix findings.
    """

    how: Here = "command"
    while True:
        shown = False
        if answer is not None and answer.choice == "approve":
            repository, record, ready = _ready(repository, record, ask=ask, agreed=agreed)
            shown = not ready
        if not shown:
            given = answer_for(record, answer, how) if answer else None
            record = advance_run(repository, record, answer=given, overrides=overrides, call=True)
            if record.status not in {RunStatus.WAITING, RunStatus.BLOCKED}:
                report_end(record)
                if record.status is RunStatus.COMMITTED:
                    _offer_switch(repository, record, ask=ask and is_interactive())
                    _offer_follow_ups(repository, record, ask=ask and is_interactive())
                    propose_sync(repository, record)
                return record
            if answer is None or answer.choice == "modify":  # else the user is at the terminal
                call_about(repository, record)
            refused = bool(record.reason) and record.status is RunStatus.WAITING
            if not (refused and answer):  # after a refused answer the screen is already shown
                show(repository, record)
            if refused:
                echo(f"reviewloop: not committed: {one_line(record.reason)}", err=True)
        if not (ask and is_interactive()):
            echo(waiting_hint(record), err=True)
            return record
        answer, how = _ask(repository, record), "terminal"
        if answer.choice == "quit":
            echo(waiting_hint(record), err=True)
            return record


def answer_for(record: RunRecord, answer: UserAnswer, how: Here = "command") -> dict[str, str]:
    """Return a user's answer in the form that the run reads."""

    return {**build_answer(record, answer.choice, answer.text, how=how), **answer.more}


def advance_run(
    repository: Repository,
    record: RunRecord,
    *,
    answer: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    call: bool = False,
) -> RunRecord:
    """Advance a run under the live table and return it.

    With `call` the user is notified about a run that an error stops; the error is raised.
    """
    try:
        with Progress(messages(), title=f"{record.run_id}  {record.title}") as progress:
            return advance(
                repository,
                record.run_id,
                answer=answer,
                listener=lambda event: _listen(progress, event),
                overrides=overrides,
            )
    except InterruptedByUserError:
        raise
    except ReviewLoopError as error:
        if call:
            _call_about_stop(repository, record.run_id, error)
        raise


def _call_about_stop(repository: Repository, run_id: str, error: ReviewLoopError) -> None:
    """Notify the user about a run that an error paused; add the command that continues
    if missing.
    """
    stopped = repository.runs.find(run_id)
    if stopped.status is RunStatus.PAUSED:
        call_about(repository, stopped)
        if isinstance(error, ModelError):  # it does not know the run
            raise type(error)(f"{error}; `reviewloop resume {run_id}` goes on") from error


def _ready(
    repository: Repository, record: RunRecord, *, ask: bool, agreed: bool
) -> tuple[Repository, RunRecord, bool]:
    """Rebase an approved run if needed, and ask about red findings; return whether to commit it.

    If not, what to look at was shown. Raises `ReviewLoopError` where no user can be asked.
    """

    asks = ask and is_interactive()
    if has_moved(repository, record):
        try:
            record, same = _rebase_first(repository, record)
        except ReviewLoopError as error:
            waits = repository.runs.find(record.run_id).status == "waiting"
            if not (asks and waits):
                raise
            echo(f"reviewloop: not committed: {error}", err=True)
            return repository, record, False
        repository = reread_repository(repository)
        if not same:
            return repository, record, False
    left = _must_fix_left(repository, record)
    if not left or agreed:
        return repository, record, True
    if not asks:
        raise UsageError(must_fix_error(record.run_id, left))
    return repository, record, _sure(repository, record)


def _rebase_first(repository: Repository, record: RunRecord) -> tuple[RunRecord, bool]:
    """Rebase a run onto its current branch; return it, and whether it may be committed unseen.

    Its differences are shown.
    """

    print_lines(f"{record.branch!r} has new commits; rebasing the change first")
    with Progress(messages(), title=f"{record.run_id}  {record.title}") as progress:
        found = rebase_waiting(repository, record, lambda event: _listen(progress, event))
    if not found.ask:
        proposal = proposal_of(repository, found.run)
        print_lines(f"the change {proposal['moved'] if proposal else 'was rebased'}")
        return found.run, True
    show(repository, found.run)
    if text := differs_since(repository, record, found.run):
        print_lines("what differs in the change itself since you looked:")
        render_diff(text, messages())
    print_lines(f"rebased onto {found.run.base_commit[:10]} and not committed yet: {found.ask}")
    return found.run, False


def _listen(progress: Progress, event: RunEvent) -> None:
    if event.get("kind") != "refused":  # printed in full below the screen
        progress.listen(event)


def move_and_report(
    repository: Repository,
    record: RunRecord,
    *,
    as_json: bool,
    answer: UserAnswer | None = None,
    agreed: bool = False,
    overrides: Mapping[str, Any] | None = None,
) -> ExitCode:
    """Advance a run for a command; return its exit code. `--json` prints the run in any case."""
    try:
        record = move(
            repository,
            record,
            answer=answer,
            ask=not as_json,
            agreed=agreed,
            overrides=overrides,
        )
    except ReviewLoopError:
        if as_json:
            print_record(repository, repository.runs.find(record.run_id))
        raise
    if as_json:
        print_record(repository, record)
    return ExitCode(record.exit_code)


def show(repository: Repository, record: RunRecord) -> None:
    """Print the approval screen of a waiting run.

    At a terminal it is one page, with the rest one key away.
    """

    with view(repository, record) as seen:
        proposal = current_proposal(repository, seen)
        if not record.status.over and is_interactive():
            render_page(proposal, seen.lines, messages())
            return
        show_seen(Seen(proposal, seen.lines, seen.diff), record, messages())


def show_seen(seen: Seen, record: RunRecord, console: Console, *, diff: bool = False) -> None:
    """Print the proposal of a run, optionally with the whole diff."""
    if over := record.status.over:
        console.print(f"This run is over ({in_words(record)}); this is what it proposed.")

    def draw(out: Console) -> None:
        render_proposal(seen.proposal, seen.lines, out, over=over)
        if diff:
            render_diff(seen.diff(), out)

    paged(console, draw)


def waiting_hint(record: RunRecord) -> str:
    """Return how to answer the run later, from any terminal."""

    run = record.run_id
    ways = [f"reviewloop modify {run} -m '...'", f"reviewloop reject {run}"]
    if record.status == "blocked":
        empty = record.because.kind is ReasonKind.CHANGE_EMPTY
        if not empty:
            ways.append(f"reviewloop checkout {run} NAME")
            ways.append(f"reviewloop approve {run} --without PATH")  # the gates run again
        why = one_line(record.reason).rstrip(".") or "a guard-rail stands in the way"
        see = "" if empty else f" (see `reviewloop show {run} --diff`)"
        return f"The run is blocked: {why}. Possible: {', '.join(ways)}{see}"
    ways.insert(0, f"reviewloop approve {run}")
    return f"The run waits for you. Later: {', '.join(ways)} (or `reviewloop show {run} --diff`)"


def print_record(repository: Repository, record: RunRecord) -> None:
    """Print the one JSON object about a run."""
    print_json("run", run_object(record, proposal_of(repository, record)))


def ask_about(repository: Repository, record: RunRecord) -> dict[str, str] | None:
    """Show a finished run and ask; return the answer, None to leave it for later."""
    show(repository, record)
    while True:
        answer = _ask(repository, record)
        if answer.choice == "quit":
            echo(waiting_hint(record), err=True)
            return None
        if answer.choice != "approve" or _sure(repository, record):
            return answer_for(record, answer, "terminal")


def _sure(repository: Repository, record: RunRecord) -> bool:
    """Ask again where must-fix findings are left; return whether to commit."""
    left = _must_fix_left(repository, record)
    return not left or confirm(f"commit with {left} must fix left?", default=False)


def _must_fix_left(repository: Repository, record: RunRecord) -> int:

    return left_of(proposal_of(repository, record)).must_fix


def _ask(repository: Repository, record: RunRecord) -> UserAnswer:
    from functools import partial

    def read(prompt: str) -> str:
        try:
            return read_line(prompt)
        except KeyboardInterrupt as error:
            click.echo(err=True)  # the next message starts on a new line
            raise InterruptedByUserError(f"nothing was decided: {next_commands(record)}") from error

    with view(repository, record) as seen:
        looks = views(seen.proposal, seen.lines)
        while True:
            answer = ask(
                seen.proposal,
                messages(),
                read=read,
                show_diff=lambda: paged(messages(), lambda out: render_diff(seen.diff(), out)),
                looks={name: partial(paged, messages(), draw) for name, draw in looks.items()},
            )
            if answer.choice != "edit":
                return answer
            if (edit := ask_for_edit(seen)) is not None:
                return edit


def report_end(record: RunRecord) -> None:
    """Print how a run ended, and what can be done now."""

    if record.status == "committed":
        click.echo(f"Committed {record.commit[:10]} on {record.branch}.", err=True)
        if record.reason:
            echo(one_line(record.reason), err=True)
        if record.incomplete:
            failed = ", ".join(map(one_line, record.incomplete))
            echo(f"Its review is not complete: {failed} failed.", err=True)
        echo(_taken_back(record), err=True)
    elif record.status == "skipped":
        anew = "; `reviewloop batch` does its task anew" if record.options.get("batch") else ""
        click.echo(
            "Skipped; your checkout is as it was. The work is kept: "
            f"reviewloop checkout {record.run_id} NAME{anew}",
            err=True,
        )


def _taken_back(record: RunRecord) -> str:
    """Return how to undo a commit; one published before its approval is on GitHub."""
    published = record.evidence.get("published") or {}
    if published.get("commit") == record.commit:
        return (
            f"It is on GitHub as {published['branch']} of {published['repo']} already: `git "
            "revert` takes it back."
        )
    return f"Take it back while it is not pushed: reviewloop undo {record.run_id}"


def _offer_switch(repository: Repository, record: RunRecord, *, ask: bool) -> None:
    """Offer to check out the branch of a commit where that is safe; else print how."""
    promotion = record.evidence.get("promotion") or {}
    if promotion.get("checkout_updated", True):
        return
    try:
        user = reread_repository(repository).user
    except WorkspaceError as error:  # the commit is valid in any state of the checkout
        echo(f"{record.branch} has it; it is not in your checkout: {error}", err=True)
        return
    if ask and user.branch != record.branch and not user.dirty:
        if not confirm(f"Switch to {record.branch} now?", default=True):
            return
        try:
            switch(user.root, record.branch)
            click.echo(f"Switched to {record.branch}.", err=True)
            return
        except ReviewLoopError as error:
            click.echo(f"reviewloop: {error}", err=True)
    way = way_into_checkout(user, record.branch, record.spec_path)
    echo(f"To have it in your checkout: {way}", err=True)


def _offer_follow_ups(repository: Repository, record: RunRecord, *, ask: bool) -> None:
    from os import environ

    from reviewloop.app.day.ship import shipping_of

    on_hub = on_github(repository.user, "origin", environ)
    ships = ask and bool(shipping_of(repository, record.run_id).stages)
    for follow_up in follow_ups(record, on_github=on_hub, ships=ships, asks=ask):
        if not follow_up.argv:
            continue
        if not ask:
            click.echo(f"{follow_up.name}: not run, nobody is there to ask", err=True)
        elif confirm(f"{follow_up.name}: run `{follow_up.command}`?"):
            result = run_follow_up(repository, record, follow_up)
            click.echo(f"{follow_up.name}: {safe(result.printed)}", err=True)
            if result.exit_code:
                return


def propose_sync(repository: Repository, record: RunRecord) -> None:
    """Propose to change the spec where more of its names drifted than `spec_sync.threshold`."""
    if threshold := settings_of(record).spec_sync.threshold:
        from reviewloop.app.spec.sync import proposal_for

        if sentence := proposal_for(repository, record.spec_path, threshold):
            print_lines(one_line(sentence))


_WORDS = {"skip": "reject"}  # the command of an answer with another name inside a run


class Terminal:
    """The user at this terminal, as `app.fleet.port.User`.

    `agreed`: they accept open must-fix findings.
    """

    def __init__(self, *, as_json: bool, agreed: bool = False) -> None:
        self._as_json, self._agreed = as_json, agreed

    def sure(self, run_id: str, red: int) -> bool:
        """Ask whether to commit; raise `UsageError` where no user can be asked."""
        found = self._confirmed(run_id, red)
        if found is None:
            raise UsageError(must_fix_error(run_id, red))
        if not found:
            print_lines(f"{run_id} waits as before")
        return found

    def agrees(self, run_id: str, red: int) -> bool:
        """Ask whether to commit; False where no user can be asked."""
        return bool(self._confirmed(run_id, red))

    def _confirmed(self, run_id: str, red: int) -> bool | None:
        if not red or self._agreed:
            return True
        if self._as_json or not is_interactive():
            return None
        return confirm(f"commit {run_id} with {red} must fix left?", default=False)

    def move(
        self,
        repository: Repository,
        run: RunRecord,
        choice: str = "",
        text: str = "",
        overrides: Mapping[str, Any] | None = None,
    ) -> ExitCode:
        """Advance a run under the live table, and continue asking."""
        return move_and_report(
            repository,
            run,
            as_json=self._as_json,
            answer=UserAnswer(choice, text) if choice else None,
            agreed=self._agreed,
            overrides=overrides,
        )

    def ended(self, repository: Repository, run: RunRecord) -> ExitCode:
        """Print how a run ended."""
        report_end(run)
        if self._as_json:
            print_record(repository, run)
        return ExitCode(run.exit_code)

    def sent(self, run_id: str, choice: str) -> ExitCode:
        """Print that an answer is on its way."""
        if self._as_json:
            print_json("answered", {"run": run_id, "choice": choice})
        print_lines(f"{run_id}: {on_its_way(choice)}")
        return ExitCode.CLEAN

    def queued(self, resumed: Resumed) -> ExitCode:
        """Print that a run is queued again, with the tasks that wait for it."""
        run, added = resumed.run.run_id, list(resumed.added)
        if self._as_json:
            print_json("resumed", {"run": run, "queued": added})
        also = [task for task in added if task != resumed.run.task_id]
        waited = f"; queued, too, what waits for it: {', '.join(also)}" if also else ""
        print_lines(f"{run} is queued; the next free worker goes on with it{waited}")
        if resumed.unattended:
            print_lines(resumed.unattended)
        return ExitCode.CLEAN


def on_its_way(choice: str) -> str:
    """Return how workers carry out an answer."""
    return f"{_WORDS.get(choice, choice)} is on its way; the next free worker carries it out"
