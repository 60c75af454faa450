"""Whether an order may enter, given what its account holds and where the market is."""

from __future__ import annotations

from dataclasses import replace

from aster_ray.model.enums import Side
from aster_ray.venues.simulator.account import Account
from aster_ray.venues.simulator.amounts import UNIT, units_text
from aster_ray.venues.simulator.floor import Floor
from aster_ray.venues.simulator.listing import Listing
from aster_ray.venues.simulator.order import (
    Order,
    OrderRequest,
    OrderType,
    PositionSide,
    TimeInForce,
    WorkingType,
)
from aster_ray.venues.simulator.refusals import Reason, RefusedError


def check(floor: Floor, account: Account, order: Order) -> None:
    """Refuse an order that breaks a rule of the contract, the account or the moment.

    Raises:
        RefusedError: the first rule that is broken.
    """
    request = order.request
    listing = floor.listings[request.symbol]
    _check_sides(account, request)
    if any(
        other.request.client_id == request.client_id and other.request.symbol == request.symbol
        for other in account.open_orders.values()
    ):
        raise RefusedError(Reason.DUPLICATE_CLIENT_ID)
    if request.builder and request.builder_fee > account.builders.get(request.builder, -1):
        raise RefusedError(Reason.BUILDER)
    _check_counts(account, listing, request)
    _check_price(listing, request)
    if request.kind.is_conditional and would_trigger(listing, request):
        raise RefusedError(Reason.WOULD_TRIGGER)
    _check_post_only(floor, listing, request)
    if request.only_closes:
        _check_closing(account, request)
        return
    _check_notional(listing, request)
    if not order.waiting:
        check_margin(floor, account, order)


def check_amended(floor: Floor, account: Account, order: Order) -> None:
    """Refuse a new size and price of an order that break a rule; it is on no list meanwhile.

    Raises:
        RefusedError: the first rule that is broken.
    """
    listing = floor.listings[order.request.symbol]
    request = replace(order.request, lots=order.lots, ticks=order.ticks)
    _check_price(listing, request)
    if request.only_closes:
        _check_closing(account, request)
        return
    _check_notional(listing, request)
    check_margin(floor, account, order)


def _check_sides(account: Account, request: OrderRequest) -> None:
    if (request.position_side is PositionSide.BOTH) == account.hedge:
        raise RefusedError(Reason.POSITION_SIDE_MISMATCH)
    if account.hedge and request.reduce_only:
        raise RefusedError(Reason.REDUCE_ONLY_CONFLICT)


def _check_counts(account: Account, listing: Listing, request: OrderRequest) -> None:
    orders = account.resting(request.symbol)
    stops = sum(order.waiting for order in orders)
    if request.kind.is_conditional and stops >= listing.contract.filters.max_stops:
        raise RefusedError(Reason.MAX_STOPS)
    if len(orders) >= listing.contract.filters.max_orders:
        raise RefusedError(Reason.MAX_ORDERS)


def _check_price(listing: Listing, request: OrderRequest) -> None:
    """Hold limit prices to their band, and market orders to a market that is within reach."""
    contract = listing.contract
    band = contract.filters.price_band
    if request.kind is OrderType.MARKET:
        best = listing.book.best(Side.SELL if request.side is Side.BUY else Side.BUY)
        if best is None:
            raise RefusedError(Reason.NO_DEPTH)
        if request.side * (best - market_bound(listing, request.side)) > 0:
            raise RefusedError(Reason.BEST_PRICE_OUTSIDE)
    if not request.ticks:
        return
    stop = request.stop_ticks
    reference = stop * contract.tick_units if stop else listing.mark
    price = request.ticks * contract.tick_units
    if request.side is Side.BUY and price * UNIT > reference * (UNIT + band):
        raise RefusedError(Reason.ABOVE_STOP_CAP if stop else Reason.PRICE_ABOVE_CAP)
    if request.side is Side.SELL and price * UNIT < reference * (UNIT - band):
        raise RefusedError(Reason.BELOW_STOP_FLOOR if stop else Reason.PRICE_BELOW_FLOOR)


def _check_post_only(floor: Floor, listing: Listing, request: OrderRequest) -> None:
    if (
        floor.conduct.reject_post_only
        and request.kind is OrderType.LIMIT
        and request.time_in_force is TimeInForce.GTX
        and listing.book.reaches(request.side, request.ticks)
    ):
        raise RefusedError(Reason.POST_ONLY)


def _check_closing(account: Account, request: OrderRequest) -> None:
    """Refuse to close what is not there.

    In hedge mode the side itself closes, and an order must fit into its position; a reduce-only
    order of one-way mode is cut to the position instead, whenever it trades.
    """
    if request.close_position and request.kind.is_conditional:
        return  # looks for its position when it triggers
    lots = account.position(request.symbol, request.position_side).lots
    too_much = account.hedge and request.lots > abs(lots)
    if lots * request.side >= 0 or too_much:
        raise RefusedError(Reason.REDUCE_ONLY)


def _check_notional(listing: Listing, request: OrderRequest) -> None:
    contract = listing.contract
    ticks = request.ticks or request.stop_ticks
    value = (
        contract.notional(request.lots, ticks)
        if ticks
        else contract.worth(request.lots, listing.mark)
    )
    if value < contract.min_notional:
        raise RefusedError(Reason.MIN_NOTIONAL, units_text(contract.min_notional, 1))


def check_margin(floor: Floor, account: Account, order: Order) -> None:
    """Refuse an order that would need more margin or a larger position than allowed.

    What it needs is the initial margin it adds and the loss it would open with: the distance of
    its price from the mark, where that is unfavourable.

    Raises:
        RefusedError: the margin does not suffice, or the bracket of the leverage is too small.
    """
    margins, request = floor.margins, order.request
    listing = floor.listings[request.symbol]
    before = margins.orders(account, request.symbol)
    needed = margins.orders(account, request.symbol, order) - before
    if needed <= 0:
        return
    price = order.ticks or listing.book.best(Side.SELL if request.side is Side.BUY else Side.BUY)
    if price is not None:
        gap = request.side * (price * listing.contract.tick_units - listing.mark)
        opened = needed * account.leverage_of(request.symbol)
        needed += max(0, gap) * opened // listing.mark
    if needed > margins.available(account):
        raise RefusedError(Reason.NO_MARGIN)
    leverage = account.leverage_of(request.symbol)
    if margins.exposure(account, order) > listing.contract.max_notional(leverage):
        raise RefusedError(Reason.MAX_POSITION)


def market_bound(listing: Listing, side: Side) -> int:
    """Return the worst price, in ticks, at which a market order trades."""
    contract = listing.contract
    bound = listing.mark * (UNIT + side * contract.filters.take_bound) // UNIT
    return contract.ticks_below(bound) if side is Side.BUY else contract.ticks_above(bound)


def reference_price(listing: Listing, request: OrderRequest) -> int:
    """Return the price, in units, that a conditional order waits for."""
    return listing.mark if request.working is WorkingType.MARK_PRICE else listing.last_units


def would_trigger(listing: Listing, request: OrderRequest) -> bool:
    """Return whether a stop or take-profit price, or an activation price, is reached."""
    price = reference_price(listing, request)
    if request.kind is OrderType.TRAILING_STOP_MARKET:
        # A trailing stop to sell begins to follow at a higher price, one to buy at a lower.
        goal = request.activation_ticks * listing.contract.tick_units
        return bool(goal) and request.side * (goal - price) >= 0
    goal = request.stop_ticks * listing.contract.tick_units
    direction = request.side if request.kind.is_stop else -request.side
    return direction * (price - goal) >= 0
