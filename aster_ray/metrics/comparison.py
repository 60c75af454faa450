"""Several runs side by side, over the time that all of them cover and no other.

Runs over the same bars keep the numbers of their reports. Where periods or timeframes differ, the
curves are measured again over the common time, and what a report says of its whole run (round
trips, fees) is shown without a difference: it would compare days with days of another market.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aster_ray.errors import BadInputError
from aster_ray.metrics.comparability import Run, agreement, quote_of, spell, warnings
from aster_ray.metrics.files import read_report
from aster_ray.metrics.performance import DAY_MS, daily_equity, drawdowns, returns, sharpe
from aster_ray.metrics.report import iso, plain
from aster_ray.metrics.significance import METHOD, RESAMPLES, compared
from aster_ray.metrics.summary import measures

FORMAT = "aster-compare/1"
MOST_RUNS = 12
_YEAR_DAYS = 365.0
# Amounts of quote currency: they grow with the capital.
CASH = frozenset(
    {"final_equity", "profit", "expectancy", "gross", "slippage", "fees", "funding", "net"}
)
# Of the whole run, from its report; cash in quote currency.
_OF_RUN: tuple[tuple[str, Callable[[Mapping[str, Any]], Any]], ...] = (
    ("round_trips", lambda report: report["round_trips"]["all"]["round_trips"]),
    ("win_rate", lambda report: report["round_trips"]["all"]["win_rate"]),
    ("profit_factor", lambda report: report["round_trips"]["all"]["profit_factor"]),
    ("expectancy", lambda report: report["round_trips"]["all"]["expectancy"]),
    ("average_holding_ms", lambda report: report["round_trips"]["all"]["average_holding_ms"]),
    ("gross", lambda report: report["waterfall"]["gross"]),
    ("slippage", lambda report: report["waterfall"]["slippage"]),
    ("fees", lambda report: report["waterfall"]["fees"]),
    ("funding", lambda report: report["waterfall"]["funding"]),
    ("net", lambda report: report["waterfall"]["net"]),
    ("liquidations", lambda report: report["risk"]["liquidations"]),
    ("denials", lambda report: sum(report["denials"].values())),
)


class Comparison(NamedTuple):
    """The JSON-ready result, and the curves over the common time to draw."""

    content: dict[str, Any]
    ms: np.ndarray  # i8[P]
    growth: np.ndarray  # f8[runs, P], equity over that at the common start
    drawdown: np.ndarray  # f8[runs, P], fraction below the peak since then


def load_runs(folders: Sequence[Path]) -> list[Run]:
    """Read the runs to compare.

    Raises:
        BadInputError: a folder holds no run, is named twice, or there are too many.
    """
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise BadInputError("a run was named twice: name each run once")
    if len(folders) > MOST_RUNS:
        raise BadInputError(f"{len(folders)} runs: at most {MOST_RUNS} fit side by side")
    names = _told_apart([folder.resolve().parts for folder in folders])
    return [_load(name, folder) for name, folder in zip(names, folders, strict=True)]


def _told_apart(places: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the shortest ends of different paths that differ."""
    for length in range(1, max(map(len, places))):
        names = ["/".join(parts[-length:]) for parts in places]
        if len(set(names)) == len(names):
            return names
    return [str(Path(*parts)) for parts in places]


def compare(runs: Sequence[Run], seed: int) -> Comparison:
    """Compare every run with the first one.

    Raises:
        BadInputError: the runs share no time, or count in different currencies.
    """
    begin, end = _shared_time(runs)
    curves = [_between(run, begin, end) for run in runs]
    same = agreement(runs)
    is_whole = same["period"] and same["timeframe"]
    content = {
        "format": FORMAT,
        "id": _digest(runs),
        "runs": [_identity(run) for run in runs],
        "same": same,
        "warnings": warnings(runs, same),
        "period": {"from_ms": begin, "to_ms": end, "from": iso(begin), "to": iso(end)},
        "measured_over": "the whole runs" if is_whole else "the time common to all runs",
        "measures": _measures(runs, curves, same),
        "beside_first": [_beside(curves[0], curve, seed) for curve in curves[1:]],
        "method": f"{METHOD.replace('per bar', 'of UTC days')}, both runs in the same draws",
        "draws": RESAMPLES,
        "seed": seed,
    }
    ms = np.unique(np.concatenate([curve.ms for curve in curves]))
    growth = np.array(
        [
            curve.equity[np.searchsorted(curve.ms, ms, side="right") - 1] / curve.equity[0]
            for curve in curves
        ]
    )
    falls = np.array([drawdowns(row) for row in growth])
    return Comparison({name: plain(part) for name, part in content.items()}, ms, growth, falls)


def _digest(runs: Sequence[Run]) -> str:
    """Return a short name for this comparison; the same runs in the same order give the same."""
    text = " ".join(str(run.report["run"].get("run_id", run.name)) for run in runs)
    return hashlib.blake2s(text.encode(), digest_size=4).hexdigest()


