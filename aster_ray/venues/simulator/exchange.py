"""The exchange without its wires: time goes in, orders go in, messages come out.

Nothing here waits, reads a clock or draws an unseeded number: the same calls in the same order give
the same messages.
"""

from __future__ import annotations

import random
from functools import partial

import numpy as np

from aster_ray.model.enums import Side
from aster_ray.venues.simulator.account import Account
from aster_ray.venues.simulator.amounts import UNIT
from aster_ray.venues.simulator.candles import Candle
from aster_ray.venues.simulator.floor import Conduct, Floor
from aster_ray.venues.simulator.liquidation import Liquidator
from aster_ray.venues.simulator.listing import BASIS_SAMPLES, Listing, PublicTrade
from aster_ray.venues.simulator.matching import Matcher
from aster_ray.venues.simulator.order import Order, OrderRequest, Status
from aster_ray.venues.simulator.outlook import Outlook
from aster_ray.venues.simulator.path import FEWEST_STEPS, Print, TickBar, bar_prints
from aster_ray.venues.simulator.refusals import Reason, RefusedError
from aster_ray.venues.simulator.settlement import settle_funding
from aster_ray.venues.simulator.tape import Tape
from aster_ray.venues.simulator.triggers import Triggers

DEPOSIT = 10_000 * UNIT
_PRIMING = 600  # bars of history that teach the market its usual volatility and volume


