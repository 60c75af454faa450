"""The top of a tear sheet: what ran, what went wrong, and the few numbers asked for first."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from aster_ray.metrics.sections import Wording, cell, count
from aster_ray.metrics.undefined import Markup
from aster_ray.metrics.wording import cash, duration, moment, number, percent, signed_percent, words

Report = Mapping[str, Any]


def head(report: Report) -> str:
    """Return the heading: strategies, symbols, period and run."""
    period = report["period"]
    strategies = ", ".join(report["by_strategy"]) or "no strategy"
    symbols = ", ".join(report["by_symbol"]) or "no symbol"
    spell = f"{moment(period['from_ms'])} to {moment(period['to_ms'])} UTC"
    bars = f"{period['bars']:,} bars of {duration(period['timeframe_ms'])}"
    run = report["run"].get("run_id", "unnamed")
    return (
        f"<header><h1>{escape(words(strategies))}</h1><p>{escape(symbols)}</p>"
        f'<p class="soft">{spell}, {bars} &middot; run {escape(run)}</p></header>'
    )


def alerts(report: Report) -> str:
    """Return what must not be overlooked: a halt, a liquidation, broken books, missing data."""
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


def cards(report: Report, quote: str) -> str:
    """Return the few numbers that decide whether to read on."""
    mine, trips = report["summary"]["strategy"], report["round_trips"]["all"]
    held = report["summary"]["buy_and_hold"]
    money = report["waterfall"]
    rows: list[tuple[str, str, Any, Wording, bool]] = [
        ("total return", "total_return", mine["total_return"], signed_percent, True),
        ("buy and hold", "total_return", held["total_return"], signed_percent, False),
        ("Sharpe ratio, annual", "sharpe", mine["sharpe"], number, True),
        ("max drawdown", "max_drawdown", mine["max_drawdown"], percent, False),
        (f"net profit, {quote}", "profit", money["net"], cash, True),
        ("round trips", "round_trips", trips["round_trips"], count, False),
        ("win rate", "win_rate", trips["win_rate"], lambda value: percent(value, 1), False),
        ("profit factor", "profit_factor", trips["profit_factor"], number, False),
    ]
    body = ""
    for name, key, value, wording, is_toned in rows:
        text = cell(key, value, wording)
        shown = text if isinstance(text, Markup) else escape(text)
        tone = _tone(value) if is_toned else "plain"
        body += f'<div class="card"><b class="{tone}">{shown}</b><span>{escape(name)}</span></div>'
    return f'<div class="cards">{body}</div>'


def _tone(value: float | None) -> str:
    if value is None or value == 0.0:
        return "plain"
    return "gain" if value > 0.0 else "loss"
