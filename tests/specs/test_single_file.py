"""A spec that is one file: sections by meaning, task lines as people write them."""

from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import MemoryFiles
from reviewloop.specs.order import order_tasks


def test_every_way_to_write_a_task_line_is_read(single_spec):
    spec = open_spec(single_spec())
    assert [(t.id, t.title, t.state) for t in spec.tasks] == [
        ("1", "Create the returns table", "open"),
        ("2", "Create the form", "done"),
        ("3", "Validate the reason", "open"),
        ("4", "Pay the refund", "open"),
        ("5", "Send the label", "open"),
    ]
    assert spec.dialect == "single-file"


def test_dependencies_with_ranges_and_none(single_spec):
    by_id = open_spec(single_spec()).by_id
    assert by_id["1"].depends == () and by_id["1"].declares_depends
    assert by_id["3"].depends == ("1", "2")
    assert by_id["4"].depends == ("3",)
    assert by_id["5"].depends == ("1", "2")


def test_scope_below_the_line_belongs_to_the_task(single_spec):
    by_id = open_spec(single_spec()).by_id
    assert "Scope: returns/schema.py" in by_id["1"].body
    assert "Scope: returns/reasons.py" in by_id["3"].body


def test_requirement_ids_come_from_tables_headings_and_lists(single_spec):
    spec = open_spec(single_spec())
    assert spec.requirements["FR-1"] == "A customer can register a return | high"
    assert "within 14 days" in spec.requirements["FR-3"]
    assert spec.requirements["FR-4"] == "A label is sent\nby mail"
    assert spec.requirements["NFR-1"] == "Answers take less than 300 ms"
    assert spec.by_id["3"].requirements == ("FR-2", "FR-3", "FR-4", "NFR-1")


def test_design_holds_both_levels_and_nothing_else(single_spec):
    design = open_spec(single_spec()).design
    assert "A web form and a worker." in design and "returns/api.py" in design
    assert "Task 1" not in design and "FR-1" not in design


def test_boxes_outside_the_task_plan_are_no_tasks(single_spec, single_text):
    text = single_text.replace("## LLD", "## Open questions\n\n- [ ] Who pays?\n\n## LLD")
    assert len(open_spec(single_spec(text)).tasks) == 5


def test_without_a_task_heading_all_boxes_count(single_spec):
    spec = open_spec(single_spec("# Small\n\n1. [ ] First\n2. [x] Second\n"))
    assert [(t.id, t.state) for t in spec.tasks] == [("1", "open"), ("2", "done")]


def test_phases_after_the_task_heading_are_part_of_the_plan(single_spec):
    text = "# S\n\n## Tasks\n\n## Phase one\n\n- [ ] Task 1: A\n\n## Phase two\n\n- [ ] Task 2: B\n"
    assert [t.id for t in open_spec(single_spec(text)).tasks] == ["1", "2"]


def test_tasks_without_numbers_go_by_their_order_and_this_is_said(single_spec):
    spec = open_spec(single_spec("# S\n\n## Tasks\n\n- [ ] First\n  - [ ] Part\n- [ ] Second\n"))
    assert [(t.id, t.title) for t in spec.tasks] == [
        ("1", "First"), ("1.1", "Part"), ("2", "Second"),
    ]  # fmt: skip
    assert any("carry no number" in notice for notice in spec.notices)


def test_lists_that_all_start_with_one_go_by_their_order(single_spec):
    spec = open_spec(single_spec("# S\n\n## Tasks\n\n1. [ ] First\n1. [ ] Second\n"))
    assert [t.id for t in spec.tasks] == ["1", "2"]
    assert spec.problems == ()
    assert any("repeat" in notice for notice in spec.notices)


def test_acceptance_boxes_of_a_task_are_no_tasks(single_spec):
    text = (
        "# S\n\n## Tasks\n\n- [ ] Task 1: Build\n  Acceptance criteria:\n  - [ ] it runs\n"
        "  - [ ] it stops\n- [ ] Task 2: Ship\n"
    )
    spec = open_spec(single_spec(text))
    assert [t.id for t in spec.tasks] == ["1", "2"]
    assert "it stops" in spec.by_id["1"].body


def test_dependency_that_is_prose_is_a_notice_not_a_refusal(single_spec):
    text = "# S\n\n## Tasks\n\n- [ ] Task 1: A\n  Dependencies: Python 3.11, boto3\n"
    spec = open_spec(single_spec(text))
    assert spec.problems == () and spec.by_id["1"].depends == ()
    assert any("names no task" in notice for notice in spec.notices)


def test_all_previous_tasks_can_be_named_together(single_spec):
    text = "# S\n\n## Tasks\n\n- [ ] Task 1: A\n- [ ] Task 2: B\n- [ ] Task 3: C\n"
    text += "  Dependencies: all previous tasks\n"
    assert open_spec(single_spec(text)).by_id["3"].depends == ("1", "2")


PROSE = """# Feature

## Tasks

- [ ] 1. One
- [ ] 2. Two
- [ ] 3. Three
- [ ] 4. Four
- [ ] 5. Five
- [ ] 6. Six
- [ ] 7. Seven
- [ ] 8. Eight
- [ ] 9. Nine

## Dependencies Between Tasks

- Task 3 depends on Tasks 1-2 (migrations before models)
- Tasks 4-5 can run in parallel
- **Task 6** depends on Task 3 (models needed)
- Task 2 has no dependencies
- Tasks 7-8 depend on all implementation tasks
- Task 9 depends on whatever is left
- Task 6 depends on Task 12
"""


def test_dependencies_between_tasks_in_sentences_are_read():
    spec = open_spec(MemoryFiles({"docs/x-spec.md": PROSE.encode()}))
    assert {task.id: task.depends for task in spec.tasks if task.depends or task.id == "2"} == {
        "2": (),
        "3": ("1", "2"),
        "4": ("3",),
        "5": ("3",),
        "6": ("3",),
        "7": ("1", "2", "3", "4", "5", "6"),
        "8": ("1", "2", "3", "4", "5", "6"),
    }
    assert [n for n in spec.notices if "'12' is no task" in n]
    waves = order_tasks(spec).waves
    steps = {task: number for number, wave in enumerate(waves) for task in wave}
    assert steps["1"] == steps["2"]
    assert steps["4"] == steps["5"] == steps["6"]
    assert steps["7"] == steps["8"]
    assert steps["9"] > steps["8"], "what cannot be read leaves the order of the file"


def test_sentences_that_make_tasks_wait_for_each_other_are_a_problem():
    text = PROSE + "- Task 1 -> Task 2 -> Task 1\n"
    spec = open_spec(MemoryFiles({"docs/x-spec.md": text.encode()}))
    assert [problem.kind for problem in spec.problems] == ["cycle"]