class Exchange:
    """Plays a tape and trades with whoever asks.

    Args:
        tape: the recorded market.
        seed: of everything random.
        step_ms: how often prices move; a bar always has a few steps.
        conduct: what the venue's documents leave open.
        deposit: what a new account begins with, in units.
    """

    def __init__(
        self,
        tape: Tape,
        *,
        seed: int = 7,
        step_ms: int = 250,
        conduct: Conduct | None = None,
        deposit: int = DEPOSIT,
    ) -> None:
        self.tape = tape
        self.deposit = deposit
        self._seed = seed
        self._steps = max(FEWEST_STEPS, tape.bar_ms // step_ms)
        self._step_ms = tape.bar_ms // self._steps
        self._row, self._step = tape.start, 0
        self._prints: list[list[Print] | None] = []
        self._near: frozenset[int] = frozenset()  # contracts whose quotes take every step
        listings = {
            contract.symbol: Listing(
                contract,
                partial(tape.trades, n),
                partial(tape.indices, n),
                (tape.since_ms(n), int(tape.open_ms[tape.start])),
                seed + n,
            )
            for n, contract in enumerate(tape.contracts)
        }
        self.floor = Floor(listings, conduct or Conduct())
        self.matcher = Matcher(self.floor)
        self._triggers = Triggers(self.floor, self.matcher)
        self._liquidator = Liquidator(self.floor, self.matcher)
        self._listings = list(listings.values())
        for listing in self._listings:
            listing.report = partial(self.matcher.maker_filled, listing)
        self._outlook = Outlook(self.floor, tape)
        self.start_ms = int(tape.open_ms[tape.start])
        self.end_ms = int(tape.open_ms[-1]) + tape.bar_ms
        self._prime()
        self.advance(self.start_ms)

    def _prime(self) -> None:
        """Teach the market its past and set the prices it opens with."""
        self.floor.now_ms = self.start_ms
        first = max(0, self.tape.start - _PRIMING)
        for n, listing in enumerate(self._listings):
            for row in range(first, self.tape.start):
                bar = self.tape.bar(row, n)
                if bar is not None:
                    listing.liquidity.begin_bar(bar.close, bar.lots)
                    listing.last = bar.close
            self._schedule_funding(n, listing)
            listing.revalue(int(self.tape.index[self.tape.start - 1, n]), self.start_ms)

    def _schedule_funding(self, n: int, listing: Listing) -> None:
        interval = listing.contract.instrument.funding_interval_ms
        listing.next_funding_ms = (self.floor.now_ms // interval + 1) * interval
        listing.funding_rate = self.tape.rate_at(listing.next_funding_ms, n)

    @property
    def is_over(self) -> bool:
        """Return whether the tape has ended: prices stand still from then on."""
        return self._row >= len(self.tape.open_ms)

    def account(self, user: str) -> Account:
        """Return a user's account, opening one at first sight."""
        return self.floor.open_account(user, self.deposit)

    def advance(self, to_ms: int) -> None:
        """Let the market live until a moment."""
        while not self.is_over and self._next_ms() <= to_ms:
            self._move()
        self.floor.now_ms = max(self.floor.now_ms, to_ms)

    def _next_ms(self) -> int:
        return int(self.tape.open_ms[self._row]) + self._step * self._step_ms

    def leap(self, to_ms: int) -> None:
        """Live until a moment, as fast as can be: for an exchange whose time is told to move.

        Where no order and no margin of any account can be concerned the recorded bars stand for
        what happened, and of their trades only those of the newest bar are public. Everywhere else
        prices take every step of their path, as in ``advance``; the quotes of a contract take them
        where an order or a margin may be concerned, and else follow at the end.
        """
        looked = -1
        while not self.is_over and self._next_ms() <= to_ms:
            # Funding settles with the first step of a row: what follows may be calm again.
            if self._row != looked or self._step == 1:
                calm = self._outlook.calm_rows(self._row, self._rows_before(to_ms))
                if calm:
                    self._skip(calm)
                    continue
                looked, self._near = self._row, self._outlook.concerned(self._row)
            self._move(lazily=True)
        for listing in self._listings:
            if listing.has_resting:
                _ = listing.book  # whoever looks from now on finds it where it would be anyhow
        self.floor.now_ms = max(self.floor.now_ms, to_ms)

    def _rows_before(self, to_ms: int) -> int:
        """Return up to which row bars are over at a moment and before funding settles."""
        funding_ms = min(listing.next_funding_ms for listing in self._listings)
        opens, bar_ms = self.tape.open_ms, self.tape.bar_ms
        # A bar must end by the moment, and one in which funding settles takes all its steps.
        over = int(np.searchsorted(opens, to_ms - bar_ms, side="right"))
        return min(over, int(np.searchsorted(opens, funding_ms - bar_ms, side="right")))

    def _skip(self, count: int) -> None:
        """Take the next rows as they were recorded."""
        first, end, tape = self._row, self._row + count, self.tape
        since_ms, last_ms = int(tape.open_ms[first]), int(tape.open_ms[end - 1])
        self.floor.now_ms = max(self.floor.now_ms, last_ms + (self._steps - 1) * self._step_ms)
        for n, listing in enumerate(self._listings):
            listing.skip(self._rest(n), since_ms, last_ms + tape.bar_ms)
            newest = None
            bars = zip(
                tape.ticks[first:end, n].tolist(), tape.lots[first:end, n].tolist(), strict=True
            )
            for row, ((opened, high, low, close), lots) in enumerate(bars, first):
                if opened > 0:
                    listing.liquidity.begin_bar(close, lots)
                    if row >= end - BASIS_SAMPLES and (row > first or not self._step):
                        index = self._index(n, row, 0) or listing.index
                        listing.sample(opened, index, int(tape.open_ms[row]))
                    newest = row, TickBar(opened, high, low, close, lots)
            if newest is not None:
                self._close_at(n, *newest)
        self._liquidator.check()
        self._row, self._step = end, 0

    def _rest(self, n: int) -> Candle | None:
        """Return what the recorded bar of a row that has begun still holds."""
        bar = self.tape.bar(self._row, n) if self._step else None
        prints = self._prints[n] if bar is not None else None
        if bar is None or prints is None:
            return None
        left = prints[self._step :]
        value = self._listings[n].contract.notional
        sums = [(one.lots, value(one.lots, one.ticks), one.side is Side.BUY) for one in left]
        lots, quote = sum(row[0] for row in sums), sum(row[1] for row in sums)
        bought = [row for row in sums if row[2]]
        taken = sum(row[0] for row in bought), sum(row[1] for row in bought)
        return Candle(0, bar.close, bar.high, bar.low, bar.close, lots, quote, len(left), *taken)

    def _close_at(self, n: int, row: int, bar: TickBar) -> None:
        """Let a contract stand where a recorded bar closed."""
        listing, floor = self._listings[n], self.floor
        begun = row == self._row and self._step > 0
        turns = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
        prices = (bar.open, *turns, bar.close)
        open_ms, quarter = int(self.tape.open_ms[row]), self.tape.bar_ms // 4
        lots, before = bar.lots // 4, bar.open
        for part, ticks in enumerate(prices):
            bought = ticks > before or (ticks == before and bar.close >= bar.open)
            if lots and not (begun and part == 0):
                quote = listing.contract.notional(lots, ticks)
                earlier_ms = listing.trades[-1].ms if listing.trades else 0
                at_ms = max(earlier_ms, open_ms + part * quarter)
                listing.show(PublicTrade(floor.next_trade_id(), ticks, lots, quote, at_ms, bought))
            before = ticks
        stand = Print(bar.close, Side.BUY if bar.close >= turns[1] else Side.SELL, 0)
        listing.print(stand)
        listing.value(int(self.tape.index[row, n]) or listing.index, floor.now_ms)

    def _move(self, *, lazily: bool = False) -> None:
        """Take one step of every contract."""
        now = self.floor.now_ms = max(self.floor.now_ms, self._next_ms())
        if self._step == 0:
            self._prints = [self._plan(n) for n in range(len(self._listings))]
        for n, listing in enumerate(self._listings):
            if now >= listing.next_funding_ms:
                settle_funding(self.floor, listing)
                self._schedule_funding(n, listing)
            prints = self._prints[n]
            if prints is not None:
                self._print(n, prints[self._step], lazily=lazily)
                listing.revalue(self._index(n, self._row, self._step) or listing.index, now)
                self._triggers.check(listing)
        self._liquidator.check()
        self._step += 1
        if self._step == self._steps:
            self._end_bar()

    def _print(self, n: int, trade: Print, *, lazily: bool) -> None:
        """Let the recorded market trade, with whoever stands in the book."""
        listing = self._listings[n]
        if not lazily or (listing.has_resting and n in self._near):
            _ = listing.book  # its quotes stand where the price was
            listing.liquidity.step(trade, listing.report)
            return
        listing.print(trade)
        if trade.lots:
            self.matcher.publish(listing, trade.side, trade.ticks, trade.lots)

    def _plan(self, n: int) -> list[Print] | None:
        """Draw what contract ``n`` will do within the row."""
        bar = self.tape.bar(self._row, n)
        if bar is None:
            return None
        return bar_prints(bar, self._steps, random.Random(f"{self._seed}|{n}|{self._row}"))

    def _index(self, n: int, row: int, step: int) -> int:
        """Return the index, which goes straight from one recorded value to the next; 0 for none."""
        before, after = self.tape.index[row - 1 : row + 1, n].tolist()
        if before <= 0 or after <= 0:
            return int(max(before, after, 0))
        return int(before + (after - before) * (step + 1) // self._steps)

    def _end_bar(self) -> None:
        for n, listing in enumerate(self._listings):
            bar = self.tape.bar(self._row, n)
            if bar is not None:
                listing.liquidity.begin_bar(bar.close, bar.lots)
            listing.pass_to(int(self.tape.open_ms[self._row]) + self.tape.bar_ms)
        self._row, self._step = self._row + 1, 0

    def place(self, account: Account, request: OrderRequest) -> Order:
        """Accept an order, which trades when it is activated.

        Raises:
            RefusedError: a rule forbids it.
        """
        return self.matcher.admit(account, request)

    def activate(self, order: Order) -> None:
        """Let an accepted order reach the book, and what it moves trigger others."""
        self.matcher.activate(order)
        self._triggers.check(self.floor.listings[order.request.symbol])

    def cancel(self, order: Order) -> None:
        """Withdraw an order.

        Raises:
            RefusedError: it is done already.
        """
        if not order.is_open:
            raise RefusedError(Reason.UNKNOWN_ORDER)
        self.matcher.end(order, Status.CANCELED)

    def amend(self, order: Order, lots: int, ticks: int) -> None:
        """Give a limit order another size and price; it leaves the book until it is activated.

        Raises:
            RefusedError: it is no open limit order, or what is new breaks a rule: then it stands
                as it was.
        """
        self.matcher.amend(order, lots, ticks)
