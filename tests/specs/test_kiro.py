"""Kiro spec folders are read whole: tasks in every state, requirements by id, waves, notices."""

import json

from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import MemoryFiles


def test_tasks_carry_state_parent_and_option(kiro_spec):
    spec = open_spec(kiro_spec())
    seen = [(t.id, t.state, t.optional, t.parent) for t in spec.tasks]
    assert seen == [
        ("1", "done", False, None),
        ("1.1", "done", False, "1"),
        ("2", "open", False, None),
        ("2.1", "in_progress", False, "2"),
        ("2.2", "open", True, "2"),
        ("2.3", "queued", False, "2"),
        ("3", "open", False, None),
        ("4", "open", False, None),
    ]
    assert spec.by_id["2"].children == ("2.1", "2.2", "2.3")
    assert spec.problems == ()


def test_requirements_and_dependencies_are_read_from_the_detail_lines(kiro_spec):
    by_id = open_spec(kiro_spec()).by_id
    assert by_id["2.1"].requirements == ("1.1", "1.3")
    assert by_id["2.2"].requirements == ("1.2",)
    assert by_id["2.3"].depends == ("2.1",)
    assert "labels/render.py" in by_id["2.1"].body
    assert by_id["4"].parallel and by_id["4"].title == "Reprint a label"


def test_lines_inside_code_fences_are_no_tasks(kiro_spec):
    assert "7" not in open_spec(kiro_spec()).by_id


def test_requirement_nobody_wrote_is_said_with_its_line(kiro_spec, kiro_tasks):
    line = kiro_tasks.split("\n").index("- [ ] 4. Reprint a label (P)") + 1
    notices = open_spec(kiro_spec()).notices
    assert any(f"tasks.md:{line}: task 4 names 9.9" in notice for notice in notices)


def test_crlf_and_a_byte_order_mark_change_nothing(kiro_spec, kiro_tasks):
    plain = open_spec(kiro_spec())
    folder = ".kiro/specs/parcel-labels"
    windows = b"\xef\xbb\xbf" + kiro_tasks.replace("\n", "\r\n").encode()
    spec = open_spec(MemoryFiles({f"{folder}/tasks.md": windows}))
    assert [(t.id, t.title, t.body) for t in spec.tasks] == [
        (t.id, t.title, t.body) for t in plain.tasks
    ]
    for task in spec.tasks:
        assert windows[task.mark_offset : task.mark_offset + 1] == task.mark.encode()


def test_bytes_that_are_not_utf8_survive(kiro_spec, kiro_tasks):
    data = kiro_tasks.encode().replace(b"Render one label", b"Render \xff\xfe label")
    spec = open_spec(MemoryFiles({".kiro/specs/x/tasks.md": data}))
    task = spec.by_id["2.1"]
    assert data[task.mark_offset : task.mark_offset + 1] == b"-"


def test_waves_in_three_shapes_mean_the_same(kiro_spec, kiro_tasks):
    shapes = (
        {"waves": [{"id": 0, "tasks": ["1.1"]}, {"id": 1, "tasks": ["2.1", "2.3", "4"]}]},
        {"waves": [{"wave": 1, "description": "a", "tasks": ["1"]},
                   {"wave": 2, "tasks": ["2.1", "2.3", 4]}]},
        {"waves": [["1.1"], ["2.1", "2.3", "4"]]},
    )  # fmt: skip
    for shape in shapes:
        text = f"{kiro_tasks}\n```json\n{json.dumps(shape)}\n```\n"
        assert open_spec(kiro_spec(tasks=text)).waves == (("1.1",), ("2.1", "2.3", "4"))


def test_waves_that_do_not_fit_the_tasks_are_ignored_with_a_notice(kiro_spec, kiro_tasks):
    for content in ('{"waves": [["1.1"], ["99"]]}', '{"waves": [["1.1"]]}', '{"waves": [',
                    '{"waves": "later"}'):  # fmt: skip
        spec = open_spec(kiro_spec(tasks=f"{kiro_tasks}\n```json\n{content}\n```\n"))
        assert spec.waves == ()
        assert any("waves are not used" in notice for notice in spec.notices), content


def test_bugfix_specs_give_their_clauses_ids(kiro_tasks):
    bugfix = "# Bugfix\n\n## Current Behavior\n\n1.1 WHEN a line is empty THEN the system crashes\n"
    bugfix += "\n## Expected Behavior\n\n2.1 WHEN a line is empty THEN the system SHALL skip it\n"
    folder = ".kiro/specs/empty-lines"
    files = {f"{folder}/tasks.md": kiro_tasks.encode(), f"{folder}/bugfix.md": bugfix.encode()}
    spec = open_spec(MemoryFiles(files))
    assert spec.requirements["2.1"] == "WHEN a line is empty THEN the system SHALL skip it"
    assert "2.1" in spec.requirements["2"]


def test_digests_name_every_file_that_was_read(kiro_spec):
    names = {path.rpartition("/")[2] for path in open_spec(kiro_spec()).files}
    assert names == {"tasks.md", "requirements.md", "design.md"}
