"""Whether runs can be compared: what they share, and what else could make them differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from aster_ray.metrics.wording import moment, quote_currency

# What must be equal for a difference to come from the strategy alone.
_ASPECTS: tuple[tuple[str, Callable[[Mapping[str, Any]], Any]], ...] = (
    ("period", lambda report: (report["period"]["from"], report["period"]["to"])),
    ("timeframe", lambda report: report["period"]["timeframe_ms"]),
    ("bars", lambda report: report["data"].get("bars")),
    ("symbols", lambda report: report["data"]["symbols"]),
    ("costs", lambda report: report["config"].get("costs")),
    ("capital", lambda report: report["waterfall"]["capital"]),
    ("risk", lambda report: report["config"].get("risk")),
    ("exits", lambda report: report["config"].get("exits")),
    ("sizing", lambda report: report["config"].get("sizing")),
    ("rules", lambda report: report["run"].get("rules")),
    ("code", lambda report: report["run"].get("sources")),
)


class Run(NamedTuple):
    """One run: its name here, its report and its curve with the starting capital first."""

    name: str
    report: Mapping[str, Any]
    ms: np.ndarray  # i8[T + 1]
    equity: np.ndarray  # f8[T + 1]
    gross: np.ndarray  # f8[T]


def quote_of(run: Run) -> str | None:
    """Return the currency a run counts in."""
    data = run.report["data"]
    return data.get("quote") or quote_currency(data["symbols"])


def agreement(runs: Sequence[Run]) -> dict[str, bool]:
    """Return per aspect whether it is the same in all runs."""
    return {
        name: all(value(run.report) == value(runs[0].report) for run in runs)
        for name, value in _ASPECTS
    }


def warnings(runs: Sequence[Run], same: Mapping[str, bool]) -> list[str]:
    """Return what else but the strategies could make these runs differ."""
    found = []
    if not same["period"]:
        spans = "; ".join(f"{run.name} {spell(run)}" for run in runs)
        found.append(f"periods differ ({spans}): measured over the common time only")
    if not same["timeframe"]:
        found.append("timeframes differ: per-bar figures are annualised each by its own bars")
    if not same["symbols"]:
        lists = "; ".join(f"{run.name} {', '.join(run.report['data']['symbols'])}" for run in runs)
        found.append(f"symbols differ ({lists}): part of any difference is the market's")
    elif same["period"] and same["timeframe"] and not same["bars"]:
        found.append("the recorded data differ: the same symbols and period, but not the same bars")
    if not same["capital"]:
        found.append("capital differs: compare fractions, not cash")
    found += [
        f"{section} differ: {_changed(runs, section)}"
        for section in ("costs", "risk", "exits", "sizing")
        if not same[section]
    ]
    if not same["rules"]:
        found.append("the contract rules differ: ticks, lots, margin or fees are not the same")
    if not same["code"]:
        found.append("the code that ran differs: part of any difference may be the version's")
    return found


def _changed(runs: Sequence[Run], section: str) -> str:
    tables = [run.report["config"].get(section) or {} for run in runs]
    keys = sorted({key for table in tables for key in table})
    parts = [
        f"{key} {' | '.join(str(table.get(key)) for table in tables)}"
        for key in keys
        if any(table.get(key) != tables[0].get(key) for table in tables)
    ]
    return ", ".join(parts)


def spell(run: Run) -> str:
    """Return the period of a run."""
    period = run.report["period"]
    return f"{moment(period['from_ms'])} to {moment(period['to_ms'])}"
