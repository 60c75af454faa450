"""Market facts as plain numbers, so that compiled code takes them as they are.

Times are UTC milliseconds, prices are in quote currency per unit of base asset, rates are
fractions. Which symbol a fact belongs to is said by whatever carries it.
"""

from __future__ import annotations

from typing import NamedTuple


class Bar(NamedTuple):
    """Prices over one closed interval that begins at ``open_ms``."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float  # in base asset


class Observation(NamedTuple):
    """What exits are judged on: a bar, or a quote with all four prices equal."""

    ts_ms: int
    open: float
    high: float
    low: float
    close: float


class Quote(NamedTuple):
    """Best bid and ask with the base quantity offered at each."""

    ts_ms: int
    bid: float
    bid_qty: float
    ask: float
    ask_qty: float


class MarkPrice(NamedTuple):
    """The venue's fair price, which margin, unrealized PnL and liquidation are computed on."""

    ts_ms: int
    price: float
    index_price: float  # spot reference behind it


class FundingRate(NamedTuple):
    """Fraction of notional that longs pay to shorts at ``ts_ms``; negative: shorts pay."""

    ts_ms: int
    rate: float


def observe_bar(bar: Bar, timeframe_ms: int) -> Observation:
    """Return a closed bar as one observation, known at its close."""
    return Observation(bar.open_ms + timeframe_ms, bar.open, bar.high, bar.low, bar.close)


def observe_quote(quote: Quote) -> Observation:
    """Return a quote as one observation at its mid price."""
    mid = 0.5 * (quote.bid + quote.ask)
    return Observation(quote.ts_ms, mid, mid, mid, mid)
