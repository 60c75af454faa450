"""Why a number is undefined: what a reader finds behind the dash."""

from __future__ import annotations

from html import escape

from aster_ray.metrics.tail import MIN_DAYS
from aster_ray.metrics.wording import NOTHING

_FEW_DAYS = f"fewer than {MIN_DAYS} daily returns"
_NO_TRIP = "no round trip was closed"
REASONS = {
    "final_equity": "no tradable bar",
    "profit": "no tradable bar",
    "total_return": "no tradable bar",
    "cagr": "no tradable bar, equity at or below zero, or a run too short to annualise",
    "volatility": "fewer than two returns, or equity reached zero",
    "sharpe": "returns never deviated, fewer than two of them, or equity reached zero",
    "sortino": "no return was negative, fewer than two of them, or equity reached zero",
    "calmar": "no drawdown to divide by, or no growth rate",
    "max_drawdown": "no tradable bar",
    "longest_drawdown_ms": "no tradable bar",
    "daily_value_at_risk": _FEW_DAYS,
    "daily_conditional_value_at_risk": _FEW_DAYS,
    "daily_skew": f"{_FEW_DAYS}, or all days equal",
    "daily_excess_kurtosis": f"{_FEW_DAYS}, or all days equal",
    "best_day": "no full day",
    "worst_day": "no full day",
    "time_in_market": "no tradable bar",
    "mean_leverage": "no tradable bar, or equity reached zero",
    "turnover_per_year": "no tradable bar, or equity reached zero",
    "win_rate": _NO_TRIP,
    "profit_factor": "no closed round trip lost: nothing to divide by",
    "expectancy": _NO_TRIP,
    "average_net_return": _NO_TRIP,
    "average_win": "no closed round trip gained",
    "average_loss": "no closed round trip lost",
    "best": _NO_TRIP,
    "worst": _NO_TRIP,
    "average_holding_ms": _NO_TRIP,
    "median_holding_ms": _NO_TRIP,
    "recovered_ms": "not recovered by the end of the run",
    "recovery_ms": "not recovered by the end of the run",
    "month": "the run did not touch this month",
    "interval": "too few returns that moved",
    "rolling": "no full window in which returns moved",
}


class Markup(str):
    """Text that is HTML already: it is not escaped again."""

    __slots__ = ()


def dash(key: str) -> Markup:
    """Return the dash for an undefined number, with its reason for pointer, touch and reader."""
    reason = escape(REASONS.get(key, "undefined for this run"))
    return Markup(f'<abbr tabindex="0" title="{reason}" aria-label="{reason}">{NOTHING}</abbr>')
