"""Batches on a small project: the real command line, real git, models over HTTP, a test gate."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support.bedrock import BedrockServer
from support.checkout import QUIET_GATES, Checkout
from support.crash import CHECKS
from support.many import FILES, many
from support.parts import Part
from support.play import agent_of
from support.shop import make_shop

SETTINGS = {
    **QUIET_GATES,
    "REVIEWLOOP_SPEC__PATH": ".kiro/specs/many",
    "REVIEWLOOP_GATES__TEST__ENABLED": "true",
    "REVIEWLOOP_GATES__TEST__COMMAND": json.dumps([sys.executable, "-S", "checks.py"]),
}


@contextmanager
def opened(folder: Path, play: Part | None = None, **files: str) -> Iterator[Checkout]:
    """Yield a checkout with the spec of six tasks."""
    root = folder / "project"
    root.mkdir()
    make_shop(root, files={**FILES, "checks.py": CHECKS, **files})
    with BedrockServer(play or many(), agent_of=agent_of) as server:
        yield Checkout(root, folder / "home", server, SETTINGS)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Callable[..., Checkout]]:
    """Return a function that opens a checkout for this test."""
    with ExitStack() as stack:
        yield lambda *args, **options: stack.enter_context(opened(tmp_path, *args, **options))
