"""The exchange without its wires: time goes in, orders go in, messages come out.

Nothing here waits, reads a clock or draws an unseeded number: the same calls in the same order give
the same messages.
"""

from __future__ import annotations

import random
from functools import partial

from aster_ray.venues.simulator.account import Account
from aster_ray.venues.simulator.amounts import UNIT
from aster_ray.venues.simulator.floor import Conduct, Floor
from aster_ray.venues.simulator.liquidation import Liquidator
from aster_ray.venues.simulator.listing import Listing
from aster_ray.venues.simulator.matching import Matcher
from aster_ray.venues.simulator.order import Order, OrderRequest, Status
from aster_ray.venues.simulator.path import FEWEST_STEPS, Print, bar_prints
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
        listings = {
            contract.symbol: Listing(contract, tape.history(n), tape.index_history(n), seed + n)
            for n, contract in enumerate(tape.contracts)
        }
        self.floor = Floor(listings, conduct or Conduct())
        self.matcher = Matcher(self.floor)
        self._triggers = Triggers(self.floor, self.matcher)
        self._liquidator = Liquidator(self.floor, self.matcher)
        self._listings = list(listings.values())
        self.start_ms = int(tape.open_ms[tape.start])
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

    def _move(self) -> None:
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
                report = partial(self.matcher.maker_filled, listing)
                listing.liquidity.step(prints[self._step], report)
                listing.revalue(self._index(n) or listing.index, now)
                self._triggers.check(listing)
        self._liquidator.check()
        self._step += 1
        if self._step == self._steps:
            self._end_bar()

    def _plan(self, n: int) -> list[Print] | None:
        """Draw what contract ``n`` will do within the row."""
        bar = self.tape.bar(self._row, n)
        if bar is None:
            return None
        return bar_prints(bar, self._steps, random.Random(f"{self._seed}|{n}|{self._row}"))

    def _index(self, n: int) -> int:
        """Return the index, which goes straight from one recorded value to the next; 0 for none."""
        before = int(self.tape.index[self._row - 1, n])
        after = int(self.tape.index[self._row, n])
        if before <= 0 or after <= 0:
            return max(before, after, 0)
        return before + (after - before) * (self._step + 1) // self._steps

    def _end_bar(self) -> None:
        for n, listing in enumerate(self._listings):
            bar = self.tape.bar(self._row, n)
            if bar is not None:
                listing.liquidity.begin_bar(bar.close, bar.lots)
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
