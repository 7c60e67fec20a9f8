"""The gate `spec_sync`: off by default, ignores old drift, reports both locations of new drift."""

from dataclasses import replace

from support.drift_projects import files_of

from reviewloop.domain.gate import GateStatus
from reviewloop.guards.inputs import GuardInput
from reviewloop.guards.registry import GUARDS, run_one
from reviewloop.settings import Settings
from reviewloop.specs.drift.change import drift_of_change
from reviewloop.specs.files import MemoryFiles

FILES = files_of("kiro-fastapi")
ROUTES = "src/billing/routes/invoices.py"


def drift(base: dict[str, str], new: dict[str, str]):
    old, now = (
        MemoryFiles({path: text.encode() for path, text in files.items()}) for files in (base, new)
    )
    return drift_of_change(old, now, "")


def test_it_is_off_unless_asked_for():
    guard = next(one for one in GUARDS if one.name == "spec_sync")
    assert not guard.is_requested(Settings())
    assert guard.is_requested(Settings.model_validate({"gates": {"spec_sync": {"enabled": True}}}))


def test_only_what_the_change_brings_counts():
    text = FILES[ROUTES].replace('@router.get("/{invoice_id}")', '@router.get("/all")')
    [gone, new] = drift(FILES, {**FILES, ROUTES: text})
    assert (gone.name, new.name) == ("GET /api/invoices/{}", "GET /api/invoices/all")
    assert drift({**FILES, ROUTES: text}, {**FILES, ROUTES: text + "\n"}) == ()


def test_a_test_that_the_change_deletes_is_missed():
    without = {path: text for path, text in FILES.items() if path != "tests/test_drafts.py"}
    [lost] = drift(FILES, without)
    assert (lost.kind, lost.name) == ("criterion", "1.3")
    assert lost.note == "its only test was tests/test_drafts.py:2 before this change"


def test_a_person_decides_and_sees_both_places(project):
    change: GuardInput = project.change({"a.txt": "a\n"})
    assert run_one("spec_sync", change).status is GateStatus.PASSED
    text = FILES[ROUTES].replace("@router.get", "@router.head")
    found = drift(FILES, {**FILES, ROUTES: text})
    result = run_one("spec_sync", replace(change, spec_drift=lambda: found))
    assert result.status is GateStatus.NEEDS_USER
    assert result.summary.startswith(
        "endpoint GET /api/invoices/{}: spec .kiro/specs/invoices/design.md:20, code nowhere"
    )
    assert len(result.details["reasons"]) == 2
