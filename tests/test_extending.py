"""docs/architecture.md is true: its rooms, its functions, and what it says about adding to them."""

import re
from importlib import import_module
from pathlib import Path

import reviewloop

PACKAGE = Path(reviewloop.__file__).parent
ARCHITECTURE = (PACKAGE.parent / "docs" / "architecture.md").read_text("utf-8")
PARTS = ("app", "loop")  # rooms whose folders are told one by one


def section(title: str) -> str:
    return ARCHITECTURE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def is_room(path: Path) -> bool:
    return path.suffix == ".py" if path.is_file() else any(path.glob("*.py"))


def test_each_room_is_named_and_each_named_room_exists():
    named = re.findall(r"^\| `([^`]+)` \|", section("The rooms"), re.MULTILINE)
    rooms = {path for path in PACKAGE.iterdir() if is_room(path)}
    rooms |= {path for name in PARTS for path in (PACKAGE / name).iterdir() if path.is_dir()}
    found = {
        path.relative_to(PACKAGE).as_posix() + ("/" if path.is_dir() else "")
        for path in rooms
        if is_room(path) and not path.name.startswith("__")
    }

    assert len(named) == len(set(named))
    assert set(named) == found


def test_each_function_of_the_flow_exists():
    named = re.findall(r"`((?:[a-z_]+\.)+[A-Za-z_.]+)`", section("The flow"))
    assert len(named) > 20
    assert [name for name in named if not callable(found(name))] == []


def found(name: str) -> object:
    """Return what a dotted name below the package means, None where there is nothing."""
    words = name.split(".")
    for end in range(len(words) - 1, 0, -1):
        try:
            value: object = import_module(".".join(("reviewloop", *words[:end])))
        except ModuleNotFoundError:
            continue
        for word in words[end:]:
            value = getattr(value, word, None)
        return value
    return None


def test_a_function_that_is_gone_is_seen():
    assert found("app.run.start.no_such_function") is None
    assert found("no_such_room.begin") is None
