"""The implementer's briefing: task, requirements, design, rules, map; within its budget."""

import hashlib

from reviewloop.specs.briefing import brief_change, brief_task, likely_paths
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import MemoryFiles
from reviewloop.specs.repomap import Focus, draw_map, focus_on
from reviewloop.specs.steering import Steering, read_steering
from reviewloop.specs.words import estimate_tokens, named_paths, terms

SOURCES = {
    "labels/render.py": "class LabelRenderer:\n    def draw_address(self, order):\n        pass\n",
    "labels/settings.py": "WIDTH = 40\n\ndef load():\n    pass\n",
    "billing/invoice.py": "class Invoice:\n    def total(self):\n        pass\n",
    "web/app.ts": "export function start(): void {}\n",
    ".env": "KEY=1\n",
}


def world(files: MemoryFiles, **extra: str) -> tuple[MemoryFiles, list[tuple[str, int]]]:
    contents = dict(files.contents)
    contents.update({path: text.encode() for path, text in {**SOURCES, **extra}.items()})
    return MemoryFiles(contents), [(path, len(data)) for path, data in contents.items()]


def brief(kiro_spec, task_id="2.1", budget=6000, **extra):
    files, entries = world(kiro_spec(**{k: v for k, v in extra.items() if "/" not in k}),
                           **{k: v for k, v in extra.items() if "/" in k})  # fmt: skip
    spec = open_spec(files)
    task = spec.by_id[task_id]
    steering = read_steering(files, likely_paths(spec, task, entries), about=task.title)
    return brief_task(
        spec, task, steering=steering, files=files, entries=entries, budget_tokens=budget
    )


def test_the_task_comes_with_the_requirements_it_names(kiro_spec):
    told = brief(kiro_spec)
    assert "## Task 2.1: Render one label" in told.text
    assert "Part of task 2: Print labels" in told.text
    assert "Draw the address block in `labels/render.py`" in told.text
    assert "The warehouse prints a label for each parcel." in told.text
    assert "As a packer, I want a readable label" in told.text
    assert "- 1.1: WHEN an order is packed" in told.text
    assert "- 1.3: WHILE the printer is offline" in told.text
    assert "longer than 40 characters" not in told.text
    assert told.requirements == ("1.1", "1.3")


def test_a_whole_requirement_is_given_whole(kiro_spec):
    told = brief(kiro_spec, "2.3")
    assert "THE Queue SHALL keep labels in order" in told.text
    assert "print it first" in told.text


def test_requirement_nobody_wrote_is_said_to_the_implementer(kiro_spec):
    assert "written nowhere: 9.9" in brief(kiro_spec, "4").text


def test_a_design_that_fits_is_given_whole(kiro_spec):
    told = brief(kiro_spec)
    assert "draws the address block" in told.text and "Labels wait in SQLite." in told.text
    assert told.left_out == ()


def test_of_a_long_design_the_matching_parts_are_given(kiro_spec):
    filler = "".join(f"\n## Topic {n}\n\n{'words about nothing. ' * 120}\n" for n in range(30))
    design = f"# Design\n\n## Overview\n\nShort.\n{filler}\n## Renderer\n\n"
    design += "`labels/render.py` wraps the address block.\n"
    told = brief(kiro_spec, budget=3000, design=design)
    assert "wraps the address block" in told.text
    assert "words about nothing" not in told.text
    assert any(one == "design: Design > Topic 3" for one in told.left_out)
    assert "## Left out for lack of room" in told.text


def test_steering_reaches_the_briefing(kiro_spec):
    rules = {".kiro/steering/python.md": "---\ninclusion: fileMatch\n"
             "fileMatchPattern: 'labels/*.py'\n---\nUse millimetres.\n"}  # fmt: skip
    told = brief(kiro_spec, **rules)
    assert "Use millimetres." in told.text


def test_the_map_starts_with_the_file_the_task_names(kiro_spec):
    told = brief(kiro_spec)
    assert told.outlined[0] == "labels/render.py"
    assert "1: class LabelRenderer" in told.text
    assert "2: def draw_address(self, order)" in told.text
    assert "billing/: invoice.py" in told.text
    assert "class Invoice" not in told.text


