"""The report of a run: one JSON-ready dictionary, the same bits for the same facts.

No wall time, no host name and no path enters it; floats are not rounded; an undefined number is
None. What a person sees (terminal tables, the tear sheet) is drawn from this dictionary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import numpy as np

from aster_ray.metrics import performance, significance
from aster_ray.metrics.attribution import by_sleeve, by_strategy, by_symbol, extremes
from aster_ray.metrics.benchmark import BuyAndHold, buy_and_hold
from aster_ray.metrics.caveats import caveats
from aster_ray.metrics.episodes import underwater
from aster_ray.metrics.facts import RunFacts, curve
from aster_ray.metrics.marks import last_marks, tradable_rows
from aster_ray.metrics.resampled import resampled_report
from aster_ray.metrics.rolling import rolling_report
from aster_ray.metrics.round_trips import RoundTrip, pair_fills
from aster_ray.metrics.summary import measures
from aster_ray.metrics.trip_stats import grouped, side_name, statistics
from aster_ray.metrics.waterfall import ledger, waterfall
from aster_ray.metrics.wording import quote_currency
from aster_ray.model.enums import FillKind, label

FORMAT = "aster-run/1"

CONVENTIONS = {
    "returns": "simple, per bar, of equity at mark; zero risk-free rate",
    "year": "365 days",
    "sharpe": "mean / standard deviation (n - 1), annualised by bars per year",
    "sortino": "mean / root mean square of negative returns over all bars, annualised",
    "tail": "historical, of UTC days, 95 %; losses positive; at least 20 days",
    "costs": "positive where paid; in the waterfall they are steps, negative where paid",
    "buy_and_hold": "equal shares, entry costs and funding paid, not rounded to lots",
    "fractions": "0.01 is one percent; cash in quote currency; times in UTC milliseconds",
}


def build_report(facts: RunFacts) -> dict[str, Any]:
    """Return the whole report of a run, ready for JSON."""
    trips = pair_fills(facts)
    ms, equity = curve(facts)
    summary = _summary(facts, buy_and_hold(facts))
    sections: dict[str, Any] = {
        "format": FORMAT,
        "run": dict(sorted(facts.provenance.items())),
        "period": _period(facts),
        "summary": summary,
        "caveats": [],
        "waterfall": {"capital": facts.capital, **waterfall(facts)._asdict()},
        "round_trips": {
            "all": statistics(trips),
            "long": statistics([trip for trip in trips if trip.side > 0]),
            "short": statistics([trip for trip in trips if trip.side < 0]),
        },
        "extreme_round_trips": extremes(trips),
        "by_symbol": by_symbol(facts, trips),
        "by_strategy": by_strategy(facts, trips),
        "by_sleeve": by_sleeve(facts, trips),
        "by_side": grouped(trips, side_name),
        "exit_reasons": grouped(trips, lambda trip: trip.reason),
        "monthly_returns": performance.monthly_returns(ms, equity),
        "yearly_returns": performance.yearly_returns(ms, equity),
        "rolling_sharpe": rolling_report(ms, equity),
        "drawdowns": underwater(ms, equity),
        "resampled": resampled_report(ms, equity, facts.market.timeframe_ms, facts.seed),
        "activity": _activity(facts),
        "denials": _by_count(facts.denials),
        "open_positions": _open_positions(facts, trips),
        "risk": _risk(facts, summary["strategy"]),
        "costs": _costs(facts),
        "data": {
            "symbols": list(facts.market.symbols),
            "quote": quote_currency(facts.market.symbols),
            "bars": _bars(facts),
            "missing": list(facts.market.missing),
            "notes": [note for note in facts.notes if note not in facts.market.missing],
        },
        "config": _sorted(facts.config),
    }
    sections["caveats"] = caveats(sections)
    if facts.session is not None:
        sections["session"] = _sorted(facts.session)
    return {name: plain(section) for name, section in sections.items()}


def iso(ms: int | None) -> str | None:
    """Return ``2024-01-31T23:00:00Z`` for UTC milliseconds."""
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(value: Any) -> Any:
    """Return ``value`` in JSON's own types; what is not a finite number is None."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(item) for item in value]
    raise TypeError(f"a report cannot hold a {type(value).__name__}: {value!r}")


def _sorted(value: Any) -> Any:
    """Return a configuration with the keys of every table in alphabetical order."""
    if isinstance(value, Mapping):
        return {str(key): _sorted(value[key]) for key in sorted(value, key=str)}
    return value


def _by_count(counts: Mapping[str, int]) -> dict[str, int]:
    seen = [(name, count) for name, count in counts.items() if count > 0]
    return dict(sorted(seen, key=lambda item: (-item[1], item[0])))


