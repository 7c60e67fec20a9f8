"""A spec of six tasks on the shop: a chain, siblings, and one that needs both; and its play.

Each task adds one module and its test. A module uses what its task depends on, so that a commit
whose dependencies are not below it has red tests.
"""

import re
from collections.abc import Callable, Mapping

from support.bedrock import Answer, Received, reply
from support.parts import Part, cast, says
from support.play import done, write

TASKS = """# Implementation Plan: many

- [ ] 1. First number
  - _Depends: none_
- [ ] 2. Second number
  - _Depends: 1_
- [ ] 3. Third number
  - _Depends: 2_
- [ ] 4. Fourth number
  - _Depends: none_
- [ ] 5. Fifth number
  - _Depends: 4_
- [ ] 6. Sixth number
  - _Depends: 3, 5_
"""
NEEDS = {1: (), 2: (1,), 3: (2,), 4: (), 5: (4,), 6: (3, 5)}
SPEC = ".kiro/specs/many/tasks.md"
FILES = {
    SPEC: TASKS,
    ".kiro/specs/many/design.md": "# Design\n\nModules that return a number.\n",
    # Without the shop's database, which each gate of each task would import.
    "shop/store.py": '"""No orders yet."""\n\norders = []\n',
    "tests/test_store.py": "from shop.store import orders\n\n\n"
    "def test_no_orders():\n    assert not orders\n",
}


def module(number: int) -> str:
    """Return the module of a task: its number and those it needs, added up."""
    imports = "".join(f"from shop.part{n} import total as total{n}\n" for n in NEEDS[number])
    added = "".join(f" + total{n}()" for n in NEEDS[number])
    head = f'"""Part {number}."""\n\n' + (f"{imports}\n" if imports else "")
    return f'{head}\ndef total():\n    """Return the total."""\n    return {number}{added}\n'


def expected(number: int) -> int:
    """Return what the module of a task returns."""
    return number + sum(expected(n) for n in NEEDS[number])


def files_of(number: int) -> dict[str, str]:
    """Return what the implementer of a task writes."""
    test = (
        f"from shop.part{number} import total\n\n\n"
        f"def test_total_{number}():\n    assert total() == {expected(number)}\n"
    )
    return {f"shop/part{number}.py": module(number), f"tests/test_part{number}.py": test}


def task_of(received: Received) -> int:
    """Return the task that a request to the implementer is about."""
    names = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth")
    found = re.search(rf"({'|'.join(names)}) number", received.said)
    assert found, received.said
    return names.index(found[1]) + 1


def writes_parts(special: Mapping[int, Part] | None = None) -> Part:
    """Return the implementer that writes the files of whatever task it is asked for."""

    def part(received: Received) -> Answer:
        number = task_of(received)
        made = (special or {}).get(number) or _part(number)
        return made(received)

    return part


def many(special: Mapping[int, Part] | None = None, **parts: Part) -> Callable[[Received], Answer]:
    """Return the play in which every task is done as planned but for the special ones."""
    return cast(implement=writes_parts(special), **parts)


def _part(number: int) -> Part:
    made = [write(path, text) for path, text in files_of(number).items()]
    return says(reply(*made), done(f"Wrote part {number}.", f"Add part {number}"))


PAIR = """# Implementation Plan: many

- [ ] 1. First number
- [ ] 4. Fourth number
"""


def with_a_new_task_above(text: str) -> str:
    """Return a list with a new first task; the others come one number later."""
    later = re.sub(r"(?m)^- \[ \] (\d)\.", lambda one: f"- [ ] {int(one[1]) + 1}.", text)
    return later.replace("- [ ] 2.", "- [ ] 1. Fifth number\n- [ ] 2.", 1)
