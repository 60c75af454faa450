"""The tables of the tear sheet, as HTML. Every text that comes from outside is escaped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from aster_ray.metrics.wording import (
    NOTHING,
    cash,
    duration,
    moment,
    number,
    percent,
    price,
    signed_percent,
    words,
)

Wording = Callable[[Any], str]

_SUMMARY: tuple[tuple[str, str, Wording], ...] = (
    ("final equity", "final_equity", number),
    ("total return", "total_return", signed_percent),
    ("annual growth (CAGR)", "cagr", signed_percent),
    ("volatility, annual", "volatility", percent),
    ("Sharpe", "sharpe", number),
    ("Sortino", "sortino", number),
    ("Calmar", "calmar", number),
    ("max drawdown", "max_drawdown", percent),
    ("longest drawdown", "longest_drawdown_ms", duration),
    ("daily value at risk, 95 %", "daily_value_at_risk", percent),
    ("daily CVaR, 95 %", "daily_conditional_value_at_risk", percent),
    ("best day", "best_day", signed_percent),
    ("worst day", "worst_day", signed_percent),
    ("daily skew", "daily_skew", number),
    ("daily excess kurtosis", "daily_excess_kurtosis", number),
    ("time in market", "time_in_market", percent),
    ("mean leverage", "mean_leverage", number),
    ("turnover a year", "turnover_per_year", number),
)
_TRIPS: tuple[tuple[str, str, Wording], ...] = (
    ("closed round trips", "round_trips", lambda value: f"{value:,}"),
    ("win rate", "win_rate", percent),
    ("profit factor", "profit_factor", number),
    ("expectancy", "expectancy", cash),
    ("average net return", "average_net_return", signed_percent),
    ("average win", "average_win", cash),
    ("average loss", "average_loss", cash),
    ("best", "best", cash),
    ("worst", "worst", cash),
    ("longest losing streak", "longest_losing_streak", lambda value: f"{value:,}"),
    ("average holding time", "average_holding_ms", duration),
    ("median holding time", "median_holding_ms", duration),
    ("net", "net", cash),
)
_SHARES: tuple[tuple[str, str, Wording], ...] = (
    ("round trips", "round_trips", lambda value: f"{value:,}"),
    ("win rate", "win_rate", percent),
    ("profit factor", "profit_factor", number),
    ("holding time", "average_holding_ms", duration),
    ("unrealized", "unrealized", cash),
    ("slippage", "slippage", number),
    ("fees", "fees", number),
    ("funding", "funding", number),
    ("net", "net", cash),
)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], style: str = "") -> str:
    """Return a table that scrolls sideways where the page is narrow; cells are escaped."""
    if not rows:
        return ""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="scroll"><table class="{style}"><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def summary_table(summary: Mapping[str, Any]) -> str:
    """Return the strategy beside buy and hold, with the interval of what could be luck."""
    mine, held = summary["strategy"], summary["buy_and_hold"]
    ranges = summary["confidence"]["strategy"]
    intervals = {"sharpe": number, "total_return": signed_percent}
    rows = []
    for name, key, wording in _SUMMARY:
        interval = ranges.get(key) if key in intervals else None
        text = ""
        if interval is not None:
            text = f"{wording(interval['low'])} to {wording(interval['high'])}"
        rows.append([name, wording(mine[key]), wording(held[key]), text])
    method = f"{summary['confidence']['method']}, {ranges['resamples']:,} resamples, "
    method += f"expected block {ranges['block_bars']:,} bars"
    head = ["", "strategy", "buy and hold", f"strategy, {ranges['level']:.0%} interval"]
    return table(head, rows) + f'<p class="soft">Intervals: {escape(method)}.</p>'


def round_trip_table(sides: Mapping[str, Any]) -> str:
    """Return the statistics of all closed round trips, of the long and of the short ones."""
    columns = list(sides)
    rows = [
        [name, *(wording(sides[column][key]) for column in columns)]
        for name, key, wording in _TRIPS
    ]
    return table(["", *columns], rows)


def share_table(kind: str, shares: Mapping[str, Mapping[str, Any]]) -> str:
    """Return one row per exit reason, symbol or strategy; columns no row has are left out."""
    present = [column for column in _SHARES if any(column[1] in row for row in shares.values())]
    rows = [
        [words(name), *(wording(row[key]) for _, key, wording in present)]
        for name, row in shares.items()
    ]
    return table([kind, *(name for name, _, _ in present)], rows)


def positions_table(positions: Sequence[Mapping[str, Any]]) -> str:
    """Return what was still held at the end."""
    head = ["symbol", "strategy", "side", "since", "quantity", "entry", "mark", "funding", "net"]
    rows = [
        [
            held["symbol"],
            words(held["strategy"]),
            held["side"] if held["level"] is None else f"{held['side']}, level {held['level']}",
            moment(held["since_ms"]),
            f"{held['qty']:,.6g}",
            price(held["entry_price"]),
            price(held["mark_price"]),
            number(held["funding"]),
            cash(held["net"]),
        ]
        for held in positions
    ]
    return table(head, rows)


def activity_table(report: Mapping[str, Any]) -> str:
    """Return how many orders, fills and denials there were, by kind."""
    activity = report["activity"]
    rows = [["orders", f"{activity['orders']:,}"]]
    rows += [[f"orders {words(k)}", f"{n:,}"] for k, n in activity["orders_by_state"].items()]
    rows.append(["fills", f"{activity['fills']:,}"])
    rows += [[f"fills {words(k)}", f"{n:,}"] for k, n in activity["fills_by_kind"].items()]
    rows += [[f"denied: {words(k)}", f"{n:,}"] for k, n in report["denials"].items()]
    return table(["", "count"], rows)


def monthly_heat_map(months: Mapping[str, float]) -> str:
    """Return a row per year and a column per month, shaded by the return."""
    if not months:
        return ""
    strongest = max((abs(value) for value in months.values()), default=0.0) or 1.0
    names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    body = []
    for year in sorted({month[:4] for month in months}):
        product, cells = 1.0, []
        for number_of_month in range(1, 13):
            value = months.get(f"{year}-{number_of_month:02d}")
            product *= 1.0 + (value or 0.0)
            cells.append(_heat_cell(value, strongest))
        total = _heat_cell(product - 1.0, 0.0)
        body.append(f"<tr><td>{year}</td>{''.join(cells)}{total}</tr>")
    top = "".join(f"<th>{name}</th>" for name in ["", *names, "year"])
    return (
        '<div class="scroll"><table class="heat"><thead><tr>'
        f"{top}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _heat_cell(value: float | None, strongest: float) -> str:
    if value is None:
        return f"<td>{NOTHING}</td>"
    colour = "--gain" if value >= 0.0 else "--loss"
    share = round(abs(value) / strongest * 55) if strongest > 0.0 else 0
    shade = f"color-mix(in srgb,var({colour}) {share}%,transparent)"
    return f'<td style="background:{shade}">{round(value * 100, 1) + 0.0:+.1f}</td>'
