"""From the records of a session's two journals to rows of its history, one record after another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aster_ray.engine.chronicle import fold_execution
from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.journal import decode
from aster_ray.engine.order_table import order_columns
from aster_ray.engine.position_book import PositionBook
from aster_ray.kernel.records import EXIT_LONG, EXIT_SHORT, FILL, INTENT, LONG, SHORT
from aster_ray.metrics.fill_columns import MAY_BE_NONE, fill_columns
from aster_ray.model.enums import TradingState, label
from aster_ray.model.order import Order

Record = Mapping[str, Any]
Row = dict[str, Any]
_F8, _I1 = np.dtype("f8"), np.dtype("i1")
_WORDS = ((LONG, "long"), (SHORT, "short"), (EXIT_LONG, "exit long"), (EXIT_SHORT, "exit short"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What gives a session's indices their names.

    Attributes:
        symbols: N venue ids.
        sleeves: S pairs of strategy and symbol index.
        lots: f8[N], base asset per lot.
        max_lots: i8[N], largest market order.
        capital: equity before the first close.
    """

    symbols: tuple[str, ...]
    sleeves: tuple[tuple[str, int], ...]
    lots: np.ndarray
    max_lots: np.ndarray
    capital: float

    @property
    def strategies(self) -> int:
        """Return how many sleeves a symbol has."""
        return len(self.sleeves) // len(self.symbols)

    def of(self, sleeve: int) -> Row:
        """Return symbol and strategy of a sleeve."""
        strategy, n = self.sleeves[sleeve]
        return {"symbol": self.symbols[n], "strategy": strategy}


@dataclass(slots=True)
class Rows:
    """What some records came to, by table."""

    metrics: list[Row] = field(default_factory=list)
    trades: list[Row] = field(default_factory=list)
    signals: list[Row] = field(default_factory=list)
    positions: list[Row] = field(default_factory=list)
    orders: list[Row] = field(default_factory=list)


def _number(value: Any) -> float | None:
    return None if math.isnan(value) else float(value)


class CloseRows:
    """Follow the risk journal: metrics, trades, signals and positions."""

    def __init__(self, names: Names) -> None:
        """Begin before the first close."""
        self._names = names
        self._held = PositionBook(len(names.sleeves))
        self._peak = names.capital
        self._trades = 0

    def add(self, record: Record, rows: Rows) -> None:
        """Take one record; what is no close is no row."""
        if record["kind"] != "close":
            return
        seq, ms = int(record["seq"]), int(record["close_ms"])
        self._measure(record, seq, ms, rows)
        self._hear(record, seq, ms, rows)
        before = self._state()
        self._book(decode(record["fills"], FILL).view(np.ndarray), rows)
        for intent in decode(record["intents"], INTENT).view(np.ndarray):
            self._held.follow(intent)
        for i in np.flatnonzero(_differ(before, self._state())).tolist():
            rows.positions.append({"seq": seq, "sleeve": i, "ms": ms, **self._position(i)})

    def _measure(self, record: Record, seq: int, ms: int, rows: Rows) -> None:
        equity = float(record["equity"])
        self._peak = max(self._peak, equity)
        rows.metrics.append(
            {
                "seq": seq,
                "ms": ms,
                "equity": equity,
                "gross": float(record["gross"]),
                "drawdown": 1.0 - equity / self._peak,
                "state": label(TradingState(int(record["state"]))),
            }
        )

    def _hear(self, record: Record, seq: int, ms: int, rows: Rows) -> None:
        said = record["signals"]
        code = decode(said["code"], _I1)[0]
        if not code.any():
            return
        names = ("confidence", "stop_loss", "take_profit", "target_units")
        columns = {name: decode(said[name], _F8)[0] for name in names}
        for i in np.flatnonzero(code).tolist():
            words = ", ".join(word for bit, word in _WORDS if code[i] & bit)
            values = {name: _number(column[i]) for name, column in columns.items()}
            rows.signals.append(
                {"seq": seq, "sleeve": i, "ms": ms, **self._names.of(i), "signal": words, **values}
            )

    def _book(self, fills: np.ndarray, rows: Rows) -> None:
        if not len(fills):
            return
        names = self._names
        columns = fill_columns(fills, names.symbols, names.sleeves, names.lots)
        plain = {
            name: values.tolist() if isinstance(values, np.ndarray) else values
            for name, values in columns.items()
        }
        for place, fill in enumerate(fills):
            row = {name: values[place] for name, values in plain.items()}
            row |= {name: _number(row[name]) for name in MAY_BE_NONE}
            rows.trades.append({"n": self._trades, **row})
            self._trades += 1
            self._held.book(fill)

    def _state(self) -> tuple[np.ndarray, ...]:
        held = self._held
        return held.lots.copy(), held.entry.copy(), held.stop.copy(), held.take_profit.copy()

    def _position(self, i: int) -> Row:
        held, names = self._held, self._names
        lots, n = int(held.lots[i]), names.sleeves[i][1]
        return {
            **names.of(i),
            "lots": lots,
            "qty": float(lots * names.lots[n]),
            "entry_price": float(held.entry[i]) if lots else None,
            "stop": _number(held.stop[i]) if lots else None,
            "take_profit": _number(held.take_profit[i]) if lots else None,
        }


def _differ(before: tuple[np.ndarray, ...], after: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return where anything changed; NaN equals NaN."""
    changed = np.zeros(len(after[0]), np.bool_)
    for old, new in zip(before, after, strict=True):
        changed |= (old != new) & ~((old != old) & (new != new))  # noqa: PLR0124 - NaN
    return changed


class OrderRows:
    """Follow the executor's journal: every order and its latest state."""

    def __init__(self, names: Names) -> None:
        """Begin without orders."""
        self._names = names
        self._desk = ExecutionDesk(
            names.symbols, names.strategies, names.max_lots.tolist(), at_venue=True
        )
        self._known: dict[str, tuple[int, Order]] = {}  # id -> place in the table, as written last
        self._next = 0
        self._asked: tuple[int, int] | None = None  # close whose orders wait for the venue's word

    def add(self, record: Record, rows: Rows) -> None:
        """Take one record and note every order that it changed."""
        kind, seq = record["kind"], int(record.get("seq", -1))
        if kind == "accepted":
            if self._asked is not None and self._asked[0] == seq:
                self._desk.acknowledge_close(self._asked[1])
                self._asked = None
        else:
            fold_execution(self._desk, [record], verify=False)
        if kind == "orders":
            self._asked = seq, int(record["close_ms"])
        self._note(rows)
        if kind == "orders":
            self._forget(int(record["close_ms"]))

    def _note(self, rows: Rows) -> None:
        changed = []
        for known, order in self._desk.orders.items():
            place, before = self._known.get(known, (self._next, None))
            if before is not order:
                self._next += before is None
                self._known[known] = place, order
                changed.append((place, order))
        if not changed:
            return
        orders = [order for _, order in changed]
        columns = order_columns(orders, self._names.symbols, self._names.sleeves)
        for at, (place, _) in enumerate(changed):
            rows.orders.append(
                {"n": place, **{name: values[at] for name, values in columns.items()}}
            )

    def _forget(self, now_ms: int) -> None:
        """Drop what can change no more."""
        for known in self._desk.forget(now_ms):
            del self._known[known]
