"""Reviews any diff: selects the change, analyses it, asks the reviewers, reports."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reviewloop.agents import REVIEW_SPEC, AgentDefinition, Team
from reviewloop.analysis.contract import AnalyserReport
from reviewloop.analysis.examine import Examination, Late
from reviewloop.analysis.rule_book import rules_without_reviewer
from reviewloop.app.project import read_settings, team_of
from reviewloop.app.redactors import QuotedSecrets, redactor_of
from reviewloop.app.review.analysis import Read
from reviewloop.app.review.base_rules import edited_judges, rules_notice, rules_of
from reviewloop.app.review.result import (
    ReviewersResult,
    redact_report,
    result,
    result_without_model,
)
from reviewloop.app.review.review_history import remember, silences_of
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.event import Listener
from reviewloop.git.comparison import (
    CompareSpec,
    Comparison,
    as_typed,
    earlier_tree,
    open_comparison,
)
from reviewloop.git.diff import Change
from reviewloop.git.patches import DiffLine, Hunk
from reviewloop.git.review_repository import ReviewRepository, locate
from reviewloop.git.revisions import resolve
from reviewloop.installed import require_all
from reviewloop.llm.model_choice import ensure_model
from reviewloop.render.report import ReviewReport
from reviewloop.render.text import counted
from reviewloop.review.evidence import AnalyserFinding, evidence_of, whole_evidence
from reviewloop.review.selection import Selection, select
from reviewloop.review.silencing import Silences
from reviewloop.sandbox import Acceptance
from reviewloop.secrets import Redactor
from reviewloop.settings import Loaded, Settings
from reviewloop.settings.loading import FLAG, FOUND
from reviewloop.settings.schema import AUTO

if TYPE_CHECKING:  # it reads model answers, which a review without a model does not need
    from reviewloop.domain.task import Spec
    from reviewloop.review.push import Known

NO_MODEL = "none"
_UNCONFIGURED = (
    "no model is configured: the reviewers report what their analysers find, patterns and not "
    "logic bugs ({model} asks one)"
)
_UNASKED = (
    "no model was asked: `review` asks one only if you name it, for example --model {found}; "
    "without one the reviewers report patterns their analysers find, not logic bugs"
)
_UNWANTED = "without a model the reviewers report patterns their analysers find, not logic bugs"


@dataclass(frozen=True)
class ReviewRequest:
    """What the user requested."""

    compare: CompareSpec = field(
        default_factory=CompareSpec
    )  # its paths as typed, relative to the start
    agents: tuple[str, ...] = ()  # empty: the whole team
    spec: str = ""  # a spec that the change is also judged by
    model: str = ""  # "": as the settings say
    flags: Mapping[str, Any] = field(default_factory=dict)
    remembered: bool = True  # False: ignore baseline and dismissals, store nothing
    again: bool = False  # ask the models again although they have read this change
    rules_side: str = ""  # base | change: whose settings, agents, baseline; "": see `_by_base`
    rules_from: str = ""  # commit whose settings, agents, steering, baseline apply; "": the files
    untrusted: bool = False  # by strangers; goes with `rules_from`
    deep_from: str = ""  # commit of an earlier review: models read changes since; "": everything
    known: "tuple[Known, ...]" = ()  # findings open at that review
    require_usable_model: bool = (
        False  # a model that cannot be asked ends the review before it starts
    )
    acceptance: Acceptance | None = None  # how coding agents may run; None: refused
    before_agents: Callable[[], None] = lambda: None  # raises UsageError where none may run
    named: str = "--model PROVIDER:MODEL"  # how this report names a model


@dataclass(frozen=True)
class ReviewResult:
    """A finished review; the trees it read are open while its context is."""

    report: ReviewReport
    evidence: tuple[AnalyserFinding, ...]
    change: Change
    compared: Comparison
    loaded: Loaded
    redactor: Redactor = field(default_factory=Redactor)
    confirmed: frozenset[str] = frozenset()  # of `known`: fixed by the push, as shown by a reviewer
    rules_version: str = ""  # which version of the rules applies, where the change edits them

    @property
    def shown(self) -> "Shown":
        """The redacted code that reports may quote."""
        return Shown(self)

    @property
    def prefix(self) -> str:
        """The folder the review was started in, relative to the root, with a final slash; or ""."""
        return self.compared.prefix

    def text(self, path: str) -> str | None:
        """Return the new version of a file as text."""
        data = self.compared.private.read(self.compared.new, path)
        return None if data is None else data.decode("utf-8", "replace")

    def hunks(self, path: str) -> Sequence[Hunk]:
        """Return the hunks of a file's diff."""
        file = self.change.file(path)
        return file.hunks if file else ()


