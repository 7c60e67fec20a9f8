"""Selecting a task by id or words, what may start, and the progress of a spec."""

from dataclasses import replace

import pytest

from reviewloop.domain.errors import UsageError
from reviewloop.specs.discover import open_spec
from reviewloop.specs.order import eligible, newly_eligible
from reviewloop.specs.select import optional_progress, pick, progress


def plan(single_spec, *lines: str):
    text = "# S\n\n## Tasks\n\n" + "\n".join(lines) + "\n"
    return open_spec(single_spec(text), "docs/returns-spec.md")


def finished(spec, *ids: str):
    tasks = tuple(replace(t, state="done") if t.id in ids else t for t in spec.tasks)
    return replace(spec, tasks=tasks)


def ids(tasks) -> list[str]:
    return [task.id for task in tasks]


def test_next_is_the_first_open_task_whose_dependencies_are_done(single_spec):
    spec = open_spec(single_spec())
    assert pick(spec).id == "1"
    assert pick(finished(spec, "1")).id == "3"
    assert pick(finished(spec, "1", "3"), "next").id == "4"


def test_next_passes_over_what_waits_for_something_later(single_spec):
    spec = plan(single_spec, "- [ ] Task 1: A", "  Dependencies: Task 2", "- [ ] Task 2: B")
    assert pick(spec).id == "2"


def test_next_passes_over_optional_tasks(kiro_spec):
    spec = finished(open_spec(kiro_spec()), "2.1")
    assert pick(spec).id == "2.3"
    assert pick(spec, "2.2").id == "2.2"


def test_a_task_can_be_meant_by_words_of_its_title(kiro_spec):
    spec = open_spec(kiro_spec())
    assert pick(spec, "render one").id == "2.1"
    assert pick(spec, "task 2.1").id == "2.1"
    with pytest.raises(UsageError, match="could mean several tasks"):
        pick(spec, "label")


def test_unknown_task_suggests_the_nearest(kiro_spec):
    with pytest.raises(UsageError, match=r"no task 'Reprnt a label'.*did you mean 4 "):
        pick(open_spec(kiro_spec()), "Reprnt a label")


@pytest.mark.parametrize(
    ("words", "task"),
    [
        *[(words, "2.1") for words in ("task 2.1", "implement task 2.1", "Do task #2.1.")],
        *[(words, "next") for words in ("next task", "implement the next open task", "", "Next")],
    ],
)
def test_a_phrase_in_place_of_a_task_is_done(kiro_spec, words, task):
    spec = open_spec(kiro_spec())
    assert pick(spec, words) == pick(spec, task)


@pytest.mark.parametrize("words", ["implement all open tasks", "all tasks", "every task", "all"])
def test_all_tasks_are_told_the_command(kiro_spec, words):
    with pytest.raises(UsageError, match="is more than one task: `reviewloop batch` does all"):
        pick(open_spec(kiro_spec()), words)


@pytest.mark.parametrize(
    ("words", "ids"),
    [("tasks 2-4", "2,3,4"), ("implement tasks 2.1 and 3", "2.1,3"), ("tasks 1, 2 and 4", "1,2,4")],
)
def test_several_tasks_are_told_the_command(kiro_spec, words, ids):
    with pytest.raises(UsageError, match=f"`reviewloop batch --tasks {ids}` does them"):
        pick(open_spec(kiro_spec()), words)


def test_done_task_is_refused_with_its_place(kiro_spec):
    with pytest.raises(UsageError, match=r"1\.1 .*is done already \(.*tasks\.md:10\)"):
        pick(open_spec(kiro_spec()), "1.1")


def test_parent_suggests_its_next_part(kiro_spec):
    with pytest.raises(UsageError, match=r"made of other tasks; run the next of them: 2\.1 "):
        pick(open_spec(kiro_spec()), "2")


def test_declared_dependency_that_is_open_is_refused(kiro_spec, single_spec):
    with pytest.raises(UsageError, match=r"not done: 2\.1 'Render one label' \(in progress\)"):
        pick(open_spec(kiro_spec()), "2.3")
    with pytest.raises(UsageError, match="not done: 1 'Create the returns table'"):
        pick(open_spec(single_spec()), "3")


def test_number_order_alone_refuses_nothing(kiro_spec):
    assert pick(open_spec(kiro_spec()), "4").id == "4"


def test_parts_wait_for_what_their_parent_waits_for(single_spec):
    spec = plan(
        single_spec, "- [ ] 1. A", "- [ ] 2. B", "  - Dependencies: Task 1", "  - [ ] 2.1 C"
    )
    with pytest.raises(UsageError, match="not done: 1 'A'"):
        pick(spec, "2.1")
    assert pick(finished(spec, "1"), "2.1").id == "2.1"


def test_a_dependency_on_a_parent_is_done_when_its_required_parts_are(single_spec):
    lines = ["- [ ] 1. A", "  - [x] 1.1 B", "  - [ ]* 1.2 C", "- [ ] 2. D", "  Dependencies: 1"]
    assert pick(plan(single_spec, *lines), "2").id == "2"


def test_a_parent_with_only_optional_parts_is_work_of_its_own(single_spec):
    spec = plan(single_spec, "- [ ] 1. A", "  - [ ]* 1.1 Tests")
    assert pick(spec, "1").id == "1" and progress(spec) == (0, 1)


