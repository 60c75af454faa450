"""What others do to the account: how long it has differed from our books, and when it is ours."""

from __future__ import annotations

import math
from collections.abc import Iterator

import structlog

from aster_ray.clock import monotonic_ns
from aster_ray.engine.adoption import may_adopt
from aster_ray.engine.messages import BarBatch
from aster_ray.engine.venue_account import VenueAccount
from aster_ray.kernel.records import MARK_CLOSE


class Others:
    """Differences between the venue's positions and ours, by symbol.

    Attributes:
        adopts: whether positions of others become ours; else they are left alone.
        after_s: a difference that lasts so long is no delay of the venue's lists.
    """

    def __init__(self, account: VenueAccount) -> None:
        self._account = account
        self.adopts = False
        self.after_s = 5.0
        self._since: dict[int, int] = {}  # symbol -> ns of our monotonic clock

    def differs(self, n: int) -> None:
        """Learn that the difference of a symbol is a new one."""
        self._since[n] = monotonic_ns()

    def adoptions(self, batch: BarBatch) -> Iterator[dict[str, object]]:
        """Yield what becomes ours at a close, as records, so that its orders know of it."""
        if not self.adopts:
            return
        account, now = self._account, monotonic_ns()
        for n, lots in list(account.foreign.items()):
            if (now - self._since.get(n, now)) / 1e9 < self.after_s or not may_adopt(account, n):
                continue
            told = float(batch.bars[n, MARK_CLOSE])
            price = float(account.book.positions["mark"][n]) if math.isnan(told) else told
            self._since.pop(n, None)
            structlog.get_logger().warning("position_adopted", symbol=n, lots=lots, price=price)
            record: dict[str, object] = {"kind": "adopt", "symbol": n, "lots": lots}
            yield {**record, "price": price, "ms": batch.close_ms}