@dataclass(frozen=True)
class Shown:
    """The code of a review for quotes in reports, redacted; lines keep their numbers."""

    done: ReviewResult

    @property
    def prefix(self) -> str:
        """The folder the review was started in; see `ReviewResult`."""
        return self.done.prefix

    def text(self, path: str) -> str | None:
        """Return the redacted new version of a file."""
        text = self.done.text(path)
        return None if text is None else self._hidden(path, text)

    def hunks(self, path: str) -> Sequence[Hunk]:
        """Return the redacted hunks of a file's diff."""
        return [replace(hunk, lines=self._lines(path, hunk)) for hunk in self.done.hunks(path)]

    def rendered(self, text: str) -> str:
        """Return a finished report, redacted once more."""
        return self.done.redactor.redact_held(text)

    def _hidden(self, path: str, text: str) -> str:
        return self.done.redactor.for_people(self._quoted.without(path, text))

    @cached_property
    def _quoted(self) -> QuotedSecrets:
        return QuotedSecrets((piece.finding for piece in self.done.evidence), self.done.text)

    def _lines(self, path: str, hunk: Hunk) -> tuple[DiffLine, ...]:
        # As one text: a key of several lines is only recognised whole.
        shown = self._hidden(path, "\n".join(line.text for line in hunk.lines))
        texts = shown.split("\n")
        if len(texts) != len(hunk.lines):  # a line of a diff should hold no line feed
            texts = [self._hidden(path, line.text) for line in hunk.lines]
        return tuple(line._replace(text=text) for line, text in zip(hunk.lines, texts, strict=True))


OnProgress = Callable[[str], None]


@contextmanager
def review(
    request: ReviewRequest,
    start: Path,
    *,
    on_progress: OnProgress = lambda _: None,
    listener: Listener | None = None,
) -> Iterator[ReviewResult]:
    """Run the requested review and yield the result, which can be rendered inside.

    `on_progress` gets each stage, `listener` the events of reviewers that ask a model. Raises
    WorkspaceError for what cannot be compared, UsageError for invalid settings, agents or files of
    ours.
    """
    started = time.monotonic()
    repository = locate(start)
    project = repository.user.project
    spec = replace(request.compare, paths=as_typed(request.compare.paths, repository, start))
    if not request.rules_from:
        spec = _with_base(
            spec, read_settings(repository.user.root, request.flags, project=project).settings
        )
    with ExitStack() as stack:
        comparison = stack.enter_context(open_comparison(start, spec, repository))
        edited = edited_judges(comparison, project)
        rules_tree = _tree(request.rules_from, repository, comparison) if request.rules_from else ""
        if not rules_tree and edited and _by_base(request):
            rules_tree = comparison.base
        rules = (
            stack.enter_context(rules_of(comparison.private, rules_tree)) if rules_tree else None
        )
        root = rules or repository.user.root
        loaded = read_settings(root, request.flags, project=project)
        if model_in_force(request.model, loaded) != NO_MODEL:
            require_all("a review with a model", instead="leave the model out with --model none")
        named = _NamedSpec.named(request.spec, repository, start) if request.spec else None
        whole_team = team_of(root, project)
        team = chosen_from(whole_team, request.agents, with_spec=bool(named))
        loaded = _with_model(request, loaded, team)
        settings = loaded.settings
        on_progress("reading the change")
        change = comparison.private.change(comparison.old, comparison.new)
        selection = _selected(change, comparison, settings)
        silences = silences_of(
            comparison, loaded, remembered=request.remembered, rules_tree=rules_tree
        )
        redactor = redactor_of(repository.user)
        part_only = spec.whole or bool(spec.paths)
        names = {agent.name for agent in team}
        whole = (
            change,
            selection,
            comparison.private,
            comparison.user,
            settings,
            names,
            redactor,
            part_only,
        )
        of_others = request.untrusted or bool(request.rules_from)
        to_read = Read(*whole, of_others=of_others, rules_root=rules)
        on_progress("running the analysers")
        late = _LateEvidence(stack.enter_context(closing(to_read.late())), selection, silences)
        notify = partial(_notify_name, on_progress)
        examination = to_read.early(on_disk=comparison.in_checkout, on_report=notify)
        pieces = evidence_of(examination, selection.sources, level=silences.level)
        reviewed = earlier_tree(
            comparison.private, request.deep_from, comparison.base_commit, comparison.head_commit
        )
        read = (loaded, team, comparison, change, selection, pieces, late, redactor, reviewed)
        reviewers = _reviewers_result(request, *read, rules, named, on_progress, listener)
        examination = examination.joined(late.examination)
        evidence = whole_evidence(pieces, late.pieces)
        rules_version = rules_notice(edited, base=bool(rules_tree)) if edited else ""
        report = result(
            comparison=comparison,
            settings=settings,
            selection=selection,
            examination=examination,
            pieces=[*evidence, *late.pieces],
            reviewers=reviewers,
            silences=silences,
            untrusted=request.untrusted,
            notes=filter(None, (rules_version, *_rules_without_reviewer(whole_team))),
        )
        report = replace(report, seconds=round(time.monotonic() - started, 3))
        report = redact_report(report, redactor.redact_held)
        if request.remembered:
            remember(comparison.user.key, report)
        confirmed = reviewers.confirmed
        yield ReviewResult(
            report, tuple(evidence), change, comparison, loaded, redactor, confirmed, rules_version
        )


