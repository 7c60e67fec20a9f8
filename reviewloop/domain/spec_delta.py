"""A change of a spec as quoted edits: bytes that no edit quotes are kept."""

from collections.abc import Sequence
from typing import Literal

from reviewloop.dataclass import dataclass
from reviewloop.domain.stored import read_stored

Kind = Literal["new", "changed", "removed"]


@dataclass(frozen=True)
class QuotedEdit:
    """One edit of a document, at a quote that occurs in it exactly once.

    With `below` the text is inserted in lines of its own below the quote's last line, else it
    replaces the quote.
    """

    path: str
    quote: str
    text: str
    below: bool = False
    why: str = ""  # the requirement it serves, in a few words


@dataclass(frozen=True)
class PartChange:
    """A requirement, a criterion, a part of the design or a task that a delta changes."""

    part: Literal["requirement", "design", "task", "text"]
    id: str  # "2.3", "FR-2", a heading of the design, a task's id
    kind: Kind
    title: str = ""

    @property
    def words(self) -> str:
        """The change for users: `criterion 2.3 new`."""
        noun = "criterion" if self.part == "requirement" and "." in self.id else self.part
        return f"{self.id} {self.kind}" if noun == "text" else f"{noun} {self.id} {self.kind}"


@dataclass(frozen=True)
class SpecDelta:
    """All edits of one change of a spec, and the parts that they change."""

    spec: str  # path of the spec
    edits: tuple[QuotedEdit, ...]
    changes: tuple[PartChange, ...] = ()
    tasks: tuple[str, ...] = ()  # ids of tasks to do for it

    @property
    def requirements(self) -> tuple[PartChange, ...]:
        """Return the changed requirements and criteria."""
        return tuple(one for one in self.changes if one.part == "requirement")

    def order_of(self, ident: str, title: str) -> int:
        """Return the position of a task among those of the delta, -1 for another one.

        Tasks are matched by title, as their ids may have changed.
        """
        titles = {one.id: one.title for one in self.changes if one.part == "task"}
        for position, task in enumerate(self.tasks):
            if title == titles[task] if task in titles else ident == task:
                return position
        return -1

    def plain(self) -> dict[str, object]:
        """Return it as JSON-plain values."""
        return {
            "spec": self.spec,
            "edits": [{**vars(one)} for one in self.edits],
            "changes": [{**vars(one), "words": one.words} for one in self.changes],
            "tasks": list(self.tasks),
        }

    @classmethod
    def from_plain(cls, values: object) -> "SpecDelta":
        """Rebuild what `plain` returned; raise ValueError for anything else."""
        return read_stored(cls, values)


def serving(changes: Sequence[PartChange], requirements: Sequence[str]) -> list[PartChange]:
    """Return the changes of requirements that a task serves, by the ids that it names."""
    return [
        one
        for one in changes
        if one.part == "requirement"
        and any(one.id == key or one.id.startswith(f"{key}.") for key in requirements)
    ]
