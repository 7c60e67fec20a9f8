"""Links to rules lead to our own pages, of the version in use, wherever findings are shown."""

import importlib.metadata
from pathlib import Path

import pytest
from support.sample_review import RULES, SampleSource, sample_report

from reviewloop.analysis.rule_book import own_rule, own_rules, rule_of
from reviewloop.domain.finding import Finding, Severity
from reviewloop.render import rules
from reviewloop.render.formats import renderer
from reviewloop.render.rules import explained_at, page_address, rule_link, source_link

ROOT = Path(__file__).resolve().parents[2]
IN_ACTION = {
    "GITHUB_ACTIONS": "true",
    "ACTION_REPOSITORY": "octo/reviewloop",
    "ACTION_REF": "v0.9.0",
}
AT = "https://github.com/octo/reviewloop/blob/v0.9.0/"
OURS = sorted(rule.id for rule in own_rules())


def finding(rule: str, url: str = "") -> Finding:
    named = {"agents": ("review-security",), "rule": rule, "url": url}
    return Finding(id="-", severity=Severity.NIT, title="t", why="", path="a", **named)


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package says that it comes from octo/reviewloop, and runs in its Action."""
    for name, value in IN_ACTION.items():
        monkeypatch.setenv(name, value)


def test_the_page_of_every_rule_is_there(published: None) -> None:
    rows = set()
    for rule in OURS:
        address = rule_link(finding(rule, "https://example.org/other"), rule_of)
        text = (ROOT / address.removeprefix(AT)).read_text()
        if f"---\nid: {rule}\n" not in text:
            rows.add(address.removeprefix(AT))
    assert rows == {"reviewloop/rules/secret/README.md"}


@pytest.mark.parametrize("name", ["markdown", "html", "sarif"])
def test_every_format_links_the_page(name: str, published: None) -> None:
    text = renderer(name)(sample_report(), SampleSource(), RULES.get)
    assert f"{AT}reviewloop/rules/taint/sql-injection.md" in text


def test_rules_of_other_tools_keep_their_makers_page(published: None) -> None:
    found = rule_of("ruff/S608")
    assert found
    assert explained_at(found) == source_link(found) == rule_link(finding("ruff/S608"), rule_of)
    assert "octo" not in explained_at(found)
    assert rule_link(finding("eslint/x", "https://eslint.org/x"), rule_of) == "https://eslint.org/x"


@pytest.mark.parametrize(
    ("homepage", "environ", "begins"),
    [
        (
            "octo/tool",
            {},
            f"https://github.com/octo/tool/blob/v{rules.__version__}/reviewloop/rules/",
        ),
        ("octo/tool", IN_ACTION, AT),
        # Elsewhere than in the Action these variables are anybody's.
        ("", {**IN_ACTION, "GITHUB_ACTIONS": ""}, ""),
        # The Action of the checkout (`uses: ./`) has neither; one of a path has no repository.
        ("", {"GITHUB_ACTIONS": "true"}, ""),
        ("", {**IN_ACTION, "ACTION_REPOSITORY": "OWNER/reviewloop"}, ""),
        ("", {**IN_ACTION, "ACTION_REF": "v1 (https://elsewhere)"}, ""),
        ("OWNER/reviewloop", {}, ""),
    ],
)
def test_where_the_pages_are_follows_the_version_in_use(
    homepage: str, environ: dict[str, str], begins: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "published_repository", lambda: homepage)
    address = page_address(own_rule("py/query-in-loop"), environ)
    assert address.startswith(begins) and bool(address) is bool(begins)


def test_without_a_known_place_the_source_explains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACTION_REPOSITORY", raising=False)
    monkeypatch.setattr(rules, "published_repository", lambda: "")
    rule = next(rule for rule in own_rules() if "https://" in rule.source)
    assert explained_at(rule) == source_link(rule)
    metadata = "https://github.com/octo/tool"
    monkeypatch.undo()
    monkeypatch.delenv("ACTION_REPOSITORY", raising=False)
    monkeypatch.setattr(importlib.metadata, "metadata", lambda name: Said(metadata))
    rules.published_repository.cache_clear()
    assert explained_at(rule).startswith(f"{metadata}/blob/v")
    rules.published_repository.cache_clear()


class Said:
    """What a package says of itself."""

    def __init__(self, homepage: str) -> None:
        self.lines = ["Issues, https://example.org", f"Homepage, {homepage}"]

    def get_all(self, name: str) -> list[str]:
        return self.lines if name == "Project-URL" else []
