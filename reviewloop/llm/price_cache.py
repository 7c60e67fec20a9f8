"""Caches prices of models, so that a price list of 2,000 models is not loaded for one of them.

Loading it takes 75 ms and 8 MB, which every review would pay. Stored is the price of a million
tokens of each kind, exactly as in one version of the list; another version is read again. Prices
that depend on the size of a call or on the time are not stored.
"""

import json
import os
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import get_ident
from typing import NamedTuple

from reviewloop.store.folders import state_root

_FILE = "prices.json"
MILLION = 1_000_000


class Rates(NamedTuple):
    """US dollars for a million tokens of each kind."""

    fresh: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal

    def price(self, fresh: int, output: int, cache_read: int, cache_write: int) -> float:
        """Return the price of these tokens."""
        counts = (fresh, output, cache_read, cache_write)
        return float(sum(rate * n for rate, n in zip(self, counts, strict=True)) / MILLION)


class Listed(NamedTuple):
    """The list's entry for one model."""

    rates: Rates | None  # None: unknown model


@cache
def cached_prices(provider: str, ident: str) -> Listed | None:
    """Return the cached entry of a model, None for none."""
    written = _read().get(f"{provider}:{ident}", "")
    if written is None:
        return Listed(None)
    try:
        return Listed(Rates(*map(Decimal, written))) if isinstance(written, list) else None
    except (TypeError, ValueError, InvalidOperation):  # written by another program
        return None


def cache_prices(provider: str, ident: str, listed: Listed) -> None:
    """Cache the entry of a model; do nothing if the state folder cannot be written."""
    with suppress(OSError):
        path = _path()
        rates = None if listed.rates is None else [str(rate) for rate in listed.rates]
        known = {**_read(), f"{provider}:{ident}": rates}
        partial = path.with_name(f"{path.name}.{os.getpid()}-{get_ident()}.part")
        partial.write_text(json.dumps({"of": _version(), "rates": known}), encoding="utf-8")
        partial.replace(path)
        cached_prices.cache_clear()


def _read() -> dict[str, object]:
    try:
        held = json.loads(_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(held, dict) or held.get("of") != _version():
        return {}
    rates = held.get("rates")
    return rates if isinstance(rates, dict) else {}


def _path() -> Path:
    return state_root() / _FILE


@cache
def _version() -> str:
    try:
        return version("genai-prices")
    except PackageNotFoundError:  # reviewloop-light
        return ""
