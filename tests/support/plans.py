"""Specs of any length in four dialects on the shop, and the play that does their tasks.

Each task adds a module and its test. The module adds up the numbers of the tasks that the spec puts
right before it, so that a task that does not stand on those has red tests, and so has its commit.
The last task asks for green checks only.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from support.bedrock import Answer, Received, reply
from support.parts import Part, cast, says
from support.play import done, write


@dataclass(frozen=True)
class Plan:
    """A spec and what its tasks are; numbers count them in the order of the file, from 1."""

    dialect: str
    folder: str
    others: Mapping[str, str]  # files beside tasks.md
    text: str
    ids: tuple[str, ...]
    uses: Mapping[int, tuple[int, ...]]  # tasks whose modules the module of a task uses
    box: str = "[x]"

    @property
    def tasks_path(self) -> str:
        """Where the tasks are listed."""
        return f"{self.folder}/tasks.md"

    @property
    def files(self) -> dict[str, str]:
        """Every file of the spec."""
        return {self.tasks_path: self.text} | {
            f"{self.folder}/{name}": text for name, text in self.others.items()
        }

    @property
    def last(self) -> int:
        """The number of the checkpoint."""
        return len(self.ids)

    def subjects(self) -> list[str]:
        """Return the subjects of the commits, oldest first."""
        return [*map(subject, range(1, self.last)), _GREEN[self.dialect]]

    def made_by(self, number: int) -> dict[str, str]:
        """Return the files that a task adds."""
        if number == self.last:
            return {}
        total = f"    return {number}" + "".join(f" + total{n}()" for n in self.uses[number])
        imports = "".join(
            f"from shop.{name(n)} import total as total{n}\n" for n in self.uses[number]
        )
        head = f'"""Part {number}."""\n\n' + (f"{imports}\n" if imports else "")
        module = f'{head}\ndef total():\n    """Return the total."""\n{total}\n'
        test = (
            f"from shop.{name(number)} import total\n\n\n"
            f"def test_total_{number}():\n    assert total() == {self.total(number)}\n"
        )
        return {f"shop/{name(number)}.py": module, f"tests/test_{name(number)}.py": test}

    def total(self, number: int) -> int:
        """Return what the module of a task returns."""
        totals: dict[int, int] = {}
        for one in range(1, number + 1):
            totals[one] = one + sum(totals[n] for n in self.uses.get(one, ()))
        return totals[number]

    def number_of(self, received: Received) -> int:
        """Return which task a request is about, 0 when it names none."""
        found = re.search(r"^## Task (\S+): ", received.said, re.MULTILINE)
        return self.ids.index(found[1]) + 1 if found and found[1] in self.ids else 0


_GREEN = {
    "spec-kit": "Run the full test suite",
    "openspec": "Run all tests and verify they pass",
    "cc-sdd": "Checkpoint - Ensure all tests pass",
    "kiro": "Checkpoint - Ensure all tests pass",
}


def name(number: int) -> str:
    """Return the name of the module of a task."""
    return f"part{number:04d}"


def subject(number: int) -> str:
    """Return the first line of the commit of a task."""
    return f"Add {name(number)}"


def plays(
    plan: Plan, special: Mapping[int, Part] | None = None, **parts: Part
) -> Callable[[Received], Answer]:
    """Return the play in which every task is done as planned but for the special ones."""

    def implement(received: Received) -> Answer:
        number = plan.number_of(received)
        return ((special or {}).get(number) or makes(plan.made_by(number), number))(received)

    return cast(implement=implement, **parts)


def makes(files: Mapping[str, str], number: int) -> Part:
    """Return the implementer that writes these files for a task."""
    made = [write(path, text) for path, text in files.items()]
    return says(reply(*made), done(f"Wrote {name(number)}.", subject(number)))


def spec_kit(count: int) -> Plan:
    """Return a feature of so many tasks, at least 14: phases, `[P]`, user stories, a checkpoint."""
    small = max(2, count // 10)
    story = (count - 3 * small) // 3
    sizes = (small, small, story, story, count - 2 * small - 3 * story + story - small, small)
    titles = (
        "Setup (Shared Infrastructure)",
        "Foundational (Blocking Prerequisites)",
        *(f"User Story {n} - Count {n} (Priority: P{n})" for n in (1, 2, 3)),
        "Polish & Cross-Cutting Concerns",
    )
    before = ((), (0,), (1,), (1,), (2,), (2, 3, 4))  # phases that each phase waits for
    lines, number, lasts = ["# Tasks: numbers", ""], 0, list[int]()
    uses: dict[int, Any] = {}
    for place, (title, size) in enumerate(zip(titles, sizes, strict=True)):
        lines += [f"## Phase {place + 1}: {title}", ""]
        first, last = number + 1, number + size
        for number in range(first, last + 1):
            inside = first < number < last
            marks = ("[P] " if inside else "") + (f"[US{place - 1}] " if 2 <= place <= 4 else "")
            lines.append(f"- [ ] T{number:03d} {marks}{_title('spec-kit', number, count)}")
            uses[number] = (first,) if inside else tuple(range(first, number))
        uses[first] = tuple(lasts[one] for one in before[place])
        lasts.append(last)
        lines += ["", f"**Checkpoint**: {title} is there", ""]
    lines += [
        "## Dependencies & Execution Order",
        "",
        "- **User Story 1 (P1)**: Can start after Foundational (Phase 2) - No other dependencies",
        "- **User Story 2 (P2)**: Can start after Foundational (Phase 2) - No other dependencies",
        "- **User Story 3 (P3)**: Depends on User Story 1",
    ]
    others = {
        "spec.md": "# Feature Specification: numbers\n\n"
        + "".join(
            f"### User Story {n} - Count {n} (Priority: P{n})\n\nA clerk counts.\n\n"
            for n in (1, 2, 3)
        ),
        "plan.md": "# Implementation Plan\n\n## Summary\n\nModules that return a number.\n",
    }
    ids = tuple(f"T{one:03d}" for one in range(1, count + 1))
    text = "\n".join(lines) + "\n"
    return Plan("spec-kit", "specs/001-numbers", others, text, ids, uses, "[X]")


def openspec(count: int) -> Plan:
    """Return a change of so many tasks: sections, each task after the one above it."""
    lines, ids = [], []
    for number in range(1, count + 1):
        section, place = divmod(number - 1, 5)
        if not place:
            lines += ["", f"## {section + 1}. Numbers", ""]
        ids.append(f"{section + 1}.{place + 1}")
        lines.append(f"- [ ] {ids[-1]} {_title('openspec', number, count)}")
    others = {
        "proposal.md": "## Why\n\nNumbers are needed.\n\n## What Changes\n\n- Numbers\n",
        "design.md": "## Decisions\n\nModules that return a number.\n",
    }
    uses = {one: (one - 1,) if one > 1 else () for one in range(1, count + 1)}
    text = "\n".join(lines[1:]) + "\n"
    return Plan("openspec", "openspec/changes/add-numbers", others, text, tuple(ids), uses)


def cc_sdd(count: int) -> Plan:
    """Return a spec of so many tasks: majors of five, `(P)` marks, `_Depends:_` on earlier ones."""
    lines, ids, uses = ["# Implementation Plan", ""], [], {}
    for number in range(1, count + 1):
        major, place = divmod(number - 1, 5)
        if not place:
            lines.append(f"- [ ] {major + 1}. Numbers of group {major + 1}")
        ids.append(f"{major + 1}.{place + 1}")
        beside = 1 <= place <= 3 and number < count
        lines.append(f"- [ ] {ids[-1]} {'(P) ' * beside}{_title('cc-sdd', number, count)}")
        uses[number] = (number - place,) if beside else tuple(range(number - place, number))
        if not place and major:
            uses[number] = (number - 1,)
        if place == 2 and major and beside:  # what it says itself is all that it waits for
            uses[number] = (number - 5,)
            lines.append(f"  - _Depends: {ids[number - 6]}_")
        lines.append("")
    approved = {"generated": True, "approved": True}
    state = {
        "feature_name": "numbers",
        "phase": "tasks-generated",
        "approvals": dict.fromkeys(("requirements", "design", "tasks"), approved),
        "ready_for_implementation": True,
    }
    others = {"spec.json": json.dumps(state), **_KIRO}
    return Plan("cc-sdd", ".kiro/specs/numbers", others, "\n".join(lines), tuple(ids), uses)


def kiro(count: int, width: int = 4) -> Plan:
    """Return a spec of so many tasks: parts of parts, and waves of `width` across them."""
    lines, ids, uses = ["# Implementation Plan: numbers", ""], [], {}
    for number in range(1, count):
        major, place = divmod(number - 1, width)
        if not place:
            lines.append(f"- [ ] {major + 1}. Numbers of group {major + 1}")
        ids.append(f"{major + 1}.{place + 1}")
        lines.append(f"  - [ ] {ids[-1]} {_title('kiro', number, count)}")
        earlier = range((major - 1) * width + 1, major * width + 1) if major else ()
        uses[number] = tuple(n for n in earlier if n % 2 == number % 2)
    ids.append(str((count - 2) // width + 2))
    lines += [
        f"- [ ] {ids[-1]}. {_title('kiro', count, count)}",
        "",
        "## Task Dependency Graph",
        "",
    ]
    waves = [ids[at : at + width] for at in range(0, count - 1, width)]
    lines += ["```json", json.dumps({"waves": waves}), "```"]
    text = "\n".join(lines) + "\n"
    return Plan("kiro", ".kiro/specs/numbers", _KIRO, text, tuple(ids), uses)


PLANS: Mapping[str, Callable[[int], Plan]] = {
    "spec-kit": spec_kit,
    "openspec": openspec,
    "cc-sdd": cc_sdd,
    "kiro": kiro,
}

_KIRO = {
    "requirements.md": "# Requirements Document\n\n## Requirements\n\n### Requirement 1: Numbers\n",
    "design.md": "# Design\n\nModules that return a number.\n",
}


def _title(dialect: str, number: int, count: int) -> str:
    return _GREEN[dialect] if number == count else f"Number {number} in shop/{name(number)}.py"


def boxes(text: str, ids: Sequence[str]) -> set[str]:
    """Return the tasks of a list that are ticked."""
    found = set()
    for line in text.splitlines():
        told = re.match(r"\s*- \[[xX]\]\*? (?:\([Pp]\) )?(T?[\d.]+?)\.?\s", line)
        if told and told[1] in ids:
            found.add(told[1])
    return found
