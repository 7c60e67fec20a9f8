"""Has the analysers read a tree: for a review of a diff, and for the loop's own reviews."""

from collections.abc import Collection
from functools import partial
from typing import Any

from reviewloop.analysers import book
from reviewloop.analysers.base import AnalyserReport, Options
from reviewloop.analysers.engine import Examination, Told, examine
from reviewloop.analysers.secrets.check import checks_with
from reviewloop.analysers.secrets.masking import Masking
from reviewloop.context import RunContext
from reviewloop.reviewing.evidence import EvidencePiece, evidence_of, view_of
from reviewloop.reviewing.selection import Selection, select
from reviewloop.reviewing.silencing import Silences
from reviewloop.runs.coverage_data import coverage_of
from reviewloop.settings import Settings
from reviewloop.store.journal import CallKey
from reviewloop.workspace.diff import Change
from reviewloop.workspace.private import PrivateRepo
from reviewloop.workspace.userrepo import UserRepo


def examined(
    change: Change,
    selection: Selection,
    private: PrivateRepo,
    user: UserRepo,
    settings: Settings,
    reviewers: Collection[str],
    *,
    masking: Masking,
    on_disk: bool = False,
    part_only: bool = False,
    told: Told | None = None,
) -> Examination:
    """Return what the analysers of these reviewers find in a change, under these settings.

    `masking` knows the secrets that this machine holds: a change must not hold them.
    `on_disk` says that the new side is the checkout: coverage data in it is about these files.
    `part_only` says that more may have changed than was asked for.
    """
    review = settings.review
    options = Options(
        required_tags=review.required_tags,
        advisories=review.advisories,
        repository_configuration=review.repository_configuration,
        checkout=str(user.root),
        timeout_seconds=review.analyser_seconds,
    )
    view = view_of(change, selection, private, options, partial=part_only)
    return examine(
        view,
        reviewers=reviewers,
        off=review.analysers_off,
        checks=checks_with(book.file_checks(), masking),
        extra=coverage_of(view, user.root, settings.gates.coverage) if on_disk else (),
        told=told,
    )


def analyse(context: RunContext, tree: str) -> tuple[EvidencePiece, ...]:
    """Return the evidence about a tree of a run, read once and kept in its journal.

    Kept, because another release of an analyser must not change what a resumed run has asked.
    """
    return tuple(EvidencePiece.from_plain(piece) for piece in _read(context, tree)["pieces"])


def not_analysed(context: RunContext, tree: str) -> dict[str, Any]:
    """Return `files` that analysers did not read as a whole, and the analysers that `failed`."""
    found = _read(context, tree)
    return {"files": found.get("not_read", []), "failed": found.get("failed", [])}


def _read(context: RunContext, tree: str) -> dict[str, Any]:
    key = CallKey("analysers", "review")
    return context.journal.once(key, {"tree": tree}, partial(_analysed, context, tree))


def _analysed(context: RunContext, tree: str) -> dict[str, object]:
    settings = context.settings
    # Where known findings are fixed: what analysers said of the whole change, they must not say
    # of it any more. The fix alone would not show that.
    base = context.reviewed_since or context.base_tree
    change = context.change(base, tree)
    selection = select(
        change,
        context.private,
        base=base,
        ignore=settings.review.ignore,
        skip_new=settings.review.skip_new,
    )
    names = {agent.name for agent in context.team.reviewers}
    examination = examined(
        change,
        selection,
        context.private,
        context.user,
        settings,
        names,
        masking=context.masking,
        told=partial(_tell, context),
    )
    silences = Silences(rules=settings.rules)
    pieces = evidence_of(examination, selection.sources, level=silences.level)
    return {
        "pieces": [piece.plain() for piece in pieces],
        "not_read": [
            {"path": one.file.path, "reason": one.reason, "chosen": one.chosen}
            for one in selection.skipped
        ],
        "failed": [{"name": one.name, "reason": one.reason} for one in examination.failed],
    }


def _tell(context: RunContext, report: AnalyserReport) -> None:
    context.events.tell(
        "analyser", name=report.name, status=str(report.status), reason=report.reason
    )
