import difflib

import pytest

from reviewloop.analysis.contract import ChangeView, SourceFile
from reviewloop.analysis.languages import language_of, path_class


def _added(before: str, after: str) -> tuple[tuple[int, int], ...]:
    matcher = difflib.SequenceMatcher(None, before.split("\n"), after.split("\n"), autojunk=False)
    return tuple(
        (start + 1, end)
        for tag, _, _, start, end in matcher.get_opcodes()
        if tag != "equal" and end > start
    )


@pytest.fixture
def changed():
    """Return a function from two trees (path -> text) to the view of the change between them."""

    def view(base: dict[str, str], new: dict[str, str]) -> ChangeView:
        paths = sorted(p for p in {*base, *new} if base.get(p) != new.get(p))
        files = tuple(
            SourceFile(
                path=path,
                text=new[path],
                added=_added(base.get(path, ""), new[path]),
                language=language_of(path, new[path]),
                path_class=path_class(path),
                status="M" if path in base else "A",
            )
            for path in paths
            if path in new
        )

        def search(strings):
            return [
                (path, number, line)
                for path, text in new.items()
                for number, line in enumerate(text.split("\n"), 1)
                if any(string in line for string in strings)
            ]

        return ChangeView(files, tuple(paths), new.get, base.get, search, lambda: list(new))

    return view