@dataclass(frozen=True)
class _NamedSpec:
    """The spec on disk that a change is judged by."""

    spec: "Spec"
    criteria: int

    @classmethod
    def named(cls, name: str, repository: ReviewRepository, start: Path) -> "_NamedSpec":
        """Read it; raise `UsageError` where there is none, or none with criteria."""
        from reviewloop.specs.briefing import criteria_of
        from reviewloop.specs.discover import open_spec
        from reviewloop.specs.files import DiskFiles

        user = repository.user
        spec = open_spec(DiskFiles(user.root), name, project=user.project, here=user.here)
        if not (criteria := len(criteria_of(spec))):
            raise UsageError(
                f"{spec.path} has no criteria to judge a change by; write some, or review without "
                "--spec"
            )
        return cls(spec, criteria)

    def text(self, loaded: Loaded) -> str:
        """Return the description of it for the reviewers."""
        from reviewloop.specs.briefing import describe_spec

        return describe_spec(self.spec, budget_tokens=loaded.settings.limits.context_tokens)

    @property
    def unjudged(self) -> str:
        """Return the note on what is not judged without a model."""
        criteria = counted(self.criteria, "criterion", "criteria")
        return f"not judged: the {criteria} of {self.spec.name}; that needs a model"


@dataclass(frozen=True)
class _LateEvidence:
    """The findings of the slow analysers; reading them waits."""

    working: Late
    selection: Selection
    silences: Silences

    @cached_property
    def examination(self) -> Examination:
        return self.working.finished()

    @cached_property
    def pieces(self) -> tuple[AnalyserFinding, ...]:
        level = self.silences.level
        return tuple(evidence_of(self.examination, self.selection.sources, level=level))


def _notify_name(on_progress: OnProgress, report: AnalyserReport) -> None:
    on_progress(report.name)


def _tree(commit: str, repository: ReviewRepository, comparison: Comparison) -> str:
    return comparison.private.tree_of(resolve(repository, commit).commit)


def _by_base(request: ReviewRequest) -> bool:
    """Return whether the base's rules apply, where no option says whose.

    A named base, commit or patch may be by other authors. A user's own uncommitted work is reviewed
    by the files as they are, so that they can try a setting.
    """
    spec = request.compare
    named = spec.range or spec.base or spec.commit or spec.patch is not None
    return request.rules_side == "base" or (not request.rules_side and bool(named))


def _selected(change: Change, comparison: Comparison, settings: Settings) -> Selection:
    ignore, unreadable = settings.review.ignore, dict(comparison.unreadable)
    return select(
        change,
        comparison.private,
        base=comparison.base,
        ignore=ignore,
        unreadable=unreadable,
        skip_new=settings.review.skip_new,
    )


def _with_base(spec: CompareSpec, settings: Settings) -> CompareSpec:
    """Return the request with the settings' base branch, where a base matters."""
    named = spec.range or spec.staged or spec.commit or spec.whole or spec.base
    if named or spec.patch is not None or not settings.review.base:
        return spec
    return replace(spec, base=settings.review.base)


def _rules_without_reviewer(team: Team) -> Iterator[str]:
    """Yield a sentence for each reviewer that rules name and that is not there."""
    for name, rules in rules_without_reviewer(
        {agent.name for agent in team.for_criteria.members}
    ).items():
        more = f" and {counted(len(rules) - 1, 'more rule')}" if rules[1:] else ""
        yield f"{rules[0]}{more}: nobody looks for it, as there is no reviewer {name}"


def chosen_from(
    team: Team, names: Sequence[str], *, with_spec: bool
) -> tuple[AgentDefinition, ...]:
    """Return the named reviewers of a team, and the spec's reviewer where there is a spec."""
    if with_spec:
        return chosen(team.for_criteria.reviewers, (*names, REVIEW_SPEC) if names else ())
    if {REVIEW_SPEC, REVIEW_SPEC.removeprefix("review-")} & {*names}:
        raise UsageError(f"{REVIEW_SPEC} judges a change by a spec; name one with --spec NAME")
    return chosen(team.reviewers, names)