def _period(facts: RunFacts) -> dict[str, Any]:
    start = facts.start_ms
    end = int(facts.close_ms[-1]) if len(facts.close_ms) else None
    span = 0 if start is None or end is None else end - start
    return {
        "from_ms": start,
        "to_ms": end,
        "from": iso(start),
        "to": iso(end),
        "days": span / performance.DAY_MS,
        "bars": len(facts.close_ms),
        "warmup_bars": facts.market.start,
        "timeframe_ms": facts.market.timeframe_ms,
    }


def _summary(facts: RunFacts, passive: BuyAndHold) -> dict[str, Any]:
    ms, equity = curve(facts)
    held = np.concatenate([[facts.capital], passive.equity]) if len(ms) else np.empty(0)
    strategy = measures(ms, equity, facts.gross, ledger(facts).traded)
    benchmark = measures(ms, held, passive.gross, passive.traded)
    mine, other, gap = significance.compared(
        performance.returns(equity),
        performance.returns(held),
        facts.market.timeframe_ms,
        facts.seed,
    )
    return {
        "strategy": strategy,
        "buy_and_hold": benchmark,
        "confidence": {
            "strategy": mine._asdict(),
            "buy_and_hold": other._asdict(),
            "sharpe_difference": gap,
            "method": significance.METHOD,
            "seed": facts.seed,
        },
        "buy_and_hold_costs": {
            "fees": passive.fees,
            "funding": passive.funding,
            "slippage": passive.slippage,
        },
        "conventions": CONVENTIONS,
    }


def _activity(facts: RunFacts) -> dict[str, Any]:
    states: dict[str, int] = {}
    for state in facts.orders["state"]:
        states[str(state)] = states.get(str(state), 0) + 1
    kinds = {
        label(kind): int(np.count_nonzero(facts.fills["kind"] == int(kind))) for kind in FillKind
    }
    return {
        "orders": len(facts.orders["state"]),
        "orders_by_state": _by_count(states),
        "fills": len(facts.fills) - kinds[label(FillKind.FUNDING)],
        "fills_by_kind": _by_count(kinds),
    }


def _open_positions(facts: RunFacts, trips: list[RoundTrip]) -> list[dict[str, Any]]:
    marks = last_marks(facts)
    rows = []
    for trip in trips:
        if not trip.is_open:
            continue
        index = facts.sleeves[trip.sleeve][1]
        rows.append(
            {
                "symbol": trip.symbol,
                "strategy": trip.strategy,
                "level": None if trip.level < 0 else trip.level,
                "side": side_name(trip),
                "since_ms": trip.entry_ms,
                "since": iso(trip.entry_ms),
                "qty": trip.open_lots * float(facts.lots[index]),
                "entry_price": trip.entry_price,
                "mark_price": float(marks[index]),
                "fees": trip.fees,
                "funding": trip.funding,
                "net": trip.net,
            }
        )
    return rows


def _bars(facts: RunFacts) -> str | None:
    """Return a hash of the bars the run could trade: the same ones whatever its warm-up was."""
    if len(facts.close_ms) == 0:
        return None
    rows = tradable_rows(facts)
    return facts.market.rows(int(rows[0]), int(rows[-1]) + 1).digest()


def _costs(facts: RunFacts) -> dict[str, Any]:
    """Return what trading was assumed to cost, as fractions of notional."""
    return {
        "settings": _sorted(facts.config.get("costs", {})),
        "by_symbol": {
            symbol: {
                "taker_fee": facts.taker_fee[index],
                "market_order": facts.market_cost[index],
            }
            for index, symbol in enumerate(facts.market.symbols)
        },
    }


def _risk(facts: RunFacts, strategy: Mapping[str, Any]) -> dict[str, Any]:
    ms, equity = curve(facts)
    episode = performance.deepest_drawdown(ms, equity)
    solvent = len(equity) > 0 and bool(np.all(equity > 0.0))
    held = np.flatnonzero(facts.gross > 0.0)
    peak = float(np.max(facts.gross / facts.equity)) if solvent else None
    return {
        "max_drawdown": None if episode is None else episode.depth,
        "peak_at": None if episode is None else iso(episode.peak_ms),
        "trough_at": None if episode is None else iso(episode.trough_ms),
        "recovered_at": None if episode is None else iso(episode.recovered_ms),
        "longest_drawdown_ms": strategy["longest_drawdown_ms"],
        "daily_value_at_risk": strategy["daily_value_at_risk"],
        "daily_conditional_value_at_risk": strategy["daily_conditional_value_at_risk"],
        "worst_day": strategy["worst_day"],
        "peak_leverage": peak,
        "last_held_ms": int(facts.close_ms[held[-1]]) if len(held) else None,
        "liquidations": facts.liquidations,
        "halted_ms": facts.halted_ms,
        "halted_at": iso(facts.halted_ms),
    }
