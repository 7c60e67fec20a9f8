"""Batches on a small project: the real command line, real git, models over HTTP.

The project's own tests are run where a test is marked `with_tests`: twice for each of its tasks.
"""

import gc
import json
import shutil
import sys
from collections.abc import Iterator
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
    "REVIEWLOOP_GATES__TEST__COMMAND": json.dumps([sys.executable, "-S", "checks.py"]),
}


@contextmanager
def gone_on_with(folder: Path, tested: bool, play: Part | None = None) -> Iterator[Checkout]:
    """Yield the checkout that stands in a folder; `tested`: the project's tests are a gate."""
    settings = {**SETTINGS, "REVIEWLOOP_GATES__TEST__ENABLED": str(tested).lower()}
    with BedrockServer(play or many(), agent_of=agent_of) as server:
        yield Checkout(folder / "project", folder / "home", server, settings)


@contextmanager
def opened(
    folder: Path, tested: bool, play: Part | None = None, **files: str
) -> Iterator[Checkout]:
    """Yield a checkout with the spec of six tasks."""
    root = folder / "project"
    root.mkdir()
    make_shop(root, files={**FILES, "checks.py": CHECKS, **files})
    with gone_on_with(folder, tested, play) as checkout:
        yield checkout


class Shops:
    """Opens checkouts for one test, each with its models."""

    def __init__(self, folder: Path, kept: Path, tested: bool, stack: ExitStack) -> None:
        self._folder, self._kept, self._tested, self._stack = folder, kept, tested, stack

    def __call__(self, play: Part | None = None, **files: str) -> Checkout:
        """Return a checkout in which nothing was done yet."""
        return self._stack.enter_context(opened(self._folder, self._tested, play, **files))

    def waiting(self, tasks: str) -> Checkout:
        """Return a checkout in which a batch has done these tasks, and its runs wait.

        The batch works once for all tests; each has a copy of its end, at the same place.
        """
        place, copy = self._kept / "shop", self._kept / f"{tasks}-{self._tested}"
        shutil.rmtree(place, ignore_errors=True)
        if not copy.exists():
            place.mkdir()
            with opened(place, self._tested) as checkout:
                said = checkout.run("batch", "--tasks", tasks)
                assert said.code == 4, said.err
            gc.collect()  # closes what is open still: its files would go while they are copied
            shutil.copytree(place, copy, symlinks=True)
        else:
            shutil.copytree(copy, place, symlinks=True)
        return self._stack.enter_context(gone_on_with(place, self._tested))


@pytest.fixture
def shop(request: pytest.FixtureRequest, tmp_path: Path, kept_shops: Path) -> Iterator[Shops]:
    """Return what opens checkouts for this test."""
    tested = request.node.get_closest_marker("with_tests") is not None
    with ExitStack() as stack:
        yield Shops(tmp_path, kept_shops, tested, stack)


@pytest.fixture(scope="session")
def kept_shops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of what batches have left for several tests."""
    return tmp_path_factory.mktemp("kept")
