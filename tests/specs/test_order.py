"""The order of a spec's tasks: what waits for what, by declaration, by waves, by numbers."""

import pytest
from support.growth import grows_too_fast

from reviewloop.domain.errors import UsageError
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import MemoryFiles
from reviewloop.specs.order import Order, order_tasks, outlook

PATH = ".kiro/specs/a/tasks.md"


def ordered(text: str, *wanted: str, wave: int | None = None) -> Order:
    return order_tasks(open_spec(MemoryFiles({PATH: text.encode()})), wanted, wave)


def waits(order: Order) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    return {step.task.id: (step.needs, step.after) for step in order.steps}


def test_by_numbers_tasks_follow_each_other_and_marked_neighbours_stand_side_by_side():
    order = ordered(
        "- [x] 1. A\n- [ ] 2. B\n  - [ ] 2.1 x\n  - [ ]* 2.2 y\n  - [ ] 2.3 z\n"
        "- [ ] 3. (P) C\n- [ ] 4. (P) D\n- [ ] 5. E\n"
    )
    assert waits(order) == {
        "2.1": ((), ()),
        "2.3": ((), ("2.1",)),
        "3": ((), ("2.3",)),
        "4": ((), ("2.3",)),
        "5": ((), ("3", "4")),
    }
    assert order.waves == (("2.1",), ("2.3",), ("3", "4"), ("5",))


def test_declared_dependencies_decide_and_a_parent_means_its_parts():
    order = ordered(
        "- [ ] 1. A\n  - _Depends: 3_\n- [ ] 2. B\n  - [ ] 2.1 x\n    - _Depends: none_\n"
        "  - [ ] 2.2 y\n    - _Depends: none_\n- [ ] 3. C\n  - _Depends: 2_\n"
    )
    assert waits(order) == {
        "2.1": ((), ()),
        "2.2": ((), ()),
        "3": (("2.1", "2.2"), ()),
        "1": (("3",), ()),
    }
    assert order.waves == (("2.1", "2.2"), ("3",), ("1",))


WAVES = """- [ ] 1. A
- [ ] 2. B
- [ ] 3. C

```json
{"waves": [["2"], ["1", "3"]]}
```
"""


def test_a_task_waits_for_the_waves_before_its_own():
    order = ordered(WAVES)
    assert waits(order) == {"2": ((), ()), "1": (("2",), ()), "3": (("2",), ())}
    assert [step.task.id for step in ordered(WAVES, wave=1).steps] == ["2"]
    with pytest.raises(UsageError, match=r"tasks.md:1: task 1 waits for 2, which is not done"):
        ordered(WAVES, wave=2)
    with pytest.raises(UsageError, match=r"there is no wave 3: .* has waves 1 to 2"):
        ordered(WAVES, wave=3)
    with pytest.raises(UsageError, match=r"tasks.md:2: .* wait for each other: 2 -> 3 -> 2;"):
        ordered(WAVES.replace("2. B\n", "2. B\n  - _Depends: 3_\n"))
    done = WAVES.replace("- [ ] 2", "- [x] 2")
    assert [step.task.id for step in ordered(done, wave=2).steps] == ["1", "3"]


def test_a_wave_keeps_its_number_when_the_one_before_it_is_done():
    text = "- [ ] 1. A\n- [ ] 2. (P) B\n- [ ] 3. (P) C\n- [ ] 4. D\n"

    def wave(number: int, *done: str) -> list[str]:
        now = text
        for one in done:
            now = now.replace(f"[ ] {one}.", f"[x] {one}.")
        spec = open_spec(MemoryFiles({PATH: now.encode()}))
        assert outlook(spec).waves == (("1",), ("2", "3"), ("4",))
        return [step.task.id for step in order_tasks(spec, (), number).steps]

    assert (wave(1), wave(1, "1")) == (["1"], [])
    assert wave(2) == wave(2, "1") == ["2", "3"]
    assert (wave(2, "1", "3"), wave(3, "1", "2", "3")) == (["2"], ["4"])
    assert wave(1, *"1234") == wave(3, *"1234") == []
    with pytest.raises(UsageError, match="has waves 1 to 3"):
        wave(4, *"1234")


def test_tasks_are_chosen_by_id_by_pattern_and_by_the_task_they_are_part_of():
    text = "- [ ] 1. A\n  - [ ] 1.1 x\n  - [x] 1.2 y\n  - [ ]* 1.3 z\n- [ ] 2. B\n- [ ] 3. C\n"

    def chosen(*wanted: str) -> list[str]:
        return [step.task.id for step in ordered(text, *wanted).steps]

    assert chosen("1") == ["1.1"]
    assert chosen("1.*") == ["1.1", "1.3"]
    assert chosen("3, 1.1") == ["1.1", "3"]
    with pytest.raises(UsageError, match="there is no task '9'"):
        chosen("9")
    with pytest.raises(UsageError, match=r"there is no task '9\.\*'"):
        chosen("9.*")
    for empty in ("", " ", "1,,3"):
        with pytest.raises(UsageError, match=r"^--tasks '.*': an id is empty"):
            chosen(empty)


def test_chosen_tasks_that_are_not_of_the_chosen_wave_are_an_error():
    text = (
        "- [ ] 1. A\n  - _Depends: none_\n- [ ] 2. B\n  - _Depends: 1_\n"
        "- [x] 3. C\n  - _Depends: none_\n"
    )
    assert [step.task.id for step in ordered(text, "1,2", wave=1).steps] == ["1"]
    assert ordered(text, "3", wave=1).steps == ()  # it is of this wave, and done
    with pytest.raises(UsageError, match=r"^no task is both in --tasks 2 and in --wave 1; `rev"):
        ordered(text, "2", wave=1)


def test_the_number_of_a_heading_stands_for_the_tasks_below_it():
    text = "## 1. First\n\n- [x] 1.1 a\n\n## 2. Second\n\n- [ ] 2.1 b\n- [ ] 2.2 c\n"
    spec = open_spec(MemoryFiles({"openspec/changes/a/tasks.md": text.encode()}))
    assert [step.task.id for step in order_tasks(spec, ["2"]).steps] == ["2.1", "2.2"]
    assert order_tasks(spec, ["1"]).steps == ()
    with pytest.raises(UsageError, match="there is no task '3'"):
        order_tasks(spec, ["3"])


def test_what_is_blocked_is_left_out_with_all_that_waits_for_it():
    order = ordered(
        "- [ ] 1. A\n  - _Blocked: no key yet_\n- [ ] 2. B\n  - _Depends: 1_\n"
        "- [ ] 3. C\n  - _Depends: none_\n"
    )
    assert [step.task.id for step in order.steps] == ["3"]
    assert order.left_out == (
        f"{PATH}:1: task 1 is blocked: no key yet",
        f"{PATH}:3: task 2 waits for 1, which is blocked",
    )


def test_a_thousand_tasks_are_put_in_order_at_once():
    lines = [f"- [ ] {n}. (P) Task {n}" for n in range(1, 1001)]
    order = ordered("\n".join(lines))
    assert len(order.steps) == 1000
    assert len(order.waves) == 1
    assert not grows_too_fast(lambda size: ordered("\n".join(lines[:size])), 1000)
