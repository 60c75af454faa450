"""One contract as it trades: its book, its prices of the moment, its public trades and bars."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from aster_ray.model.enums import Side
from aster_ray.model.ids import HOUR_MS, MINUTE_MS
from aster_ray.venues.simulator.amounts import UNIT, divide
from aster_ray.venues.simulator.book import Book, Entry
from aster_ray.venues.simulator.candles import Candle, Candles, Recording
from aster_ray.venues.simulator.contract import Contract
from aster_ray.venues.simulator.liquidity import Liquidity, Report
from aster_ray.venues.simulator.order import Order
from aster_ray.venues.simulator.path import Print

_KEPT_TRADES = 2_000
BASIS_SAMPLES = 5
INTEREST_RATE = UNIT // 10_000  # 0.01 % every 8 hours


def _unheard(_side: Side, _entry: Entry, _lots: int) -> None:
    """Take note of nothing: before there are accounts."""


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
        report: told when the market's quotes trade with an order of an account.
    """

    def __init__(
        self,
        contract: Contract,
        trades: Recording,
        indices: Recording,
        span: tuple[int, int],
        seed: int,
    ) -> None:
        self.contract = contract
        self._book = Book()
        self._unquoted: Print | None = None
        self.report: Report = _unheard
        self.liquidity = Liquidity(contract, self._book, seed)
        since_ms, start_ms = span  # of the recording; of what is played
        self.candles = Candles(trades, start_ms, since_ms)
        self.marks = Candles(indices, start_ms, since_ms)
        self.indices = Candles(indices, start_ms, since_ms)
        self.trades: deque[PublicTrade] = deque(maxlen=_KEPT_TRADES)
        self.waiting: dict[int, Order] = {}
        self.last = 0
        self.index = 0
        self.mark = 0
        self.funding_rate = INTEREST_RATE
        self.next_funding_ms = 0
        self._basis: deque[int] = deque(maxlen=BASIS_SAMPLES)
        self._sampled_ms = -1

    @property
    def book(self) -> Book:
        """Return the book, with the market's quotes where the price is."""
        if self._unquoted is not None:
            trade, self._unquoted = self._unquoted, None
            if self.has_resting:
                self.liquidity.step(trade._replace(lots=0), self.report)
            else:
                self.liquidity.requote(trade)
        return self._book

    @property
    def own(self) -> Iterable[Entry]:
        """Return the orders of accounts that stand in the book."""
        return self._book.own

    @property
    def has_resting(self) -> bool:
        """Return whether an order of an account stands in the book."""
        return bool(self._book.own)

    @property
    def touch(self) -> tuple[int | None, int | None]:
        """Return the best bid and ask in ticks, None for an empty side."""
        if self._unquoted is not None:
            return self.liquidity.touch(self._unquoted)
        return self._book.best(Side.BUY), self._book.best(Side.SELL)

    def print(self, trade: Print) -> None:
        """Note where the market stands without moving its quotes; the book does when looked at.

        While no order of an account stands in it the quotes are a function of the price, whoever
        looks and however often. Orders that stand in it must be out of the price's reach, and the
        exchange looks itself before it lets anybody else.
        """
        self.last = trade.ticks
        self._unquoted = trade
        self._book.update_id += 1

    @property
    def last_units(self) -> int:
        """Return the price of the last trade in units."""
        return self.last * self.contract.tick_units

    def trade(self, trade: PublicTrade) -> None:
        """Make an execution public."""
        self.last = trade.ticks
        self.trades.append(trade)
        self.candles.trade(trade.ms, trade.ticks, trade.lots, trade.quote, buyer=trade.buyer)

    def show(self, trade: PublicTrade) -> None:
        """Make an execution public that is in the recorded bar already."""
        self.trades.append(trade)

    def skip(self, rest: Candle | None, since_ms: int, ms: int) -> None:
        """Take the recording within ``[since_ms, ms)`` for what happened; see ``Candles.skip``."""
        self.candles.skip(rest, since_ms, ms)
        self.marks.skip(None, since_ms, ms)
        self.indices.skip(None, since_ms, ms)

    def pass_to(self, ms: int) -> None:
        """Know the recording up to a moment."""
        for candles in (self.candles, self.marks, self.indices):
            candles.pass_to(ms)

    def sample(self, ticks: int, index: int, ms: int) -> None:
        """Note how far from the index a bar opened, for the mark, where no step was taken."""
        self._sampled_ms = ms // MINUTE_MS
        self._basis.append(ticks * self.contract.tick_units - index)

    def revalue(self, index: int, ms: int) -> None:
        """Set the index and from it the mark, and write both into their bars."""
        self.value(index, ms)
        self.marks.trade(ms, self.mark, 0, 0, buyer=False)
        self.indices.trade(ms, index, 0, 0, buyer=False)

    def value(self, index: int, ms: int) -> None:
        """Set the index and from it the mark: the median of three estimates.

        They are the index with the funding still to come, the index with the mean distance of the
        book's middle over the last five minutes, and the last price.
        """
        self.index = index
        bid, ask = self.touch
        if bid is not None and ask is not None and ms // MINUTE_MS != self._sampled_ms:
            self._sampled_ms = ms // MINUTE_MS
            self._basis.append((bid + ask) * self.contract.tick_units // 2 - index)
        left = max(0, self.next_funding_ms - ms)
        funded = index + divide(index * self.funding_rate * left, UNIT * 8 * HOUR_MS)
        based = index + (sum(self._basis) // len(self._basis) if self._basis else 0)
        self.mark = max(1, sorted((funded, based, self.last_units or index))[1])
