"""The folders of skills: the project's, the user's, and the built-in ones."""

from collections.abc import Iterator
from pathlib import Path

from reviewloop.dataclass import dataclass
from reviewloop.skills.document import Skill, read_skill

FILE = "SKILL.md"
_FILES = (FILE, "skill.md")
FOLDERS = (".reviewloop/skills", ".kiro/skills", ".claude/skills", ".agents/skills")
"""Folders of a project, the highest precedence first."""
_HOME = ".kiro/skills"
_SHIPPED = Path(__file__).parent / "shipped"
_LARGEST = 2_000_000  # bytes


@dataclass(frozen=True)
class Found:
    """A skill and its location."""

    name: str  # of its folder
    path: Path  # of its SKILL.md
    shown: str  # the path for messages
    text: str
    skill: Skill
    hidden_by: str = ""  # the path of another skill of this name, which is used instead
    unread: str = ""  # why it could not be read


def find_skills(root: Path | None, home: Path) -> list[Found]:
    """Return all skills by precedence; those with a name already taken are marked."""
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
    """Return the built-in skills."""
    return [*_in(_SHIPPED, "shipped", _SHIPPED)]


def _in(folder: Path, shown: str, within: Path) -> Iterator[Found]:
    """Yield the skills of a folder; symbolic links out of `within` are not followed."""
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
    """Return a file's text and the error of reading it."""
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
    """Return the skill of one folder, None without a SKILL.md."""
    named = folder.resolve().name
    above = folder.resolve().parent
    found = (one for one in _in(above, str(folder.parent), above) if one.name == named)
    return next(found, None)
