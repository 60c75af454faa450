"""What a reader should doubt: plain sentences about a sample too small to say what it seems to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aster_ray.metrics.performance import DAY_MS
from aster_ray.metrics.wording import moment

ENOUGH_DAYS = 90.0
ENOUGH_TRIPS = 30
IDLE_SHARE = 0.1


def caveats(report: Mapping[str, Any]) -> list[str]:
    """Return the doubts about a report that has period, summary, round trips and extremes."""
    days = report["period"]["days"]
    if days == 0.0:
        return ["The run saw no tradable bar: nothing here is a result."]
    return [
        *_short(days),
        *_few(report["round_trips"]["all"]["round_trips"]),
        *_idle(report["period"], report["risk"]["last_held_ms"]),
        *_luck(report["summary"]["confidence"]),
        *_outliers(report),
    ]


def _short(days: float) -> list[str]:
    if days >= ENOUGH_DAYS:
        return []
    text = f"The run lasted {days:,.3g} days: annualised figures stretch them over a year, "
    return [text + f"and below {ENOUGH_DAYS:.0f} days they say little."]


def _few(trips: int) -> list[str]:
    if trips >= ENOUGH_TRIPS:
        return []
    text = f"{trips} closed round trips: below {ENOUGH_TRIPS}, win rate, profit factor and "
    return [text + "expectancy are mostly chance."]


def _idle(period: Mapping[str, Any], last_ms: int | None) -> list[str]:
    if last_ms is None:
        return ["No position was ever held at a close."]
    days = (period["to_ms"] - last_ms) / DAY_MS
    if days <= IDLE_SHARE * period["days"] or days < 1.0:
        return []
    text = f"Nothing was held after {moment(last_ms)} UTC: the last {days:,.0f} of "
    return [text + f"{period['days']:,.0f} days are flat and dilute every average."]


def _luck(confidence: Mapping[str, Any]) -> list[str]:
    found = []
    interval, gap = confidence["strategy"]["sharpe"], confidence["sharpe_difference"]
    level = f"{confidence['strategy']['level'] * 100:.0f} %"
    if interval is None:
        return ["Too few returns that moved: no confidence interval can be given."]
    if interval.low <= 0.0 <= interval.high:
        found.append(
            f"The {level} interval of the Sharpe ratio, {interval.low:.2f} to "
            f"{interval.high:.2f}, holds zero: the result cannot be told from luck."
        )
    if gap is not None and gap.low <= 0.0 <= gap.high:
        found.append(
            f"The {level} interval of its Sharpe ratio less that of buy and hold, {gap.low:.2f} "
            f"to {gap.high:.2f}, holds zero: neither is shown to be better."
        )
    return found


def _outliers(report: Mapping[str, Any]) -> list[str]:
    closed = report["round_trips"]["all"]["net"]
    rest = report["extreme_round_trips"]["net_without_best"]
    count = len(report["extreme_round_trips"]["best"])
    if rest is None or closed <= 0.0 or rest > 0.0:
        return []
    return [f"Without its {count} best round trips the run would have gained nothing."]
