"""An OpenSpec change: groups of tasks, requirements that it changes, and its archive."""

import pytest
from support.dialects import OPENSPEC, OPENSPEC_TASKS, openspec

from reviewloop.domain.errors import UsageError
from reviewloop.specs.briefing import brief_task, requirements_of
from reviewloop.specs.discover import find_specs, open_spec
from reviewloop.specs.files import MemoryFiles
from reviewloop.specs.order import order_tasks
from reviewloop.specs.steering import Steering
from reviewloop.specs.tasks import mark_in_progress, tick


def test_tasks_carry_state_and_group():
    spec = open_spec(openspec())
    assert (spec.dialect, spec.name) == ("openspec", "add-night-tariff")
    assert [(t.id, t.state, t.phase) for t in spec.tasks] == [
        ("1.1", "done", "1. Tariff data"),
        ("1.2", "open", "1. Tariff data"),
        ("2.1", "open", "2. Billing"),
        ("2.2", "open", "2. Billing"),
        ("5", "open", "2. Billing"),
        ("3.1", "open", "3. Verification"),
    ]
    assert [t.id for t in spec.tasks if t.checkpoint] == ["3.1"]
    assert spec.by_id["1.2"].body == "- Hours are local time"
    assert spec.problems == ()
    assert any("1 task(s) carry no number" in notice for notice in spec.notices)


def test_tasks_follow_each_other_and_the_last_waits_for_all():
    order = order_tasks(open_spec(openspec()))
    assert order.waves == (("1.2",), ("2.1",), ("2.2",), ("5",), ("3.1",))
    assert order.steps[-1].needs == ("1.2", "2.1", "2.2", "5")


def test_requirements_are_those_of_the_capability_or_all_of_a_small_change():
    spec = open_spec(openspec())
    assert spec.by_id["2.1"].requirements == ("Night price", "Single sum", "Layout of a bill")
    assert spec.by_id["1.2"].requirements == ("all",)
    assert "(REMOVED in billing)" in spec.requirements["Single sum"]
    assert "its name was 'Bill layout'" in spec.requirements["Layout of a bill"]
    asked = requirements_of(spec, spec.by_id["1.2"])
    assert asked.criteria[0] == (
        "Night price.1",
        "Scenario: Reading after midnight - WHEN a reading lies between 0 and 5 o'clock "
        "- THEN its price is the night price",
    )


def test_of_a_large_change_a_task_gets_only_what_it_is_about():
    many = "\n".join(
        f"### Requirement: {word} sums\nThe system SHALL {'count ' * 600}\n\n#### Scenario: A\n"
        for word in ("Daily", "Weekly", "Yearly")
    )
    tasks = "## 1. Sums\n\n- [ ] 1.1 Show weekly sums\n- [ ] 1.2 Colours\n"
    delta = {"specs/reports/spec.md": f"## ADDED Requirements\n\n{many}"}
    spec = open_spec(openspec(tasks, **delta, **{"specs/billing/spec.md": ""}))
    assert spec.by_id["1.1"].requirements == ("Weekly sums",)
    assert spec.by_id["1.2"].requirements == ()


def test_equal_names_in_two_capabilities_stay_apart():
    delta = "## MODIFIED Requirements\n\n### Requirement: Night price\nIt SHALL be shown.\n"
    spec = open_spec(openspec(**{"specs/web/spec.md": delta}))
    assert "It SHALL be shown." in spec.requirements["Night price (web)"]
    assert "bill readings" in spec.requirements["Night price"]


def test_a_requirement_named_twice_in_one_file_keeps_both_texts():
    delta = (
        "## ADDED Requirements\n\n### Requirement: Day price\nIt SHALL be shown.\n\n"
        "#### Scenario: Noon\n- **THEN** it is shown\n\n"
        "## MODIFIED Requirements\n\n### Requirement: Day price\nIt SHALL be printed.\n\n"
        "#### Scenario: Evening\n- **THEN** it is printed\n"
    )
    spec = open_spec(openspec(**{"specs/web/spec.md": delta}))
    text = spec.requirements["Day price"]
    assert text.index("It SHALL be shown.") < text.index("It SHALL be printed.")
    assert "it is shown" in spec.requirements["Day price.1"]
    assert "it is printed" in spec.requirements["Day price.2"]
    (notice,) = (n for n in spec.notices if "more than once" in n)
    assert "Day price" in notice
    assert not any("more than once" in n for n in open_spec(openspec()).notices)


def test_the_briefing_tells_why_what_how_and_the_scenarios():
    files = openspec()
    spec = open_spec(files)
    told = brief_task(
        spec, spec.by_id["2.2"], steering=Steering(()), files=files, entries=[], budget_tokens=8000
    ).text
    for part in (
        "From the spec 'add-night-tariff': Readings at night are billed at the price of the day.",
        "Part of the phase '2. Billing'",
        "- **THEN** its price is the night price",
        "The bill shows two sums",
        "Hours are kept in `tariff/hours.py`.",
    ):
        assert part in told, part
    assert told.count("Readings at night are billed") == 1


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_tick_is_one_byte(ending):
    data = ("# Größe 🌙\n\n" + OPENSPEC_TASKS).rstrip().replace("\n", ending).encode()
    spec = open_spec(MemoryFiles({f"{OPENSPEC}/tasks.md": data}))
    for task in spec.tasks[1:]:
        ticked = tick(data, task)
        assert ticked == data[: task.mark_offset] + b"x" + data[task.mark_offset + 1 :]
        assert mark_in_progress(data, task) == data


def test_archived_changes_are_over():
    files = openspec()
    old = "openspec/changes/archive/2026-03-01-add-day-tariff"
    contents = {**files.contents, f"{old}/tasks.md": b"- [ ] 1.1 Never done\n"}
    assert [ref.path for ref in find_specs(MemoryFiles(contents))] == [OPENSPEC]
    for name in ("add-day-tariff", old, f"{old}/tasks.md", "openspec/changes/add-day-tariff"):
        with pytest.raises(UsageError, match=f"is archived in {old}, so its work is done"):
            open_spec(MemoryFiles(contents), name)


def test_mistakes_and_missing_files_are_said():
    spec = open_spec(
        openspec(OPENSPEC_TASKS.replace("2.2 Show", "2.1 Show"), **{"proposal.md": ""})
    )
    assert [str(one) for one in spec.problems] == [
        f"{OPENSPEC}/tasks.md:10: two tasks have the number 2.1 (the first is on line 9); "
        "give one of them another number"
    ]
    assert any("proposal.md does not exist" in notice for notice in spec.notices)
    with pytest.raises(UsageError, match=r"add-night-tariff has no tasks\.md yet"):
        open_spec(openspec(**{"tasks.md": ""}))
