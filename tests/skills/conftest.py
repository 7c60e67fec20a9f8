"""The command line in a repository of its own; models answer from a script."""

from pathlib import Path

import pytest
from support.checkout import QUIET_GATES, Checkout


@pytest.fixture
def here(repo: Path, tmp_path: Path) -> Checkout:
    """Return a checkout with skills in .kiro/skills; no gate and no analyser runs."""
    (repo / ".kiro").mkdir()
    return Checkout(repo, tmp_path / "home", settings=QUIET_GATES)
