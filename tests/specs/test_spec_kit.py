"""A Spec Kit feature: phases, user stories, `[P]`, dependencies, and the tick it is given."""

import pytest
from support.dialects import SPEC_KIT, SPEC_KIT_TASKS, spec_kit

from reviewloop.domain.errors import UsageError
from reviewloop.specs.briefing import brief_task, describe_task, requirements_of
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import MemoryFiles
from reviewloop.specs.order import eligible, newly_eligible, order_tasks
from reviewloop.specs.select import pick, progress, with_done
from reviewloop.specs.steering import Steering
from reviewloop.specs.tasks import mark_in_progress, tick

FIRST_STORY = "Phase 3: User Story 1 - Offer seeds (Priority: P1) 🎯 MVP"


def ids(tasks):
    return [task.id for task in tasks]


def test_tasks_carry_state_phase_story_and_marks():
    spec = open_spec(spec_kit())
    assert (spec.dialect, spec.name, spec.stage) == ("spec-kit", "004-seed-swap", "Draft")
    assert ids(spec.tasks) == [f"T{number:03d}" for number in range(1, 13)]
    assert spec.problems == ()
    assert progress(spec) == (1, 12)
    task = spec.by_id["T005"]
    assert task.title == "Contract test in tests/contract/test_offer.py"
    assert (task.stories, task.parallel, task.phase) == (("US1",), True, FIRST_STORY)
    assert spec.by_id["T007"].depends == ("T006",)
    assert spec.by_id["T003"].body == "- They are read once, as in FR-002"
    assert spec.by_id["T004"].body == ""  # the checkpoint below it is the phase's
    assert "**Checkpoint**: Offers can be made" in spec.phases[FIRST_STORY]
    assert [task.id for task in spec.tasks if task.checkpoint] == ["T012"]


def test_phases_follow_each_other_and_stories_that_may_go_side_by_side():
    spec = open_spec(spec_kit())
    assert ids(eligible(spec)) == ["T002", "T003"]
    assert ids(newly_eligible(with_done(spec, {"T002"}), "T003")) == ["T004"]
    assert ids(newly_eligible(with_done(spec, {"T002", "T003"}), "T004")) == [
        "T005", "T006", "T008",
    ]  # fmt: skip
    order = order_tasks(spec)
    assert order.waves == (
        ("T002", "T003"), ("T004",), ("T005", "T006", "T008"), ("T007", "T009"),
        ("T010",), ("T011",), ("T012",),
    )  # fmt: skip
    needs = {step.task.id: step.needs for step in order.steps}
    assert needs["T007"] == ("T005", "T006")
    assert needs["T008"] == ("T004",)
    assert needs["T010"] == ("T009",)
    assert needs["T011"] == ("T007", "T009", "T010")


def test_without_a_word_about_stories_all_phases_follow_each_other():
    spec = open_spec(spec_kit(SPEC_KIT_TASKS.partition("## Dependencies")[0]))
    needs = {step.task.id: step.needs for step in order_tasks(spec).steps}
    assert needs["T008"] == ("T007",)
    assert needs["T011"] == ("T010",)


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ("Can start after Foundational (Phase 2) - No dependencies on US1", "T004"),
        ("Starts after Phase 2 — no dependency on US1 or US3", "T004"),
        ("After Phase 2, in parallel with US1", "T004"),
        ("Can start after Foundational - Uses the list from US1", "T007"),
        ("Can start after Phase 3", "T007"),
        ("Foundational + US1", "T007"),
        ("Can start after Phases 1-3", "T007"),
        ("A gardener cannot wait", "T007"),
    ],
)
def test_a_story_goes_beside_another_only_where_nothing_speaks_against_it(said, first):
    line = next(one for one in SPEC_KIT_TASKS.split("\n") if one.startswith("- **User Story 2"))
    spec = open_spec(spec_kit(SPEC_KIT_TASKS.replace(line, f"- **US2 (P2)**: {said}")))
    assert spec.by_id["T008"].follows == (first,)


def test_a_person_may_still_choose_a_task_whose_turn_it_is_not():
    spec = open_spec(spec_kit())
    assert pick(spec).id == "T002"
    assert pick(spec, "9").id == "T009"
    with pytest.raises(UsageError, match=r"T007 .* depends on work that is not done: T006"):
        pick(spec, "T007")


def test_what_is_declared_counts_more_than_the_phase():
    spec = open_spec(spec_kit(SPEC_KIT_TASKS.replace("pyproject.toml", "x (depends on T010)")))
    order = [step.task.id for step in order_tasks(spec).steps]
    assert spec.problems == ()
    assert sorted(order) == [f"T{number:03d}" for number in range(2, 13)]
    assert order.index("T010") < order.index("T002") < order.index("T012")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("(depends on T006)", "(depends on T066)", "'T066', which is no task of this file"),
        ("T011 depends on T009", "T011 depends on T091", "'T091' is no task of this file"),
        ("T009 [US2]", "T008 [US2]", "two tasks have the number T008"),
        ("T006 [P] [US1] Offer", "T006 [P] [US1] Offer (depends on T007)", "T006 -> T007 -> T006"),
    ],
)
def test_mistakes_are_named_with_their_line(old, new, message):
    text = SPEC_KIT_TASKS.replace(old, new)
    line = next(n for n, one in enumerate(text.split("\n"), start=1) if new in one)
    spec = open_spec(spec_kit(text))
    problem = str(spec.problems[0])
    assert problem.startswith(f"{SPEC_KIT}/tasks.md:{line}: ")
    assert message in problem
    with pytest.raises(UsageError) as error:
        order_tasks(spec)
    assert str(error.value) == problem


