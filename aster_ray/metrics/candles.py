"""Prices as candles with the round trips on them, thinned so that a page of years stays small."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from aster_ray.kernel.market import Market
from aster_ray.kernel.records import CLOSE, HIGH, LOW, OPEN
from aster_ray.metrics.facts import RunFacts
from aster_ray.metrics.round_trips import RoundTrip

# Candles embedded for zooming: over all symbols, and the most of one.
_ALL, _MOST, _FEWEST = 12_000, 4_000, 200
MOST_SYMBOLS = 24
MOST_TRIPS = 600
_DIGITS = 6
_MINUTE = 60_000
_STEPS = tuple(
    _MINUTE * minutes
    for minutes in (1, 2, 3, 5, 10, 15, 30, 60, 120, 240, 480, 720, 1_440, 2_880, 4_320, 10_080)
)


class Candles(NamedTuple):
    """C candles of one symbol; those without any bar are left out."""

    ms: np.ndarray  # i8[C], open times, multiples of ``step_ms``
    prices: np.ndarray  # f8[C, 4], open, high, low, close
    step_ms: int


def fitting_step(span_ms: int, timeframe_ms: int, most: int) -> int:
    """Return the shortest usual candle, a multiple of the bar, that gives ``most`` at most."""
    usual = [step for step in _STEPS if step % timeframe_ms == 0]
    fitting = [step for step in usual if span_ms / step <= most]
    if fitting:
        return fitting[0]
    base = usual[-1] if usual else timeframe_ms
    return base * math.ceil(span_ms / base / most)


def merged(market: Market, symbol: int, rows: slice, step_ms: int) -> Candles:
    """Return the bars of ``rows`` of one symbol as candles of ``step_ms``."""
    bars = market.bars[rows, symbol]
    known = ~np.isnan(bars[:, CLOSE])
    bars, number = bars[known], market.open_ms[rows][known] // step_ms
    if len(bars) == 0:
        return Candles(np.empty(0, np.int64), np.empty((0, 4)), step_ms)
    begins = np.concatenate([[0], np.flatnonzero(np.diff(number)) + 1])
    ends = np.concatenate([begins[1:], [len(number)]]) - 1
    prices = np.stack(
        [
            bars[begins, OPEN],
            np.maximum.reduceat(bars[:, HIGH], begins),
            np.minimum.reduceat(bars[:, LOW], begins),
            bars[ends, CLOSE],
        ],
        axis=1,
    )
    return Candles(number[begins] * step_ms, prices, step_ms)


def tradable(facts: RunFacts) -> slice:
    """Return the rows of the market that the run could trade."""
    first, last = np.searchsorted(facts.market.close_ms, facts.close_ms[[0, -1]])
    return slice(int(first), int(last) + 1)


def traded_symbols(facts: RunFacts, trips: Sequence[RoundTrip]) -> list[str]:
    """Return the symbols of the sleeves in market order, the most traded where there are many."""
    names = [facts.market.symbols[at] for at in sorted({at for _, at in facts.sleeves})]
    if len(names) <= MOST_SYMBOLS:
        return names
    traded = dict.fromkeys(names, 0.0)
    for trip in trips:
        traded[trip.symbol] += trip.notional
    chosen = set(sorted(names, key=lambda name: -traded[name])[:MOST_SYMBOLS])
    return [name for name in names if name in chosen]


def shown(trips: Sequence[RoundTrip], symbol: str, most: int = MOST_TRIPS) -> list[RoundTrip]:
    """Return the trips of a symbol in order of entry; of too many, those that moved most money."""
    own = [trip for trip in trips if trip.symbol == symbol]
    if len(own) > most:
        own = sorted(own, key=lambda trip: -abs(trip.net))[:most]
    return sorted(own, key=lambda trip: (trip.entry_ms, trip.exit_ms))


def zoomable(facts: RunFacts, symbols: Sequence[str]) -> dict[str, Candles]:
    """Return the candles of each symbol at the resolution a page can carry."""
    rows = tradable(facts)
    span = int(facts.market.open_ms[rows][-1]) - int(facts.market.open_ms[rows][0])
    most = min(_MOST, max(_FEWEST, _ALL // max(len(symbols), 1)))
    step = fitting_step(span, facts.market.timeframe_ms, most)
    return {
        name: merged(facts.market, facts.market.symbols.index(name), rows, step) for name in symbols
    }


def packed(candles: Candles, trips: Sequence[RoundTrip]) -> dict[str, Any]:
    """Return candles and trips for the page's script, as small integers.

    Prices are multiples of ``unit``; each candle is its open less the close before, its close
    less its open, its high above both and its low below both. ``skips`` are (candle, steps
    missing before it). A trip is side, entry minute, entry price, exit minute, exit price, net,
    return and how it ended (empty while open); minutes count from the first candle.
    """
    if len(candles.ms) == 0:
        return {
            "unit": 1,
            "start": 0,
            "step": candles.step_ms,
            "skips": [],
            "bars": [],
            "trips": [],
        }
    top = float(np.max(candles.prices))
    digits = _DIGITS - 1 - math.floor(math.log10(top))
    scaled = np.rint(candles.prices * 10.0**digits).astype(np.int64)
    opened, high, low, close = scaled.T
    before = np.concatenate([[0], close[:-1]])
    rows = np.stack(
        [
            opened - before,
            close - opened,
            high - np.maximum(opened, close),
            np.minimum(opened, close) - low,
        ],
        axis=1,
    )
    steps = np.diff(candles.ms) // candles.step_ms - 1
    start = int(candles.ms[0])
    return {
        "unit": float(f"1e{-digits}"),
        "start": start,
        "step": candles.step_ms,
        "skips": [[int(at) + 1, int(steps[at])] for at in np.flatnonzero(steps)],
        "bars": rows.ravel().tolist(),
        "trips": [
            [
                trip.side,
                (trip.entry_ms - start) // _MINUTE,
                float(f"{trip.entry_price:.7g}"),
                (trip.exit_ms - start) // _MINUTE,
                float(f"{trip.exit_price:.7g}"),
                round(trip.net, 2) + 0.0,
                round(trip.net_return, 5) + 0.0,
                "" if trip.is_open else trip.reason,
            ]
            for trip in trips
        ],
    }
