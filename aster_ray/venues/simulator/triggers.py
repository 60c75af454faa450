"""Conditional orders: waiting, following, and becoming the order they stand for."""

from __future__ import annotations

from aster_ray.model.enums import Side
from aster_ray.venues.simulator.admission import check_margin, reference_price, would_trigger
from aster_ray.venues.simulator.amounts import UNIT
from aster_ray.venues.simulator.floor import Floor
from aster_ray.venues.simulator.listing import Listing
from aster_ray.venues.simulator.matching import Matcher
from aster_ray.venues.simulator.messages import order_update
from aster_ray.venues.simulator.order import Order, OrderType, Status
from aster_ray.venues.simulator.refusals import RefusedError


class Triggers:
    """Watches the waiting orders of every contract."""

    def __init__(self, floor: Floor, matcher: Matcher) -> None:
        self._floor = floor
        self._matcher = matcher

    def check(self, listing: Listing) -> None:
        """Release the orders whose price is reached; what they trade may release others."""
        reached = True
        while reached and listing.waiting:
            reached = False
            for order in list(listing.waiting.values()):
                if order.waiting and self._is_due(listing, order):
                    self._release(listing, order)
                    reached = True

    def _is_due(self, listing: Listing, order: Order) -> bool:
        request = order.request
        if request.kind is OrderType.TRAILING_STOP_MARKET:
            due = self._follow(listing, order)
        else:
            due = would_trigger(listing, request)
        return due and not (request.price_protect and _prices_disagree(listing))

    def _follow(self, listing: Listing, order: Order) -> bool:
        """Let a trailing stop follow the price; return whether it fell back far enough."""
        request = order.request
        price = reference_price(listing, request)
        if order.peak == 0:
            if request.activation_ticks and not would_trigger(listing, request):
                return False
            order.peak = price
        if request.side is Side.SELL:
            order.peak = max(order.peak, price)
            return price * UNIT <= order.peak * (UNIT - request.callback)
        order.peak = min(order.peak, price)
        return price * UNIT >= order.peak * (UNIT + request.callback)

    def _release(self, listing: Listing, order: Order) -> None:
        """Turn an order into what it stands for; one that may not open any more expires."""
        floor, request = self._floor, order.request
        account = floor.account(order.account)
        listing.waiting.pop(order.order_id)
        order.waiting = False
        order.updated_ms = floor.now_ms
        order.kind = OrderType.LIMIT if request.kind.has_price else OrderType.MARKET
        if request.close_position:
            order.lots = abs(account.position(request.symbol, request.position_side).lots)
        elif not request.only_closes:
            # It is on the list of orders already; its margin is what it adds to the others.
            del account.open_orders[order.order_id]
            try:
                check_margin(floor, account, order)
            except RefusedError:
                self._matcher.end(order, Status.EXPIRED)
                return
            account.open_orders[order.order_id] = order
        floor.tell(order.account, order_update(floor, order, "NEW"))
        self._matcher.activate(order)


def _prices_disagree(listing: Listing) -> bool:
    """Return whether last and mark price are too far apart for a protected order to trigger."""
    gap = abs(listing.last_units - listing.mark)
    return gap * UNIT > listing.mark * listing.contract.filters.trigger_protect