def chosen(
    reviewers: Sequence[AgentDefinition], names: Sequence[str]
) -> tuple[AgentDefinition, ...]:
    """Return the named reviewers, all for no name; `security` means `review-security`."""
    if not names:
        return tuple(reviewers)
    known = {agent.name: agent for agent in reviewers}
    picked: dict[str, AgentDefinition] = {}
    for name in names:
        full = name if name in known else f"review-{name}"
        if full not in known:
            raise UsageError(
                f"there is no reviewer {name!r}; there are: {', '.join(sorted(known))}"
            )
        picked[full] = known[full]
    return tuple(picked.values())


def model_in_force(model: str, loaded: Loaded) -> str:
    """Return the model to ask, `none` when none is configured.

    A key in the environment chooses none, unless `auto` asks for that: a review must not cost money
    unasked.
    """
    if model == AUTO:
        return loaded.settings.models.reasoning
    if model == NO_MODEL or (model and loaded.origins.get("models.reasoning") != FLAG):
        return model
    configured = model or loaded.is_set("models.reasoning")
    return loaded.settings.models.reasoning if configured else NO_MODEL


def _with_model(request: ReviewRequest, loaded: Loaded, team: Sequence[AgentDefinition]) -> Loaded:
    """Return the settings with a model to ask, where one is requested.

    Raises `UsageError` or `ModelSetupError` for one that cannot be asked, if the request says so.
    """
    if model_in_force(request.model, loaded) == AUTO:
        loaded = ensure_model(loaded, os.environ)
    if model_in_force(request.model, loaded) != NO_MODEL:
        _require_agents(request, loaded, team)
    if request.require_usable_model and model_in_force(request.model, loaded) != NO_MODEL:
        from reviewloop.app.model_access import require_askable  # loads what asks models

        require_askable(loaded, team)
    return loaded


def _require_agents(
    request: ReviewRequest, loaded: Loaded, team: Sequence[AgentDefinition]
) -> None:
    """Raise `UsageError` for a coding agent that is not allowed, or has no cage here."""
    from reviewloop.app.model_access import require_allowed
    from reviewloop.app.sandboxing import agents_cage

    agents = require_allowed(loaded, team)
    if agents and request.acceptance is None:
        raise UsageError(
            f"{agents[0]} works only in a job that may write nothing, and here the review is "
            "posted as well; collect it first (`collect`, then `post` in another job), or name "
            "another model"
        )
    if agents:
        request.before_agents()
        agents_cage(loaded.settings, request.acceptance or "")


def _unasked(request: ReviewRequest, loaded: Loaded) -> str:
    """Return why a review without a named model asked none."""
    found = loaded.origins.get("models.reasoning", "").startswith(FOUND)
    if found and request.named == ReviewRequest.named:  # on GitHub the Action has an input for it
        return _UNASKED.format(found=loaded.settings.models.reasoning)
    return _UNCONFIGURED.format(model=request.named)


def _reviewers_result(
    request: ReviewRequest,
    loaded: Loaded,
    team: Sequence[AgentDefinition],
    comparison: Comparison,
    change: Change,
    selection: Selection,
    pieces: Sequence[AnalyserFinding],
    late: _LateEvidence,
    redactor: Redactor,
    reviewed: str,
    rules: Path | None,
    named: "_NamedSpec | None",
    on_progress: OnProgress,
    listener: Listener | None,
) -> ReviewersResult:
    model = model_in_force(request.model, loaded)
    names = [agent.name for agent in team]
    unjudged = {REVIEW_SPEC: named.unjudged} if named else {}
    if model == NO_MODEL:
        note = _UNWANTED if request.model else _unasked(request, loaded)
        return result_without_model(whole_evidence(pieces, late.pieces), names, note, unjudged)
    if not selection.sources:
        note = "no model was asked: nothing to read"
        return result_without_model(whole_evidence(pieces, late.pieces), names, note, unjudged)
    from reviewloop.app.review.models import ModelRequest, ask_reviewers

    on_progress(f"asking {model}")
    return ask_reviewers(
        ModelRequest(
            loaded,
            model,
            tuple(team),
            comparison,
            change,
            selection,
            tuple(pieces),
            redactor=redactor,
            again=request.again,
            rules=rules,
            untrusted=request.untrusted,
            reviewed=reviewed,
            since=request.deep_from,
            known=request.known,
            late=lambda: late.pieces,
            stop=late.working.stop,
            purpose=redactor.for_models(named.text(loaded)) if named else "",
            spec=named.spec.name if named else "",
            listener=listener,
            acceptance=request.acceptance or "",
        )
    )
