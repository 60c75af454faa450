"""The tear sheet of a run: one self-contained HTML page, the same bytes for the same run.

Static: no script and nothing loaded from anywhere, so it opens from a mail, an archive or a phone.
Everything it says is in the report; only the curves come from the facts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from aster_ray.metrics import charts
from aster_ray.metrics.benchmark import buy_and_hold
from aster_ray.metrics.facts import RunFacts, curve
from aster_ray.metrics.performance import drawdowns
from aster_ray.metrics.round_trips import pair_fills
from aster_ray.metrics.sections import (
    activity_table,
    monthly_heat_map,
    positions_table,
    round_trip_table,
    share_table,
    summary_table,
)
from aster_ray.metrics.stylesheet import STYLE
from aster_ray.metrics.wording import cash, moment, number, percent, signed_percent, words

Report = Mapping[str, Any]


def render(report: Report, facts: RunFacts) -> str:
    """Return the page."""
    run = report["run"].get("run_id", "")
    parts = [
        _head(report),
        _alerts(report),
        _cards(report),
        _section("Equity", _equity(facts)),
        _section("Strategy beside buy and hold", summary_table(report["summary"])),
        _section("From gross to net", _waterfall(report["waterfall"])),
        _section("Monthly returns in percent", monthly_heat_map(report["monthly_returns"])),
        _section("Round trips", _distribution(facts) + round_trip_table(report["round_trips"])),
        _section("By exit reason", share_table("exit reason", report["exit_reasons"])),
        _section("By symbol", share_table("symbol", report["by_symbol"])),
        _section("By strategy", share_table("strategy", report["by_strategy"])),
        _section("Open positions", positions_table(report["open_positions"])),
        _section("Orders, fills and denials", activity_table(report)),
        _section("How it was made", _made(report)),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>aster run {escape(run[:12])}</title><style>{STYLE}</style></head>\n<body><main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main></body></html>\n"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def _head(report: Report) -> str:
    period = report["period"]
    strategies = ", ".join(report["by_strategy"]) or "no strategy"
    symbols = ", ".join(report["by_symbol"]) or "no symbol"
    spell = f"{moment(period['from_ms'])} to {moment(period['to_ms'])} UTC"
    bars = f"{period['bars']:,} bars of {period['timeframe_ms'] // 60_000} min"
    run = report["run"].get("run_id", "unnamed")
    return (
        f"<header><h1>{escape(words(strategies))}</h1><p>{escape(symbols)}</p>"
        f'<p class="soft">{spell}, {bars} &middot; run {escape(run)}</p></header>'
    )


def _alerts(report: Report) -> str:
    risk, lines = report["risk"], []
    if risk["halted_ms"] is not None:
        lines.append(f"Trading halted at {moment(risk['halted_ms'])} UTC.")
    if risk["liquidations"] > 0:
        lines.append(f"{risk['liquidations']} liquidation(s).")
    change = abs(report["waterfall"]["difference"] or 0.0)
    if change > 1e-6 * max(1.0, report["waterfall"]["capital"]):
        lines.append(f"The books differ from the fills by {change:.6f}: do not trust this run.")
    lines += [*report["data"]["missing"], *report["data"]["notes"]]
    if not lines:
        return ""
    return (
        '<section class="alert">'
        + "".join(f"<p>{escape(str(line))}</p>" for line in lines)
        + "</section>"
    )


def _cards(report: Report) -> str:
    mine, trips = report["summary"]["strategy"], report["round_trips"]["all"]
    cards = [
        ("total return", signed_percent(mine["total_return"]), mine["total_return"]),
        (
            "buy and hold",
            signed_percent(report["summary"]["buy_and_hold"]["total_return"]),
            None,
        ),
        ("Sharpe", number(mine["sharpe"]), mine["sharpe"]),
        ("max drawdown", percent(mine["max_drawdown"]), None),
        ("round trips", f"{trips['round_trips']:,}", None),
        ("win rate", percent(trips["win_rate"], 1), None),
        ("profit factor", number(trips["profit_factor"]), None),
        ("net profit", cash(report["waterfall"]["net"]), report["waterfall"]["net"]),
    ]
    body = "".join(
        f'<div class="card"><b class="{_tone(tone)}">{escape(text)}</b><span>{name}</span></div>'
        for name, text, tone in cards
    )
    return f'<div class="cards">{body}</div>'


def _tone(value: float | None) -> str:
    if value is None or value == 0.0:
        return "plain"
    return "gain" if value > 0.0 else "loss"


def _equity(facts: RunFacts) -> str:
    ms, equity = curve(facts)
    if len(ms) < 2:
        return "<p>The run saw no tradable bar.</p>"
    held = np.concatenate([[facts.capital], buy_and_hold(facts).equity])
    axis = _dates(ms)
    x = ms.astype(float)
    both = [charts.Line("hold", x, held), charts.Line("main", x, equity)]
    fall = charts.Line("fall", x, -drawdowns(equity), filled=True)
    # Curves that grow apart are only both readable where equal steps are equal returns.
    low, high = min(equity.min(), held.min()), max(equity.max(), held.max())
    is_log = low > 0.0 and high > 3.0 * low
    draw = charts.log_chart if is_log else charts.line_chart
    title = "equity in quote currency" + (", logarithmic scale" if is_log else "")
    key = (
        '<p class="key"><i style="background:var(--main)"></i>strategy'
        f'<i style="background:var(--hold)"></i>buy and hold &middot; {title}</p>'
    )
    drawn = charts.line_chart("drawdown from the peak", [fall], axis, ".0%")
    return (
        key
        + draw(title, both, axis, ",.0f")
        + '<p class="key">drawdown</p>'
        + drawn.replace('class="plot"', 'class="plot low"', 1)
    )


def _dates(ms: np.ndarray) -> list[tuple[float, str]]:
    """Return four evenly spaced moments and their text, days or minutes as the span asks."""
    is_long = int(ms[-1] - ms[0]) > 4 * 86_400_000
    places = np.linspace(int(ms[0]), int(ms[-1]), 9)[1::2]
    return [(float(at), moment(int(at))[:10] if is_long else moment(int(at))[5:]) for at in places]


def _waterfall(steps: Mapping[str, Any]) -> str:
    level, bars = 0.0, []
    for name, key in (
        ("gross", "gross"),
        ("slippage", "slippage"),
        ("fees", "fees"),
        ("funding", "funding"),
    ):
        value = steps[key] or 0.0
        bars.append(charts.Bar(name, value, cash(value), level))
        level += value
    net = steps["net"]
    bars.append(charts.Bar("net", net or 0.0, cash(net), is_total=True))
    note = (
        f"Net holds {cash(steps['unrealized'])} unrealized on open positions. "
        "Gross is the price PnL had every fill happened at its reference price."
    )
    return charts.bar_chart(bars) + f'<p class="soft">{escape(note)}</p>'


def _distribution(facts: RunFacts) -> str:
    gains = np.array([trip.net_return for trip in pair_fills(facts) if not trip.is_open])
    if len(gains) < 2:
        return ""
    chart = charts.histogram("net return of round trips", gains, ".1%")
    label = '<p class="key">closed round trips by net return on entry notional</p>'
    return label + chart.replace('class="plot"', 'class="plot low"', 1)


def _made(report: Report) -> str:
    rows = "".join(
        f'<tr><td>{escape(words(name))}</td><td class="text">{escape(str(value))}</td></tr>'
        for name, value in report["run"].items()
    )
    conventions = "".join(
        f'<tr><td>{escape(words(name))}</td><td class="text">{escape(text)}</td></tr>'
        for name, text in report["summary"]["conventions"].items()
    )
    body = f'<div class="scroll"><table>{rows}{conventions}</table></div>'
    folds: Sequence[str] = ("config", "session")
    for name in folds:
        if name in report:
            text = json.dumps(report[name], indent=2, ensure_ascii=False)
            body += f"<details><summary>{name}</summary><pre>{escape(text)}</pre></details>"
    return body
