"""The tables are whole: known rules and words, documented kinds, each in the table of its kind."""

import pytest

from reviewloop.rules.infra.rules import RULES
from reviewloop.rules.infra.tables import read_table, rows_about, table_names, table_rows

WORDS = {"must", "must_if_set", "must_not", "never", "at", "when", "beside", "severity", "says"}
JUDGED_BY_CODE = {  # what is more than a condition over attributes
    "infra/open-to-the-internet",
    "infra/iam-admin",
    "infra/iam-wildcard",
    "infra/iam-public-principal",
    "infra/iam-allow-all-but",
    "infra/iam-missing-condition",
    "infra/literal-secret",
    "infra/secret-not-sensitive",
    "infra/unpinned-module",
    "infra/state-unprotected",
    "infra/coupled-stacks",
    "infra/hard-coded-account",
    "infra/queue-without-dead-letters",
    "infra/queue-hides-too-briefly",
}


@pytest.mark.parametrize("name", table_names())
def test_a_row_holds_known_words_and_one_judgement(name):
    for slug, rows in read_table(name).items():
        for row in rows if slug not in {"sources", "groups"} else ():
            assert set(row) <= WORDS, row
            assert len(set(row) & {"must", "must_if_set", "must_not", "never"}) == 1, row
            assert ("at" in row) is ("never" not in row), row


@pytest.mark.parametrize("name", table_names())
def test_a_kind_is_documented_and_found_through_the_table_it_stands_in(name):
    table = read_table(name)
    sources = table["sources"]

    for kind, row in table_rows(table):
        assert any(kind.startswith(prefix) for prefix in sources), kind
        found = [(one.rule.id, one.scope, one.paths) for one in rows_about(kind)]
        assert (row.rule.id, row.scope, row.paths) in found, kind


@pytest.mark.parametrize("name", [*table_names(), "network", "policies", "tags", "dialects"])
def test_every_table_names_where_its_facts_are_from(name):
    sources = read_table(name)["sources"]
    pages = [page for one in sources.values() for page in ([one] if isinstance(one, str) else one)]

    assert pages
    assert all(page.startswith("https://") for page in pages)


def test_every_rule_has_a_row_or_code_of_its_own():
    told = {row.rule.id for name in table_names() for _, row in table_rows(read_table(name))}

    assert told == {rule.id for rule in RULES} - JUDGED_BY_CODE
