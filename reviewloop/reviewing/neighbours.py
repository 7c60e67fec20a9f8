"""Tells which changed files belong together: one imports the other, tests it, or lies beside it."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from posixpath import basename, dirname, normpath, splitext

STRONG = 8  # how an import or a test ties
_FOLDER = 2
_READ_AT_MOST = 200_000  # characters of a file
_AMBIGUOUS = 5  # files that one name may stand for; of more it says nothing
_FOLDER_OF = 40  # files; a larger folder ties each file to the next one only
_LINE = re.compile(
    r"^.*\b(?:import|from|require|require_relative|include|use|using|mod|source|extends)\b.*$", re.M
)
_NAME = re.compile(r"[\w@$./:\\-]+")
_ENDING = re.compile(r"\.(?:h|hh|hpp|js|jsx|mjs|cjs|ts|tsx|css|scss|rb|sh|php|vue|tf|json|ya?ml)$")
_TEST_NAME = re.compile(r"^test_|^test(?=[A-Z])|_test$|_spec$|\.(?:test|spec)$|Tests?$|Spec$")
_ENTRIES = {"__init__", "index", "mod", "main", "lib"}

Ties = Mapping[str, Mapping[str, int]]
"""Path -> the paths it is tied to, and how strongly; in both directions."""


def ties(paths: Iterable[str], read: Callable[[str], str | None]) -> Ties:
    """Return which of these files belong together; `read` gives the text of a file, or None."""
    given = list(paths)
    found: dict[str, dict[str, int]] = {path: defaultdict(int) for path in given}

    def tie(one: str, other: str, strength: int) -> None:
        if one != other:
            found[one][other] += strength
            found[other][one] += strength

    index = _Index(given)
    for path in given:
        for other in sorted(index.named_in(path, (read(path) or "")[:_READ_AT_MOST])):
            tie(path, other, STRONG)
    for one, other in _tests(given):
        tie(one, other, STRONG)
    for folder in _grouped(given, dirname).values():
        close = pairwise(folder) if len(folder) > _FOLDER_OF else _pairs(folder)
        for one, other in close:
            tie(one, other, _FOLDER)
    return found


class _Index:
    """Files by what sources call them."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths: dict[str, list[str]] = defaultdict(list)  # without ending
        self._ends: dict[str, list[str]] = defaultdict(list)  # last parts of it, two or more
        self._folders: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            module = splitext(path)[0]
            if basename(module) in _ENTRIES:
                self._paths[dirname(module)].append(path)
            self._paths[module].append(path)
            self._folders[dirname(path)].append(path)
            parts = module.split("/")
            for start in range(1, len(parts) - 1):
                self._ends["/".join(parts[start:])].append(path)

    def named_in(self, path: str, text: str) -> set[str]:
        """Return the files that the imports of a file name."""
        found: set[str] = set()
        for line in _LINE.findall(text):
            names = _NAME.findall(line)
            # `from a.b import c` means a/b/c, or c inside of a/b.
            joined = []
            if names[:1] == ["from"] and len(names) > 3:
                inside = names[1] if names[1].endswith(".") else f"{names[1]}."
                joined = [inside + name for name in names[3:]]
            for name in (*names, *joined):
                found.update(self._files(name, dirname(path)))
        return found - {path}

    def _files(self, name: str, folder: str) -> list[str]:
        for target in _targets(name, folder):
            for known in (self._paths, self._ends):
                files = known.get(target, [])
                if 0 < len(files) <= _AMBIGUOUS:
                    return files
            files = self._folders.get(target, []) if "/" in target else []
            if 0 < len(files) <= _AMBIGUOUS:
                return files
        return []


def _targets(name: str, folder: str) -> Iterator[str]:
    """Yield the paths without ending that a name may stand for, the most exact first."""
    plain = _ENDING.sub("", name.strip(".") if name.endswith(".") else name)
    if plain.startswith("."):
        if "/" in plain:
            yield normpath(f"{folder}/{plain}").lstrip("/")
            return
        dots = len(plain) - len(plain.lstrip("."))
        above = folder.split("/")[: len(folder.split("/")) - dots + 1]
        yield "/".join([*above, *plain.lstrip(".").split(".")]).lstrip("/")
        return
    plain = plain.replace("::", "/").replace("\\", "/").removeprefix("@/")
    if "/" not in plain:
        plain = plain.replace(".", "/")
    yield f"{folder}/{plain}" if folder else plain
    parts = plain.split("/")
    for start in range(max(1, len(parts) - 1)):  # a name without its folders means too much
        yield "/".join(parts[start:])


def _tests(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of a test and what it tests, by their names."""
    for some in _grouped(paths, _subject).values():
        tests = [path for path in some if _is_test(path)]
        sources = [path for path in some if not _is_test(path)]
        if len(sources) <= _AMBIGUOUS:
            yield from ((test, source) for test in tests for source in sources)


def _is_test(path: str) -> bool:
    return _TEST_NAME.search(splitext(basename(path))[0]) is not None


def _subject(path: str) -> str:
    return _TEST_NAME.sub("", splitext(basename(path))[0]).casefold()


def _grouped(paths: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        groups[key(path)].append(path)
    return groups


def _pairs(paths: list[str]) -> Iterator[tuple[str, str]]:
    for number, path in enumerate(paths):
        for other in paths[number + 1 :]:
            yield path, other
