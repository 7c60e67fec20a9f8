"""Bad answers: all 60 rows, through the real command line, with real clients over HTTP.

Every row says how the run ends, how many calls were paid by the server's own ledger, what the
report tells, and, where it can be gone on with, that it then ends right. Where the words of a row
and the rules that never bend differ, the rules win, and the row says so.
"""

from collections.abc import Iterator

import pytest
from support.bad_answers import fixes, locations, shape, tools, transport
from support.bad_answers import stage as stages
from support.bad_answers.stage import Row, Stage

TABLES = (transport, shape, locations, fixes, tools)
ROWS = sorted((row for table in TABLES for row in table.ROWS), key=lambda row: row.number)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Return the stage that all rows share."""
    with stages.opened(tmp_path_factory.mktemp("bad-answers")) as opened:
        yield opened


@pytest.mark.slow_but(every=20)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"row{row.number:02}")
def test_bad_answers(stage: Stage, row: Row) -> None:
    row.play(stage)
