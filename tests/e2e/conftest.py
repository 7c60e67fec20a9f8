"""Whole runs on a small project: the real command line, real git, models over HTTP."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support.bedrock import BedrockServer
from support.checkout import QUIET_GATES, Checkout
from support.parts import Part, cast
from support.play import agent_of
from support.shop import make_shop


@contextmanager
def opened(
    folder: Path,
    play: Part | None = None,
    settings: Mapping[str, str] = QUIET_GATES,
    branch: str = "work",
    files: Mapping[str, str] | None = None,
) -> Iterator[Checkout]:
    """Yield a checkout of the shop whose models play these parts, gates that run nothing."""
    root = folder / "project"
    root.mkdir()
    make_shop(root, branch=branch, files=files)
    with BedrockServer(play or cast(), agent_of=agent_of) as server:
        yield Checkout(root, folder / "home", server, settings)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Callable[..., Checkout]]:
    """Return a function that opens a checkout for this test."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(opened(tmp_path, *args, **options))


@pytest.fixture(scope="module")
def shared_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Checkout]]:
    """Return a function that opens a checkout for all tests of a module."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(
            opened(tmp_path_factory.mktemp("shop"), *args, **options)
        )
