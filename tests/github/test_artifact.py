"""The artifact between two jobs: complete, and always readable."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from support.sample_review import failed_report, sample_report

from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.finding import Evidence, Finding, Placement
from reviewloop.github.api.model import Posted, PullRequest, Repo, State, Status
from reviewloop.github.artifacts.report import MOST_FINDINGS, FindingPart, ReportPart
from reviewloop.github.artifacts.review_artifact import (
    artifact_of,
    read_artifact,
    serialize,
    write_for_posting,
)
from reviewloop.github.job.event import Trigger
from reviewloop.github.job.outcome import JobOutcome, with_threshold
from reviewloop.github.posting.postable import PostableReview
from reviewloop.github.posting.summary import summary
from reviewloop.github.rereview.matching import CodePresence, CommentLocation, Facts
from reviewloop.render.report import FileRead, PartRead, Readership, ReviewReport
from reviewloop.review.silencing import dismiss_finding

REPO = Repo("octo", "demo")
PULL = PullRequest(REPO, 7, "b" * 40, "a" * 40, "main", "feature", "eve/demo", "eve")
TRIGGER = Trigger("review", "pull_request_target", "labeled", REPO, 7, "a" * 40)
# Of the report itself nothing else is told on a pull request, or it is told from the API.
LEFT_OUT = {"what", "base", "head", "nothing_staged"}
NOT_TOLD = {"category", "url", "fix_safe", "round_found", "attempts"}


def facts_of(report: ReviewReport) -> Facts:
    changed = [f for f in report.findings if f.placement is Placement.CHANGED]
    placed = [f.id for f in changed]
    return Facts(
        since="c" * 40,
        locations={
            f.id: CommentLocation("RIGHT", 3, 4, offers=f.replacement is not None) for f in changed
        },
        codes=dict.fromkeys(placed, "2:0123abcd"),
        fates={("app/db.py", "1:00000000"): CodePresence.GONE, ("", ""): CodePresence.UNKNOWN},
        pushed=frozenset(placed[:1]),
        touched=frozenset({"app/db.py", "odd \udcff.py"}),
        renamed={"old.py": "new.py"},
        confirmed=frozenset({"0" * 12}),
    )


def ended(report: ReviewReport, facts: Facts | None = None) -> JobOutcome:
    reading = PostableReview(report, facts or facts_of(report))
    return JobOutcome(Status.PASSED, "", ExitCode.CLEAN, PULL, report, reading=reading)


def handed_over(report: ReviewReport, path: Path, facts: Facts | None = None) -> PostableReview:
    """Return what the other job has."""
    kept = write_for_posting(ended(report, facts), TRIGGER, str(path))
    assert (kept.status, kept.collected) == (Status.PASSED, str(path)), kept.reason
    return read_artifact(str(path)).reading(redact=str, rendered=str)


def asked_report() -> ReviewReport:
    """A review that models read in two parts, one of which a reviewer did not get to."""
    report, who = sample_report(), ("review-security", "review-performance")
    tokens = {"input": 4000, "output": 120, "cache_read": 900, "cache_write": 3}
    read = tuple(
        FileRead(file.path, "in parts", who[: 1 + number % 2], (1, 2), "the budget ran out")
        for number, file in enumerate(report.reviewed)
    )
    parts = (
        PartRead(1, len(read), who),
        PartRead(2, len(read), who[:1], ((who[1], "the budget ran out"),)),
    )
    agents = tuple(
        replace(agent, model="bedrock:sonnet", tokens=tokens, cost_usd=0.25)
        for agent in report.agents
    )
    return replace(
        report,
        **{"model": "bedrock:sonnet", "agents": agents, "below": 2},
        usage={**tokens, "cost_usd": 1.25, "estimated": True},
        readership=Readership(read, parts, "d" * 40),
    )


@pytest.mark.parametrize("report", [sample_report(), failed_report(), asked_report()])
def test_the_other_job_has_all_that_is_told(report: ReviewReport, tmp_path: Path) -> None:
    there = handed_over(report, tmp_path / "kept")

    def told(one: ReviewReport) -> list[str]:
        plain = [f.model_copy(update={"url": ""}) for f in one.findings]
        return summary(replace(one, findings=tuple(plain)), Posted(), PULL)

    assert told(there.report) == told(report)
    facts = facts_of(report)
    assert there.facts == replace(facts, touched=frozenset({"app/db.py", "odd ?.py"}))
    assert (there.report.base, there.report.head) == (PULL.base_sha, PULL.head_sha)


def test_no_field_is_forgotten() -> None:
    assert {f.name for f in fields(ReviewReport)} - LEFT_OUT == set(ReportPart.model_fields)
    assert set(Finding.model_fields) - NOT_TOLD == set(FindingPart.model_fields)


def test_where_a_note_is_from_and_who_dismissed_are_told(tmp_path: Path) -> None:
    report = sample_report()
    [first, second, *_] = report.findings
    said = Evidence(kind="verdict", source="review-security", text="confirm: It holds.")
    confirmed = first.with_note("confirmed by review-security: It holds.", said, evidence=(said,))
    silenced = (dismiss_finding(second, "meant so"), first.with_note("dismissed: not by a user"))
    there = handed_over(replace(report, findings=(confirmed,), silenced=silenced), tmp_path / "k")
    [back] = there.report.findings
    assert (back.note, back.note_from, back.evidence) == (confirmed.note, said, (said,))
    assert [one.dismissal for one in there.report.silenced] == ["meant so", None]


def test_a_dismissal_by_an_older_release_is_read_from_its_note() -> None:
    part = FindingPart.of(dismiss_finding(sample_report().findings[0], "meant so"))
    stored = part.model_dump(mode="json")
    del stored["dismissal"]
    assert FindingPart.model_validate_json(json.dumps(stored)).finding(str).dismissal == "meant so"


@pytest.mark.slow
def test_whatever_a_review_holds_is_cut_to_what_can_be_read(tmp_path: Path) -> None:
    report = sample_report()
    [first, *_] = report.findings
    long, odd = "x" * 100_000, "\udcff\0\x1b[31m⟦"
    worst: dict[str, Any] = {
        **{"why": long, "suggestion": long, "quote": long, "note": long, "rule": long},
        **{"replacement": long, "agents": tuple(f"{n}{long}" for n in range(99))},
        "evidence": tuple(Evidence(kind=long, source=odd, text=long) for _ in range(99)),
    }
    changes: list[dict[str, Any]] = [
        worst,
        dict.fromkeys(("why", "suggestion", "quote", "note", "replacement"), odd),
        {"path": "../../etc/passwd"},
        {"path": "a" * 5000},
        {"path": f"odd {odd[0]}.py"},
        {"line": 0, "end_line": 0, "side": "both"},
    ]
    several = [
        first.model_copy(update={"id": f"{number:012x}", **change})
        for number, change in enumerate(changes)
    ]
    skipped = tuple(replace(report.skipped[0], path=path) for path in ("/", "a" * 9000, "..", odd))
    report = replace(report, findings=tuple(several), skipped=skipped, notes=(long,) * 2000)
    there = handed_over(report, tmp_path / "kept")
    assert [f.id for f in there.report.findings] == [f.id for f in several]
    assert [f.placement for f in there.report.findings[2:4]] == [Placement.UNANCHORED] * 2
    assert [f.path for f in there.report.findings[2:5]] == ["", "", r"odd \xff.py"]
    assert not {several[2].id, several[3].id} & set(there.facts.locations)
    assert len(there.report.skipped) == 4
    many = [first.model_copy(update={"id": f"{n:012x}"}) for n in range(MOST_FINDINGS + 3)]
    there = handed_over(replace(report, findings=tuple(many), notes=()), tmp_path / "many")
    assert len(there.report.findings) == MOST_FINDINGS
    assert there.report.notes == ("3 more findings (findings) are in the report only",)


def test_what_cannot_be_handed_over_is_no_success(tmp_path: Path) -> None:
    report = sample_report()
    strange = report.findings[0].model_copy(update={"id": "no fingerprint"})
    for bad in (replace(report, findings=(strange,)), replace(report, seconds=float("nan"))):
        kept = write_for_posting(ended(bad), TRIGGER, str(tmp_path / "kept"))
        assert (kept.status, kept.exit_code) == (Status.REVIEW_ERROR, ExitCode.USAGE)
        there = read_artifact(str(tmp_path / "kept"))
        assert (there.status, there.exit_code, there.report) == (Status.REVIEW_ERROR, 2, None)
        assert "cannot be handed over" in there.reason
    nowhere = write_for_posting(ended(report), TRIGGER, str(tmp_path / "no" / "kept"))
    assert (nowhere.status, nowhere.collected) == (Status.REVIEW_ERROR, "")
    assert "cannot be written" in nowhere.reason
    nobody = Trigger("none", "push", why="about no pull request")
    write_for_posting(JobOutcome(Status.SKIPPED, nobody.why), nobody, str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


def test_secrets_are_taken_out_once_more_and_offered_code_with_them(tmp_path: Path) -> None:
    report = sample_report()
    first = next(f for f in report.findings if f.placement is Placement.CHANGED)
    texts = {"why": "it is hunter2", "replacement": "password = 'hunter2'\n"}
    one = replace(report, findings=(first.model_copy(update=texts),), notes=("hunter2",))
    end = Status.PASSED, 0, ""

    def redact(text: str) -> str:
        return text.replace("hunter2", "⟦secret⟧")

    kept = serialize(artifact_of(PostableReview(one, facts_of(one), redact, redact), PULL, *end))
    assert b"hunter2" not in kept
    data = serialize(artifact_of(PostableReview(one, facts_of(one)), PULL, *end))
    assert b"hunter2" in data
    (tmp_path / "kept").write_bytes(data)
    there = read_artifact(str(tmp_path / "kept")).reading(redact=redact, rendered=redact)
    assert "hunter2" not in repr(there.report)
    assert (there.report.findings[0].replacement, there.facts.locations[first.id].offers) == (
        None,
        False,
    )


def test_facts_of_another_push_are_not_believed() -> None:
    facts = facts_of(sample_report())
    assert facts.for_state(State(reviewed_sha="c" * 40)) is facts
    other = facts.for_state(State(reviewed_sha="d" * 40))
    assert (other.touched, other.renamed, other.confirmed) == (frozenset(), {}, frozenset())
    assert other.pushed == set(facts.codes)
    assert (
        other.presence_of("app/db.py", "1:00000000") is CodePresence.GONE
    )  # that is about the head itself


def test_the_posting_job_may_judge_by_another_severity() -> None:
    report = replace(sample_report(), fail_on="never", exit_code=0, outcome="findings")
    assert with_threshold(report, "must").exit_code == ExitCode.FINDINGS
    assert with_threshold(replace(report, findings=()), "must").exit_code == ExitCode.CLEAN
    assert with_threshold(replace(report, exit_code=5), "must").exit_code == ExitCode.INCOMPLETE
    hidden = replace(report, findings=(), fail_on="must", exit_code=1)  # what settings do not list
    assert with_threshold(hidden, "must").exit_code == ExitCode.FINDINGS
    assert json.loads(serialize(artifact_of(PostableReview(report), PULL, Status.PASSED, 0, "")))[
        "pull"
    ]
    with pytest.raises(UsageError, match="no review"):
        _empty().reading(redact=str, rendered=str)


def _empty() -> Any:
    from reviewloop.github.artifacts.review_artifact import Artifact

    given = {"repository": "octo/demo", "pull": 7, "base": "", "head": "", "reason": "why"}
    return Artifact.fitting({**given, "status": Status.SKIPPED, "exit_code": 0})
