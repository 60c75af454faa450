"""One column of the summary table: every measure of one equity curve."""

from __future__ import annotations

from typing import Any

import numpy as np

from aster_ray.metrics import performance, tail


def measures(
    ms: np.ndarray, equity: np.ndarray, gross: np.ndarray, traded: float
) -> dict[str, Any]:
    """Return every measure of a curve by name; None where undefined.

    ``ms`` and ``equity`` are [T + 1] with the start first, ``gross`` [T] is notional at mark,
    ``traded`` the notional of all fills. Fractions, quote currency and milliseconds.
    """
    bars = len(gross)
    timeframe_ms = int(ms[1] - ms[0]) if bars else performance.DAY_MS
    annual = performance.bars_per_year(timeframe_ms)
    years = bars / annual
    change = performance.returns(equity)
    days = performance.returns(performance.daily_equity(ms, equity))
    return {
        "final_equity": float(equity[-1]) if bars else None,
        "profit": float(equity[-1] - equity[0]) if bars else None,
        "total_return": performance.total_return(equity),
        "cagr": performance.cagr(equity, years),
        "volatility": performance.volatility(change, annual),
        "sharpe": performance.sharpe(change, annual),
        "sortino": performance.sortino(change, annual),
        "calmar": performance.calmar(equity, years),
        "max_drawdown": performance.max_drawdown(equity),
        "longest_drawdown_ms": performance.longest_drawdown_ms(ms, equity),
        "daily_value_at_risk": tail.value_at_risk(days),
        "daily_conditional_value_at_risk": tail.conditional_value_at_risk(days),
        "daily_skew": tail.skew(days),
        "daily_excess_kurtosis": tail.excess_kurtosis(days),
        "best_day": float(np.max(days)) if len(days) else None,
        "worst_day": float(np.min(days)) if len(days) else None,
        "time_in_market": performance.time_in_market(gross),
        "mean_leverage": performance.mean_leverage(gross, equity[1:]),
        "turnover_per_year": performance.turnover(traded, equity, years),
    }
