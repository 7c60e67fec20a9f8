"""What a call costs, from a price list that others keep up; never over the network."""

from reviewloop.llm.messages import Usage
from reviewloop.llm.provider_table import KNOWN, OLLAMA
from reviewloop.llm.routing import split_model

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
    """Return the price in US dollars, None when it is not known; what runs here costs nothing."""
    provider, ident = split_model(model)
    if provider in _FREE:
        return 0.0
    listed = _PRICE_LISTS.get(provider, provider)
    counts = (usage.input, usage.output, usage.cache_read, usage.cache_write)
    price = _price(listed, ident, *counts)
    short = ident.rpartition("/")[2]  # of an ARN, or behind a vendor
    return _price(listed, short, *counts) if price is None and short != ident else price


def estimate(model: str, *, input_tokens: int, output_tokens: int) -> float | None:
    """Return what so many uncached tokens would cost in US dollars, None when not known."""
    return cost(model, Usage(input=input_tokens, output=output_tokens))


def _price(
    provider: str, ident: str, fresh: int, output: int, cache_read: int, cache_write: int
) -> float | None:
    import genai_prices  # 170 ms: only when a price is asked for

    counted = genai_prices.Usage(
        input_tokens=fresh + cache_read + cache_write,
        output_tokens=output,
        cache_read_tokens=cache_read,
        cache_write_tokens=cache_write,
    )
    try:
        price = genai_prices.calc_price(counted, model_ref=ident, provider_id=provider)
    except (LookupError, ValueError):
        return None
    return float(price.total_price)
