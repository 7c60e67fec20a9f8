"""The tables of what calls do name a page for every fact, and only tests and kinds that exist."""

import tomllib
from pathlib import Path

import pytest

from reviewloop.rules import taint
from reviewloop.rules.taint.dialect import _TESTS, SENTENCES
from reviewloop.rules.taint.python_sink_tests import TESTS

TABLES = sorted(Path(taint.__file__).parent.glob("*.toml"))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_every_row_has_a_source_and_says_what_the_pass_knows(path: Path) -> None:
    table = tomllib.loads(path.read_text("utf-8"))
    rows = [
        *table["sink"],
        *table.get("cleaner", ()),
        *([table["carries"]] if "carries" in table else ()),
    ]
    encoded = table.get("encoded", ())
    tests = {"", *(TESTS if path.stem == "python" else _TESTS)}

    assert rows
    assert [row["callees"] for row in rows if not row["source"].startswith("https://")] == []
    assert [row["of"] for row in encoded if not row["source"].startswith("https://")] == []
    assert {row.get("test", "") for row in rows} <= tests
    assert {row.get("kind", "xss") for row in rows} <= set(SENTENCES)
