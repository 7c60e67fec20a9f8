"""The tables of what calls do name a page for every fact, and only tests and kinds that exist."""

import tomllib
from pathlib import Path

import pytest

from reviewloop.rules import taint
from reviewloop.rules.catalogue import rule, rules_of
from reviewloop.rules.taint.python_sink_tests import TESTS
from reviewloop.rules.taint.table_sink_tests import TABLE_TESTS
from reviewloop.rules.taint.values import FLOWS, kinds_of

TABLES = sorted(Path(taint.__file__).parent.glob("*.toml"))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_every_row_has_a_source_and_says_what_the_pass_knows(path: Path) -> None:
    table = tomllib.loads(path.read_text("utf-8"))
    single = [part for part in table.values() if isinstance(part, dict)]
    rows = [row for part in table.values() if isinstance(part, list) for row in part] + single
    tests = {"", *(TESTS if path.stem == "python" else TABLE_TESTS)}
    kinds = {each.id.partition("/")[2] for each in rules_of("taint")}

    assert rows
    assert [row for row in rows if not row["source"].startswith("https://")] == []
    assert {row.get("test", "") for row in table["sink"]} <= tests
    for row in table["sink"]:
        assert row.get("kind", row["rule"]) in {*kinds, row["rule"].rpartition("/")[2]}, row
    for row in table["cleaner"]:
        assert row["for"] == ["all"] or set(row["for"]) <= FLOWS, row


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_every_rule_of_a_table_has_a_page_with_the_message_for_a_flow(path: Path) -> None:
    family = "taint/" if path.stem == "python" else ""
    named = {f"{family}{row['rule']}" for row in tomllib.loads(path.read_text("utf-8"))["sink"]}

    assert named
    assert [ident for ident in sorted(named) if "{sink}" not in rule(ident).message] == []


def test_a_kind_of_harm_that_only_a_row_names_is_one_that_checks_clear(tmp_path: Path) -> None:
    row = '[[sink]]\nrule = "go/log-injection"\nkind = "log-injection"\ncallees = ["log.Print"]\n'
    (tmp_path / "go.toml").write_text(row, "utf-8")

    assert "log-injection" in kinds_of(tmp_path)
    assert kinds_of(TABLES[0].parent) == FLOWS
