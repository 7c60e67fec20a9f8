"""What `approve`, `modify`, `reject` and `queue` answer where `--store` names a database."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewloop.cli.consoles import print_json, say
from reviewloop.cli.conversation import is_sure, needs_word
from reviewloop.cli.shared import shared
from reviewloop.domain.errors import ExitCode, ReviewLoopError, UsageError, first_that_applies
from reviewloop.git.repository import discover
from reviewloop.git.transfer import addresses_of

if TYPE_CHECKING:
    from reviewloop.app.fleet.queue import CurrentCheckout


def answer(
    url: str, run_id: str | None, choice: str, text: str, *, as_json: bool, agreed: bool = False
) -> ExitCode:
    """Queue an answer to one run.

    `agreed`: a person has said that must-fix findings which are left are no reason not to commit.
    """
    from reviewloop.app.fleet.answers import give_answer, must_fix_left, run_meant, word_of

    with shared(url) as database:
        run = run_meant(database, run_id, choice)
        red = must_fix_left(database, run) if choice == "approve" else 0
        sure = is_sure(run.run_id, red, agreed=agreed, ask=not as_json)
        if sure is None:
            raise UsageError(needs_word(run.run_id, red))
        if not sure:
            say(f"{run.run_id} waits as before")
            return ExitCode.WAITING
        give_answer(database, url, run, choice, text)
    if as_json:
        print_json("answered", {"run": run.run_id, "choice": choice})
    say(f"{run.run_id}: {word_of(choice)} is on its way; the next free worker carries it out")
    return ExitCode.CLEAN


def approve_many(
    url: str, names: Sequence[str], branch: str, *, as_json: bool, with_must_fix: bool
) -> ExitCode:
    """Queue the approval of runs and of what they build on; of all on a branch if none is named."""
    from reviewloop.app.fleet.answers import approve_each, must_fix_left, runs_named

    with shared(url) as database:
        named = runs_named(database, names)
        agreed = {
            run.run_id
            for run in named
            if is_sure(
                run.run_id,
                must_fix_left(database, run),
                agreed=with_must_fix,
                ask=not as_json,
            )
        }
        rows = approve_each(database, url, named, branch, _here(), agreed=agreed)
    return _tell_queued("shared-queue-approve", rows, as_json=as_json)


def reject_many(url: str, names: Sequence[str], text: str, *, as_json: bool) -> ExitCode:
    """Queue the rejection of runs."""
    from reviewloop.app.fleet.answers import reject_each, runs_named

    with shared(url) as database:
        rows = reject_each(database, url, runs_named(database, names), text)
    return _tell_queued("shared-queue-reject", rows, as_json=as_json)


def _here() -> "CurrentCheckout | None":
    """Return the checkout around this folder, None where there is none that can be read."""
    from reviewloop.app.fleet.queue import CurrentCheckout

    try:
        user = discover(Path.cwd(), for_reading=True)
        return CurrentCheckout(user.branch or "", addresses_of(user))
    except ReviewLoopError:  # the branch has to be named, then
        return None


def _tell_queued(kind: str, rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> ExitCode:
    from reviewloop.app.fleet.answers import word_of

    out = sum(row["what"] == "blocked" for row in rows)
    done = sum(row["what"] in {"queued", "answered"} for row in rows)
    counts = {"on_the_way": done, "not_approved": len(rows) - done - out, "left_out": out}
    approving = kind == "shared-queue-approve"
    if as_json:
        print_json(kind, {"runs": list(rows), **(counts if approving else {})})
    for row in rows:
        done_by = f"{word_of(row['choice'])} is on its way; the next free worker carries it out"
        if place := row.get("brought_to"):
            done_by = (
                f"approve is on its way: a worker rebases it onto {place} first, "
                "then asks you again"
            )
        if row.get("first"):
            done_by = f"first, others that you approve build on it or need it: {done_by}"
        before = {"held": "held: ", "blocked": "left out: "}.get(row["what"], "")
        following = f"; next: `{row['next']}`" if row["next"] else ""
        say(f"{row['run']}: {before}{row['why'] or done_by}{following}")
    if approving and (len(rows) > 1 or len(rows) > done):
        brought = sum(bool(row.get("brought_to")) for row in rows if row["what"] == "queued")
        first = f" ({brought} to be rebased first)" if brought else ""
        said = f"{done} on the way{first}, {counts['not_approved']} not"
        say(said + (f", {out} left out (blocked)" if out else ""))
    tried = (row for row in rows if row["what"] != "blocked")
    return first_that_applies(*(ExitCode(row["exit_code"]) for row in tried))
