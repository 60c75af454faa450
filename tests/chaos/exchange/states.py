"""How far orders are: the stages of ``venue_orders`` and how the venue ends one, as columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aster_ray.engine.venue_orders import Purpose, Stage, Tracked
from aster_ray.model.venue import OrderStatus

if TYPE_CHECKING:
    from aster_ray.engine.venue_account import VenueAccount

PARTLY, CANCELING, REPLACED = "partly filled", "canceling", "stop replaced"
# Every stage but ``ENDED``, which the venue's word on the end stands for.
STAGES = tuple(stage.value for stage in Stage if stage is not Stage.ENDED)
ENDS = tuple(status.value for status in OrderStatus if status.is_final)
STATES = (*STAGES, PARTLY, REPLACED, CANCELING, *ENDS)


class Watched:
    """Every order of an account, and which of them ended since the risk desk was last told."""

    def __init__(self) -> None:
        self._known: dict[str, Tracked] = {}
        self._ended: dict[str, str] = {}
        self._seq = -1
        self.canceling: set[str] = set()  # a request to cancel them is on its way

    def look(self, account: VenueAccount) -> set[str]:
        """Return in which states orders are now."""
        if account.report.seq != self._seq:
            self._seq = account.report.seq
            self._ended.clear()
        for known, order in list(self._known.items()):
            if order.is_ended or known not in account.orders:
                if order.status is not None and not order.code.startswith(("too late", "the stop")):
                    self._ended[known] = order.status.value
                del self._known[known]
        self._known |= {known: o for known, o in account.orders.items() if not o.is_ended}
        found = set(self._ended.values())
        for order in account.orders.values():
            found.update(self._of(order))
        if self._is_replaced(account):
            found.add(REPLACED)
        return found & set(STATES)

    def _of(self, order: Tracked) -> Iterator[str]:
        if order.is_ended:
            return
        yield order.stage.value
        if order.stage is Stage.OPEN and order.parts:
            yield PARTLY
        if order.client_order_id in self.canceling:
            yield CANCELING

    def _is_replaced(self, account: VenueAccount) -> bool:
        """Return whether a new stop stands and the one it replaces is still there."""
        stops = [
            order.slot.symbol
            for order in account.orders.values()
            if order.slot.purpose is Purpose.STOP and order.stage is Stage.OPEN
        ]
        return len(stops) > len(set(stops))
