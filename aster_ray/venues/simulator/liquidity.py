"""The rest of the market: quotes around the recorded price, and the flow that trades with them.

It follows the same rules as everybody: its quotes queue behind orders that were there before,
its takers trade with whoever is first, and a quote that would cross an order of ours trades with
it. Depth and spread follow volatility: calm markets are deep and tight, wild ones thin and wide.
"""

from __future__ import annotations

from collections.abc import Callable

from aster_ray.model.enums import Side
from aster_ray.venues.simulator.book import MARKET, Book, Entry, cross
from aster_ray.venues.simulator.contract import Contract
from aster_ray.venues.simulator.path import Print

LEVELS = 40
# The touch holds a twentieth of a minute's usual volume; levels further out hold more.
_TOUCH_SHARE = 20
_MEMORY = 30  # bars over which volatility and volume are remembered
_CALMEST, _WILDEST = 0.4, 5.0
# A level whose size is off by less than this fraction is left alone: real quotes stay too.
_TOLERANCE = 0.25
# What takers ate comes back by this fraction of what is missing, each step.
_REFILL = 0.3
_HASH, _MASK = 0x9E3779B97F4A7C15, (1 << 64) - 1

Report = Callable[[Side, Entry, int], None]
# By name, because Python 3.11 looks the members of an enum up slowly, and every quote asks.
_BUY, _SELL = Side.BUY, Side.SELL


