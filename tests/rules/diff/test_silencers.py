"""The table of comments that silence checks: each row is a fact with its source."""

from pathlib import Path

from reviewloop.analysis.data_tables import read_table
from reviewloop.rules.diff import suppressions
from reviewloop.rules.diff.suppressions import silencers

TABLE = Path(suppressions.__file__).with_name("silencers.toml")
ROOT = Path(__file__).parents[3]


def test_each_tool_has_a_source():
    rows = read_table(TABLE)["silencer"]
    assert len(rows) > 25
    for row in rows:
        ours = (ROOT / row["source"]).is_file()
        assert ours or row["source"].startswith("https://"), row["tool"]


def test_each_pattern_matches_only_texts_with_its_needle():
    for silencer in silencers():
        assert silencer.pattern.search("x = 1  # a comment") is None
        assert set(silencer.pattern.groupindex) <= {"rules"}
        assert "{" not in silencer.expression.replace("\\{", ""), silencer.expression