def test_the_same_input_gives_the_same_text(kiro_spec):
    assert brief(kiro_spec) == brief(kiro_spec)


def test_the_budget_holds_and_the_task_is_never_cut(kiro_spec):
    many = {f"src/module_{n}/label_{m}.py": "def render_label(): pass\n" * 20
            for n in range(40) for m in range(10)}  # fmt: skip
    for budget in (1500, 3000, 8000):
        told = brief(kiro_spec, budget=budget, **many)
        assert told.tokens <= budget
        assert told.tokens == estimate_tokens(told.text)
        assert told.left_out
    tiny = brief(kiro_spec, budget=10, **many)
    assert "Draw the address block" in tiny.text and "WHEN an order is packed" in tiny.text


def test_references_in_a_task_are_resolved_inside_the_repository(kiro_spec, kiro_tasks):
    tasks = kiro_tasks.replace(
        "Draw the address", "See #[[file:docs/size.md]] #[[file:.env]]. Draw"
    )
    told = brief(kiro_spec, tasks=tasks, **{"docs/size.md": "80 x 50 mm\n"})
    assert "80 x 50 mm" in told.text and "KEY=1" not in told.text


def test_a_change_without_a_spec_is_briefed_too():
    files, entries = world(MemoryFiles({}))
    told = brief_change(
        "Round the invoice total in billing/invoice.py", steering=Steering(), files=files,
        entries=entries, budget_tokens=2000,
    )  # fmt: skip
    assert "## What to change" in told.text and told.outlined[0] == "billing/invoice.py"


def test_likely_paths_hold_files_that_are_still_to_be_written(kiro_spec):
    files, entries = world(kiro_spec())
    spec = open_spec(files)
    assert likely_paths(spec, spec.by_id["2.1"], entries) == ("labels/render.py",)
    assert likely_paths(None, "Add src/new/thing.py and e.g. more", entries) == (
        "src/new/thing.py",
    )
    assert likely_paths(None, "fix render.py", entries) == ("labels/render.py",)


class Asked(MemoryFiles):
    """Files that remember what was read of them, each content under a name as git gives it."""

    def __init__(self, contents):
        super().__init__(contents)
        object.__setattr__(self, "asked", [])

    def read(self, path):
        self.asked.append(path)
        return super().read(path)

    def content_id(self, path):
        return hashlib.sha1(self.contents[path]).hexdigest()  # noqa: S324


def test_files_that_must_not_be_read_are_not_read():
    files = Asked({"app/main.py": b"def not_read_yet(): pass\n"})
    entries = [("app/secret_store.py", 10), ("app/main.py", 10), ("app/logo.png", 10),
               ("app/huge.py", 10_000_000)]  # fmt: skip
    draw_map(entries, files, Focus((), (), {"secret": 1.0}), 500, unread=["**/*secret*"])
    assert files.asked == ["app/main.py"]


def test_a_file_is_outlined_once_for_all_maps_until_it_changes():
    def drawn(contents):
        files = Asked(contents)
        entries = [(path, len(data)) for path, data in contents.items()]
        return draw_map(entries, files, Focus((), (), {"lantern": 1.0}), 500), files.asked

    before = {"app/one.py": b"def lantern_a(): pass\n", "app/two.py": b"def lantern_b(): pass\n"}
    first, asked = drawn(before)
    assert asked == ["app/one.py", "app/two.py"]
    assert drawn(before) == (first, [])
    later, asked = drawn({**before, "app/two.py": b"def lantern_c(): pass\n"})
    assert asked == ["app/two.py"]
    assert "lantern_a" in later.text and "lantern_c" in later.text
    assert "lantern_b" not in later.text


def test_a_new_file_points_at_its_folder():
    paths = ["labels/render.py", "labels/settings.py", "other/a.py"]
    focus = focus_on(["labels/queue.py"], {}, paths)
    assert focus.files == () and focus.folders == ("labels",)


def test_words_and_paths_of_a_text():
    assert terms("The LabelRenderer queues parcel_labels") == {
        "label": 2, "renderer": 1, "queue": 1, "parcel": 1,
    }  # fmt: skip
    assert named_paths("Edit `src/a.py`, docs/x/ and b.test.ts.") == [
        "src/a.py",
        "docs/x",
        "b.test.ts",
    ]
