"""The curves of a run over time: what is drawn on the page, and what its script zooms into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import numpy as np

from aster_ray.kernel.records import MARK_CLOSE
from aster_ray.metrics import charts
from aster_ray.metrics.benchmark import buy_and_hold
from aster_ray.metrics.facts import RunFacts, curve
from aster_ray.metrics.marks import carried, tradable_rows
from aster_ray.metrics.performance import drawdowns
from aster_ray.metrics.rolling import rolling_sharpe
from aster_ray.metrics.undefined import dash
from aster_ray.metrics.wording import NOTHING, moment
from aster_ray.model.enums import FillKind

Table = Mapping[str, np.ndarray]
ZOOM_ROWS = 4_000
_MINUTE = 60_000
_DAY = 86_400_000
# Digits after the point that the script gets: enough for what it prints.
_DIGITS = {"cash": 2, "percent": 6, "ratio": 4, "times": 4, "growth": 5}


class Trace(NamedTuple):
    """One curve of a chart: its column, its CSS class and its name; ``lower`` makes it a band."""

    key: str
    style: str
    name: str
    filled: bool = False
    lower: str = ""


class Chart(NamedTuple):
    """A drawing of columns of one table over time, all of one unit."""

    id: str
    title: str
    table: str
    unit: str  # cash, percent, ratio, times (equity) or growth (since the start)
    traces: tuple[Trace, ...]
    is_low: bool = False


EQUITY = Chart(
    "equity",
    "equity of the strategy and of buy and hold",
    "curve",
    "cash",
    (Trace("hold", "hold", "buy and hold"), Trace("equity", "main", "strategy")),
)
DRAWDOWN = Chart(
    "drawdown",
    "drawdown from the peak",
    "curve",
    "percent",
    (
        Trace("hold_drawdown", "hold", "buy and hold"),
        Trace("drawdown", "fall", "strategy", filled=True),
    ),
    is_low=True,
)
ROLLING = Chart(
    "rolling",
    "rolling Sharpe ratio",
    "rolling",
    "ratio",
    (Trace("zero", "zero", ""), Trace("sharpe", "main", "Sharpe ratio")),
    is_low=True,
)
EXPOSURE = Chart(
    "exposure",
    "exposure over equity",
    "curve",
    "times",
    (Trace("net", "net", "net"), Trace("gross", "main", "gross", filled=True)),
    is_low=True,
)
BAND = Chart(
    "band",
    "equity of resampled paths",
    "band",
    "cash",
    (
        Trace("p95", "outer", "90 % of paths", lower="p5"),
        Trace("p75", "inner", "half of them", lower="p25"),
        Trace("p50", "median", "median path"),
        Trace("equity", "main", "as it happened"),
    ),
)


def tables(facts: RunFacts, report: Mapping[str, Any]) -> dict[str, Table]:
    """Return the columns of the page: ``curve`` per close, ``rolling`` per day, ``band``."""
    ms, equity = curve(facts)
    held = np.concatenate([[facts.capital], buy_and_hold(facts).equity])
    is_solvent = bool(np.all(equity > 0.0))
    found: dict[str, Table] = {
        "curve": {
            "ms": ms,
            "equity": equity,
            "hold": held,
            "drawdown": 0.0 - drawdowns(equity),
            "hold_drawdown": 0.0 - drawdowns(held),
        }
    }
    if is_solvent:
        gross = np.concatenate([[0.0], facts.gross]) / equity
        net = net_exposure(facts)
        columns = {"gross": gross}
        if net is not None:
            columns["net"] = np.concatenate([[0.0], net]) / equity
        found["curve"] = {**found["curve"], **columns}
    rolling = rolling_sharpe(ms, equity)
    if rolling is not None:
        zero = np.zeros(len(rolling.ms))
        found["rolling"] = {"ms": rolling.ms, "sharpe": rolling.sharpe, "zero": zero}
    band = report["resampled"]["band"]
    if band is not None:
        columns = {name: np.array(values) for name, values in band.items()}
        rows = np.searchsorted(ms, columns["ms"])
        found["band"] = {**columns, "equity": equity[rows]}
    return found


def net_exposure(facts: RunFacts) -> np.ndarray | None:
    """Return f8[T], signed notional at mark after each close, rebuilt from the fills.

    None unless the same positions give the gross that the account itself reported.
    """
    trades = facts.fills[facts.fills["kind"] != FillKind.FUNDING]
    # A market order fills at the open that follows the close before, everything else within.
    opens = np.searchsorted(facts.close_ms, trades["ms"], side="right")
    within = np.searchsorted(facts.close_ms, trades["ms"], side="left")
    rows = np.where(trades["kind"] == FillKind.MARKET, opens, within)
    lots = np.zeros((len(facts.close_ms) + 1, len(facts.lots)), np.int64)
    np.add.at(lots, (rows, trades["symbol"]), trades["lots"])
    marks = carried(facts.market.bars[tradable_rows(facts)][:, :, MARK_CLOSE])
    values = np.cumsum(lots, axis=0)[:-1] * facts.lots * np.nan_to_num(marks)
    error = float(np.max(np.abs(np.sum(np.abs(values), axis=1) - facts.gross), initial=0.0))
    net: np.ndarray = np.sum(values, axis=1)
    return net if error <= 1e-6 * facts.capital else None


def figure(chart: Chart, table: Table, quote: str) -> str:
    """Return a chart with its legend, whose numbers are those of the last moment."""
    traces = [trace for trace in chart.traces if trace.key in table]
    ms = table["ms"].astype(float)
    lines = [
        charts.Line(
            trace.style,
            ms,
            table[trace.key],
            trace.filled,
            table[trace.lower] if trace.lower else None,
        )
        for trace in traces
    ]
    low, high = charts.extent(lines)
    is_log = chart.unit in ("cash", "growth") and needs_log(low, high)
    spec = charts.label_format(low, high, chart.unit == "percent")
    draw = charts.log_chart if is_log else charts.line_chart
    drawn = draw(chart.title, lines, dates(table["ms"]), spec)
    if chart.is_low:
        drawn = drawn.replace('class="plot"', 'class="plot low"', 1)
    scale = " log" if is_log else ""
    return (
        f'<figure class="chart{scale}" id="{chart.id}"><figcaption class="key">'
        f"{_legend(traces, table, chart.unit, quote)}</figcaption>{drawn}</figure>"
    )


def needs_log(low: float, high: float) -> bool:
    """Return whether curves grow so far apart that only equal returns are equally readable."""
    return low > 0.0 and high > 3.0 * low


def _legend(traces: Sequence[Trace], table: Table, unit: str, quote: str) -> str:
    parts = []
    for trace in reversed(traces):  # drawn last is looked for first
        if not trace.name:
            continue
        upper = written(float(table[trace.key][-1]), unit, quote)
        if trace.lower:
            text = written(float(table[trace.lower][-1]), unit, "") + " to " + upper
        else:
            text = upper
        shown = dash("rolling") if text == NOTHING else escape(text)
        parts.append(
            f'<span class="entry"><i class="{trace.style}"></i>{escape(trace.name)} '
            f'<b data-key="{trace.key}">{shown}</b></span>'
        )
    when = f'<span class="when">{moment(int(table["ms"][-1]))} UTC</span>'
    return " ".join([*parts, when])


def written(value: float, unit: str, quote: str) -> str:
    """Return a number of a chart with its unit."""
    if np.isnan(value):
        return NOTHING
    if unit == "percent":
        return f"{value * 100:.2f} %"
    if unit == "times":
        return f"{value:.2f} x equity"
    if unit == "growth":
        return f"{value:.3f} x start"
    text = f"{value:,.2f}"
    return f"{text} {quote}".strip() if unit == "cash" else text


def dates(ms: np.ndarray) -> list[tuple[float, str]]:
    """Return four evenly spaced moments and their text, days or minutes as the span asks."""
    is_long = int(ms[-1] - ms[0]) > 4 * _DAY
    places = np.linspace(int(ms[0]), int(ms[-1]), 9)[1::2]
    return [(float(at), moment(int(at))[:10] if is_long else moment(int(at))[5:]) for at in places]


def packed(chosen: Sequence[Chart], columns: Mapping[str, Table]) -> dict[str, Any]:
    """Return charts and tables for the page's script; times in minutes from ``start``."""
    first = int(columns["curve"]["ms"][0])
    units = {
        (chart.table, key): chart.unit
        for chart in chosen
        for trace in chart.traces
        for key in (trace.key, trace.lower)
    }
    return {
        "start": first,
        "charts": [
            {
                "id": chart.id,
                "table": chart.table,
                "unit": chart.unit,
                "traces": [
                    list(trace) for trace in chart.traces if trace.key in columns[chart.table]
                ],
            }
            for chart in chosen
        ],
        "tables": {
            name: _packed_table(name, table, first, units)
            for name, table in columns.items()
            if any(chart.table == name for chart in chosen)
        },
    }


def _packed_table(
    name: str, table: Table, first: int, units: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    keys = [key for key in table if (name, key) in units]
    rows = charts.kept_rows([table[key] for key in keys], ZOOM_ROWS)
    packed: dict[str, Any] = {"ms": ((table["ms"][rows] - first) // _MINUTE).tolist()}
    for key in keys:
        digits = _DIGITS[units[name, key]]
        packed[key] = [
            None if value != value else round(value, digits) + 0.0  # noqa: PLR0124 - NaN
            for value in table[key][rows].tolist()
        ]
    return packed
