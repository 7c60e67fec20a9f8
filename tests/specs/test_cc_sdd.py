"""A cc-sdd spec: Kiro's folder with approvals, `(P)`, `_Depends:_`, `_Blocked:_`, and notes."""

import pytest
from support.dialects import CC_SDD, CC_SDD_STATE, CC_SDD_TASKS, cc_sdd

from reviewloop.domain.errors import UsageError
from reviewloop.specs.briefing import brief_task
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import MemoryFiles
from reviewloop.specs.order import eligible, order_tasks
from reviewloop.specs.select import pick, progress, with_done
from reviewloop.specs.steering import Steering
from reviewloop.specs.tasks import mark_in_progress, tick


def test_tasks_carry_state_parent_marks_and_stage():
    spec = open_spec(cc_sdd())
    assert (spec.dialect, spec.stage) == ("cc-sdd", "tasks-generated")
    assert [(t.id, t.parent, t.state) for t in spec.tasks[:3]] == [
        ("1", None, "open"), ("1.1", "1", "done"), ("1.2", "1", "open"),
    ]  # fmt: skip
    assert spec.by_id["2.1"].parallel and spec.by_id["2.1"].title == "Count per day"
    assert spec.by_id["2.2"].depends == ("1.1",)
    assert spec.by_id["2.3"].blocked == "the map tiles are not licensed yet"
    assert spec.by_id["3.2"].optional
    assert spec.by_id["3.3"].checkpoint
    assert progress(spec) == (1, 7)
    assert spec.problems == spec.notices == ()


def test_numbers_give_the_order_and_dependencies_add_to_it():
    spec = open_spec(cc_sdd())
    assert [t.id for t in eligible(spec)] == ["1.2"]  # although 2.2 declares only 1.1
    later = with_done(spec, {"1.2"})
    assert [t.id for t in eligible(later)] == ["2.1", "2.2"]
    order = order_tasks(spec)
    assert order.waves == (("1.2",), ("2.1", "2.2"), ("3.1",))
    assert {s.task.id: s.needs for s in order.steps}["3.1"] == ("2.1", "2.2")
    assert [one.partition(": ")[2] for one in order.left_out] == [
        "task 2.3 is blocked: the map tiles are not licensed yet",
        "task 3.3 waits for 2.3, which is blocked",
    ]
    free = open_spec(cc_sdd(CC_SDD_TASKS.replace("_Blocked", "_Was blocked")))
    assert order_tasks(free).waves[-1] == ("3.3",)


def test_tasks_that_nobody_approved_are_not_begun():
    head, _, tail = CC_SDD_STATE.rpartition('"approved": true')
    spec = open_spec(cc_sdd(**{"spec.json": f'{head}"approved": false{tail}'}))
    assert eligible(spec) == ()
    for refused in (pick, order_tasks):
        with pytest.raises(UsageError, match=rf"{CC_SDD}/spec\.json:9: .*not approved yet"):
            refused(spec)
    broken = open_spec(cc_sdd(**{"spec.json": "{"}))
    assert broken.problems == ()
    assert f"{CC_SDD}/spec.json: this file cannot be read as JSON and is not used" in broken.notices


def test_mistakes_are_named_with_their_line():
    wrong = CC_SDD_TASKS.replace("_Depends: 2.1, 2.2_", "_Depends: 2.1, 7.2_")
    line = wrong.split("\n").index("- [ ] 3.1 Join both counts") + 1
    with pytest.raises(UsageError, match=rf"tasks\.md:{line}: task 3\.1 depends on '7\.2'"):
        order_tasks(open_spec(cc_sdd(wrong)))


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_tick_is_one_byte_and_the_last_part_ticks_its_parent(ending):
    data = ("# Zählung 🐦\n" + CC_SDD_TASKS).rstrip().replace("\n", ending).encode()
    files = {f"{CC_SDD}/tasks.md": data, f"{CC_SDD}/spec.json": b"{}"}
    spec = open_spec(MemoryFiles(files))
    task, parent = spec.by_id["1.2"], spec.by_id["1"]
    assert tick(data, task, parents=False) == (
        data[: task.mark_offset] + b"x" + data[task.mark_offset + 1 :]
    )
    both = tick(data, task)
    assert [n for n, (a, b) in enumerate(zip(data, both, strict=True)) if a != b] == [
        parent.mark_offset, task.mark_offset,
    ]  # fmt: skip
    assert mark_in_progress(data, task) == data


def test_the_briefing_tells_criteria_design_research_and_notes():
    files = cc_sdd()
    spec = open_spec(files)
    told = brief_task(
        spec, spec.by_id["2.2"], steering=Steering(()), files=files, entries=[], budget_tokens=8000
    ).text
    for part in (
        "Volunteers count birds.",
        "As a ranger, I want counts",
        "- 2.2: Where a place is given, the Counter shall count per place",
        "_Boundary: PlaceCounter_",
        "Two counters.",
        "Gulls are hard to tell apart.",
        "open it as UTF-8",
    ):
        assert part in told, part
    assert set(spec.files) == {
        f"{CC_SDD}/{n}" for n in
        ("tasks.md", "requirements.md", "design.md", "research.md", "spec.json")
    }  # fmt: skip