def test_boxes_without_a_task_number_are_conditions():
    boxes = "\n## Before release\n\n- [ ] FR-001: kept for 90 days\n- [ ] All is well\n"
    spec = open_spec(spec_kit(SPEC_KIT_TASKS + boxes))
    assert len(spec.tasks) == 12
    assert any("2 box(es) without a task number" in notice for notice in spec.notices)
    assert ids(open_spec(spec_kit("- [ ] Do it\n- [ ] Do more\n")).tasks) == ["1", "2"]


def test_chains_of_arrows_are_dependencies():
    spec = open_spec(spec_kit(SPEC_KIT_TASKS + "\n## Task dependencies\n\n- T005, T006 → T008\n"))
    assert spec.by_id["T008"].depends == ("T005", "T006")
    prose = "\n## Task dependencies\n\n- T008 depends on US1\n- T009 needs 2 people\n"
    spec = open_spec(spec_kit(SPEC_KIT_TASKS + prose))
    assert (spec.problems, spec.by_id["T008"].depends) == ((), ())


def test_missing_files_open_checklists_and_questions_are_said():
    notices = open_spec(spec_kit(**{"plan.md": ""})).notices
    assert f"{SPEC_KIT}/plan.md does not exist: the implementer is told no plan" in notices
    assert f"{SPEC_KIT}/checklists/ux.md: 1 of 2 items of this checklist are open" in notices
    assert f"{SPEC_KIT}/spec.md:39: something is still to be clarified here" in notices
    with pytest.raises(UsageError, match=r"004-seed-swap has no tasks\.md yet"):
        open_spec(spec_kit(**{"tasks.md": ""}), "004-seed-swap")


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["\n", ""])
def test_a_tick_is_one_capital_letter(ending, end):
    text = SPEC_KIT_TASKS.partition("\n## Dependencies")[0].rstrip() + end
    data = text.replace("\n", ending).encode()
    spec = open_spec(MemoryFiles({f"{SPEC_KIT}/tasks.md": data}))
    for name in ("T005", "T012"):
        task = spec.by_id[name]
        ticked = tick(data, task)
        assert [n for n, (a, b) in enumerate(zip(data, ticked, strict=True)) if a != b] == [
            task.mark_offset
        ]
        assert ticked[task.mark_offset : task.mark_offset + 1] == b"X"
        again = open_spec(MemoryFiles({f"{SPEC_KIT}/tasks.md": ticked}))
        assert again.by_id[name].state == "done"
        assert mark_in_progress(data, task) == data  # Spec Kit knows no such mark


def test_the_briefing_tells_story_phase_plan_and_contracts():
    files = spec_kit()
    spec = open_spec(files)
    told = brief_task(
        spec, spec.by_id["T007"], steering=Steering(()), files=files, entries=[],
        budget_tokens=8000,
    ).text  # fmt: skip
    for part in (
        "## Task T007: Offer service in swap/service.py",
        "Part of the phase 'Phase 3: User Story 1",
        "**Independent Test**: Offer seeds and see them in the list",
        "A gardener has seeds left and offers them.",
        "**Given** an empty offer, **When** it is sent, **Then** it is refused",
        "`swap/schema.py` holds all tables",
        "A gardener withdraws an offer while it is swapped",
        "An offer has seeds and an owner.",
        "/offers: {}",
    ):
        assert part in told, part
    assert "Two gardeners agree on a swap." not in told
    seen = describe_task(spec, spec.by_id["T003"], files)
    assert "- FR-002: Settings MUST be read once" in seen


def test_a_pull_request_can_name_the_acceptance_scenarios():
    spec = open_spec(spec_kit())
    asked = requirements_of(spec, spec.by_id["T005"])
    assert [(one.id, one.title) for one in asked.requirements] == [
        ("US1", "User Story 1 - Offer seeds (Priority: P1)")
    ]
    assert [key for key, _ in asked.criteria] == ["US1.1", "US1.2"]
    assert asked.criteria[0][1].endswith(
        "then the list shows them first".replace("then", "**Then**")
    )


def test_an_untouched_constitution_is_no_rule_and_a_written_one_is():
    files = dict(spec_kit().contents)
    path = ".specify/memory/constitution.md"
    files[path] = b"# [PROJECT_NAME] Constitution\n\n## [PRINCIPLE_1_NAME]\n"
    assert "Constitution" not in open_spec(MemoryFiles(files)).design
    files[path] = b"# Swap Constitution\n\nNo swap without a witness.\n"
    spec = open_spec(MemoryFiles(files))
    assert "No swap without a witness." in spec.design
    assert path in spec.files


def test_a_long_list_is_put_in_order_quickly():
    tasks = "\n".join(
        f"## Phase {p}\n" + "\n".join(f"- [ ] T{p * 10 + n:04d} [P] Do it" for n in range(10))
        for p in range(100)
    )
    spec = open_spec(
        spec_kit(tasks.replace("T0000 [P] Do it", "T0000 [P] Do it (depends on T0005)"))
    )
    assert spec.by_id["T0990"].follows == tuple(f"T{number:04d}" for number in range(980, 990))
