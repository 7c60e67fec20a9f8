"""The pages in docs/rules say what the rules say."""

from pathlib import Path

from reviewloop.analysis.pages import pages

DOCS = Path(__file__).parents[2] / "docs" / "rules"


def test_the_pages_are_what_the_rules_say() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}

    assert written == pages(), "write them anew: python docs/write_rules.py"
