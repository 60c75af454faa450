"""A session as it runs: one live screen for people, a line now and then for a log."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from actors.launch import View
from aster_ray import clock

_LINE_EVERY_NS = 5_000_000_000
_MOST_ROWS = 12


class Display(Protocol):
    """Whoever shows a session."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *error: object) -> None: ...

    def say(self, text: str) -> None:
        """Tell what is going on before there is anything to show."""
        ...

    def show(self, view: View) -> None:
        """Show how the session stands."""
        ...


def display_for(*, as_json: bool) -> Display:
    """Return the display that fits where the output goes."""
    if as_json:
        return Silence()
    return Screen() if sys.stderr.isatty() and sys.stdout.isatty() else Lines()


class Silence:
    """Show nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """End."""

    def say(self, text: str) -> None:
        """Say nothing."""

    def show(self, view: View) -> None:
        """Show nothing."""


class Lines(Silence):
    """A line on standard error every few seconds."""

    def __init__(self) -> None:
        self._shown_ns = -_LINE_EVERY_NS
        self._state = ""

    def say(self, text: str) -> None:
        """Print a line."""
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def show(self, view: View) -> None:
        """Print a line when the state changes, and every few seconds."""
        now = clock.monotonic_ns()
        if view.state == self._state and now - self._shown_ns < _LINE_EVERY_NS:
            return
        self._shown_ns, self._state = now, view.state
        self.say(headline(view))


class Screen(Silence):
    """A live table on the terminal."""

    def __init__(self) -> None:
        console = Console(stderr=True, highlight=False, markup=False)
        self._live = Live(console=console, transient=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Give the terminal back."""
        self._live.stop()

    def say(self, text: str) -> None:
        """Show a line where the table will be."""
        self._live.update(Text(text), refresh=True)

    def show(self, view: View) -> None:
        """Draw the table anew."""
        self._live.update(render(view), refresh=True)


def headline(view: View) -> str:
    """Return one line: state, progress, equity, drawdown."""
    ledger = view.ledger
    if not ledger:
        return f"{view.state}: actors are coming up"
    total = "" if view.last is None else f"/{view.last + 1:,}"
    rate = view.facts.get("closes_per_second")
    parts = [
        f"{view.state}: {ledger['closes']:,}{total} closes",
        "" if rate is None else f"{rate:,.0f}/s",
        "" if ledger["close_ms"] is None else _moment(ledger["close_ms"]),
        f"equity {ledger['equity']:,.2f}",
        f"profit {ledger['profit']:+,.2f} ({ledger['return']:+.2%})",
        f"drawdown {ledger['drawdown']:.2%}",
        f"{len(ledger['positions'])} positions",
        f"{ledger['orders']:,} orders",
        f"{ledger['fills']:,} fills",
    ]
    return ", ".join(part for part in parts if part)


def render(view: View) -> Group:
    """Return the whole screen."""
    if not view.ledger:
        return Group(Text(headline(view)))
    ledger = view.ledger
    account = (
        f"gross {ledger['gross']:,.0f}  fees {ledger['fees']:,.2f}  "
        f"funding {ledger['funding']:,.2f}  deepest drawdown {ledger['max_drawdown']:.2%}  "
        f"account {ledger['state']}"
    )
    denials = ", ".join(f"{reason} {count}" for reason, count in ledger["denials"].items())
    return Group(
        Text(headline(view), style="bold"),
        Text(account),
        _positions(ledger["positions"]),
        _signals(ledger["signals"]),
        Text(f"denied: {denials or 'nothing'}"),
        _hops(view.facts),
        Text("Ctrl-C finishes the close under way and writes the report", style="dim"),
    )


def _positions(rows: list[Mapping[str, Any]]) -> Table:
    columns = ("position", "strategy", "qty", "entry", "mark", "stop", "take profit", "profit")
    shown = [
        (
            row["symbol"],
            row["strategy"],
            f"{row['qty']:+,g}",
            *(_price(row[key]) for key in ("entry_price", "mark_price", "stop", "take_profit")),
            f"{row['unrealized']:+,.2f}",
        )
        for row in rows[:_MOST_ROWS]
    ]
    hidden = len(rows) - _MOST_ROWS
    return _table(columns, shown, f"and {hidden} more" if hidden > 0 else "")


def _signals(rows: list[Mapping[str, Any]]) -> Table:
    columns = ("last signals", "symbol", "strategy", "says", "confidence")
    return _table(
        columns,
        [
            (
                _moment(row["close_ms"]),
                row["symbol"],
                row["strategy"],
                row["signal"],
                f"{row['confidence']:.2f}",
            )
            for row in reversed(rows)
        ],
    )


def _hops(facts: Mapping[str, Any]) -> Table:
    restarts = {role: row["restarts"] for role, row in facts.get("actors", {}).items()}
    told = ", ".join(f"{role} {count}" for role, count in restarts.items() if count)
    return _table(
        ("hop", "messages", "p50", "p99"),
        [
            (hop, f"{row['messages']:,}", _latency(row["p50_ms"]), _latency(row["p99_ms"]))
            for hop, row in facts.get("hops", {}).items()
        ],
        f"restarts: {told}" if told else "",
    )


def _table(columns: Iterable[str], rows: Iterable[tuple[str, ...]], caption: str = "") -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, caption=caption or None, caption_justify="left")
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index < 2 else "right")
    for row in rows:
        table.add_row(*row)
    return table


def _price(value: float | None) -> str:
    return "-" if value is None else f"{value:,.6g}"


def _latency(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} ms"


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
