"""The pages about pull requests: short, with options, prices and links that are true."""

import re
import sys
from pathlib import Path

import pytest
import yaml
from support.action import ACTION, ROOT

from reviewloop.cli.github import review
from reviewloop.llm.prices import cost

DOCS = ROOT / "docs"
PAGES = {path.name: path.read_text() for path in sorted(DOCS.glob("github*.md"))}
GUIDE = PAGES["github.md"]
MOST_WORDS, MOST_OPTIONS = 3600, 10
PRICED = {
    "Claude Sonnet 5.5, from Anthropic or on Bedrock": (
        "anthropic:claude-sonnet-5-5",
        "bedrock_converse:global.anthropic.claude-sonnet-5-5",
    ),
    "GPT-6.1 Sol": ("openai:gpt-6.1-sol",),
    "Gemini 3.8 Flash": ("google_genai:gemini-3.8-flash",),
    "Amazon Nova Pro": ("bedrock_converse:amazon.nova-pro-v1:0",),
}
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ROW = re.compile(r"^\| (`[^|]+`) \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", GUIDE, re.DOTALL)


def test_the_pages_are_short_and_show_few_options_first() -> None:
    assert sum(len(text.split()) for text in PAGES.values()) <= MOST_WORDS
    section = GUIDE.partition("\n## Options\n")[2].partition("\n## ")[0]
    shown = [name for names, _ in _ROW.findall(section) for name in re.findall(r"`(.+?)`", names)]
    assert set(shown) <= set(ACTION["inputs"])
    assert 0 < len(shown) <= MOST_OPTIONS


def test_defaults_are_those_of_the_action() -> None:
    """A default in a table is the one that action.yml names in brackets."""
    checked = 0
    for text in PAGES.values():
        for names, default in _ROW.findall(text):
            for name in re.findall(r"`([\w-]+)`", names):
                value = re.fullmatch(r"`([\w-]+)`", default.strip())
                if name in ACTION["inputs"] and value and name != "handoff":
                    described = ACTION["inputs"][name]["description"]
                    assert f"({value[1]})" in described or f"is {value[1]}," in described, name
                    checked += 1
    assert checked > 12


def test_what_is_pasted_is_taken() -> None:
    pasted, other = map(yaml.safe_load, blocks("yaml"))
    checkout, ours = pasted
    workflow = yaml.safe_load((ROOT / "workflows/review-pr.yml").read_text())
    steps = workflow["jobs"]["review"]["steps"]
    assert checkout["uses"] == steps[0]["uses"]
    assert checkout["with"] == steps[0]["with"]
    assert ours["uses"] == steps[-1]["uses"]
    assert set(ours["with"]) <= set(ACTION["inputs"])
    words = other[1]["run"].split()
    assert words[:3] == ["reviewloop", "github", "review"]
    assert review.make_context("review", words[3:]).params["model"] == "xai:grok-5"


@pytest.mark.slow
@pytest.mark.parametrize("turns", [1, 3])
def test_the_costs_are_those_of_what_is_sent(turns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    import pull_request_cost as measuring

    used = measuring.usage(turns, measuring.ANSWER)
    for name, models in PRICED.items():
        [row] = re.findall(rf"^\| {re.escape(name)} \| \$(\S+) \| \$(\S+) \|$", GUIDE, re.MULTILINE)
        for model in models:
            price = cost(model, used)
            assert price is not None
            assert float(row[turns > 1]) == pytest.approx(price, rel=0.15, abs=0.006), model


def test_links_lead_to_places_that_exist() -> None:
    """Those of these pages, and those of other pages to them."""
    followed = 0
    for path in [*DOCS.glob("*.md"), ROOT / "README.md"]:
        for target in _LINK.findall(path.read_text()):
            file, _, place = target.partition("#")
            there = (path.parent / file).resolve() if file else path
            if "://" in target or not (path.name in PAGES or there.name in PAGES):
                continue
            assert there.exists(), f"{path.name}: {target}"
            assert not place or place in _places(there), f"{path.name}: {target}"
            followed += 1
    assert followed > 15


def _places(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