def _load(name: str, folder: Path) -> Run:
    report = read_report(folder)
    file = folder / "equity.parquet"
    if not file.is_file():
        raise BadInputError(f"{folder} has no equity.parquet: name the folder of a whole run")
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file, columns=["ms", "equity", "gross"])
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInputError(f"{file} cannot be read: {error}; run it again") from error
    if len(table) == 0:
        raise BadInputError(f"{folder} saw no tradable bar: there is nothing to compare")
    start, capital = report["period"]["from_ms"], report["waterfall"]["capital"]
    ms, equity, gross = (table[column].to_numpy() for column in ("ms", "equity", "gross"))
    bars, until = report["period"]["bars"], report["period"]["to_ms"]
    final = report["summary"]["strategy"].get("final_equity")
    whole = len(ms) == bars and bool((np.diff(ms) > 0).all())
    if not whole or ms[-1] != until or equity[-1] != final:
        raise BadInputError(
            f"{file} is not of this report: it ends at equity {equity[-1]} after {len(ms)} bars, "
            f"{folder} at {final} after {bars}; run it again"
        )
    return Run(
        name,
        report,
        np.concatenate([[start], ms]).astype(np.int64),
        np.concatenate([[capital], equity]),
        gross,
    )


def _shared_time(runs: Sequence[Run]) -> tuple[int, int]:
    if len({quote_of(run) for run in runs}) > 1:
        names = ", ".join(f"{run.name} {quote_of(run) or 'unknown'}" for run in runs)
        raise BadInputError(f"the runs count in different currencies ({names}): not comparable")
    begin, end = max(int(run.ms[0]) for run in runs), min(int(run.ms[-1]) for run in runs)
    if end <= begin:
        spans = "; ".join(f"{run.name} {spell(run)}" for run in runs)
        raise BadInputError(
            f"the runs share no time ({spans}): run them over the same --from and --to"
        )
    return begin, end


def _between(run: Run, begin: int, end: int) -> Run:
    """Return the part of a run between two moments, its equity at the first one first."""
    first = int(np.searchsorted(run.ms, begin, side="right")) - 1
    last = int(np.searchsorted(run.ms, end, side="right"))
    ms = run.ms[first:last].copy()
    ms[0] = begin
    return run._replace(ms=ms, equity=run.equity[first:last], gross=run.gross[first : last - 1])


def _identity(run: Run) -> dict[str, Any]:
    report = run.report
    return {
        "name": run.name,
        "run_id": report["run"].get("run_id"),
        "strategies": list(report["by_strategy"]),
        "symbols": list(report["by_symbol"]),
        "from": report["period"]["from"],
        "to": report["period"]["to"],
        "bars": report["period"]["bars"],
        "timeframe_ms": report["period"]["timeframe_ms"],
        "capital": report["waterfall"]["capital"],
        "quote": quote_of(run),
        "provenance": dict(report["run"]),
    }


def _measures(
    runs: Sequence[Run], curves: Sequence[Run], same: Mapping[str, bool]
) -> dict[str, dict[str, Any]]:
    is_whole = same["period"] and same["timeframe"]
    if is_whole:
        columns = [dict(run.report["summary"]["strategy"]) for run in runs]
    else:
        columns = [measures(curve.ms, curve.equity, curve.gross, 0.0) for curve in curves]
        for column in columns:
            # Fills are not cut at the common time, and each account entered it with its own cash.
            for name in ("turnover_per_year", "final_equity", "profit"):
                del column[name]
    rows = {
        name: _row([column[name] for column in columns], same["capital"] or name not in CASH)
        for name in columns[0]
    }
    for name, value in _OF_RUN:
        is_comparable = is_whole and (same["capital"] or name not in CASH)
        rows[name] = _row([value(run.report) for run in runs], is_comparable)
    if not is_whole:
        for name, _ in _OF_RUN:
            rows[name]["of"] = "whole run"
    return rows


def _row(values: Sequence[Any], is_comparable: bool) -> dict[str, Any]:
    first = values[0]
    return {
        "values": list(values),
        "differences": [
            None if value is None or first is None or not is_comparable else value - first
            for value in values[1:]
        ],
        "of": "common time",
    }


def _beside(first: Run, other: Run, seed: int) -> dict[str, Any]:
    """Return how another run's daily returns relate to the first one's, and what may be luck."""
    days = [_daily(curve) for curve in (first, other)]
    shared = sorted(set(days[0]) & set(days[1]))
    mine, others = (np.array([each[day] for day in shared]) for each in days)
    found: dict[str, Any] = {
        "name": other.name,
        "days": len(shared),
        "daily_correlation": None,
        "daily_sharpe_difference": None,
        "interval": None,
        "undefined": None,
    }
    one, two = sharpe(others, _YEAR_DAYS), sharpe(mine, _YEAR_DAYS)
    if one is None or two is None:
        return found | {"undefined": "the daily returns of one of them never deviated"}
    found["daily_correlation"] = float(np.corrcoef(mine, others)[0, 1])
    found["daily_sharpe_difference"] = one - two
    _, _, gap = compared(others, mine, DAY_MS, seed)
    if gap is None:
        return found | {"undefined": "too few days for an interval"}
    return found | {"interval": gap}


def _daily(curve: Run) -> dict[int, float]:
    """Return UTC day -> return."""
    if len(curve.ms) < 2:
        return {}
    days = np.unique((curve.ms[1:] - 1) // DAY_MS)
    change = returns(daily_equity(curve.ms, curve.equity))
    return dict(zip(days.tolist(), change.tolist(), strict=False))
