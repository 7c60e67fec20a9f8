"""`--prove`: repeats recorded tasks with the old and the new text of a skill, and compares.

Each repeats in a checkout of its own, from the commit where the recorded run started, with the
user's original texts. The skill reaches the agents as a steering file. Nothing is committed, and
none of these runs is listed among the user's.
"""

import json
import os
import shutil
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Any

from reviewloop.app.project import Repository, model_flags, open_repository, settings_of
from reviewloop.app.run.advance import advance
from reviewloop.app.run.answers import build_answer
from reviewloop.app.run.start import RunRequest, begin, plan
from reviewloop.app.skills.evidence import words_of
from reviewloop.app.state_check import JOURNAL
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import BudgetExhaustedError, InterruptedByUserError, ReviewLoopError
from reviewloop.git.scratch import checkout_apart
from reviewloop.llm.budget import spent_on
from reviewloop.render.counts import count_records
from reviewloop.skills import read_skill
from reviewloop.store.blobs import Blobs
from reviewloop.store.folders import private_folder, state_root
from reviewloop.store.journal import stored_usages
from reviewloop.store.runs import RunRecord, RunStatus
from reviewloop.store.trust import TrustStore

OLD, NEW = "old", "new"
PROOF_LEAST = 5  # measurements on each side; fewer are only an observation
_STATE = "REVIEWLOOP_STATE_DIR"
_STEERING = ".reviewloop/steering/skill.md"


