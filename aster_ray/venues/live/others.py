"""What others do to the account: how long it has differed from our books, and when it is ours.

An earlier session of ours is somebody else here too, but one of whom two things are known: nobody
looks after what it left at the venue, and its stops protect what it held.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import structlog

from aster_ray.clock import monotonic_ns
from aster_ray.engine.adoption import is_working, may_adopt
from aster_ray.engine.messages import BarBatch
from aster_ray.engine.venue_account import VenueAccount
from aster_ray.engine.venue_orders import Purpose, Stage
from aster_ray.kernel.records import MARK_CLOSE
from aster_ray.model.ids import OURS
from aster_ray.model.venue import VenueOrder


class Others:
    """Differences between the venue's positions and ours, by symbol.

    Attributes:
        adopts: whether positions of others become ours; else they are left alone.
        tidies: whether orders of others are withdrawn at all; a dry run only looks.
        after_s: a difference that lasts so long is no delay of the venue's lists.
    """

    def __init__(self, account: VenueAccount) -> None:
        self._account = account
        self.adopts, self.tidies = False, True
        self.after_s = 5.0
        self._since: dict[int, int] = {}  # symbol -> ns of our monotonic clock

    def differs(self, n: int) -> None:
        """Learn that the difference of a symbol is a new one."""
        self._since[n] = monotonic_ns()

    def adoptions(self, batch: BarBatch) -> Iterator[dict[str, object]]:
        """Yield what becomes ours at a close, as records, so that its orders know of it."""
        now = monotonic_ns()
        for n in list(self._account.foreign):
            # What an earlier life noted counts from this one's first close on.
            if (now - self._since.setdefault(n, now)) / 1e9 >= self.after_s:
                yield from self._adoption(n, float(batch.bars[n, MARK_CLOSE]), batch.close_ms)

    def at_first(self, marks: Mapping[int, float], ms: int) -> Iterator[dict[str, object]]:
        """Yield what becomes ours before the first close, to have its stop at once.

        Nothing of ours can be under way then, and nobody has decided on anything yet.

        Args:
            marks: symbol -> the venue's mark price.
            ms: when the session begins.
        """
        if self._account.observed < 0:
            for n in list(self._account.foreign):
                yield from self._adoption(n, marks.get(n, math.nan), ms)

    def _adoption(self, n: int, told: float, ms: int) -> Iterator[dict[str, object]]:
        account = self._account
        if not self.adopts or not may_adopt(account, n):
            return
        lots = account.foreign[n]
        price = told if told > 0.0 else float(account.book.positions["mark"][n])
        self._since.pop(n, None)
        structlog.get_logger().warning("position_adopted", symbol=n, lots=lots, price=price)
        record: dict[str, object] = {"kind": "adopt", "symbol": n, "lots": lots}
        yield {**record, "price": price, "ms": ms}

    def is_in_the_way(self, n: int, order: VenueOrder) -> bool:
        """Return whether an open order that is not in our books is to be withdrawn now.

        What may open a position goes if positions of others become ours, or if an earlier session
        of ours left it. What only reduces goes once the position is ours and has its own stop,
        and never while an order of ours is under way: whose the position is cannot be told then.
        """
        if not self.tidies:
            return False
        if not order.reduce_only:
            return self.adopts or order.client_order_id.startswith(OURS)
        account = self._account
        told = n not in account.foreign and not is_working(account, n)
        return self.adopts and told and self._is_safe(n)

    def _is_safe(self, n: int) -> bool:
        account = self._account
        return not account.position(n) or any(
            order.slot.symbol == n
            and order.slot.purpose is Purpose.STOP
            and order.stage is Stage.OPEN
            and order.want.lots == -account.position(n)
            for order in account.orders.values()
        )
