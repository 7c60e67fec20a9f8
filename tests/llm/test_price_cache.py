"""Prices of models are cached per version of the price list, unchanged."""

import json
import os
import subprocess
import sys
from pathlib import Path

import genai_prices
import pytest
from genai_prices.data_snapshot import get_snapshot

from reviewloop.llm import price_cache
from reviewloop.llm.messages import Usage
from reviewloop.llm.prices import cost

FOUR = (1_234, 567, 89_101, 2_345)
USED = Usage(*FOUR)
HAIKU = "anthropic:claude-haiku-4-5"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REVIEWLOOP_STATE_DIR", str(tmp_path / "state"))
    price_cache.cached_prices.cache_clear()
    yield tmp_path / "state"
    price_cache.cached_prices.cache_clear()


def listed(provider: str, ident: str) -> float | None:
    counted = genai_prices.Usage(
        input_tokens=USED.input + USED.cache_read + USED.cache_write,
        output_tokens=USED.output,
        cache_read_tokens=USED.cache_read,
        cache_write_tokens=USED.cache_write,
    )
    try:
        found = genai_prices.calc_price(counted, model_ref=ident, provider_id=provider)
    except (LookupError, ValueError):
        return None
    return float(found.total_price)


def test_what_is_kept_says_what_the_list_says():
    models = {
        (provider.id, model.id)
        for provider in get_snapshot().providers
        for model in provider.models
        if provider.id in ("aws", "anthropic", "openai", "google")
    }
    assert len(models) > 200
    for provider, ident in sorted(models):
        price_cache.cached_prices.cache_clear()
        first, again = (_asked(provider, ident) for _ in range(2))
        assert first == again == listed(provider, ident), (provider, ident)


def _asked(provider: str, ident: str) -> float | None:
    from reviewloop.llm.prices import _price

    return _price(provider, ident, USED.input, USED.output, USED.cache_read, USED.cache_write)


def test_another_process_does_not_load_the_list(folder):
    first = cost(HAIKU, USED), cost("anthropic:no-such-model", USED)
    text = (
        "import sys; from reviewloop.llm.prices import cost; from reviewloop.llm.messages import "
        f"Usage; used = Usage(*{FOUR!r});"
        f"print(cost({HAIKU!r}, used), cost('anthropic:no-such-model', used),"
        "'genai_prices' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", text],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(first[0]), "None", "False"]
    assert first[0] and first[1] is None


@pytest.mark.parametrize(
    "held",
    ["", "[]", '{"of": "0.0.1", "rates": {"anthropic:claude-haiku-4-5": ["9", "9", "9", "9"]}}'],
    ids=["empty", "something else", "of another version"],
)
def test_a_file_that_does_not_fit_is_passed_over(folder, held):
    folder.mkdir()
    (folder / "prices.json").write_text(held)
    assert cost(HAIKU, USED) == listed("anthropic", "claude-haiku-4-5")
    assert json.loads((folder / "prices.json").read_text())["of"] != "0.0.1"


def test_rates_that_are_none_are_asked_anew(folder):
    cost(HAIKU, USED)
    path = folder / "prices.json"
    held = json.loads(path.read_text())
    held["rates"]["anthropic:claude-haiku-4-5"] = ["one", "five", "0.1", "1.25"]
    path.write_text(json.dumps(held))
    price_cache.cached_prices.cache_clear()
    assert cost(HAIKU, USED) == listed("anthropic", "claude-haiku-4-5")


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(folder, monkeypatch):
    folder.write_text("a file in its place")
    assert cost(HAIKU, USED) == listed("anthropic", "claude-haiku-4-5")