class Verdict(StrEnum):
    """The result of the comparison."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True)
class Measurement:
    """The figures of one repetition of a recorded task with one text."""

    run: str
    text: str  # old | new
    number: int  # 1-based
    problem: str = ""  # why there are no figures
    blocked: bool = False  # by a guard-rail at the end
    findings: int = 0  # by reviewers, to be acted on
    rounds: int = 0
    tokens: int = 0
    usd: float | None = None  # None: a price is unknown


@dataclass(frozen=True)
class Spread:
    """The mean, lowest and highest value of a figure."""

    count: int
    low: float
    mean: float
    high: float


FIGURES: Mapping[str, Callable[[Measurement], float]] = {
    "blocked": lambda one: float(one.blocked),
    "findings": lambda one: float(one.findings),
    "rounds": lambda one: float(one.rounds),
    "tokens": lambda one: float(one.tokens),
    "usd": lambda one: one.usd or 0.0,
}
_DECIDING = {"blocked": 1.0, "findings": 1.0, "rounds": 1.0, "tokens": 0.9}
"""Figure -> required ratio; the first figure that differs decides, tokens by a tenth."""


@dataclass(frozen=True)
class Proof:
    """All measurements, and their verdict."""

    measurements: tuple[Measurement, ...]
    verdict: Verdict
    figure: str = ""  # the deciding one

    @property
    def least(self) -> int:
        """Return the number of measurements of the side with fewer."""
        return min(len(self.of(OLD)), len(self.of(NEW)))

    def of(self, text: str) -> list[Measurement]:
        """Return the measurements of one text that have figures."""
        return [one for one in self.measurements if one.text == text and not one.problem]

    def spread(self, text: str, figure: str) -> Spread:
        """Return the spread of a figure for one text; zeros without a measurement."""
        values = [FIGURES[figure](one) for one in self.of(text)] or [0.0]
        return Spread(len(self.of(text)), min(values), statistics.fmean(values), max(values))


@dataclass(frozen=True)
class Cost:
    """The expected cost of a proof, from the recorded runs."""

    runs: int
    tokens: int
    usd: float | None


@dataclass(frozen=True)
class ProofRequest:
    """The skill to prove, the recorded runs, the repetitions, and the caps."""

    skill: str
    path: str
    texts: Mapping[str, str]  # old and new
    runs: tuple[RunRecord, ...]
    times: int
    model: str | None
    usd: float
    tokens: int


def expected_cost(repository: Repository, request: ProofRequest) -> Cost:
    """Return the cost of the recorded runs, times the repetitions."""
    each = [
        spent_on(stored_usages(repository.run_folder(run.run_id) / JOURNAL)) for run in request.runs
    ]
    factor = 2 * request.times
    usd = None if any(one.unpriced for one in each) else factor * sum(one.usd for one in each)
    return Cost(len(each) * factor, factor * sum(one.tokens for one in each), usd)


def prove(
    repository: Repository,
    request: ProofRequest,
    folder: Path,
    notify: Callable[[str], object] = lambda _: None,
) -> Proof:
    """Measure both texts and return the verdict; earlier measurements are reused.

    Raises `BudgetExhaustedError` at the caps, which hold for all measurements together.
    """
    made: list[Measurement] = []
    for number in range(1, request.times + 1):
        for run in request.runs:
            for text in (OLD, NEW):
                notify(f"{run.run_id} with the {text} text ({number} of {request.times})")
                made.append(_measured(repository, request, run, text, number, folder, made))
    return Proof(tuple(made), *compare_measurements(made))


def compare_measurements(measurements: Sequence[Measurement]) -> tuple[Verdict, str]:
    """Return the verdict, and the figure that decided.

    Each recorded run is compared with itself: a text is better on it where its worst figure is
    below the other's best. The first figure in which any run differs decides: the new text is worse
    if it is worse on one run, whatever it gains on others.
    """
    if any(one.problem for one in measurements):
        return Verdict.INCOMPLETE, ""
    runs = {one.run for one in measurements}
    for figure, share in _DECIDING.items():
        value = FIGURES[figure]
        ahead = dict.fromkeys((OLD, NEW), 0)
        for run in runs:
            of = {
                text: [value(one) for one in measurements if (one.run, one.text) == (run, text)]
                for text in (OLD, NEW)
            }
            ahead[NEW] += max(of[NEW]) < share * min(of[OLD])
            ahead[OLD] += max(of[OLD]) < share * min(of[NEW])
        if ahead[OLD]:
            return Verdict.WORSE, figure
        if ahead[NEW]:
            return Verdict.BETTER, figure
    return Verdict.SAME, ""


def plain(proof: Proof) -> dict[str, object]:
    """Return a proof as JSON-plain values."""
    figures = {
        figure: {text: asdict(proof.spread(text, figure)) for text in (OLD, NEW)}
        for figure in FIGURES
    }
    return {
        "verdict": str(proof.verdict),
        "figure": proof.figure,
        "proved": proof.verdict is Verdict.BETTER and proof.least >= PROOF_LEAST,
        "figures": figures,
        "measurements": [asdict(one) for one in proof.measurements],
    }


def _measured(
    repository: Repository,
    request: ProofRequest,
    run: RunRecord,
    text: str,
    number: int,
    folder: Path,
    made: Sequence[Measurement],
) -> Measurement:
    own = folder / f"{run.run_id}-{text}-{number}"
    kept = own.with_suffix(".json")
    if kept.exists():
        return Measurement(**json.loads(kept.read_text("utf-8")))
    usd = request.usd - sum(one.usd or 0.0 for one in made)
    tokens = request.tokens - sum(one.tokens for one in made)
    at_the_cap = (
        f"the cap is reached after {len(made)} measurements (${request.usd:g}, "
        f"{request.tokens:,} tokens); raise --budget-usd or --budget-tokens, what was measured is "
        "kept"
    )
    if usd <= 0 or tokens <= 0:
        raise BudgetExhaustedError(at_the_cap)
    shutil.rmtree(own, ignore_errors=True)
    private_folder(own)
    caps = {"limits.usd": usd, "limits.tokens": tokens}
    try:
        found = _repeat_task(repository, request, run, text, number, own, caps)
    except BudgetExhaustedError:
        raise BudgetExhaustedError(at_the_cap) from None
    except InterruptedByUserError:
        how_far = f"interrupted; the same command goes on behind {len(made)} measurements, as kept"
        raise InterruptedByUserError(how_far) from None
    except ReviewLoopError as error:
        journals = own.glob(f"state/repositories/*/runs/*/{JOURNAL}")
        used = [spent_on(stored_usages(journal)) for journal in journals]
        spent = sum(one.tokens for one in used)
        money = None if any(one.unpriced for one in used) else sum(one.usd for one in used)
        return Measurement(run.run_id, text, number, str(error), tokens=spent, usd=money)
    finally:
        shutil.rmtree(own, ignore_errors=True)
    if not found.problem:
        kept.write_text(json.dumps(asdict(found)), "utf-8")
    return found


def _repeat_task(
    repository: Repository,
    request: ProofRequest,
    run: RunRecord,
    text: str,
    number: int,
    own: Path,
    caps: Mapping[str, Any],
) -> Measurement:
    """Repeat a recorded task in a checkout of its own with one text; return its figures."""
    words = [word for choice, word in words_of(repository, run) if choice == "modify"]
    consents = TrustStore(state_root()).consents(repository.user.key)
    root = own / repository.user.root.name
    root.mkdir()
    checkout_apart(repository.user, run.base_commit, root)
    _write_text(root, request, request.texts[text])
    settings = settings_of(run).models
    models = {"models.reasoning": settings.reasoning, "models.generation": settings.generation}
    flags = {**(model_flags(request.model) if request.model else models), **caps}
    with _state_at(own / "state"):
        apart = open_repository(root)
        for digest, commands in consents.items():
            TrustStore(state_root()).trust(apart.user.key, digest, commands)
        request_anew = RunRequest(
            task=run.task_id or "next",
            spec=run.spec_path,
            instruction="" if run.task_id else run.instruction,
            flags=flags,
        )
        record = advance(apart, begin(apart, plan(apart, request_anew)).run_id)
        for word in words:
            if record.status in (RunStatus.WAITING, RunStatus.BLOCKED):
                record = advance(apart, record.run_id, answer=build_answer(record, "modify", word))
        return _figures(apart, record, run.run_id, text, number)


def _figures(apart: Repository, record: RunRecord, run: str, text: str, number: int) -> Measurement:
    if not record.proposal:
        return Measurement(run, text, number, problem=record.reason or f"it is {record.status}")
    folder = apart.run_folder(record.run_id)
    used = spent_on(stored_usages(folder / JOURNAL))
    money = None if used.unpriced else used.usd
    proposal = Blobs(folder / "blobs").get_json(record.proposal)
    if proposal["incomplete"]:  # no findings by a reviewer that did not read mean nothing
        unread = ", ".join(proposal["incomplete"])
        problem = f"it was not read by {unread}"
        return Measurement(run, text, number, problem, tokens=used.tokens, usd=money)
    counts = count_records(proposal["findings"])
    return Measurement(
        run,
        text,
        number,
        blocked=record.status is RunStatus.BLOCKED,
        findings=counts.left + counts.fixed,
        rounds=int(proposal["rounds"].get("used", 0)),
        tokens=used.tokens,
        usd=money,
    )


def _write_text(root: Path, request: ProofRequest, text: str) -> None:
    """Write a skill to its path, and to a steering file for the agents of a run."""
    steering = root / _STEERING
    steering.parent.mkdir(parents=True, exist_ok=True)
    body = read_skill(text).body
    steering.write_text(f"---\ninclusion: always\n---\n\n{body}\n", "utf-8")
    path = root / request.path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


@contextmanager
def _state_at(folder: Path) -> Iterator[None]:
    """Keep the runs of a measurement apart from the user's."""
    before = os.environ.get(_STATE)
    os.environ[_STATE] = str(folder)
    try:
        yield
    finally:
        os.environ.pop(_STATE)
        if before is not None:
            os.environ[_STATE] = before
