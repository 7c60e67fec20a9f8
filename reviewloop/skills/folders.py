"""Where skills lie: the project's folders, the user's, and those that we ship."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reviewloop.skills.document import Skill, read_skill

FILE = "SKILL.md"
_FILES = (FILE, "skill.md")
FOLDERS = (".reviewloop/skills", ".kiro/skills", ".claude/skills", ".agents/skills")
"""Of a project, the one that wins first."""
_HOME = ".kiro/skills"
_SHIPPED = Path(__file__).parent / "shipped"
_LARGEST = 2_000_000  # bytes


@dataclass(frozen=True)
class Found:
    """A skill, and where it lies."""

    name: str  # of its folder
    path: Path  # of its SKILL.md
    shown: str  # the path as people read it
    text: str
    skill: Skill
    hidden_by: str = ""  # the path of another skill of this name, which is used
    unread: str = ""  # why it could not be read


def find_skills(root: Path | None, home: Path) -> list[Found]:
    """Return all skills in the order in which they win; those of a name that is taken say so."""
    folders = [(root / name, f"{name}") for name in FOLDERS] if root else []
    folders += [(home / _HOME, f"~/{_HOME}"), (_SHIPPED, "shipped")]
    found: list[Found] = []
    taken: dict[str, str] = {}
    for folder, shown in folders:
        within = root if root and folder.is_relative_to(root) else folder
        for one in _in(folder, shown, within):
            hidden_by = taken.get(one.name, "")
            taken.setdefault(one.name, one.shown)
            found.append(
                Found(one.name, one.path, one.shown, one.text, one.skill, hidden_by, one.unread)
            )
    return found


def shipped_skills() -> list[Found]:
    """Return the skills that come with us."""
    return [*_in(_SHIPPED, "shipped", _SHIPPED)]


def _in(folder: Path, shown: str, within: Path) -> Iterator[Found]:
    """Yield the skills of a folder; what a link leads to outside of `within` is not read."""
    if not folder.is_dir():
        return
    for one in sorted(folder.iterdir()):
        path = next((one / name for name in _FILES if (one / name).is_file()), None)
        if path is None:
            continue
        label = shown if shown == "shipped" else f"{shown}/{one.name}/{path.name}"
        text, unread = _read(path, within)
        yield Found(one.name, path, label, text, read_skill(text), unread=unread)


def _read(path: Path, within: Path) -> tuple[str, str]:
    """Return a file's text and why it could not be read."""
    if not path.resolve().is_relative_to(within.resolve()):
        return "", f"it is a link out of the folder {within.name}"
    try:
        if path.stat().st_size > _LARGEST:
            return "", f"it has {path.stat().st_size:,} bytes; at most {_LARGEST:,} are read"
        return path.read_text("utf-8"), ""
    except OSError as error:
        return "", str(error.strerror)
    except UnicodeDecodeError:
        return "", "it is no UTF-8 text"


def skill_at(folder: Path) -> Found | None:
    """Return the skill of one folder, None where it has no SKILL.md."""
    named = folder.resolve().name
    above = folder.resolve().parent
    found = (one for one in _in(above, str(folder.parent), above) if one.name == named)
    return next(found, None)
