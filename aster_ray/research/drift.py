"""How far what a venue did lies from what the backtest assumes of it, order by order.

The backtest's word is the kernel's: the same book, the same bar, ``match``. At every close it
starts from what is really held and really rests, so a difference is counted once and does not grow.
A price difference is signed so that positive means worse for us.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from aster_ray.engine.messages import VenueReport
from aster_ray.model.enums import FillKind, Working, label

Row = dict[str, Any]
_OF_SYMBOL = (FillKind.MARKET, FillKind.STOP, FillKind.LIQUIDATION)
_RECENT = 20
BPS = 1e4


class Slot(NamedTuple):
    """What two executions must have in common to be compared.

    A venue nets the market orders of a symbol, and its stop stands for all sleeves: both are
    compared by symbol. A limit belongs to one sleeve, and a ladder's to one level.
    """

    kind: FillKind
    symbol: int
    sleeve: int = -1
    level: int = -1


class Done(NamedTuple):
    """What was executed in one slot: signed lots and their mean price."""

    lots: int
    price: float


def by_slot(fills: np.ndarray) -> dict[Slot, Done]:
    """Return what was executed; settlements and what crossed inside the account are no orders."""
    parts: dict[Slot, list[tuple[int, float]]] = {}
    for fill in fills.view(np.ndarray):
        kind, n = FillKind(int(fill["kind"])), int(fill["symbol"])
        if kind is FillKind.FUNDING:
            continue
        own = () if kind in _OF_SYMBOL else (int(fill["sleeve"]), int(fill["level"]))
        parts.setdefault(Slot(kind, n, *own), []).append((int(fill["lots"]), float(fill["price"])))
    found = {}
    for slot, done in parts.items():
        lots, weight = sum(one for one, _ in done), sum(abs(one) for one, _ in done)
        if lots:
            price = done[0][1]
            if any(other != price for _, other in done):
                price = sum(abs(one) * other for one, other in done) / weight
            found[slot] = Done(lots, price)
    return found


@dataclass(slots=True)
class Tally:
    """Signed differences of one kind of orders, weighted by notional."""

    orders: int = 0
    notional: float = 0.0
    cost: float = 0.0
    worst_bps: float | None = None
    best_bps: float | None = None

    def add(self, bps: float, notional: float) -> None:
        """Count one order."""
        self.orders += 1
        self.notional += notional
        self.cost += bps / BPS * notional
        self.worst_bps = bps if self.worst_bps is None else max(bps, self.worst_bps)
        self.best_bps = bps if self.best_bps is None else min(bps, self.best_bps)

    def document(self) -> dict[str, Any]:
        """Return plain values; ``cost`` is in quote currency."""
        mean = self.cost / self.notional * BPS if self.notional else None
        return {
            "orders": self.orders,
            "mean_bps": mean,
            "worst_bps": self.worst_bps,
            "best_bps": self.best_bps,
            "cost": self.cost,
        }


class _Expected(NamedTuple):
    done: Done
    close_ms: int
    ids: list[str]
    closes: int = 0  # since then


class DriftMeter:
    """Compare a venue's executions with the backtest's, close by close.

    Args:
        symbols: in the order of the session.
        lots: f8[N], base asset per lot.
        patience: for how many closes an execution the backtest has may be late at the venue; a
            market order is waited for as long as the venue says that it works.
    """

    def __init__(self, symbols: Sequence[str], lots: np.ndarray, patience: int = 0) -> None:
        self._symbols, self._lots, self._patience = tuple(symbols), lots, patience
        self._late: dict[Slot, _Expected] = {}
        self._told: set[Slot] = set()  # paper's alone, said already, and expected at every close
        self._market, self._intrabar = Tally(), Tally()
        self._alone = {"venue": 0, "paper": 0}
        self._funding = {"venue": 0.0, "paper": 0.0}
        self.recent: deque[Row] = deque(maxlen=_RECENT)

    @property
    def working(self) -> list[int]:
        """Return the symbols whose market order is late at the venue."""
        return [slot.symbol for slot in self._late if slot.kind is FillKind.MARKET]

    def add(
        self, paper: np.ndarray, report: VenueReport, ids: Callable[[Slot], list[str]]
    ) -> list[Row]:
        """Take both sides of one close and return a row for every order compared.

        Args:
            paper: FILL[F], what the backtest has executed.
            report: the venue's word.
            ids: slot -> client order ids there.
        """
        expected, there = by_slot(paper), by_slot(report.fills)
        self._pay(paper, report.fills)
        self._told &= expected.keys()
        rows = []
        for slot, done in there.items():
            late = self._late.pop(slot, None)
            again = expected.pop(slot, None)  # a late one is expected at every close
            before = late.done if late else again
            rows.append(self._row(report.close_ms, slot, (done, before), ids(slot)))
            self._told.discard(slot)
        for slot, done in expected.items():
            if slot not in self._late and slot not in self._told:
                self._late[slot] = _Expected(done, report.close_ms, ids(slot))
        return rows + self._give_up(report)

    def rest(self) -> list[Row]:
        """Return a row for every order that is still waited for: the session is over."""
        late, self._late = self._late, {}
        return [
            self._row(one.close_ms, slot, (None, one.done), one.ids) for slot, one in late.items()
        ]

    def document(self) -> dict[str, Any]:
        """Return what was found so far as plain values."""
        paid = self._funding
        return {
            "market": self._market.document(),
            "intrabar": self._intrabar.document(),
            "only_venue": self._alone["venue"],
            "only_paper": self._alone["paper"],
            "waiting": len(self._late),
            "funding": {**paid, "difference": paid["venue"] - paid["paper"]},
        }

    def _pay(self, paper: np.ndarray, there: np.ndarray) -> None:
        for side, fills in (("paper", paper), ("venue", there)):
            settled = fills["kind"] == int(FillKind.FUNDING)
            self._funding[side] += float(fills["fee"][settled].sum())

    def _give_up(self, report: VenueReport) -> list[Row]:
        """Stop waiting for what the venue will not execute any more."""
        rows = []
        for slot, late in list(self._late.items()):
            if slot.kind is FillKind.MARKET:
                said = int(report.working[slot.symbol]) if len(report.working) else 0
                waits = said == Working.IN_DOUBT
            else:
                waits = late.closes < self._patience
            if waits:
                self._late[slot] = late._replace(closes=late.closes + 1)
                continue
            del self._late[slot]
            if slot.kind is not FillKind.MARKET:
                self._told.add(slot)
            rows.append(self._row(late.close_ms, slot, (None, late.done), late.ids))
        return rows

    def _row(
        self, close_ms: int, slot: Slot, sides: tuple[Done | None, Done | None], ids: list[str]
    ) -> Row:
        """Return one order's row, counted."""
        venue, paper = sides
        there = venue or paper
        if there is None:
            raise ValueError("an order that nobody executed")
        bps = None
        if venue is not None and paper is not None:
            side = 1.0 if venue.lots > 0 else -1.0
            bps = 0.0
            if venue.price != paper.price:
                bps = side * (venue.price / paper.price - 1.0) * BPS
            notional = abs(venue.lots) * float(self._lots[slot.symbol]) * paper.price
            tally = self._market if slot.kind is FillKind.MARKET else self._intrabar
            tally.add(bps, notional)
        else:
            self._alone["paper" if venue is None else "venue"] += 1
        row = {
            "close_ms": close_ms,
            "symbol": self._symbols[slot.symbol],
            "kind": label(slot.kind),
            "client_order_ids": ids,
            "venue_lots": None if venue is None else venue.lots,
            "paper_lots": None if paper is None else paper.lots,
            "venue_price": None if venue is None else venue.price,
            "paper_price": None if paper is None else paper.price,
            "bps": bps,
        }
        if bps != 0.0 or row["venue_lots"] != row["paper_lots"]:
            self.recent.append(row)
        return row
