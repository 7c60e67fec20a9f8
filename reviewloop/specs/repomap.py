"""Draws the map of a repository for a task: outlines of relevant files, then the tree."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from reviewloop.analysis.outline import Symbol, language_of, outline
from reviewloop.dataclass import dataclass
from reviewloop.domain.globs import matcher
from reviewloop.specs.files import Files, decode
from reviewloop.specs.words import estimate_tokens, find_paths, fits, terms

_OUTLINED = 400  # most files to parse
_REMEMBERED = 2_000  # most outlines to cache
_LARGEST = 200_000  # most bytes of a file to parse
_SHOWN_SYMBOLS = 40  # of one file
_OUTLINE_SHARE = 0.65  # of the budget; the tree gets the rest
_NAMED, _NEAR_NAMED, _IN_PATH, _IN_SYMBOL = 1000.0, 30.0, 10.0, 4.0
NOT_MAPPED = (
    "**/node_modules/**", "**/vendor/**", "**/dist/**", "**/.git/**", "**/__pycache__/**",
    "*.min.js", "*.min.css", "*.map", "*.lock", "package-lock.json", "*.svg", "*.png", "*.jpg",
    "*.jpeg", "*.gif", "*.ico", "*.pdf", "*.woff", "*.woff2", "*.ttf", "*.zip", "*.gz", "*.pyc",
)  # fmt: skip
_DATA = frozenset({"json", "yaml", "css", "html"})

# Outlines by language and id of the content: between two tasks of a batch few files change.
_outlined: dict[tuple[str | None, str], tuple[Symbol, ...]] = {}


@dataclass(frozen=True)
class RepoMap:
    """The map as text, and the files in it."""

    text: str
    outlined: tuple[str, ...]  # files shown with their symbols, most relevant first
    left_out: tuple[str, ...]  # sentences for user and model


@dataclass(frozen=True)
class Focus:
    """The subject of the work: files and folders that it names, key words with weights."""

    files: tuple[str, ...]
    folders: tuple[str, ...]
    words: Mapping[str, float]


def focus_on(named: Iterable[str], words: Mapping[str, float], paths: Sequence[str]) -> Focus:
    """Return the focus for names found in a text; a new file selects its folder."""
    names = list(named)
    files = find_paths(names, dict.fromkeys(paths))
    folders = {path.rpartition("/")[0] for path in [*files, *names]}
    known = {path.rpartition("/")[0] for path in paths}
    selected = {name for name in (*folders, *names) if name in known}
    return Focus(tuple(files), tuple(sorted(selected - {""})), dict(words))


def draw_map(
    entries: Iterable[tuple[str, int]],
    files: Files,
    focus: Focus,
    budget_tokens: int,
    *,
    unread: Sequence[str] = (),
) -> RepoMap:
    """Return a map of at most about `budget_tokens` tokens, the same for the same input.

    `entries` are (path, size in bytes); `files` is not used for those that match `unread`.
    """
    listed = sorted((path, size) for path, size in entries)
    skipped, secret = matcher(NOT_MAPPED), matcher(unread)
    sizes = {path: size for path, size in listed if not skipped(path)}
    by_path = _path_scores(list(sizes), focus)
    candidates = sorted(
        (
            path
            for path, size in sizes.items()
            if language_of(path) and size <= _LARGEST and not secret(path)
        ),
        key=lambda path: (-by_path[path], path.count("/"), path),
    )[:_OUTLINED]
    symbols = {path: _symbols(files, path) for path in candidates}
    scores = {path: by_path[path] + _symbol_score(symbols.get(path, ()), focus) for path in sizes}
    ranked = sorted(scores, key=lambda path: (-scores[path], path))
    selected = [path for path in ranked if symbols.get(path) and scores[path] > 0]
    outlines, shown, hidden = _outlines(
        selected, symbols, focus, int(budget_tokens * _OUTLINE_SHARE)
    )
    tree, cut = _tree(scores, budget_tokens - estimate_tokens(outlines))
    left_out = [f"outlines of {hidden} more matching files"] if hidden else []
    left_out += [cut] if cut else []
    parts = [part for part in (outlines, tree) if part]
    return RepoMap("\n\n".join(parts), tuple(shown), tuple(left_out))


def _path_scores(paths: Sequence[str], focus: Focus) -> dict[str, float]:
    split = {path: _words_of(path) for path in paths}
    counts: dict[str, int] = {}
    hits: dict[str, list[str]] = {}
    informative = {word for word in set().union(*split.values()) if fits(word, focus.words)}
    for path, words in split.items():
        hits[path] = sorted(words & informative)
        for word in hits[path]:
            counts[word] = counts.get(word, 0) + 1
    scores = {}
    for path in paths:
        # A word in every path distinguishes none of them.
        score = sum(
            _IN_PATH * _weight(word, focus) * math.log(1 + len(paths) / counts[word])
            for word in hits[path]
        )
        score += _NAMED if path in focus.files else 0.0
        score += _NEAR_NAMED if path.rpartition("/")[0] in focus.folders else 0.0
        scores[path] = score
    return scores


def _symbol_score(symbols: Sequence[Symbol], focus: Focus) -> float:
    words = {word for symbol in symbols for word in terms(symbol.name)}
    return sum(_IN_SYMBOL * _weight(word, focus) for word in sorted(words))


def _weight(word: str, focus: Focus) -> float:
    if word in focus.words:
        return focus.words[word]
    return 0.5 if fits(word, focus.words) else 0.0


def _symbols(files: Files, path: str) -> Sequence[Symbol]:
    content = (language_of(path), files.content_id(path))
    if content[1] and content in _outlined:
        return _outlined[content]
    data = files.read(path)
    text = "" if data is None or b"\0" in data[:8000] else decode(data)
    found = tuple(outline(path, text))
    if content[1]:
        if len(_outlined) >= _REMEMBERED:
            _outlined.clear()
        _outlined[content] = found
    return found


@lru_cache(maxsize=8192)
def _words_of(path: str) -> frozenset[str]:
    return frozenset(terms(path))


def _outlines(
    selected: Sequence[str], symbols: Mapping[str, Sequence[Symbol]], focus: Focus, budget: int
) -> tuple[str, list[str], int]:
    parts: list[str] = []
    shown: list[str] = []
    room = budget
    for path in selected:
        limit = 8 if language_of(path) in _DATA and path not in focus.files else _SHOWN_SYMBOLS
        text = _file(path, symbols[path], limit)
        cost = estimate_tokens(text) + 1
        if cost > room:
            if room < budget * 0.1:
                break
            continue
        room -= cost
        parts.append(text)
        shown.append(path)
    if not parts:
        return "", [], len(selected)
    lead = "Files that look relevant, with what they define (line numbers in front):"
    return "\n".join([lead, *parts]), shown, len(selected) - len(shown)


def _file(path: str, symbols: Sequence[Symbol], limit: int) -> str:
    lines = [path]
    for symbol in symbols[:limit]:
        owner = symbol.name.rpartition(".")[0]
        indent = "  " * (1 + (symbol.name.count(".") if owner else 0))
        lines.append(f"{indent}{symbol.line}: {symbol.signature or symbol.name}")
    if len(symbols) > limit:
        lines.append(f"  ... {len(symbols) - limit} more")
    return "\n".join(lines)


def _tree(scores: Mapping[str, float], budget: int) -> tuple[str, str]:
    """Return the folders with their files, most relevant folder first, and the number left out."""
    folders: dict[str, list[str]] = {}
    for path in sorted(scores):
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, []).append(name)
    best = {
        folder: max(scores[f"{folder}/{name}" if folder else name] for name in names)
        for folder, names in folders.items()
    }
    order = sorted(folders, key=lambda folder: (-best[folder], folder.count("/"), folder))
    lines = [f"All files by folder ({len(scores)} files):"]
    room = budget - estimate_tokens(lines[0])
    hidden_folders = hidden_files = 0
    for folder in order:
        names = folders[folder]
        line = f"{folder or '.'}/: {' '.join(names)}"
        if estimate_tokens(line) + 1 > min(room, max(budget // 4, 50)):
            line = f"{folder or '.'}/: ({len(names)} files)"
        cost = estimate_tokens(line) + 1
        if cost > room:
            hidden_folders += 1
            hidden_files += len(names)
            continue
        room -= cost
        lines.append(line)
    if len(lines) == 1 or room < 0:
        return "", f"the list of all {len(scores)} files" if scores else ""
    cut = f"{hidden_files} files in {hidden_folders} folders" if hidden_folders else ""
    return "\n".join([*lines, *([f"... not listed: {cut}"] if cut else [])]), cut
