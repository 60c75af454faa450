"""What every part of the exchange works on: contracts, accounts, the hour, and who is told what."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from aster_ray.model.ids import DAY_MS
from aster_ray.venues.simulator.account import DEFAULT_LEVERAGE, Account, IncomeType
from aster_ray.venues.simulator.listing import Listing
from aster_ray.venues.simulator.margin import Margins
from aster_ray.venues.simulator.order import Order
from aster_ray.venues.simulator.refusals import Reason, RefusedError

Payload = dict[str, Any]
PUBLIC = 0  # instead of an account's number: everybody is told


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """What Aster's documents leave open; each is a switch.

    Attributes:
        reject_post_only: refuse a crossing post-only order instead of expiring it.
        margin_call: share of the margin balance that maintenance must reach for a warning, units.
    """

    reject_post_only: bool = False
    margin_call: int = 80_000_000


@dataclass(slots=True)
class Floor:
    """The state of the exchange.

    Attributes:
        now_ms: time of the exchange; only ``Exchange.advance`` moves it.
        fund: what the insurance fund won or lost, in units.
        told: messages not yet delivered, as (account number or ``PUBLIC``, payload).
    """

    listings: dict[str, Listing]
    conduct: Conduct = field(default_factory=Conduct)
    now_ms: int = 0
    fund: int = 0
    accounts: list[Account] = field(default_factory=list)
    users: dict[str, Account] = field(default_factory=dict)
    told: deque[tuple[int, Payload]] = field(default_factory=deque)
    margins: Margins = field(init=False)
    _orders: int = 10_000_000
    _trades: int = 5_000_000
    _forgot_ms: int = 0

    def __post_init__(self) -> None:
        contracts = {name: listing.contract for name, listing in self.listings.items()}
        self.margins = Margins(contracts, lambda symbol: self.listings[symbol].mark)

    def listing(self, symbol: str) -> Listing:
        """Return the contract a client names.

        Raises:
            RefusedError: there is none of that name.
        """
        found = self.listings.get(symbol)
        if found is None:
            raise RefusedError(Reason.BAD_SYMBOL)
        return found

    def account(self, number: int) -> Account:
        """Return an account by its number, which counts from 1."""
        return self.accounts[number - 1]

    def open_account(self, user: str, deposit: int) -> Account:
        """Return a user's account; a new one begins with a deposit in units.

        Where a contract allows less than the usual leverage, it begins with the most there is.
        """
        user = user.lower()
        found = self.users.get(user)
        if found is None:
            found = Account(len(self.accounts) + 1, user)
            self.accounts.append(found)
            self.users[user] = found
            most = {name: one.contract.max_leverage for name, one in self.listings.items()}
            found.leverage = {name: x for name, x in most.items() if x < DEFAULT_LEVERAGE}
            found.post(IncomeType.TRANSFER, deposit, "", self.now_ms)
        return found

    def next_order_id(self) -> int:
        """Return a new order's number."""
        self._orders += 1
        return self._orders

    @property
    def last_order_id(self) -> int:
        """Return the newest order's number."""
        return self._orders

    def forget(self) -> None:
        """Drop the orders the venue no longer knows; once a day is enough to bound them."""
        if self.now_ms - self._forgot_ms < DAY_MS:
            return
        self._forgot_ms = self.now_ms
        for account in self.accounts:
            gone = [n for n, order in account.orders.items() if order.is_forgotten(self.now_ms)]
            for number in gone:
                del account.orders[number]

    def next_trade_id(self) -> int:
        """Return a new execution's number."""
        self._trades += 1
        return self._trades

    def tell(self, account: int, payload: Payload) -> None:
        """Queue a message for an account's stream, or for everybody's."""
        self.told.append((account, payload))

    def close(self, order: Order) -> None:
        """Take an order that is done off every list of open orders."""
        listing = self.listings[order.request.symbol]
        if order.entry is not None and order.entry.lots > 0:
            listing.book.remove(order.entry)
        order.entry = None
        order.waiting = False
        listing.waiting.pop(order.order_id, None)
        self.account(order.account).open_orders.pop(order.order_id, None)
