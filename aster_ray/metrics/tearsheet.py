"""The tear sheet of a run: one self-contained HTML page, the same bytes for the same run.

Everything is drawn before any script runs, so it prints and opens anywhere; the script adds
read-outs and zooming. Every number it says is in the report; curves, candles and marks come from
the facts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from aster_ray.metrics import breakdown, traces
from aster_ray.metrics.candle_chart import MARKS
from aster_ray.metrics.facts import RunFacts
from aster_ray.metrics.headline import alerts, cards, head
from aster_ray.metrics.heat_map import monthly_heat_map
from aster_ray.metrics.luck_section import luck
from aster_ray.metrics.page import Section, compose
from aster_ray.metrics.round_trips import RoundTrip, pair_fills
from aster_ray.metrics.sections import (
    activity_table,
    cell,
    denials_table,
    falls_table,
    positions_table,
    share_table,
    summary_table,
)
from aster_ray.metrics.trade_section import Panels
from aster_ray.metrics.undefined import dash
from aster_ray.metrics.wording import number, percent

Report = Mapping[str, Any]

# From what is asked first to what is looked up last.
_ORDER = (
    "doubts",
    "equity",
    "summary",
    "months",
    "waterfall",
    "rolling",
    "exposure",
    "candles",
    "extremes",
    "trips",
    "exits",
    "sleeves",
    "symbols",
    "strategies",
    "falls",
    "returns",
    "luck",
    "open",
    "activity",
    "denials",
    "costs",
    "made",
)


def render(report: Report, facts: RunFacts) -> str:
    """Return the page."""
    quote = report["data"]["quote"] or "quote"
    trips = pair_fills(facts)
    top = MARKS + head(report) + alerts(report) + cards(report, quote)
    title = f"aster run {report['run'].get('run_id', '')[:12]}"
    data: dict[str, Any] = {}
    sections: list[Section] = []
    if len(facts.close_ms) == 0:
        sections.append(Section("equity", "Equity", "<p>The run saw no tradable bar.</p>"))
    else:
        columns = traces.tables(facts, report)
        panels = Panels(facts, trips)
        chosen = [traces.EQUITY, traces.DRAWDOWN, traces.ROLLING, traces.EXPOSURE, traces.BAND]
        drawn = [chart for chart in chosen if _has(chart, columns)]
        data = {"quote": quote, **traces.packed(drawn, columns), "candles": panels.packed()}
        sections += _over_time(report, columns, quote)
        sections += _trades(panels, quote)
        sections.append(Section("luck", "Resampled paths", luck(report, columns, quote)))
    sections += _results(report, trips, facts, quote)
    order = {key: place for place, key in enumerate(_ORDER)}
    sections.sort(key=lambda section: order[section.key])
    return compose(title, top, sections, data)


def _has(chart: traces.Chart, columns: Mapping[str, traces.Table]) -> bool:
    table = columns.get(chart.table, {})
    return any(trace.key in table and trace.name for trace in chart.traces)


def _over_time(report: Report, columns: Mapping[str, traces.Table], quote: str) -> list[Section]:
    table = columns["curve"]
    equity = (
        '<div class="tools" data-log="equity"></div>'
        + traces.figure(traces.EQUITY, table, quote)
        + "<h3>Drawdown from the peak</h3>"
        + traces.figure(traces.DRAWDOWN, table, quote)
    )
    exposure = ""
    if _has(traces.EXPOSURE, columns):
        exposure = traces.figure(traces.EXPOSURE, table, quote)
        net = "" if "net" in table else " Net exposure cannot be rebuilt from these fills."
        exposure += f'<p class="soft">Notional at mark over equity, after each close.{net}</p>'
    return [
        Section("equity", "Equity and drawdown", equity),
        Section("exposure", "Exposure", exposure),
        Section("rolling", "Rolling Sharpe ratio", _rolling(report, columns, quote)),
    ]


def _rolling(report: Report, columns: Mapping[str, traces.Table], quote: str) -> str:
    found = report["rolling_sharpe"]
    if found["window_days"] is None or "rolling" not in columns:
        return (
            f"<p>{dash('rolling')} The run is too short for a window of 30 days, three times.</p>"
        )
    spread = ", ".join(
        f"{name} {cell('rolling', found[name], number)}" for name in ("lowest", "median", "highest")
    )
    share = cell("rolling", found["share_above_zero"], lambda value: percent(value, 0))
    return (
        traces.figure(traces.ROLLING, columns["rolling"], quote)
        + f'<p class="soft">Window of {found["window_days"]} days, {escape(found["of"])}: '
        f"{spread}; above zero in {share} of {found['windows']:,} windows.</p>"
    )


def _trades(panels: Panels, quote: str) -> list[Section]:
    return [
        Section("candles", "Trades on candles", panels.drawn(quote)),
        Section(
            "extremes",
            "Best and worst round trips",
            panels.close_up(quote),
        ),
    ]


def _results(
    report: Report, trips: Sequence[RoundTrip], facts: RunFacts, quote: str
) -> list[Section]:
    sleeves = {f"{row['strategy']} {row['symbol']}": row for row in report["by_sleeve"]}
    months = monthly_heat_map(report["monthly_returns"], report["yearly_returns"])
    doubts = "".join(f"<p>{escape(text)}</p>" for text in report["caveats"])
    exits = report["exit_reasons"]
    return [
        Section("doubts", "What to doubt", doubts, "doubt"),
        Section("summary", "Strategy beside buy and hold", summary_table(report["summary"], quote)),
        Section("months", "Monthly returns, percent", months),
        Section("waterfall", "From gross to net", breakdown.waterfall(report["waterfall"], quote)),
        Section("trips", "Round trips", breakdown.round_trips(trips, report, quote)),
        Section(
            "exits",
            "Exit reasons",
            breakdown.net_bars(exits, quote) + share_table("", exits, quote),
        ),
        Section(
            "sleeves",
            "Who earned it: strategy on symbol",
            breakdown.net_bars(sleeves, quote) + share_table("", sleeves, quote),
        ),
        Section("symbols", "By symbol", share_table("", report["by_symbol"], quote)),
        Section("strategies", "By strategy", share_table("", report["by_strategy"], quote)),
        Section("falls", "Deepest drawdowns", falls_table(report["drawdowns"])),
        Section("returns", "Daily returns", breakdown.daily(facts, report)),
        Section("open", "Open positions", positions_table(report["open_positions"], quote)),
        Section("activity", "Orders and fills", activity_table(report)),
        Section("denials", "Denied by our own risk desk", denials_table(report["denials"])),
        Section("costs", "Costs assumed", breakdown.costs(report)),
        Section("made", "How it was made", breakdown.made(report)),
    ]
