"""Builds a change between two trees given as path -> text, without git."""

from collections.abc import Sequence
from difflib import SequenceMatcher

from reviewloop.analysis.contract import ChangeView, Options, SourceFile
from reviewloop.analysis.languages import language_of, path_class


def added_ranges(old: str | None, new: str) -> tuple[tuple[int, int], ...]:
    """Return the inclusive ranges of lines that `new` has and `old` has not."""
    lines = new.split("\n")
    count = len(lines) - (not lines[-1])
    if old is None:
        return ((1, count),) if count else ()
    matcher = SequenceMatcher(None, old.split("\n"), lines, autojunk=False)
    return tuple(
        (start + 1, end)
        for kind, _, _, start, end in matcher.get_opcodes()
        if kind in {"insert", "replace"} and end > start
    )


def change_view(
    base: dict[str, str], new: dict[str, str], options: Options | None = None
) -> ChangeView:
    """Return the change that turns one tree into the other."""
    changed = sorted(path for path in {*base, *new} if base.get(path) != new.get(path))
    files = tuple(
        SourceFile(
            path,
            new[path],
            added_ranges(base.get(path), new[path]),
            language_of(path, new[path]),
            path_class(path),
            "M" if path in base else "A",
        )
        for path in changed
        if path in new
    )

    def search(strings: Sequence[str]) -> list[tuple[str, int, str]]:
        return [
            (path, number, line)
            for path, text in new.items()
            for number, line in enumerate(text.split("\n"), start=1)
            if any(string in line for string in strings)
        ]

    return ChangeView(
        files, tuple(changed), new.get, base.get, search, lambda: list(new), options or Options()
    )
