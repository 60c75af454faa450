"""The tables of the tear sheet, as HTML. Every text that comes from outside is escaped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from aster_ray.metrics.undefined import Markup, dash
from aster_ray.metrics.wording import (
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
Columns = tuple[tuple[str, str, Wording], ...]


def count(value: int) -> str:
    """Return a whole number."""
    return f"{value:,}"


# Name (with its unit), key and wording of every row; {quote} is the currency.
_SUMMARY: Columns = (
    ("final equity, {quote}", "final_equity", number),
    ("profit, {quote}", "profit", cash),
    ("total return", "total_return", signed_percent),
    ("annual growth (CAGR)", "cagr", signed_percent),
    ("volatility, annual", "volatility", percent),
    ("Sharpe ratio, annual", "sharpe", number),
    ("Sortino ratio, annual", "sortino", number),
    ("Calmar ratio", "calmar", number),
    ("max drawdown", "max_drawdown", percent),
    ("longest drawdown", "longest_drawdown_ms", duration),
    ("daily value at risk, 95 %", "daily_value_at_risk", percent),
    ("daily CVaR, 95 %", "daily_conditional_value_at_risk", percent),
    ("best day", "best_day", signed_percent),
    ("worst day", "worst_day", signed_percent),
    ("skew of daily returns", "daily_skew", number),
    ("excess kurtosis of daily returns", "daily_excess_kurtosis", number),
    ("time in market", "time_in_market", percent),
    ("mean exposure, x equity", "mean_leverage", number),
    ("turnover a year, x equity", "turnover_per_year", number),
)
_TRIPS: Columns = (
    ("closed round trips", "round_trips", count),
    ("win rate", "win_rate", percent),
    ("profit factor", "profit_factor", number),
    ("expectancy, {quote}", "expectancy", cash),
    ("average net return", "average_net_return", signed_percent),
    ("average win, {quote}", "average_win", cash),
    ("average loss, {quote}", "average_loss", cash),
    ("best, {quote}", "best", cash),
    ("worst, {quote}", "worst", cash),
    ("longest losing streak, trips", "longest_losing_streak", count),
    ("average holding time", "average_holding_ms", duration),
    ("median holding time", "median_holding_ms", duration),
    ("net, {quote}", "net", cash),
)
_SHARES: Columns = (
    ("net, {quote}", "net", cash),
    ("round trips", "round_trips", count),
    ("win rate", "win_rate", percent),
    ("profit factor", "profit_factor", number),
    ("holding time", "average_holding_ms", duration),
    ("traded, {quote}", "traded", number),
    ("slippage, {quote}", "slippage", number),
    ("fees, {quote}", "fees", number),
    ("funding, {quote}", "funding", number),
    ("unrealized, {quote}", "unrealized", cash),
)
_FALLS: Columns = (
    ("depth", "depth", percent),
    ("peak, UTC", "peak_ms", moment),
    ("trough, UTC", "trough_ms", moment),
    ("recovered, UTC", "recovered_ms", moment),
    ("to the trough", "fall_ms", duration),
    ("to recover", "recovery_ms", duration),
    ("in all", "length_ms", duration),
)


def cell(key: str, value: Any, wording: Wording) -> str:
    """Return a number as text, or a dash that says why there is none."""
    return dash(key) if value is None else wording(value)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], style: str = "") -> str:
    """Return a table that scrolls sideways inside its own box; cells are escaped.

    The box can be reached and scrolled with the keyboard.
    """
    if not rows:
        return ""
    top = "".join(f'<th scope="col">{_text(text)}</th>' for text in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{_text(text)}</td>" for text in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table class="{style}"><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _text(text: str) -> str:
    return text if isinstance(text, Markup) else escape(text)


def _named(columns: Columns, quote: str) -> list[tuple[str, str, Wording]]:
    return [(name.format(quote=quote), key, wording) for name, key, wording in columns]


def named_measures(quote: str) -> dict[str, str]:
    """Return key -> name of every measure of a run and of its round trips."""
    return {key: name for name, key, _ in _named((*_TRIPS, *_SUMMARY), quote)}


def summary_table(summary: Mapping[str, Any], quote: str) -> str:
    """Return the strategy beside buy and hold, with the intervals of what could be luck."""
    mine, held = summary["strategy"], summary["buy_and_hold"]
    made = summary["confidence"]
    ranges, others = made["strategy"], made["buy_and_hold"]
    wordings = {"sharpe": number, "total_return": signed_percent}
    rows = []
    for name, key, wording in _named(_SUMMARY, quote):
        texts = [cell(key, side[key], wording) for side in (mine, held)]
        if key in wordings:
            texts = [
                Markup(f"{_text(text)}{_interval(side[key], wording)}")
                for text, side in zip(texts, (ranges, others), strict=True)
            ]
        rows.append([name, *texts])
    gap = made["sharpe_difference"]
    level = f"{ranges['level'] * 100:.0f} %"
    method = f"Small print below a number: its {level} interval, {escape(made['method'])}, "
    method += f"{ranges['resamples']:,} draws, seed {made['seed']}, "
    method += f"expected block {ranges['block_bars']:,} bars."
    if gap is not None:
        method += (
            f" Sharpe ratio less that of buy and hold, both in the same draws: "
            f"{number(gap['low'])} to {number(gap['high'])}."
        )
    body = table(["", "strategy", "buy and hold"], rows)
    return body + f'<p class="soft">{method}</p>'


def _interval(interval: Mapping[str, float] | None, wording: Wording) -> str:
    text = dash("interval") if interval is None else ""
    if interval is not None:
        text = f"{wording(interval['low'])} to {wording(interval['high'])}"
    return f"<small>{text}</small>"


def round_trip_table(sides: Mapping[str, Any], quote: str) -> str:
    """Return the statistics of all closed round trips, of the long and of the short ones."""
    columns = list(sides)
    rows = [
        [name, *(cell(key, sides[column][key], wording) for column in columns)]
        for name, key, wording in _named(_TRIPS, quote)
    ]
    return table(["", *columns], rows)


def share_table(kind: str, shares: Mapping[str, Mapping[str, Any]], quote: str) -> str:
    """Return one row per exit reason, symbol or sleeve; columns no row has are left out."""
    columns = _named(_SHARES, quote)
    present = [column for column in columns if any(column[1] in row for row in shares.values())]
    rows = [
        [words(name), *(cell(key, row[key], wording) for _, key, wording in present)]
        for name, row in shares.items()
    ]
    return table([kind, *(name for name, _, _ in present)], rows)


def falls_table(falls: Sequence[Mapping[str, Any]]) -> str:
    """Return the deepest drawdowns: from which peak, to which trough, and back when."""
    rows = [
        [f"{place}", *(cell(key, fall[key], wording) for _, key, wording in _FALLS)]
        for place, fall in enumerate(falls, 1)
    ]
    return table(["", *(name for name, _, _ in _FALLS)], rows)


def positions_table(positions: Sequence[Mapping[str, Any]], quote: str) -> str:
    """Return what was still held at the end."""
    head = ["symbol", "strategy", "side", "since, UTC", "quantity, base", f"entry, {quote}"]
    head += [f"mark, {quote}", f"funding, {quote}", f"net, {quote}"]
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
    """Return how many orders and fills there were, by kind."""
    activity = report["activity"]
    rows = [["orders", count(activity["orders"])]]
    rows += [[f"orders {words(k)}", count(n)] for k, n in activity["orders_by_state"].items()]
    rows.append(["fills", count(activity["fills"])])
    rows += [[f"fills {words(k)}", count(n)] for k, n in activity["fills_by_kind"].items()]
    return table(["", "count"], rows)


def denials_table(denials: Mapping[str, int]) -> str:
    """Return how often the risk desk refused to open, by reason."""
    return table(["denied", "times"], [[words(name), count(n)] for name, n in denials.items()])


def costs_table(costs: Mapping[str, Any]) -> str:
    """Return what each symbol's trading was assumed to cost, as a share of notional."""
    rows = [
        [name, percent(row["taker_fee"], 3), percent(row["market_order"], 3)]
        for name, row in costs["by_symbol"].items()
    ]
    return table(["of notional", "taker fee", "spread and slippage of a market order"], rows)
