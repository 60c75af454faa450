"""One contract as it trades: its book, its prices of the moment, its public trades and bars."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from aster_ray.model.enums import Side
from aster_ray.model.ids import HOUR_MS, MINUTE_MS
from aster_ray.venues.simulator.amounts import UNIT, divide
from aster_ray.venues.simulator.book import Book
from aster_ray.venues.simulator.candles import Candles
from aster_ray.venues.simulator.contract import Contract
from aster_ray.venues.simulator.liquidity import Liquidity
from aster_ray.venues.simulator.order import Order

_KEPT_TRADES = 10_000
_BASIS_SAMPLES = 5
INTEREST_RATE = UNIT // 10_000  # 0.01 % every 8 hours


class PublicTrade(NamedTuple):
    """One execution as everybody sees it; ``buyer`` tells whether the taker bought."""

    trade_id: int
    ticks: int
    lots: int
    quote: int
    ms: int
    buyer: bool


class Listing:
    """The state of one contract.

    Attributes:
        last: price of the last trade, in ticks.
        index, mark: in units.
        funding_rate: of the next settlement, a fraction in units.
        next_funding_ms: when it settles.
        waiting: conditional orders that wait for a price, by id.
        candles: of trades, in ticks and lots.
        marks, indices: of mark and index price, in units and without volume.
    """

    def __init__(
        self, contract: Contract, history: np.ndarray, index_history: np.ndarray, seed: int
    ) -> None:
        self.contract = contract
        self.book = Book()
        self.liquidity = Liquidity(contract, self.book, seed)
        self.candles = Candles(history)
        self.marks = Candles(index_history)
        self.indices = Candles(index_history)
        self.trades: deque[PublicTrade] = deque(maxlen=_KEPT_TRADES)
        self.waiting: dict[int, Order] = {}
        self.last = 0
        self.index = 0
        self.mark = 0
        self.funding_rate = INTEREST_RATE
        self.next_funding_ms = 0
        self._basis: deque[int] = deque(maxlen=_BASIS_SAMPLES)
        self._sampled_ms = -1

    @property
    def last_units(self) -> int:
        """Return the price of the last trade in units."""
        return self.last * self.contract.tick_units

    def trade(self, trade: PublicTrade) -> None:
        """Make an execution public."""
        self.last = trade.ticks
        self.trades.append(trade)
        self.candles.trade(trade.ms, trade.ticks, trade.lots, trade.quote, buyer=trade.buyer)

    def revalue(self, index: int, ms: int) -> None:
        """Set the index and from it the mark: the median of three estimates.

        They are the index with the funding still to come, the index with the mean distance of the
        book's middle over the last five minutes, and the last price.
        """
        self.index = index
        bid, ask = self.book.best(Side.BUY), self.book.best(Side.SELL)
        if bid is not None and ask is not None and ms // MINUTE_MS != self._sampled_ms:
            self._sampled_ms = ms // MINUTE_MS
            self._basis.append((bid + ask) * self.contract.tick_units // 2 - index)
        left = max(0, self.next_funding_ms - ms)
        funded = index + divide(index * self.funding_rate * left, UNIT * 8 * HOUR_MS)
        based = index + (sum(self._basis) // len(self._basis) if self._basis else 0)
        self.mark = max(1, sorted((funded, based, self.last_units or index))[1])
        self.marks.trade(ms, self.mark, 0, 0, buyer=False)
        self.indices.trade(ms, index, 0, 0, buyer=False)
