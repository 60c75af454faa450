"""How the state of a session is printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aster_ray.cli.drift_tables import status_line
from aster_ray.cli.streams import results
from aster_ray.clock import LiveClock

if TYPE_CHECKING:
    from rich.console import Console

Render = Callable[["Console"], None]


def detached_table(payload: Mapping[str, Any]) -> Render:
    """Return how a session that was just started is printed."""

    def render(console: Console) -> None:
        console.print(f"session {payload['session']} trades in process {payload['pid']}")
        console.print(f"folder  {payload['folder']}", soft_wrap=True)
        console.print(f"look    aster status {payload['folder']}", soft_wrap=True)
        console.print(f"stop    {payload['stop']}", soft_wrap=True)

    return render


def stop_table(payload: Mapping[str, Any]) -> Render:
    """Return how the end of a session is printed."""

    def render(console: Console) -> None:
        if payload["stopped"]:
            text = f"session {payload['session']} has ended and written its report"
        else:
            text = f"session {payload['session']} was not running: it has {payload['phase']}"
        console.print(text, markup=False)
        console.print(f"folder  {payload['folder']}", soft_wrap=True, markup=False)

    return render


def state_table(payload: Mapping[str, Any]) -> Render:
    """Return how the answer to an operator's word is printed."""

    def render(console: Console) -> None:
        state = payload["state"]
        if payload["number"] is None:
            text = f"nothing to change: the account is {state}"
        else:
            text = (
                f"command {payload['number']}: {payload['before']} -> {state}, in force from "
                f"close {payload['seq']:,} on"
            )
        console.print(f"session {payload['session']}: {text}", markup=False)

    return render


def status_table(payload: Mapping[str, Any]) -> Render:
    """Return how the state of a session is printed."""

    def render(console: Console) -> None:
        process, account = payload["process"], payload["account"]
        head = f"{payload['session']}: {process['state']}"
        if account:
            head += f", account {payload['trading_state']}"
        console.print(head, style="bold", markup=False)
        for problem in payload["problems"]:
            console.print(f"not healthy: {problem}", style="red", markup=False, soft_wrap=True)
        _process(console, payload)
        if payload.get("drift"):
            told = status_line(payload["drift"], LiveClock().now_ms())
            console.print(told, markup=False, soft_wrap=True)
        for line in venue_lines(payload.get("venue", {})):
            console.print(line, markup=False, soft_wrap=True)
        if account:
            _account(console, payload)
            _rows(console, "positions", account["positions"], _POSITION)
            _rows(console, "open orders", account["open_orders"], _ORDER)
            _rows(console, "last denials", account["last_denials"], _DENIAL)
            _rows(console, "commands", account["commands"], _COMMAND)
        actors = [{"actor": role, **row} for role, row in payload["actors"].items()]
        _rows(console, "", actors, _ACTOR)

    return render


# column -> how its values are shown
_Columns = Mapping[str, Callable[[Any], str]]
_MOST_ROWS = 20


def _text(value: Any) -> str:
    return "-" if value is None or value == "" else str(value)


def _number(value: Any) -> str:
    return "-" if value is None else f"{value:,.6g}"


def _money(value: Any) -> str:
    return "-" if value is None else f"{value:+,.2f}"


