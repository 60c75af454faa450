"""Who earned it: results by symbol, by strategy and by sleeve (a strategy on a symbol)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from aster_ray.metrics.facts import RunFacts
from aster_ray.metrics.round_trips import RoundTrip
from aster_ray.metrics.trip_stats import side_name, statistics
from aster_ray.metrics.waterfall import Ledger, ledger

MOST_EXTREME = 6


def by_symbol(facts: RunFacts, trips: Sequence[RoundTrip]) -> dict[str, Any]:
    """Return one share of the account per traded symbol, in the order of the market."""
    rows = {}
    for index in sorted({index for _, index in facts.sleeves}):
        symbol = facts.market.symbols[index]
        sleeves = {number for number, (_, at) in enumerate(facts.sleeves) if at == index}
        rows[symbol] = _share(
            ledger(facts, sleeves), [trip for trip in trips if trip.symbol == symbol]
        )
    return rows


def by_strategy(facts: RunFacts, trips: Sequence[RoundTrip]) -> dict[str, Any]:
    """Return one share of the account per strategy, in alphabetical order."""
    rows = {}
    for name in sorted({name for name, _ in facts.sleeves}):
        sleeves = {number for number, (of, _) in enumerate(facts.sleeves) if of == name}
        rows[name] = _share(
            ledger(facts, sleeves), [trip for trip in trips if trip.strategy == name]
        )
    return rows


def by_sleeve(facts: RunFacts, trips: Sequence[RoundTrip]) -> list[dict[str, Any]]:
    """Return one share of the account per sleeve, by strategy, then in the order of the market."""
    own: dict[int, list[RoundTrip]] = {}
    for trip in trips:
        own.setdefault(trip.sleeve, []).append(trip)
    return [
        {
            "strategy": facts.strategy_of(sleeve),
            "symbol": facts.symbol_of(sleeve),
            **_share(ledger(facts, {sleeve}), own.get(sleeve, [])),
        }
        for sleeve in sorted(range(len(facts.sleeves)), key=lambda number: facts.sleeves[number])
    ]


def extreme_trips(trips: Sequence[RoundTrip]) -> tuple[list[RoundTrip], list[RoundTrip]]:
    """Return the closed round trips that gained most and those that lost most, ends first."""
    ranked = sorted((trip for trip in trips if not trip.is_open), key=lambda trip: -trip.net)
    best = [trip for trip in ranked[:MOST_EXTREME] if trip.net > 0.0]
    worst = [trip for trip in reversed(ranked[-MOST_EXTREME:]) if trip.net < 0.0]
    return best, worst


def extremes(trips: Sequence[RoundTrip]) -> dict[str, Any]:
    """Return the best and the worst closed round trips by net result.

    ``net_without_best`` is what all closed ones would have left without those best ones.
    """
    best, worst = extreme_trips(trips)
    taken = {id(trip) for trip in best}
    rest = [trip.net for trip in trips if not trip.is_open and id(trip) not in taken]
    return {
        "best": [_row(trip) for trip in best],
        "worst": [_row(trip) for trip in worst],
        "net_without_best": math.fsum(rest) if best else None,
    }


def _row(trip: RoundTrip) -> dict[str, Any]:
    return {
        "symbol": trip.symbol,
        "strategy": trip.strategy,
        "level": None if trip.level < 0 else trip.level,
        "side": side_name(trip),
        "entry_ms": trip.entry_ms,
        "exit_ms": trip.exit_ms,
        "holding_ms": trip.holding_ms,
        "notional": trip.notional,
        "entry_price": trip.entry_price,
        "exit_price": trip.exit_price,
        "net": trip.net,
        "net_return": trip.net_return,
        "reason": trip.reason,
    }


def _share(total: Ledger, trips: Sequence[RoundTrip]) -> dict[str, Any]:
    """Return a part of the account: money of all its fills, counts of its closed round trips."""
    stats = statistics(trips)
    return {
        "round_trips": stats["round_trips"],
        "win_rate": stats["win_rate"],
        "profit_factor": stats["profit_factor"],
        "average_holding_ms": stats["average_holding_ms"],
        "fills": total.fills,
        "traded": total.traded,
        "realized": total.realized,
        "unrealized": total.unrealized,
        "fees": total.fees,
        "funding": total.funding,
        "slippage": total.slippage,
        "net": total.net,
    }
