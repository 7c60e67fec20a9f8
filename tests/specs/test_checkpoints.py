"""Tasks that only require green checks are distinguished from work."""

import pytest
from support.dialects import cc_sdd, openspec, spec_kit

from reviewloop.domain.errors import UsageError
from reviewloop.specs.discover import find_specs, open_spec
from reviewloop.specs.files import MemoryFiles
from reviewloop.specs.order import eligible, order_tasks
from reviewloop.specs.tasks import asks_for_green


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("Checkpoint - Ensure all tests pass",
         "- Ensure all tests pass, ask the user if questions arise."),
        ("Final checkpoint - Ensure all tests pass", ""),
        ("Checkpoint", "  - Ensure all tests pass."),
        ("Checkpoint: the parser", "- Make sure all unit tests pass\n- _Requirements: 1.1_"),
        ("Run the full test suite", ""),
        ("Run all tests and verify they pass", ""),
    ],
)  # fmt: skip
def test_green_checks_are_all_that_is_asked(title, body):
    assert asks_for_green(title, body.split("\n"))


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("Checkpoint", ""),
        ("Checkpoint", "- Ask the user if questions arise."),
        ("Checkpoint - Ensure all tests pass", "- Try the help screen by hand"),
        ("Checkpoint - Ensure all tests pass and update the changelog", ""),
        ("Run all tests and fix what fails", ""),
        ("Add a checkpoint to the game", ""),
        ("Write tests for the parser", ""),
    ],
)
def test_anything_more_is_work(title, body):
    assert not asks_for_green(title, body.split("\n"))


def test_a_checkpoint_waits_for_all_above_it_and_holds_what_is_below(kiro_spec):
    spec = open_spec(kiro_spec())
    assert spec.by_id["3"].follows == ("1.1", "2.1", "2.3")
    steps = {step.task.id: step for step in order_tasks(spec).steps}
    assert steps["3"].needs == ("2.1", "2.3")
    assert steps["4"].after == ("3",)
    assert [task.id for task in eligible(spec)] == ["2.1"]


def test_a_checkpoint_does_not_wait_for_what_needs_something_below_it(kiro_spec):
    tasks = "\n".join(
        (
            "- [ ] 1. Early", "- [ ] 2. Late", "  - _Depends: 4_",
            "- [ ] 3. Checkpoint - Ensure all tests pass", "- [ ] 4. Below",
        )
    )  # fmt: skip
    spec = open_spec(kiro_spec(tasks=tasks))
    assert spec.by_id["3"].follows == ("1",)
    assert [step.task.id for step in order_tasks(spec).steps] == ["1", "3", "4", "2"]


def test_a_repository_may_hold_all_dialects(kiro_spec, single_spec):
    sources = (kiro_spec(), cc_sdd(), spec_kit(), openspec(), single_spec())
    files = MemoryFiles({path: data for one in sources for path, data in one.contents.items()})
    refs = {ref.dialect: ref for ref in find_specs(files)}
    assert list(refs) == ["cc-sdd", "kiro", "spec-kit", "openspec", "single-file"]
    with pytest.raises(UsageError) as error:
        open_spec(files)
    assert all(ref.path in str(error.value) for ref in refs.values())
    for ref in refs.values():
        for name in (ref.path, ref.name, ref.tasks_path):
            assert open_spec(files, name).dialect == ref.dialect
    for name in ("004", "4", "seed-swap", "specs/004-seed-swap/plan.md"):
        assert open_spec(files, name).dialect == "spec-kit"


def test_one_name_in_two_dialects_is_ambiguous():
    contents = {
        ".kiro/specs/labels/tasks.md": b"- [ ] 1. A\n",
        "openspec/changes/labels/tasks.md": b"- [ ] 1.1 A\n",
    }
    with pytest.raises(UsageError, match="'labels' could mean 2 specs") as error:
        open_spec(MemoryFiles(contents), "labels")
    assert ".kiro/specs/labels, openspec/changes/labels" in str(error.value)
    assert open_spec(MemoryFiles(contents), "openspec/changes/labels").dialect == "openspec"


def test_finished_specs_are_not_asked_about():
    contents = {
        "specs/001-old/tasks.md": b"- [X] T001 Done\n\n- [ ] FR-001: looked at\n",
        "specs/002-new/tasks.md": b"- [ ] T001 Open\n",
        "specs/README.md": b"",
        "specs/fixtures/tasks.md": b"- [ ] no feature, no spec.md beside it\n",
    }
    assert open_spec(MemoryFiles(contents)).name == "002-new"


def test_the_feature_that_spec_kit_works_on_is_found_wherever_it_lies():
    contents = {
        ".specify/feature.json": b'{"feature_directory": "work/shelf/"}',
        "work/shelf/tasks.md": b"- [ ] T001 Open\n",
        "work/shelf/spec.md": b"",
    }
    assert open_spec(MemoryFiles(contents)).path == "work/shelf"
    assert open_spec(MemoryFiles(contents)).dialect == "spec-kit"
