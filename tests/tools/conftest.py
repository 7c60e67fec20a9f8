"""A real repository's tree and a toolbox on it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover
from reviewloop.tools.toolbox import ORDER, Toolbox, ToolResult


@pytest.fixture
def private(repo: Path, tmp_path: Path) -> Iterator[PrivateRepo]:
    opened = PrivateRepo.create(tmp_path / "private", discover(repo))
    yield opened
    opened.close()


@pytest.fixture
def tree_with(private: PrivateRepo) -> Callable[..., str]:
    """Return a function that makes a tree of files given as path -> text or bytes."""

    def make(files: dict[str, str | bytes], modes: dict[str, str] | None = None) -> str:
        base = private.tree_of(private.head)
        data = {p: t.encode() if isinstance(t, str) else t for p, t in files.items()}
        return private.edit(base, data, modes or {})

    return make


class Bench:
    """A toolbox with everything allowed, and short ways to use it."""

    def __init__(self, private: PrivateRepo, tree: str, **options) -> None:
        options.setdefault("allowed", ORDER)
        self.private = private
        self.toolbox = Toolbox(private, tree, **options)

    def __call__(self, tool: str, /, **args) -> ToolResult:
        return self.toolbox.call(tool, args)

    def ok(self, tool: str, /, **args) -> str:
        result = self(tool, **args)
        assert not result.error, result.text
        return result.text

    def refused(self, tool: str, /, **args) -> str:
        before = self.toolbox.tree
        result = self(tool, **args)
        assert result.error, result.text
        assert result.tree == before
        return result.text

    def content(self, path: str) -> bytes | None:
        return self.private.read(self.toolbox.tree, path)


@pytest.fixture
def bench(private: PrivateRepo, tree_with: Callable[..., str]) -> Callable[..., Bench]:
    """Return a function: files -> toolbox on a tree with them."""

    def make(files: dict[str, str | bytes], modes=None, **options) -> Bench:
        return Bench(private, tree_with(files, modes), **options)

    return make