def _moment(value: Any) -> str:
    if value is None:
        return "-"
    return datetime.fromtimestamp(value / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _age(value: Any) -> str:
    return "-" if value is None else f"{value / 1e3:,.1f} s"


def _count(value: Any) -> str:
    return "-" if value is None else f"{value:,}"


_POSITION: _Columns = {
    "symbol": _text,
    "strategy": _text,
    "qty": _number,
    "entry_price": _number,
    "mark_price": _number,
    "stop": _number,
    "take_profit": _number,
    "unrealized": _money,
}
_ORDER: _Columns = {
    "symbol": _text,
    "strategy": _text,
    "kind": _text,
    "qty": _number,
    "price": _number,
    "decided_ms": _moment,
}
_DENIAL: _Columns = {"close_ms": _moment, "symbol": _text, "strategy": _text, "reason": _text}
_COMMAND: _Columns = {
    "number": _count,
    "asked_ms": _moment,
    "close": _count,
    "state": _text,
    "who": _text,
    "reason": _text,
}
_ACTOR: _Columns = {
    "actor": _text,
    "pid": _text,
    "restarts": _count,
    "heard_ms": _age,
    "messages": _count,
}


def _process(console: Console, payload: Mapping[str, Any]) -> None:
    process = payload["process"]
    told = [f"began {_moment(process['began_ms'])}", f"process {_text(process['pid'])}"]
    if process["ended_ms"] is not None:
        told.append(f"ended {_moment(process['ended_ms'])} with exit code {process['exit_code']}")
    if payload["source"] == "journals":
        told.append("read from the journals")
    if payload["report"]:
        told.append(f"report {payload['report']}")
    console.print(", ".join(told), markup=False, soft_wrap=True)


def venue_lines(venue: Mapping[str, Any]) -> list[str]:
    """Return how the account at a real venue stands, a line each; none of a paper venue."""
    if not venue:
        return []
    how = "dry, nothing is sent" if venue["dry"] else f"epoch {venue['epoch']}"
    head = f"venue {venue['name']} ({how}), last compared {_moment(venue['compared_ms'])}"
    if venue["dry"]:
        head += f", {venue['withheld']:,} orders withheld"
    lines = [head]
    if venue["flattening"]:
        lines.append("everything is being closed: `aster resume` trades again")
    if venue["in_doubt"]:
        lines.append(f"under way: {', '.join(venue['in_doubt'])}")
    lines += [
        f"not ours: {symbol} {qty:+g} held" for symbol, qty in venue["external_positions"].items()
    ]
    lines += [
        f"not ours: {one['symbol']} {one['qty']:+g} resting as {one['id']}"
        for one in venue["external_orders"]
    ]
    if venue["other_symbols"]:
        lines.append(f"not ours: positions of {', '.join(venue['other_symbols'])}")
    return lines


def _account(console: Console, payload: Mapping[str, Any]) -> None:
    account, lag = payload["account"], payload["lag"]
    total = "" if payload["last_close"] is None else f" of {payload['last_close'] + 1:,}"
    console.print(
        f"close {_moment(payload['close_ms'])} ({account['closes']:,}{total}), "
        f"{lag['closes']:,} closes behind, recorded {_age(lag['recorded_ms'])} ago",
        markup=False,
    )
    console.print(
        f"equity {account['equity']:,.2f}, today {_money(account['day_profit'])} "
        f"({account['day_return']:+.2%}), drawdown {account['drawdown']:.2%} "
        f"(deepest {account['max_drawdown']:.2%}), gross {account['gross']:,.0f}, "
        f"{account['orders']:,} orders, {account['fills']:,} fills",
        markup=False,
        soft_wrap=True,
    )


def _rows(
    console: Console, title: str, rows: Sequence[Mapping[str, Any]], columns: _Columns
) -> None:
    """Print a table of the first rows, and how many more there are; nothing for none."""
    if not rows:
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    hidden = len(rows) - _MOST_ROWS
    caption = f"and {hidden} more" if hidden > 0 else None
    table = Table(
        box=SIMPLE_HEAD, pad_edge=False, title=title or None, title_justify="left", caption=caption
    )
    for index, name in enumerate(columns):
        heading = name.removesuffix("_ms").replace("_", " ")
        table.add_column(heading, justify="left" if index < 2 else "right", overflow="fold")
    for row in rows[:_MOST_ROWS]:
        table.add_row(*(show(row[name]) for name, show in columns.items()))
    console.print(table)


def log_line(*, as_json: bool) -> Callable[[Mapping[str, Any]], None]:
    """Return what prints one log record: as it is, or as a person reads it."""

    def show(record: Mapping[str, Any]) -> None:
        if as_json:
            text = json.dumps(record, ensure_ascii=False)
        else:
            shown = dict(record)
            head = (
                str(shown.pop("timestamp", ""))[:23],
                f"{shown.pop('level', ''):<7}",
                f"{shown.pop('process'):<10}",
                str(shown.pop("event", "")),
            )
            error = shown.pop("exception", "")
            fields = " ".join(f"{name}={value}" for name, value in shown.items())
            text = " ".join((*head, fields)).rstrip() + (f"\n{error}" if error else "")
        stream = results()
        stream.write(f"{text}\n")
        stream.flush()  # whoever follows sees it now

    return show
