"""One task line, in all its forms."""

import pytest

from reviewloop.specs.lines import read_document
from reviewloop.specs.task_lines import read_task_line


def read(text: str):
    return read_task_line(read_document(text.encode()).lines[0])


@pytest.mark.parametrize(
    ("text", "task_id", "state", "title", "optional"),
    [
        ("- [ ] 1. Set up", "1", "open", "Set up", False),
        ("  - [x] 1.1 Create it", "1.1", "done", "Create it", False),
        ("- [X] T002 [P] [US1] Settings", "T002", "done", "Settings", False),
        ("* [-] 2 Work", "2", "in_progress", "Work", False),
        ("+ [~] 3.1. Wait", "3.1", "queued", "Wait", False),
        ("- [ ]* 1.3 Test", "1.3", "open", "Test", True),
        ("- [ ] 7.9* Test", "7.9", "open", "Test", True),
        ("- [ ] 5. Docs (optional)", "5", "open", "Docs", True),
        ("- [ ] 4. Fast (P)", "4", "open", "Fast", False),
        ("1. [ ] Title", "1", "open", "Title", False),
        ("2) [x] Title", "2", "done", "Title", False),
        ("☐ Task 3: Title", "3", "open", "Title", False),
        ("☑ Task 3: Title", "3", "done", "Title", False),
        ("- ✅ Task 3 - Title", "3", "done", "Title", False),
        ("### ☐ Task 12: Title", "12", "open", "Title", False),
        ("- [ ] **Task 3**: Title", "3", "open", "Title", False),
        ("- [ ] **Task 3: Title**", "3", "open", "Title", False),
        ("- [ ] **Task 3 — Title** and more", "3", "open", "Title and more", False),
        ("- [ ] **2.1** Title", "2.1", "open", "Title", False),
        ("- [ ] PAY-12: Title", "PAY-12", "open", "Title", False),
        ("\t- [ ] 1.1 Tabbed\r", "1.1", "open", "Tabbed", False),
        ("- [ ] S3 bucket for logs", "", "open", "S3 bucket for logs", False),
        ("- [ ] Überschrift **fett** machen", "", "open", "Überschrift **fett** machen", False),
    ],
)  # fmt: skip
def test_forms_of_a_task_line(text, task_id, state, title, optional):
    task = read(text)
    assert task is not None
    assert (task.id, task.state, task.title, task.optional) == (task_id, state, title, optional)
    data = text.encode()
    assert data[task.mark_offset :].startswith(task.mark.encode())


@pytest.mark.parametrize(
    "text",
    ["- [x](https://example.org) link", "- [ ]", "- [ ]   ", "text [ ] in the middle", "- [y] no",
     "[x]: https://example.org", "- plain item", "# Heading", ""],
)  # fmt: skip
def test_lines_that_are_no_tasks(text):
    assert read(text) is None


def test_the_hash_of_a_line_ignores_its_mark_and_line_end():
    assert read("- [ ] 1. A").hash == read("- [x] 1. A\r").hash
    assert read("- [ ] 1. A").hash != read("- [ ] 1. B").hash


def test_commented_out_tasks_are_no_tasks():
    lines = read_document(b"<!--\n- [ ] 1. A\n-->\n- [ ] 2. B\n").lines
    assert [task.id for line in lines if (task := read_task_line(line))] == ["2"]
