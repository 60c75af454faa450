"""Where the money came from and went: waterfall, shares, distributions, costs and provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from aster_ray.metrics import charts
from aster_ray.metrics.facts import RunFacts, curve
from aster_ray.metrics.performance import daily_equity, returns
from aster_ray.metrics.round_trips import RoundTrip
from aster_ray.metrics.sections import cell, costs_table, round_trip_table
from aster_ray.metrics.wording import cash, number, percent, words

Report = Mapping[str, Any]
_MOST_BARS = 24


def waterfall(steps: Mapping[str, Any], quote: str) -> str:
    """Return the way from gross to net, step by step."""
    level, bars = 0.0, []
    for name in ("gross", "slippage", "fees", "funding"):
        value = steps[name] or 0.0
        bars.append(charts.Bar(name, value, f"{cash(value)} {quote}", level))
        level += value
    net = steps["net"]
    bars.append(charts.Bar("net", net or 0.0, f"{cash(net)} {quote}", is_total=True))
    note = (
        f"Net holds {cash(steps['unrealized'])} {quote} unrealized on open positions. "
        "Gross is the price PnL had every fill happened at its reference price."
    )
    return charts.bar_chart(bars) + f'<p class="soft">{escape(note)}</p>'


def net_bars(shares: Mapping[str, Mapping[str, Any]], quote: str) -> str:
    """Return the net of each share as a bar from zero, those with the largest results."""
    largest = sorted(shares, key=lambda name: -abs(shares[name]["net"]))[:_MOST_BARS]
    bars = [
        charts.Bar(words(name), shares[name]["net"], f"{cash(shares[name]['net'])} {quote}")
        for name in shares
        if name in largest
    ]
    if len(bars) < 2:
        return ""
    left = len(shares) - len(bars)
    note = f'<p class="soft">The {len(bars)} largest; {left} more in the table.</p>' if left else ""
    return charts.bar_chart(bars) + note


def round_trips(trips: Sequence[RoundTrip], report: Report, quote: str) -> str:
    """Return how the closed round trips are spread, and their statistics."""
    closed = [trip for trip in trips if not trip.is_open]
    drawn = ""
    for values, spec, unit, text in (
        ([trip.net_return for trip in closed], ".1%", "", "net return on entry notional"),
        ([trip.net for trip in closed], ",.4g", f" {quote}", f"net result in {quote}"),
    ):
        if len(values) >= 2:
            drawn += _histogram(np.array(values), spec + unit, f"closed round trips by {text}")
    if drawn:
        drawn = f'<div class="pair">{drawn}</div>'
    return drawn + round_trip_table(report["round_trips"], quote)


def daily(facts: RunFacts, report: Report) -> str:
    """Return how the returns of UTC days are spread, with their tail."""
    ms, equity = curve(facts)
    days = returns(daily_equity(ms, equity))
    if len(days) < 2:
        return ""
    mine = report["summary"]["strategy"]
    facts_of = (
        ("value at risk, 95 %", "daily_value_at_risk", percent),
        ("CVaR, 95 %", "daily_conditional_value_at_risk", percent),
        ("best", "best_day", percent),
        ("worst", "worst_day", percent),
        ("skew", "daily_skew", number),
        ("excess kurtosis", "daily_excess_kurtosis", number),
    )
    text = ", ".join(f"{name} {cell(key, mine[key], wording)}" for name, key, wording in facts_of)
    moved = days[days != 0.0]
    still = f", {len(days) - len(moved):,} days without any change left out"
    caption = f"{len(moved):,} UTC days by return{still if len(moved) < len(days) else ''}"
    drawn = _histogram(moved, ".1%", caption) if len(moved) > 1 else ""
    return f'{drawn}<p class="soft">{text[0].upper()}{text[1:]}.</p>'


def _histogram(values: np.ndarray, spec: str, text: str) -> str:
    unit = ""
    if " " in spec:
        spec, unit = spec.split(" ", 1)
    chart = charts.histogram(text, values, spec)
    chart = chart.replace('class="plot"', 'class="plot low"', 1)
    caption = f"{text}, axis in {unit}" if unit and unit not in text else text
    return f'<figure><figcaption class="key">{escape(caption)}</figcaption>{chart}</figure>'


def costs(report: Report) -> str:
    """Return what trading was assumed to cost."""
    settings = report["costs"]["settings"]
    rows = "".join(
        f'<tr><td>{escape(words(name))}</td><td class="text">{escape(_setting(value))}</td></tr>'
        for name, value in settings.items()
    )
    table = f'<div class="scroll" tabindex="0"><table>{rows}</table></div>' if rows else ""
    return costs_table(report["costs"]) + table


def _setting(value: Any) -> str:
    if value is None:
        return "as the instrument says"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return percent(value, 3) if isinstance(value, int | float) else str(value)


def made(report: Report) -> str:
    """Return the identity of the run, the conventions of its numbers and its configuration."""
    pairs = {**report["run"], **report["summary"]["conventions"]}
    rows = "".join(
        f'<tr><td>{escape(words(name))}</td><td class="text">{escape(str(value))}</td></tr>'
        for name, value in pairs.items()
    )
    notes = [*report["data"]["missing"], *report["data"]["notes"]]
    rows += "".join(
        f'<tr><td>data note</td><td class="text">{escape(str(note))}</td></tr>' for note in notes
    )
    body = f'<div class="scroll" tabindex="0"><table>{rows}</table></div>'
    for name in ("config", "session"):
        if name in report:
            text = json.dumps(report[name], indent=2, ensure_ascii=False)
            body += f"<details><summary>{name}</summary><pre>{escape(text)}</pre></details>"
    return body
