"""Everything a report is computed from. A host fills it; nothing else reaches the metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aster_ray.kernel.market import Market
from aster_ray.kernel.records import FILL

ORDER_COLUMNS = (
    "client_order_id",
    "ms",
    "symbol",
    "strategy",
    "kind",
    "side",
    "lots",
    "price",
    "state",
    "filled_lots",
    "average_price",
    "reason",
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RunFacts:
    """One finished run of one account: T tradable closes, N symbols, S sleeves.

    Attributes:
        market: the observations, warm-up included; gives the prices of buy and hold.
        capital: equity before the first bar, in quote currency.
        close_ms: i8[T], the tradable closes, strictly increasing.
        equity: f8[T], wallet + unrealized PnL at mark after each close.
        gross: f8[T], sum of absolute net notional at mark after each close.
        fills: FILL[F] in the order they were booked; ``slippage`` is cash lost (positive). A
            FUNDING row carries the position's lots, the cash per unit and the payment as ``fee``.
        sleeves: (strategy name, symbol index) of ``FILL.sleeve``.
        lots: f8[N], base asset per lot.
        taker_fee: f8[N], fraction of notional; what buy and hold pays to enter.
        market_cost: f8[N], half spread + slippage of a market order, fraction of price.
        denials: label of a Denial -> how often.
        orders: one list per name of ``ORDER_COLUMNS``, all of the same length.
        provenance: run_id, data, sources, config digests and seed, as text.
        config: the sections that produced the run.
        seed: of the bootstrap behind the confidence intervals.
        halted_ms: when a rule of ours stopped trading.
        notes: what the reader must know about the data or the run.
        session: messages per hop, latency and restarts of a paper session.
    """

    market: Market
    capital: float
    close_ms: np.ndarray
    equity: np.ndarray
    gross: np.ndarray
    fills: np.ndarray
    sleeves: tuple[tuple[str, int], ...]
    lots: np.ndarray
    taker_fee: np.ndarray
    market_cost: np.ndarray
    denials: Mapping[str, int]
    orders: Mapping[str, Sequence[Any]]
    provenance: Mapping[str, str]
    config: Mapping[str, Any]
    seed: int = 0
    halted_ms: int | None = None
    liquidations: int = 0
    notes: tuple[str, ...] = ()
    session: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not len(self.close_ms) == len(self.equity) == len(self.gross):
            raise ValueError("close_ms, equity and gross must have one element per close")
        if not np.isin(self.close_ms, self.market.close_ms).all():
            raise ValueError("every tradable close must be a close of the market")
        symbols = len(self.market.symbols)
        if not symbols == len(self.lots) == len(self.taker_fee) == len(self.market_cost):
            raise ValueError("lots, taker_fee and market_cost must have one element per symbol")
        if self.fills.dtype != FILL:
            raise ValueError(f"fills must be FILL records, was {self.fills.dtype}")
        if set(self.orders) != set(ORDER_COLUMNS):
            raise ValueError(f"orders must have the columns {', '.join(ORDER_COLUMNS)}")
        if len({len(column) for column in self.orders.values()}) > 1:
            raise ValueError("every column of orders must have the same length")

    @property
    def start_ms(self) -> int | None:
        """Return when the first tradable bar opened; None for a run without bars."""
        return int(self.close_ms[0]) - self.market.timeframe_ms if len(self.close_ms) else None

    def symbol_of(self, sleeve: int) -> str:
        """Return the venue id a sleeve trades."""
        return self.market.symbols[self.sleeves[sleeve][1]]

    def strategy_of(self, sleeve: int) -> str:
        """Return the name of the strategy a sleeve belongs to."""
        return self.sleeves[sleeve][0]


def no_orders() -> dict[str, list[Any]]:
    """Return the order columns of a run that sent nothing."""
    return {name: [] for name in ORDER_COLUMNS}


def no_fills() -> np.ndarray:
    """Return the fills of a run that never traded."""
    return np.empty(0, FILL)


def curve(facts: RunFacts) -> tuple[np.ndarray, np.ndarray]:
    """Return (ms i8[T + 1], equity f8[T + 1]) with the starting capital as the first point."""
    start = facts.start_ms
    if start is None:
        return np.empty(0, np.int64), np.empty(0)
    ms = np.concatenate([[start], facts.close_ms]).astype(np.int64)
    return ms, np.concatenate([[facts.capital], facts.equity])
