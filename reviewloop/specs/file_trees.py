"""Reads and draws the file trees in specs and plans, with the marks of their files."""

from collections.abc import Iterable, Iterator, Mapping

from reviewloop.dataclass import dataclass
from reviewloop.regex import regex

_FENCE = regex(r"^\s*(?:[-*+]\s+)?(?:`{3,}|~{3,})")
_ENTRY = regex(
    r"^(?P<lead>[\s│├└─|`+-]*)(?P<name>[\w.@()\[\]-]*\w[\w.@()\[\]-]*(?:/[\w.@()\[\]-]+)*)(?P<folder>/?)"
    r"(?:\s+(?P<note>\S.*))?$"
)
_MARK = regex(r"\[(?P<mark>NEW|MODIFY|DELETE)\]")
_NOTE = regex(r"^(?:#|//|--|←|<-|[-–—:(]|\[(?:NEW|MODIFY|DELETE)\])")


@dataclass(frozen=True)
class TreeFile:
    """A file of a drawn tree: its whole path, its mark ("" for none), and its line."""

    path: str
    mark: str
    line: int


def tree_files(lines: Iterable[tuple[int, str]]) -> list[TreeFile]:
    """Return the files of all trees in code blocks, as `src/`, then `  a.py  # [NEW]`.

    `lines` are (number, text) of a document, fences included. A block counts as a tree if it has a
    file below a folder.
    """
    found: list[TreeFile] = []
    inside, block = False, list[tuple[int, str]]()
    for number, text in lines:
        if _FENCE.match(text):
            found += _files_of(block) if inside else ()
            inside, block = not inside, []
        elif inside:
            block.append((number, text))
    return found


def _files_of(block: Iterable[tuple[int, str]]) -> list[TreeFile]:
    found: list[TreeFile] = []
    folders: list[tuple[int, str]] = []  # column and path of the folders that are open
    is_tree = False
    for number, text in block:
        if not text.strip() or not text.strip(" │|"):
            continue
        entry = _ENTRY.match(text)
        if entry is None or (entry["note"] and not _NOTE.match(entry["note"])):
            return []  # a program or a text
        column = len(entry["lead"])
        folders = [one for one in folders if one[0] < column]
        above = f"{folders[-1][1]}/" if folders else ""
        path = f"{above}{entry['name']}".removeprefix("./")
        if entry["folder"]:
            folders.append((column, path))
        elif "." in entry["name"].rpartition("/")[2]:
            mark = _MARK.search(entry["note"] or "")
            found.append(TreeFile(path, mark["mark"] if mark else "", number))
            is_tree = is_tree or "/" in path
        else:
            folders.append((column, path))
    return found if is_tree else []


def draw_tree(notes: Mapping[str, str]) -> str:
    """Return files with their notes as a tree in a code block."""
    rows: list[tuple[str, str]] = []
    shown: list[str] = []
    for path in sorted(notes, key=lambda one: one.split("/")):
        *folders, name = path.split("/")
        same = next(
            (n for n, (a, b) in enumerate(zip(folders, shown, strict=False)) if a != b), None
        )
        same = min(len(folders), len(shown)) if same is None else same
        rows += [(f"{'  ' * depth}{folders[depth]}/", "") for depth in range(same, len(folders))]
        shown = folders
        rows.append((f"{'  ' * len(folders)}{name}", notes[path]))
    width = max((len(text) for text, note in rows if note), default=0)
    drawn = [f"{text:<{width}}  # {note}" if note else text for text, note in rows]
    return "\n".join(["```", *drawn, "```"])


def wrong_marks(files: Iterable[TreeFile], paths: Iterable[str]) -> Iterator[tuple[TreeFile, str]]:
    """Yield the files whose mark contradicts the `paths` of a repository, each with the reason."""
    there = frozenset(paths)
    for one in files:
        if one.mark == "NEW" and one.path in there:
            yield one, f"{one.path} is marked [NEW], and it is there"
        elif one.mark in ("MODIFY", "DELETE") and one.path not in there:
            yield one, f"{one.path} is marked [{one.mark}], and there is no such file"
