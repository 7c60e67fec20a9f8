"""The tables of what calls do name a page for every fact, and only tests and kinds that exist."""

import tomllib
from pathlib import Path

import pytest

from reviewloop.rules import taint
from reviewloop.rules.catalogue import rule, rules_of
from reviewloop.rules.taint.dialect import _TESTS
from reviewloop.rules.taint.python_sink_tests import TESTS

TABLES = sorted(Path(taint.__file__).parent.glob("*.toml"))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_every_row_has_a_source_and_says_what_the_pass_knows(path: Path) -> None:
    table = tomllib.loads(path.read_text("utf-8"))
    single = [part for part in table.values() if isinstance(part, dict)]
    rows = [row for part in table.values() if isinstance(part, list) for row in part] + single
    tests = {"", *(TESTS if path.stem == "python" else _TESTS)}
    kinds = {each.id.partition("/")[2] for each in rules_of("taint")}

    assert rows
    assert [row for row in rows if not row["source"].startswith("https://")] == []
    assert {row.get("test", "") for row in table["sink"]} <= tests
    assert {row.get("kind", "xss") for row in table["sink"]} <= kinds
    for row in table["cleaner"]:
        assert row["for"] == ["all"] or set(row["for"]) <= kinds, row


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_every_rule_of_a_table_has_a_page_with_the_message_for_a_flow(path: Path) -> None:
    family = "taint/" if path.stem == "python" else ""
    named = {f"{family}{row['rule']}" for row in tomllib.loads(path.read_text("utf-8"))["sink"]}

    assert named
    assert [ident for ident in sorted(named) if "{sink}" not in rule(ident).message] == []
