"""A tick changes one character of the file, and only if the line is the one that was read."""

import random

import pytest

from reviewloop.domain.errors import WorkspaceError
from reviewloop.loop.task_mark import why_no_tick
from reviewloop.specs.discover import open_spec
from reviewloop.specs.tasks import mark_in_progress, read_tasks, tick


def changes(old: bytes, new: bytes) -> list[tuple[int, bytes, bytes]]:
    assert len(old) == len(new)
    return [
        (n, old[n : n + 1], new[n : n + 1])
        for n, (a, b) in enumerate(zip(old, new, strict=True))
        if a != b
    ]


def kiro_list(data: bytes):
    return read_tasks(data, "tasks.md", "kiro").tasks


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_exactly_one_byte_differs_for_every_open_task(kiro_tasks, ending, bom):
    data = bom + kiro_tasks.replace("\n", ending).encode()
    for task in kiro_list(data):
        if task.state == "done":
            continue
        ticked = tick(data, task, parents=False)
        assert changes(data, ticked) == [(task.mark_offset, task.mark.encode(), b"x")]
        again = {one.id: one for one in kiro_list(ticked)}
        assert again[task.id].state == "done"
        assert [one.id for one in kiro_list(ticked)] == [one.id for one in kiro_list(data)]


def test_one_byte_differs_in_random_lists():
    chance = random.Random(20)
    titles = ["Größe", "a [ ] b", "`code`", "日本", "x" * 80, "📦 parcel", "tab\there"]
    for _ in range(200):
        lines = []
        for number in range(1, chance.randint(2, 12)):
            mark = chance.choice("  -~x")
            bullet = chance.choice(["- ", "* ", "  - ", "+ "])
            lines.append(f"{bullet}[{mark}] {number}. {chance.choice(titles)}")
            lines += chance.choices(["", "  - detail [ ] here", "text", "```\n- [ ] 1. no\n```"])
        data = chance.choice(["\n", "\r\n"]).join(lines).encode()
        for task in kiro_list(data):
            if task.state != "done":
                difference = changes(data, tick(data, task, parents=False))
                assert difference == [(task.mark_offset, task.mark.encode(), b"x")]


def test_symbols_are_ticked_in_place(single_spec, single_text):
    data = single_text.encode()
    task = open_spec(single_spec()).by_id["1"]
    ticked = tick(data, task)
    assert ticked == data.replace("☐ Task 1".encode(), "☑ Task 1".encode())


def test_the_last_required_part_ticks_its_parent(kiro_tasks):
    data = kiro_tasks.encode()
    tasks = {task.id: task for task in kiro_list(data)}
    first = tick(data, tasks["2.1"], parents=True)
    assert first == data.replace(b"- [-] 2.1", b"- [x] 2.1")
    second = tick(first, tasks["2.3"], parents=True)
    expected = first.replace(b"- [~] 2.3", b"- [x] 2.3").replace(b"- [ ] 2. ", b"- [x] 2. ")
    assert second == expected
    assert tick(first, tasks["2.3"], parents=False) == first.replace(b"[~] 2.3", b"[x] 2.3")


def test_parents_of_parents_are_ticked_too():
    data = b"- [ ] 1. A\n  - [ ] 1.1 B\n    - [ ] 1.1.1 C\n  - [ ]* 1.2 D\n"
    task = next(one for one in kiro_list(data) if one.id == "1.1.1")
    assert tick(data, task) == b"- [x] 1. A\n  - [x] 1.1 B\n    - [x] 1.1.1 C\n  - [ ]* 1.2 D\n"


def test_an_optional_part_ticks_no_parent():
    data = b"- [ ] 1. A\n  - [x] 1.1 B\n  - [ ]* 1.2 C\n"
    task = next(one for one in kiro_list(data) if one.id == "1.2")
    assert tick(data, task) == data.replace(b"[ ]*", b"[x]*")


def test_a_line_that_moved_is_found_again(kiro_tasks):
    data = kiro_tasks.encode()
    task = next(one for one in kiro_list(data) if one.id == "4")
    moved = data.replace(b"## Tasks\n", "## Tasks\n\nneue Zeile ü\n\n- [ ] 0. First\n".encode())
    assert tick(moved, task) == moved.replace(b"- [ ] 4.", b"- [x] 4.")


def test_a_line_that_says_something_else_now_is_left_alone(kiro_tasks):
    data = kiro_tasks.encode()
    task = next(one for one in kiro_list(data) if one.id == "4")
    with pytest.raises(WorkspaceError, match=r"line of task 4 changed since it was read"):
        tick(data.replace(b"Reprint a label", b"Reprint two labels"), task)


def test_a_line_that_only_has_another_number_is_found_by_its_title():
    data = b"- [ ] 1. Say hello\n  - _Requirements: 1.1_\n- [ ] 2. Say goodbye\n"
    hello, goodbye = kiro_list(data)
    moved = b"- [ ] 1. Brand new\n" + data.replace(b"2.", b"3.").replace(b"1. Say", b"2. Say")
    assert tick(moved, hello) == moved.replace(b"[ ] 2.", b"[x] 2.")
    assert tick(moved, goodbye) == moved.replace(b"[ ] 3.", b"[x] 3.")
    twice = moved.replace(b"Say goodbye", b"Say hello")
    other = moved.replace(b"Requirements: 1.1", b"Requirements: 9.9")
    parts = moved.replace(b"- [ ] 3", b"  - [ ] 2.1 In German\n- [ ] 3")
    for changed in (twice, other, parts):
        with pytest.raises(WorkspaceError, match="tick the task by hand"):
            tick(changed, hello)


def test_of_two_equal_lines_the_one_that_was_read_is_ticked_or_none():
    data = b"- [ ] Write docs\n- [ ] Write docs\n"
    first, second = kiro_list(data)
    assert tick(data, second) == b"- [ ] Write docs\n- [x] Write docs\n"
    with pytest.raises(WorkspaceError, match="changed since"):
        tick(b"\n" + data, first)


def test_a_task_that_is_ticked_meanwhile_is_not_ticked_again(kiro_tasks):
    data = kiro_tasks.encode()
    task = next(one for one in kiro_list(data) if one.id == "4")
    with pytest.raises(WorkspaceError, match="ticked already"):
        tick(tick(data, task), task)


def test_why_a_proposal_ticks_nothing_is_no_matter_of_its_warnings():
    warning = "the task will not be ticked: its line changed"
    assert why_no_tick({"warnings": [warning], "unticked": ""}) == ""
    assert why_no_tick({"warnings": [], "unticked": "it is gone"}) == "it is gone"
    assert why_no_tick({"warnings": [warning]}) == "its line changed"  # of a release before


def test_a_mark_of_work_set_meanwhile_does_not_hinder_the_tick(kiro_tasks):
    data = kiro_tasks.encode()
    task = next(one for one in kiro_list(data) if one.id == "4")
    marked = mark_in_progress(data, task)
    assert changes(data, marked) == [(task.mark_offset, b" ", b"-")]
    assert tick(marked, task) == tick(data, task)


def test_dialects_without_a_mark_of_work_are_left_alone(single_spec, single_text):
    task = open_spec(single_spec()).by_id["1"]
    assert mark_in_progress(single_text.encode(), task) == single_text.encode()
