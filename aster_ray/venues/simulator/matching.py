"""How an order meets the book, and how it ends."""

from __future__ import annotations

from aster_ray.model.enums import Side
from aster_ray.venues.simulator.account import Account
from aster_ray.venues.simulator.admission import check, check_amended, market_bound
from aster_ray.venues.simulator.book import MARKET, Entry
from aster_ray.venues.simulator.floor import Floor
from aster_ray.venues.simulator.listing import Listing, PublicTrade
from aster_ray.venues.simulator.messages import order_update
from aster_ray.venues.simulator.order import (
    OPEN,
    Order,
    OrderRequest,
    OrderType,
    SelfTrade,
    Status,
    TimeInForce,
    new_order,
)
from aster_ray.venues.simulator.refusals import Reason, RefusedError
from aster_ray.venues.simulator.settlement import book_fill

_RESTS = (TimeInForce.GTC, TimeInForce.GTX)


class Matcher:
    """Takes orders in, trades them, and takes them out; orders of accounts only."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def admit(self, account: Account, request: OrderRequest) -> Order:
        """Accept an order; it does not trade before ``activate``.

        Raises:
            RefusedError: a rule forbids it; nothing happened.
        """
        floor = self._floor
        floor.forget()
        order = new_order(0, account.number, request, floor.now_ms)
        check(floor, account, order)
        order.order_id = floor.next_order_id()
        account.orders[order.order_id] = account.open_orders[order.order_id] = order
        if order.waiting:
            floor.listings[request.symbol].waiting[order.order_id] = order
        floor.tell(account.number, order_update(floor, order, "NEW"))
        return order

    def activate(self, order: Order) -> None:
        """Let an accepted order trade, then rest or end as it says."""
        if not order.is_open or order.waiting:
            return
        floor, request = self._floor, order.request
        listing = floor.listings[request.symbol]
        limit = order.ticks or market_bound(listing, request.side)
        crosses = listing.book.reaches(request.side, limit)
        if order.kind is OrderType.LIMIT:
            if crosses and request.time_in_force is TimeInForce.GTX:
                self.end(order, Status.EXPIRED)
                return
            if request.time_in_force is TimeInForce.FOK and not self._can_fill(order, limit):
                self.end(order, Status.EXPIRED)
                return
        while listing.book.reaches(request.side, limit) and self._trade(order, listing):
            pass
        if order.status not in OPEN:
            return
        if order.kind is OrderType.LIMIT and request.time_in_force in _RESTS:
            self._rest(order, listing)
        else:
            self.end(order, Status.EXPIRED)

    def amend(self, order: Order, lots: int, ticks: int) -> None:
        """Give a resting limit order another size and price, behind all others.

        Raises:
            RefusedError: it is no open limit order, would be filled already, or breaks a rule.
        """
        if not order.is_open or order.kind is not OrderType.LIMIT or order.waiting:
            raise RefusedError(Reason.UNKNOWN_ORDER)
        if lots <= order.filled:
            raise RefusedError(Reason.QTY_BELOW_MIN)
        floor, before = self._floor, (order.lots, order.ticks)
        account = floor.account(order.account)
        del account.open_orders[order.order_id]
        order.lots, order.ticks = lots, ticks
        try:
            check_amended(floor, account, order)
        except RefusedError:
            order.lots, order.ticks = before
            raise
        finally:
            account.open_orders[order.order_id] = order
        if order.entry is not None:
            floor.listings[order.request.symbol].book.remove(order.entry)
            order.entry = None
        order.updated_ms = floor.now_ms
        floor.tell(order.account, order_update(floor, order, "AMENDMENT"))

    def end(self, order: Order, status: Status) -> None:
        """End an order that has not filled: CANCELED or EXPIRED."""
        order.status = status
        order.updated_ms = self._floor.now_ms
        self._floor.close(order)
        self._floor.tell(order.account, order_update(self._floor, order, status.value))

    def maker_filled(self, listing: Listing, side: Side, entry: Entry, lots: int) -> None:
        """Book what the simulated market traded with whoever was in the book.

        Args:
            listing: where.
            side: of the taker.
            entry: the maker, already reduced in the book.
            lots: how many.
        """
        trade_id = self.publish(listing, side, entry.ticks, lots)
        if entry.owner != MARKET:
            self._fill_maker(listing, entry, (trade_id, lots, entry.ticks))

    def publish(self, listing: Listing, side: Side, ticks: int, lots: int) -> int:
        """Make an execution public and return its number; ``side`` is the taker's."""
        trade_id = self._floor.next_trade_id()
        quote = listing.contract.notional(lots, ticks)
        now = self._floor.now_ms
        listing.trade(PublicTrade(trade_id, ticks, lots, quote, now, side is Side.BUY))
        return trade_id

    def _fill_maker(self, listing: Listing, entry: Entry, execution: tuple[int, int, int]) -> None:
        listing.candles.mark()
        owner = self._floor.account(entry.owner)
        order = owner.orders[entry.order_id]
        book_fill(self._floor, order, execution, maker=True)
        self._cut_closing(owner, order.request, listing)

    def _trade(self, order: Order, listing: Listing) -> bool:
        """Trade with whose turn it is; return whether the order can go on."""
        request = order.request
        entry = listing.book.front(Side.SELL if request.side is Side.BUY else Side.BUY)
        account = self._floor.account(order.account)
        if entry is None:
            return False
        if entry.owner == order.account:
            return self._meet_oneself(order, account.orders[entry.order_id])
        lots = min(order.left, entry.lots)
        if request.only_closes:
            lots = min(lots, self._closable(account, request))
            if lots == 0:
                return False
        listing.book.take(entry, lots)
        trade_id = self.publish(listing, request.side, entry.ticks, lots)
        execution = (trade_id, lots, entry.ticks)
        listing.candles.mark()
        book_fill(self._floor, order, execution, maker=False)
        if entry.owner != MARKET:
            self._fill_maker(listing, entry, execution)
        self._cut_closing(account, request, listing)
        return order.left > 0

    def _meet_oneself(self, taker: Order, maker: Order) -> bool:
        """Prevent a trade of an account with itself; return whether the taker goes on."""
        mode = taker.request.self_trade or self._floor.account(taker.account).self_trade
        if mode is not SelfTrade.EXPIRE_TAKER:
            self.end(maker, Status.EXPIRED)
        if mode is not SelfTrade.EXPIRE_MAKER:
            self.end(taker, Status.EXPIRED)
            return False
        return True

    def _can_fill(self, order: Order, limit: int) -> bool:
        """Return whether all of an order could trade at once, its own account's orders apart."""
        listing = self._floor.listings[order.request.symbol]
        side = order.request.side
        wanted = order.left
        if order.request.only_closes:
            wanted = min(wanted, self._closable(self._floor.account(order.account), order.request))
        own = sum(
            other.left
            for other in self._floor.account(order.account).resting(order.request.symbol)
            if other.entry is not None
            and other.request.side is not side
            and side * (limit - other.ticks) >= 0
        )
        return 0 < wanted <= listing.book.lots_within(side, limit) - own

    def _closable(self, account: Account, request: OrderRequest) -> int:
        """Return how many lots an order that only closes may still trade."""
        lots = account.position(request.symbol, request.position_side).lots
        return abs(lots) if lots * request.side < 0 else 0

    def _rest(self, order: Order, listing: Listing) -> None:
        """Put what is left into the book; an order that only closes is cut to the position."""
        request = order.request
        if request.only_closes:
            left = min(order.left, self._closable(self._floor.account(order.account), request))
            if left == 0:
                self.end(order, Status.EXPIRED)
                return
            order.lots = order.filled + left
        entry = Entry(order.account, order.order_id, request.side, order.ticks, order.left)
        listing.book.add(entry)
        order.entry = entry

    def _cut_closing(self, account: Account, request: OrderRequest, listing: Listing) -> None:
        """Keep resting orders that only close within the position that is left."""
        for other in account.resting(request.symbol):
            if (
                other.entry is None
                or not other.request.only_closes
                or other.request.position_side is not request.position_side
            ):
                continue
            allowed = self._closable(account, other.request)
            if allowed == 0:
                self.end(other, Status.EXPIRED)
            elif other.left > allowed:
                listing.book.shrink(other.entry, other.left - allowed)
                other.lots = other.filled + allowed
                other.updated_ms = self._floor.now_ms
