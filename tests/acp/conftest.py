"""What tests of whole runs by coding agents share: one run that nothing disturbs."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.acp_workshop import TASK, Workshop, workshops
from support.crash import Drive


@dataclass(frozen=True)
class Undisturbed:
    """A run in bubblewrap to its commit: what came of it, and what its agents were asked."""

    workshop: Workshop
    drive: Drive
    tree: str  # of the commit
    asked: tuple[str, ...]
    record: Path  # of its turns

    @property
    def roles(self) -> Counter[str]:
        return Counter(one.partition("/")[0] for one in self.asked)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    folder = tmp_path_factory.mktemp("undisturbed")
    record = folder / "turns.jsonl"
    with workshops(folder / "site") as workshop:
        workshop.site.checkout.environ["REVIEWLOOP_SANDBOX__LEVEL"] = "bubblewrap"
        drive = workshop.site.drive(task=(*TASK, "--record", str(record)))
        tree = workshop.site.checkout.git("rev-parse", "HEAD^{tree}")
        yield Undisturbed(workshop, drive, tree, tuple(workshop.asked), record)