def test_blocked_task_is_refused_with_the_reason(kiro_spec, kiro_tasks):
    text = kiro_tasks.replace("- _Requirements: 2.1, 9.9_", "- _Blocked: waits for the vendor_")
    with pytest.raises(UsageError, match=r"is blocked .*waits for the vendor"):
        pick(open_spec(kiro_spec(tasks=text)), "4")


def test_nothing_left_to_do_is_said(single_spec):
    spec = plan(single_spec, "- [x] 1. A", "- [ ]* 2. B")
    with pytest.raises(
        UsageError, match=r"every required task .* is done; optional ones are open: 2"
    ):
        pick(spec)


def test_duplicate_numbers_are_refused_with_both_lines(single_spec):
    spec = plan(single_spec, "- [ ] Task 1: A", "- [ ] Task 1: B", "- [ ] Task 2: C")
    with pytest.raises(
        UsageError, match=r"returns-spec\.md:6: two tasks have the number 1 .*line 5"
    ):
        pick(spec, "1")
    assert pick(spec, "2").id == "2"


def test_unknown_dependency_is_refused_with_its_line(single_spec):
    spec = plan(single_spec, "- [ ] Task 1: A", "  Dependencies: Task 7", "- [ ] Task 2: B",
                "  Dependencies: Task 1")  # fmt: skip
    for wanted in ("1", "2", "next"):
        with pytest.raises(UsageError, match=r"returns-spec\.md:5: task 1 depends on '7'"):
            pick(spec, wanted)


def test_cycles_are_refused_with_the_whole_ring(single_spec):
    spec = plan(
        single_spec,
        "- [ ] Task 1: A", "  Dependencies: Task 3",
        "- [ ] Task 2: B", "  Dependencies: Task 1",
        "- [ ] Task 3: C", "  Dependencies: Task 2",
        "- [ ] Task 4: D", "  Dependencies: Task 3",
        "- [ ] Task 5: E",
    )  # fmt: skip
    assert len([one for one in spec.problems if one.kind == "cycle"]) == 1
    for wanted in ("1", "2", "3", "4"):
        with pytest.raises(
            UsageError, match=r":5: these tasks wait for each other: 1 -> 3 -> 2 -> 1"
        ):
            pick(spec, wanted)
    assert pick(spec).id == "5"
    with pytest.raises(UsageError, match="wait for each other"):
        pick(finished(spec, "5"))


def test_a_task_that_waits_for_itself_or_its_parent_is_a_cycle(single_spec):
    spec = plan(single_spec, "- [ ] 1. A", "  Dependencies: 1")
    with pytest.raises(UsageError, match="this task waits for itself"):
        pick(spec, "1")
    nested = plan(single_spec, "- [ ] 1. A", "  - [ ] 1.1 B", "    - Dependencies: Task 1")
    with pytest.raises(UsageError, match="wait for each other"):
        pick(nested, "1.1")


def test_open_fence_and_missing_tasks_are_refused(single_spec):
    with pytest.raises(UsageError, match=r":5: this code fence is never closed"):
        pick(plan(single_spec, "```", "- [ ] 1. A"))
    with pytest.raises(UsageError, match="no task line was found"):
        pick(plan(single_spec, "nothing here"))


def test_eligible_follows_declared_dependencies(single_spec):
    spec = open_spec(single_spec())
    assert ids(eligible(spec)) == ["1"]
    assert ids(newly_eligible(spec, "1")) == ["3", "5"]
    assert ids(eligible(plan(single_spec, "- [ ] Task 1: A", "  Dependencies: none",
                             "- [ ] Task 2: B"))) == ["1", "2"]  # fmt: skip


def test_eligible_follows_the_order_where_nothing_is_declared(kiro_spec):
    spec = open_spec(kiro_spec())
    assert ids(eligible(spec)) == ["2.1"]
    assert ids(newly_eligible(spec, spec.by_id["2.1"])) == ["2.3"]
    assert ids(newly_eligible(finished(spec, "2.1"), "2.3")) == ["3"]


def test_tasks_marked_parallel_start_together(single_spec):
    spec = plan(single_spec, "- [ ] 1. A (P)", "- [ ] 2. B (P)", "- [ ] 3. C", "- [ ] 4. D (P)")
    assert ids(eligible(spec)) == ["1", "2"]


def test_waves_decide_the_order_and_checkpoints_come_between(kiro_spec, kiro_tasks):
    waves = '\n```json\n{"waves": [["1.1"], ["4"], ["2.1", "2.3"]]}\n```\n'
    spec = open_spec(kiro_spec(tasks=kiro_tasks.replace("    - _Depends: 2.1_\n", "") + waves))
    assert pick(spec).id == "4"
    assert ids(eligible(spec)) == ["4"]
    assert ids(newly_eligible(spec, "4")) == ["2.1", "2.3"]
    assert pick(finished(spec, "4", "2.1", "2.3")).id == "3"
    assert pick(spec, "2.3").id == "2.3"


def test_progress_counts_required_work_and_options_apart(kiro_spec):
    spec = open_spec(kiro_spec())
    assert progress(spec) == (1, 5)
    assert optional_progress(spec) == (0, 1)