class Liquidity:
    """Quotes and takers of everybody else on one contract.

    Attributes:
        wildness: volatility of the last bars relative to the long run; 1 is usual.
    """

    def __init__(self, contract: Contract, book: Book, seed: int) -> None:
        self._contract = contract
        self._book = book
        self._seed = (seed * _HASH) & _MASK
        self._quotes: dict[Side, dict[int, list[Entry]]] = {_BUY: {}, _SELL: {}}
        # What should stand at which price, by side and best price; good until the next bar.
        self._ladders: dict[tuple[Side, int], dict[int, int]] = {}
        self._recent = self._usual = 0.0
        self._volume = 0.0
        self._close = 0
        self._bars = 0
        self.wildness = 1.0

    def begin_bar(self, close: int, lots: int) -> None:
        """Note the close (ticks) and volume of the bar before the next steps."""
        if self._close:
            move = abs(close / self._close - 1.0)
            self._recent += (move - self._recent) / (_MEMORY if self._bars > 1 else 1)
            self._usual += (move - self._usual) / min(max(self._bars, 1), 20 * _MEMORY)
        self._volume += (lots - self._volume) / min(self._bars + 1, _MEMORY)
        self._close = close
        self._bars += 1
        self._ladders.clear()
        if self._usual > 0.0:
            self.wildness = min(max(self._recent / self._usual, _CALMEST), _WILDEST)

    @property
    def spread(self) -> int:
        """Return the distance of the best quotes in ticks."""
        rules = self._contract.instrument
        usual = 2.0 * rules.half_spread * self._close
        return max(1, round(usual * self.wildness))

    def depth(self, level: int, ticks: int) -> int:
        """Return how many lots stand at a level (0 is the best price) and price."""
        mixed = ((ticks + self._bars // 5) * _HASH ^ self._seed) & _MASK
        noise = 0.5 + (mixed >> 40) / (1 << 24)
        lots = self._volume / _TOUCH_SHARE * (1.0 + 0.15 * level) * noise / self.wildness
        return max(self._contract.instrument.min_lots, int(lots))

    def touch(self, trade: Print) -> tuple[int, int]:
        """Return the best bid and ask in ticks that go with a print."""
        bid = max(1, trade.ticks if trade.side is _SELL else trade.ticks - self.spread)
        ask = trade.ticks if trade.side is _BUY else trade.ticks + self.spread
        return bid, max(ask, bid + 1)

    def requote(self, trade: Print) -> None:
        """Build the book anew around a print; no order of an account may stand in it."""
        for side, touch in zip((_BUY, _SELL), self.touch(trade), strict=True):
            entries = {
                ticks: Entry(MARKET, 0, side, ticks, lots)
                for ticks, lots in self._wanted(side, touch).items()
            }
            self._book.replace(side, entries.values())
            self._quotes[side] = {ticks: [entry] for ticks, entry in entries.items()}

    def step(self, trade: Print, report: Report) -> None:
        """Move the quotes to a print's price, then let it trade.

        Args:
            trade: what the recorded market did.
            report: called after each execution with the taker's side, the maker and the lots.
        """
        spread = self.spread
        bid = trade.ticks if trade.side is _SELL else trade.ticks - spread
        ask = trade.ticks if trade.side is _BUY else trade.ticks + spread
        bid = max(1, bid)
        for side, touch in ((_BUY, bid), (_SELL, ask)):
            self._withdraw(side, touch)
        for side, touch in ((_BUY, bid), (_SELL, ask)):
            self._meet(side, touch, report)
        for side, touch in ((_BUY, bid), (_SELL, ask)):
            self._quote(side, touch)
        if trade.lots > 0:
            self._supply(trade)
            cross(
                self._book,
                trade.side,
                trade.lots,
                trade.ticks,
                lambda entry, lots: report(trade.side, entry, lots),
            )

    def _withdraw(self, side: Side, touch: int) -> None:
        """Cancel quotes that are better than the new best price."""
        quotes = self._quotes[side]
        for ticks in [ticks for ticks in quotes if side * (ticks - touch) > 0]:
            self._cancel(side, ticks)

    def _meet(self, side: Side, touch: int, report: Report) -> None:
        """Trade with orders of accounts that the new best price runs into.

        What it runs through is taken whole: the recorded market traded beyond it. At the price
        itself no more than a level's depth is taken; what is left stands in the way.
        """
        beyond = touch - side

        def taker(entry: Entry, lots: int) -> None:
            report(side, entry, lots)

        if beyond > 0 and self._book.reaches(side, beyond):
            cross(self._book, side, self._book.lots_within(side, beyond), beyond, taker)
        if self._book.reaches(side, touch):
            cross(self._book, side, self.depth(0, touch), touch, taker)

    def _quote(self, side: Side, touch: int) -> None:
        """Bring the levels near to what they should be, never crossing an account's order."""
        best = self._book.best(_SELL if side is _BUY else _BUY)
        if best is not None and side * (touch - best) >= 0:
            touch = best - side
        wanted = self._wanted(side, touch)
        quotes = self._quotes[side]
        for ticks in [ticks for ticks in quotes if ticks not in wanted]:
            self._cancel(side, ticks)
        for ticks, lots in wanted.items():
            self._resize(side, ticks, lots)

    def _wanted(self, side: Side, touch: int) -> dict[int, int]:
        """Return the ladder from a best price on, as it is until the next bar."""
        found = self._ladders.get((side, touch))
        if found is None:
            found = self._ladders[side, touch] = self._ladder(side, touch)
        return found

    def _ladder(self, side: Side, touch: int) -> dict[int, int]:
        """Return lots by price, from the best price outwards in growing distances."""
        wanted: dict[int, int] = {}
        ticks, gap = touch, max(1.0, self.spread / 2.0)
        for level in range(LEVELS):
            if ticks <= 0:
                break
            wanted[ticks] = self.depth(level, ticks)
            # Further out quotes stand on a coarser grid, so that they stay when the touch moves.
            grid = 1 << (int(gap).bit_length() - 1)
            ticks -= side * int(gap)
            ticks -= side * (side * ticks % grid)
            gap *= 1.1
        return wanted

    def _resize(self, side: Side, ticks: int, lots: int) -> None:
        """Grow a level from behind, shrink it from behind."""
        entries = self._quotes[side].get(ticks)
        if entries is None:
            self._add(side, ticks, lots)
            return
        while entries and entries[0].lots == 0:  # traded away
            del entries[0]
        have = entries[0].lots if len(entries) == 1 else sum(entry.lots for entry in entries)
        if abs(have - lots) <= _TOLERANCE * lots:
            return
        if have < lots:
            self._add(side, ticks, max(1, int((lots - have) * _REFILL)))
            return
        surplus = have - lots
        while surplus > 0 and entries:
            entry = entries[-1]
            off = min(surplus, entry.lots)
            self._book.shrink(entry, off)
            surplus -= off
            if entry.lots == 0:
                entries.pop()

    def _supply(self, trade: Print) -> None:
        """See to it that a print can trade whole at its price."""
        short = trade.lots - self._book.lots_within(trade.side, trade.ticks)
        maker = _SELL if trade.side is _BUY else _BUY
        if short > 0 and not self._book.reaches(maker, trade.ticks):
            self._add(maker, trade.ticks, short)

    def _add(self, side: Side, ticks: int, lots: int) -> None:
        entry = Entry(MARKET, 0, side, ticks, lots)
        self._book.add(entry)
        self._quotes[side].setdefault(ticks, []).append(entry)

    def _cancel(self, side: Side, ticks: int) -> None:
        for entry in self._quotes[side].pop(ticks):
            if entry.lots > 0:
                self._book.remove(entry)
