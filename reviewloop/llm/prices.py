"""Computes the price of a call from an installed price list; never over the network."""

from typing import TYPE_CHECKING

from reviewloop.llm.messages import Usage
from reviewloop.llm.price_cache import MILLION, Listed, Rates, cache_prices, cached_prices
from reviewloop.llm.provider_table import KNOWN, OLLAMA
from reviewloop.llm.routing import split_model

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation

_FREE = {"script", "replay", OLLAMA}
_PRICE_LISTS = {
    **{provider.name: provider.prices for provider in KNOWN.values()},
    "anthropic_bedrock": "aws",
    "azure_openai": "azure",
    "azure_ai": "azure",
    "google_vertexai": "google",
    "google_anthropic_vertex": "google",
    "xai": "x-ai",
}


def cost(model: str, usage: Usage) -> float | None:
    """Return the price in US dollars, None if unknown; local models cost nothing."""
    provider, ident = split_model(model)
    if provider in _FREE:
        return 0.0
    listed = _PRICE_LISTS.get(provider, provider)
    counts = (usage.input, usage.output, usage.cache_read, usage.cache_write)
    price = _price(listed, ident, *counts)
    short = ident.rpartition("/")[2]  # of an ARN, or after a vendor
    return _price(listed, short, *counts) if price is None and short != ident else price


def estimate(model: str, *, input_tokens: int, output_tokens: int) -> float | None:
    """Return the price of these uncached tokens in US dollars, None if unknown."""
    return cost(model, Usage(input=input_tokens, output=output_tokens))


def _price(
    provider: str, ident: str, fresh: int, output: int, cache_read: int, cache_write: int
) -> float | None:
    if listed := cached_prices(provider, ident):
        return listed.rates and listed.rates.price(fresh, output, cache_read, cache_write)
    try:
        price = _calculated(provider, ident, fresh, output, cache_read, cache_write)
    except LookupError:
        cache_prices(provider, ident, Listed(None))
        return None
    except ValueError:
        return None
    if rates := _rates(provider, ident, price.model.prices):
        cache_prices(provider, ident, Listed(rates))
    return float(price.total_price)


def _rates(provider: str, ident: str, prices: object) -> Rates | None:
    """Return the rates of a model, None if its price is not per token."""
    from genai_prices.types import ModelPrice, TieredPrices

    if not isinstance(prices, ModelPrice):  # different prices over time
        return None
    if any(isinstance(price, TieredPrices) for price in vars(prices).values()):
        return None
    if _calculated(provider, ident, 0, 0, 0, 0).total_price:  # a price per call
        return None
    kinds = ((MILLION, 0, 0, 0), (0, MILLION, 0, 0), (0, 0, MILLION, 0), (0, 0, 0, MILLION))
    return Rates(*(_calculated(provider, ident, *kind).total_price for kind in kinds))


def _calculated(
    provider: str, ident: str, fresh: int, output: int, cache_read: int, cache_write: int
) -> "PriceCalculation":
    import genai_prices  # 75 ms and 8 MB: only for a model without cached rates

    counted = genai_prices.Usage(
        input_tokens=fresh + cache_read + cache_write,
        output_tokens=output,
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
    )
    return genai_prices.calc_price(counted, model_ref=ident, provider_id=provider)
