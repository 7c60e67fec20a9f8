"""What may start and what waits for what: consistent with the order of a batch, in every
dialect.
"""

import cProfile
import random

import pytest
from support.dialects import cc_sdd, openspec, spec_kit

from reviewloop.domain.errors import UsageError
from reviewloop.domain.task import Spec
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import MemoryFiles
from reviewloop.specs.order import order_tasks, outlook
from reviewloop.specs.select import is_done, leaves, pick, with_done

KIRO = ".kiro/specs/a/tasks.md"


def waits(spec: Spec) -> dict[str, list[tuple[str, str, tuple[str, ...]]]]:
    found = outlook(spec).waits
    return {task: [(one.kind, one.name, one.tasks) for one in found[task]] for task in found}


def test_what_a_task_waits_for_is_named_as_the_spec_names_it():
    found = waits(open_spec(spec_kit()))
    setup, base, swaps = (
        open_spec(spec_kit()).by_id[one].phase for one in ("T002", "T004", "T008")
    )
    assert found["T004"] == [("phase", setup, ("T002", "T003"))]
    assert found["T006"] == found["T008"] == [("phase", base, ("T004",))]
    assert found["T007"] == [("order", "", ("T005",)), ("task", "", ("T006",))]
    assert found["T010"] == [("phase", swaps, ("T009",))]
    assert waits(open_spec(openspec()))["2.1"] == [("order", "", ("1.2",))]
    found = waits(open_spec(cc_sdd()))
    assert found["3.1"] == [("task", "", ("2.1", "2.2"))]
    assert "2.3" not in found  # its own reason is told
    assert found["3.3"][-1] == ("blocked", "", ("2.3",))


def test_waves_and_checkpoints_are_named_too():
    text = (
        "- [x] 1. A\n- [ ] 2. B\n- [ ] 3. C\n- [ ] 4. Checkpoint - Ensure all tests pass\n"
        '- [ ] 5. D\n\n```json\n{"waves": [["1"], ["2", "3"], ["5"]]}\n```\n'
    )
    spec = open_spec(MemoryFiles({KIRO: text.encode()}))
    seen = outlook(spec)
    assert seen.ready == {"2", "3"}
    assert seen.waves == (("1",), ("2", "3"), ("5",))
    assert waits(spec)["5"] == [("wave", "2", ("2", "3"))]
    plain = open_spec(MemoryFiles({KIRO: text.partition("```")[0].encode()}))
    assert waits(plain)["5"] == [("checkpoint", "", ("4",))]


def test_what_a_batch_refuses_is_told_and_stops_only_what_it_concerns():
    text = "- [ ] 1. A\n  - _Depends: none_\n- [ ]* 2. B\n- [ ] 3. C\n  - _Depends: 2_\n"
    seen = outlook(open_spec(MemoryFiles({KIRO: text.encode()})))
    assert (seen.ready, seen.waves) == ({"1"}, ())
    assert seen.refused.startswith(f"{KIRO}:4: task 3 waits for 2, which is not done")
    ring = text.replace("[ ]* 2. B", "[ ] 2. B\n  - _Depends: 3_")
    spec = open_spec(MemoryFiles({KIRO: ring.encode()}))
    seen = outlook(spec)
    assert (seen.ready, seen.refused) == ({"1"}, "")
    assert "wait for each other" in str(spec.problems[0])
    assert waits(spec)["3"] == [("task", "", ("2",))]


