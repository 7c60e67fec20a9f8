"""The hooks shipped with us: a file each in our grammar, inactive until it is written."""

from pathlib import Path

from reviewloop.dataclass import dataclass
from reviewloop.hooks.reading import OWN

_SHIPPED = Path(__file__).parent / "shipped"


@dataclass(frozen=True)
class ShippedHook:
    """A shipped hook, with a sentence about it."""

    name: str
    summary: str
    text: str

    @property
    def path(self) -> str:
        """Return its path in a project."""
        return f"{OWN}/{self.name}.yaml"


def shipped_hooks() -> tuple[ShippedHook, ...]:
    """Return all of them, by name."""
    texts = {file.stem: file.read_text("utf-8") for file in sorted(_SHIPPED.glob("*.yaml"))}
    return tuple(ShippedHook(name, _summary(text), text) for name, text in texts.items())


def _summary(text: str) -> str:
    line = next(line for line in text.splitlines() if line.startswith("description:"))
    return line.partition(":")[2].strip()
