"""The figures of `stats` as JSON-plain values; `app.stats.figures` fills them in."""

from typing import TypedDict


class Share(TypedDict):
    """A part of a whole; `rate` is None where there is nothing to divide."""

    rate: float | None
    count: int
    of: int


class RepositoryFigures(TypedDict):
    """Each is a share; `architecture` is None where the repository has no rules."""

    documentation: Share  # public names of the product with a description, of all
    spec_reuse: Share  # specs that another spec or a steering file refers to, of all
    requirement_reuse: Share  # requirements with nearly the same words in another spec, of all
    architecture: Share | None  # files that keep the architecture, of all that it covers


class Targets(TypedDict):
    """The targets of the figures that have one."""

    first_pass: float
    coverage: float
    red_left: int
    documentation: float


class FirstPass(TypedDict):
    """How the tasks did at their first review; `rate` is the clean ones among the known ends."""

    rate: float | None
    clean: int
    findings: int
    incomplete: int
    unknown: int
    not_reviewed: int


class CoverageOfRuns(TypedDict):
    """The coverage of new lines in all changes."""

    rate: float | None
    new_lines: int
    covered_lines: int
    not_measured_runs: int


class RedLeft(TypedDict):
    """Red findings left in changes that are committed or wait."""

    count: int
    runs: int
    of_runs: int


class Outcomes(TypedDict):
    """The findings of one severity by outcome."""

    found: int
    fixed: int
    dismissed: int
    left: int


class Tally(TypedDict):
    """Findings by severity; silenced ones are counted apart."""

    must_fix: Outcomes
    should_fix: Outcomes
    nit: Outcomes
    silenced: int


class TallyOfReviewer(Tally):
    """The tally of one reviewer."""

    reviewer: str


class FindingFigures(TypedDict):
    """The findings of all runs, and by reviewer."""

    all: Tally
    dismissed_by_people: int
    by_reviewer: list[TallyOfReviewer]


class Resolution(TypedDict):
    """How many red and yellow findings were fixed, or dismissed with a reason."""

    rate: float | None
    resolved: int
    found: int


class Documentation(TypedDict):
    """How many of the public names in changes have a description."""

    rate: float | None
    described: int
    names: int


class Structure(TypedDict):
    """How complexity grew, and the findings about architecture and copies."""

    complexity_growth: int
    arch_findings: int
    copy_findings: int


class Approval(TypedDict):
    """What became of the runs; `rate` is the approved ones among those that people decided on."""

    rate: float | None
    approved: int
    rejected: int
    autopilot: int
    redone: int
    given_up: int
    approved_as_shown: int
    approved_after_modifications: int
    undone: int
    waiting: int
    blocked: int


class Edits(TypedDict):
    """What people asked for before they approved."""

    modifications: int
    modified_runs: int
    taken_over: int


class Spread(TypedDict):
    """Median, mean and highest of `count` values; None without any."""

    count: int
    median: float | None
    mean: float | None
    most: float | None


class PerTask(TypedDict):
    """Rounds, time and money of a task."""

    rounds: Spread
    seconds: Spread
    usd: Spread


class TimesToCommit(TypedDict):
    """Seconds to a commit, from three beginnings."""

    from_begin: Spread
    from_spec: Spread
    from_approval: Spread


class Money(TypedDict):
    """The cost and usage of all runs."""

    usd: float
    unpriced_runs: int
    fix_runs: int
    fix_usd: float
    calls: int
    input: int
    output: int
    cache_read: int
    cache_write: int


class Week(Structure):
    """The figures of the runs begun in one week."""

    monday: str
    runs: int
    first_pass: float | None
    coverage: float | None
    resolution: float | None
    documentation: float | None
    red_left: int
    usd: float


class StatsFigures(TypedDict):
    """All figures."""

    since: float
    spec: str
    runs: int
    tasks: int
    checkpoints: int
    targets: Targets
    first_pass: FirstPass
    coverage: CoverageOfRuns
    red_left: RedLeft
    findings: FindingFigures
    resolution: Resolution
    documentation: Documentation
    structure: Structure
    shared_specs: Share
    approval: Approval
    edits: Edits
    per_task: PerTask
    to_commit: TimesToCommit
    money: Money
    weeks: list[Week]
    repository: RepositoryFigures | None
