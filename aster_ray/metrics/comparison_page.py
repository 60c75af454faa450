"""The page of a comparison: curves from a common start, and every measure side by side."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from aster_ray.metrics import traces
from aster_ray.metrics.comparison import CASH, Comparison
from aster_ray.metrics.page import Section, compose
from aster_ray.metrics.sections import Wording, cell, count, named_measures, table
from aster_ray.metrics.traces import Chart, Trace, figure
from aster_ray.metrics.undefined import Markup
from aster_ray.metrics.wording import (
    FRACTIONS,
    cash,
    duration,
    moment,
    number,
    percent,
    signed_percent,
    words,
)


def render_comparison(found: Comparison) -> str:
    """Return the page."""
    content = found.content
    quote = content["runs"][0]["quote"] or "quote"
    keys = [f"r{place}" for place in range(len(content["runs"]))]
    names = [run["name"] for run in content["runs"]]
    growth = _chart("growth", "growth since the common start", "growth", keys, names)
    falls = _chart("drawdown", "drawdown from the peak", "percent", keys, names)
    columns = {
        "curve": {"ms": found.ms, **dict(zip(keys, found.growth, strict=True))},
        "falls": {"ms": found.ms, **dict(zip(keys, 0.0 - found.drawdown, strict=True))},
    }
    growth = growth._replace(table="curve")
    falls = falls._replace(table="falls", is_low=True)
    drawn = (
        '<div class="tools" data-log="growth"></div>'
        + figure(growth, columns["curve"], quote)
        + "<h3>Drawdown from the peak since then</h3>"
        + figure(falls, columns["falls"], quote)
    )
    sections = [
        Section("curves", "Equity from a common start", drawn),
        Section("measures", "Side by side", _measures(content, quote)),
        Section("luck", "Could the difference be luck?", _luck(content)),
        Section("runs", "What was compared", _runs(content)),
    ]
    data = {"quote": quote, **traces.packed([growth, falls], columns), "candles": {}}
    return compose(f"aster compare {', '.join(names)}", _head(content), sections, data)


def _chart(key: str, title: str, unit: str, keys: list[str], names: list[str]) -> Chart:
    # The first run is drawn last, on top, and stands first in the legend.
    drawn = [Trace(style, style, name) for style, name in zip(keys, names, strict=True)]
    return Chart(key, title, "", unit, tuple(reversed(drawn)))


def _head(content: Mapping[str, Any]) -> str:
    names = " | ".join(run["name"] for run in content["runs"])
    period = content["period"]
    warned = "".join(f"<p>{escape(text)}</p>" for text in content["warnings"])
    alert = f'<section class="alert">{warned}</section>' if warned else ""
    return (
        f"<header><h1>{escape(names)}</h1>"
        f'<p class="soft">{moment(period["from_ms"])} to {moment(period["to_ms"])} UTC, measured '
        f"over {escape(content['measured_over'])}</p></header>{alert}"
    )


def wording_of(name: str) -> Wording:
    """Return how a measure reads."""
    if name in FRACTIONS:
        return percent
    if name.endswith("_ms"):
        return duration
    return count if name in ("round_trips", "liquidations", "denials") else number


def _difference(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name in FRACTIONS:
        return signed_percent(value).replace(" %", " points")
    if name.endswith("_ms"):
        return ("-" if value < 0 else "+") + duration(abs(value))
    return f"{value:+,}" if isinstance(value, int) else cash(value)


def titled(name: str, quote: str) -> str:
    """Return the name of a measure with its unit, as the tear sheet calls it."""
    known = named_measures(quote).get(name)
    if known is not None:
        return known
    unit = f", {quote}" if name in CASH else ""
    return words(name) + unit


def _measures(content: Mapping[str, Any], quote: str) -> str:
    names = [run["name"] for run in content["runs"]]
    rows = []
    for name, row in content["measures"].items():
        cells = [cell(name, value, wording_of(name)) for value in row["values"]]
        marks = ["", *(_difference(name, value) for value in row["differences"])]
        shown = [
            Markup(f"{text if isinstance(text, Markup) else escape(text)}<small>{mark}</small>")
            for text, mark in zip(cells, marks, strict=True)
        ]
        note = " (whole run)" if row["of"] == "whole run" else ""
        rows.append([titled(name, quote) + note, *shown])
    return table(["", *names], rows) + (
        '<p class="soft">Small print below a number: its difference from the first run.</p>'
    )


def _luck(content: Mapping[str, Any]) -> str:
    first = content["runs"][0]["name"]
    rows = []
    for row in content["beside_first"]:
        interval = row["interval"]
        between, verdict = row["undefined"] or "", "cannot be said"
        if interval is not None:
            between = f"{number(interval['low'])} to {number(interval['high'])}"
            holds = interval["low"] <= 0.0 <= interval["high"]
            better = "better" if interval["low"] > 0.0 else "worse"
            verdict = "cannot be told from luck" if holds else f"{better} than {first}"
        rows.append(
            [
                row["name"],
                cell("sharpe", row["daily_sharpe_difference"], number),
                between,
                verdict,
                cell("sharpe", row["daily_correlation"], number),
                count(row["days"]),
            ]
        )
    head = ["", f"Sharpe ratio less that of {first}", "95 % interval", "so it is"]
    head += ["correlation of daily returns", "days"]
    method = f"{content['method']}, {content['draws']:,} draws, seed {content['seed']}."
    return table(head, rows) + f'<p class="soft">{escape(method[0].upper() + method[1:])}</p>'


def _runs(content: Mapping[str, Any]) -> str:
    rows = [
        [
            run["name"],
            run["run_id"] or "",
            ", ".join(map(words, run["strategies"])),
            ", ".join(run["symbols"]),
            f"{run['from']} to {run['to']}",
            duration(run["timeframe_ms"]),
            number(run["capital"]),
        ]
        for run in content["runs"]
    ]
    same = ", ".join(
        f"{name} {'the same' if value else 'different'}" for name, value in content["same"].items()
    )
    head = ["run", "id", "strategies", "symbols", "period, UTC", "bar", "capital"]
    return table(head, rows) + f'<p class="soft">{escape(same[0].upper() + same[1:])}.</p>'