def some_spec(seed: int) -> Spec:
    """Return a spec made at random: parts, options, marks, dependencies, waves, phases."""
    dice = random.Random(seed)
    kit, declares = dice.random() < 0.3, dice.random()
    count = dice.randint(1, 9)
    names = [f"T{n:03}" for n in range(1, count + 1)] if kit else []
    lines, top, part = ["# Tasks"], 0, 0
    for n in range(count):
        if kit:
            if dice.random() < 0.4:
                story = dice.choice(["Setup", "User Story 1 - A", "User Story 2 - B"])
                lines.append(f"\n## Phase {n}: {story}\n")
            name = f"{names[n]} [P]" if dice.random() < 0.4 else names[n]
            indent = ""
        else:
            inner = bool(top) and dice.random() < 0.4
            top, part = (top, part + 1) if inner else (top + 1, 0)
            names.append(f"{top}.{part}" if inner else str(top))
            indent, mark = "  " * inner, " (P)" if dice.random() < 0.4 else ""
            name = f"{names[-1]}{'' if inner else '.'}{mark}"
        box = dice.choice("   x") + "]" + "*" * (not kit and dice.random() < 0.1)
        green = "Checkpoint - Ensure all tests pass"
        lines.append(f"{indent}- [{box} {name} {green if dice.random() < 0.15 else 'Work'}")
        if dice.random() < 0.06:
            lines.append(f"{indent}  - _Blocked: no key_")
        if dice.random() < declares * 0.7:
            some = dice.sample(names, min(len(names), dice.randint(0, 2)))
            lines.append(f"{indent}  - _Depends: {', '.join(some) or 'none'}_")
    if not kit and dice.random() < 0.3:
        flat = [f'"{one}"' for one in names]
        cut = dice.randint(0, len(flat))
        waves = ", ".join(f"[{', '.join(part)}]" for part in (flat[:cut], flat[cut:]) if part)
        lines.append(f'\n```json\n{{"waves": [{waves}]}}\n```')
    path = "specs/001-a/tasks.md" if kit else KIRO
    return open_spec(MemoryFiles({path: "\n".join([*lines, ""]).encode()}), path)


def test_what_may_start_is_the_first_wave_of_a_batch_whatever_the_spec():
    planned = 0
    for number in range(400):
        spec = some_spec(number)
        seen = outlook(spec)
        for task in leaves(spec):  # nothing waits without a reason, nor for what is done
            reasons = seen.waits.get(task.id, ())
            told = bool(task.id in seen.ready or reasons)
            stuck = task.blocked or spec.problems
            assert told != is_done(spec, task) or stuck, (number, task.id)
            awaited = [spec.by_id[one] for wait in reasons for one in wait.tasks]
            assert not any(is_done(spec, one) for one in awaited), (number, task.id)
        try:
            order = order_tasks(spec)
        except UsageError:
            assert spec.problems or seen.refused, number
            continue
        planned += 1
        assert seen.ready == set(order.waves[0] if order.waves else ()), number
        if seen.ready:
            assert pick(spec).id in seen.ready, number
        # Done wave by wave, all is done but what is left out.
        rounds = 0
        while ready := outlook(spec).ready:
            spec, rounds = with_done(spec, ready), rounds + 1
        assert len(order.left_out) == sum(not is_done(spec, one) for one in leaves(spec)), number
        assert rounds == len(order.waves), number
    assert planned > 150


@pytest.mark.slow
def test_a_spec_of_a_thousand_tasks_is_read_and_ordered_at_once():
    """Without a clock: as few calls as tasks and their dependencies, times a small number."""
    lines = []
    for number in range(1000, 0, -1):  # the worst order: each waits for the one below it
        last = "_Blocked: by the law_" if number == 1 else f"_Depends: {number - 1}_"
        lines.append(f"- [ ] {number}. Task {number}\n  - {last}\n")
    spec = open_spec(MemoryFiles({KIRO: "".join(lines).encode()}))
    profile = cProfile.Profile()
    found = profile.runcall(outlook, spec)
    assert (found.ready, len(found.waits)) == (frozenset(), 999)
    assert found.waits["2"][0].kind == "blocked"
    free = open_spec(
        MemoryFiles({KIRO: "".join(lines).replace("_Blocked: by the law_", "").encode()})
    )
    found = profile.runcall(outlook, free)
    assert (found.ready, found.waves_of_tasks["1"], found.waves_of_tasks["1000"]) == (
        {"1"},
        1,
        1000,
    )
    assert sum(entry.callcount for entry in profile.getstats()) < 1_500_000
