"""What closed round trips say: win rate, profit factor, expectancy; overall and by group."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from aster_ray.metrics.round_trips import RoundTrip


def win_rate(net: Sequence[float]) -> float | None:
    """Return the fraction of round trips with a positive net result."""
    return sum(value > 0.0 for value in net) / len(net) if net else None


def profit_factor(net: Sequence[float]) -> float | None:
    """Return the sum of gains over the sum of losses; None where nothing was lost."""
    lost = -math.fsum(value for value in net if value < 0.0)
    return math.fsum(value for value in net if value > 0.0) / lost if lost > 0.0 else None


def expectancy(net: Sequence[float]) -> float | None:
    """Return the mean net result of a round trip in quote currency."""
    return math.fsum(net) / len(net) if net else None


def longest_streak(net: Sequence[float], winning: bool) -> int:
    """Return the most consecutive gains (or losses) in order of closing."""
    best = run = 0
    for value in net:
        run = run + 1 if (value > 0.0 if winning else value < 0.0) else 0
        best = max(best, run)
    return best


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def statistics(trips: Sequence[RoundTrip]) -> dict[str, Any]:
    """Return the statistics of the closed ones among ``trips``; cash in quote currency."""
    closed = [trip for trip in trips if not trip.is_open]
    net = [trip.net for trip in closed]
    gains = [value for value in net if value > 0.0]
    losses = [value for value in net if value < 0.0]
    average_win, average_loss = _mean(gains), _mean(losses)
    holding = [trip.holding_ms for trip in closed]
    return {
        "round_trips": len(closed),
        "wins": len(gains),
        "losses": len(losses),
        "win_rate": win_rate(net),
        "profit_factor": profit_factor(net),
        "expectancy": expectancy(net),
        "average_net_return": _mean([trip.net_return for trip in closed]),
        "average_win": average_win,
        "average_loss": average_loss,
        "payoff": -average_win / average_loss if average_win and average_loss else None,
        "best": max(net, default=None),
        "worst": min(net, default=None),
        "longest_winning_streak": longest_streak(net, winning=True),
        "longest_losing_streak": longest_streak(net, winning=False),
        "average_holding_ms": _mean(holding),
        "median_holding_ms": float(np.median(holding)) if holding else None,
        "price_pnl": math.fsum(trip.price_pnl for trip in closed),
        "fees": math.fsum(trip.fees for trip in closed),
        "funding": math.fsum(trip.funding for trip in closed),
        "slippage": math.fsum(trip.slippage for trip in closed),
        "net": math.fsum(net),
    }


def brief(trips: Sequence[RoundTrip]) -> dict[str, Any]:
    """Return the row of a breakdown table: the few numbers that compare groups."""
    full = statistics(trips)
    names = ("round_trips", "win_rate", "profit_factor", "expectancy", "average_holding_ms")
    return {
        name: full[name] for name in (*names, "price_pnl", "fees", "funding", "slippage", "net")
    }


def grouped(
    trips: Sequence[RoundTrip], key: Callable[[RoundTrip], str]
) -> dict[str, dict[str, Any]]:
    """Return ``brief`` of the closed trips per ``key``, keys in alphabetical order."""
    groups: dict[str, list[RoundTrip]] = {}
    for trip in trips:
        if not trip.is_open:
            groups.setdefault(key(trip), []).append(trip)
    return {name: brief(groups[name]) for name in sorted(groups)}


def side_name(trip: RoundTrip) -> str:
    """Return ``long`` or ``short``."""
    return "long" if trip.side > 0 else "short"
