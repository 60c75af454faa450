"""Facts for tests: a market, fills booked by a plain ledger written for the tests alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from aster_ray.kernel.market import Market, simple_market
from aster_ray.kernel.records import FILL, FUNDING
from aster_ray.metrics.facts import RunFacts, no_orders
from aster_ray.model.enums import ExitReason, FillKind

HOUR = 3_600_000
DAY = 24 * HOUR


def flat_market(closes: Sequence[Sequence[float]], timeframe_ms: int = HOUR) -> Market:
    """Build T rows of N closes; every bar opens where it closes."""
    prices = np.repeat(np.asarray(closes, float)[:, :, None], 4, axis=2)
    return simple_market(prices, timeframe_ms)


@dataclass
class Ledger:
    """The slowest possible book-keeping: cash and lots per sleeve, nothing else."""

    market: Market
    strategies: tuple[str, ...] = ("momentum",)
    lot: float = 0.5
    capital: float = 10_000.0
    rows: list[np.void] = field(default_factory=list)
    held: dict[int, tuple[int, float]] = field(default_factory=dict)

    def fill(self, row: int, sleeve: int, lots: int, price: float, **rest: Any) -> None:
        """Book a fill at the close of market row ``row``."""
        record = np.zeros(1, FILL)[0]
        values = {
            "ms": self.market.close_ms[row],
            "symbol": sleeve // len(self.strategies),
            "sleeve": sleeve,
            "level": -1,
            "kind": FillKind.MARKET,
            "lots": lots,
            "price": price,
            "reason": ExitReason.NONE,
        }
        if rest.get("kind") != FillKind.FUNDING:
            values["realized"] = self._realize(sleeve, lots, price)
        for name, value in (values | rest).items():
            record[name] = value
        self.rows.append(record)

    def _realize(self, sleeve: int, lots: int, price: float) -> float:
        """Return what a fill locks in at average cost."""
        held, entry = self.held.get(sleeve, (0, 0.0))
        after = held + lots
        if held * lots >= 0:
            self.held[sleeve] = (after, (abs(held) * entry + abs(lots) * price) / abs(after))
            return 0.0
        self.held[sleeve] = (after, entry if after * held > 0 else price)
        closed = min(abs(held), abs(lots)) * (1 if held > 0 else -1)
        return closed * self.lot * (price - entry)

    def fund(self, row: int, sleeve: int, lots: int, per_unit: float) -> None:
        """Settle funding on ``lots``; positive ``per_unit`` is paid by longs."""
        fee = lots * self.lot * per_unit
        self.fill(row, sleeve, lots, per_unit, kind=FillKind.FUNDING, fee=fee)

    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (equity, gross) after every close from cash and lots."""
        count = len(self.market.symbols)
        cash, lots = self.capital, np.zeros(count, np.int64)
        equity, gross = [], []
        for row, close in enumerate(self.market.close_ms):
            for fill in self.rows:
                if fill["ms"] != close:
                    continue
                cash -= fill["fee"]
                if fill["kind"] != FillKind.FUNDING:
                    cash -= fill["lots"] * self.lot * fill["price"]
                    lots[fill["symbol"]] += fill["lots"]
            value = lots * self.lot * self.market.bars[row, :, 6]
            equity.append(cash + value.sum())
            gross.append(np.abs(value).sum())
        return np.array(equity), np.array(gross)

    def facts(self, **changes: Any) -> RunFacts:
        """Return the facts of the whole market from its first row."""
        equity, gross = self.curve()
        count = len(self.market.symbols)
        values: dict[str, Any] = {
            "market": self.market,
            "capital": self.capital,
            "close_ms": self.market.close_ms,
            "equity": equity,
            "gross": gross,
            "fills": np.array(self.rows, FILL),
            "sleeves": tuple((name, symbol) for symbol in range(count) for name in self.strategies),
            "lots": np.full(count, self.lot),
            "taker_fee": np.full(count, 0.001),
            "market_cost": np.full(count, 0.0005),
            "denials": {},
            "orders": no_orders(),
            "provenance": {"run_id": "r1", "seed": "7"},
            "config": {"risk": {"profile": "standard"}, "backtest": {"capital": 10_000.0}},
        }
        return RunFacts(**(values | changes))


def set_funding(market: Market, row: int, symbol: int, per_unit: float) -> None:
    """Let one unit of base asset pay ``per_unit`` at the open of ``row``."""
    market.bars[row, symbol, FUNDING] = per_unit


STEP = st.tuples(
    st.integers(0, 3),  # sleeve
    st.sampled_from(["market", "flat", "enter", "exit", "fund"]),
    st.integers(-9, 9).filter(bool),
    st.floats(50.0, 150.0),
    st.integers(0, 4),  # ladder level
    st.floats(0.0, 2.0),  # fee
)


def random_book(steps: list[tuple[int, str, int, float, int, float]]) -> Ledger:
    """Play any list of steps as legal fills: two symbols, a directional and a ladder sleeve each.

    A level enters only when idle and leaves whole; funding settles on what the sleeve holds.
    """
    closes = 100.0 + np.sin(np.arange(len(steps) + 1)[:, None] + np.arange(2)) * 5
    book = Ledger(flat_market(closes), ("momentum", "grid"))
    plain = [0, 0, 0, 0]
    levels: list[dict[int, int]] = [{}, {}, {}, {}]
    for row, (sleeve, action, lots, price, number, fee) in enumerate(steps):
        held = plain[sleeve] + sum(levels[sleeve].values())
        costs: dict[str, Any] = {"fee": fee, "slippage": fee / 3}
        if action == "fund":
            if held:
                book.fund(row, sleeve, held, price / 1e4)
        elif sleeve % 2 == 0:
            plain[sleeve] += lots
            book.fill(row, sleeve, lots, price, **costs)
        elif action == "flat":
            if held:
                book.fill(row, sleeve, -held, price, kind=FillKind.STOP, **costs)
                levels[sleeve] = {}
        elif number in levels[sleeve]:
            out = -levels[sleeve].pop(number)
            book.fill(row, sleeve, out, price, level=number, kind=FillKind.LADDER_EXIT, **costs)
        else:
            levels[sleeve][number] = lots
            book.fill(row, sleeve, lots, price, level=number, kind=FillKind.LADDER_ENTRY, **costs)
    return book
