"""What the wires share: the exchange, its clock, and who may ask how much."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from aster_ray.clock import Clock
from aster_ray.venues.simulator.credentials import Credentials
from aster_ray.venues.simulator.exchange import Exchange
from aster_ray.venues.simulator.faults import Faults
from aster_ray.venues.simulator.listen_keys import ListenKeys
from aster_ray.venues.simulator.order import Order
from aster_ray.venues.simulator.quota import Quota

_KEPT_REQUESTS = 5_000


@dataclass(slots=True)
class Pace:
    """How the exchange's time follows the wall clock.

    What a client's own clock governs runs on the wall: nonces, weights, listen keys, the dead-man's
    switch. The market runs on the exchange's time: bars, funding, order stamps.

    Attributes:
        clock: the wall.
        wall_ms, exchange_ms: the moment both began.
        speed: exchange seconds a wall second; 0 lets the exchange's time stand still until it is
            told to move, and then ``exchange_ms`` is where it stands.
        skew_ms: a fault: by how much the venue's wall clock is wrong.
    """

    clock: Clock
    wall_ms: int
    exchange_ms: int
    speed: float = 1.0
    skew_ms: int = 0

    @property
    def is_stepped(self) -> bool:
        """Return whether time only moves when it is told to."""
        return self.speed == 0.0

    def wall_now_ms(self) -> int:
        """Return the venue's wall clock, wrong by the skew."""
        return self.clock.now_ms() + self.skew_ms

    def now_ms(self) -> int:
        """Return the time to which the exchange should have lived."""
        return self.exchange_ms + int((self.clock.now_ms() - self.wall_ms) * self.speed)


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request as it was answered."""

    method: str
    path: str
    params: dict[str, str]
    status: int


class Desk:
    """The exchange as its wires see it.

    Args:
        exchange: the exchange.
        pace: its time.
        nonce_window_ms: how far nonces may be from the wall clock.

    Attributes:
        accepted: orders that were accepted and wait to reach the book.
        requests: what was asked, for tests.
        deadlines: the dead-man's switch: (account, symbol) to the wall time it goes off.
    """

    def __init__(self, exchange: Exchange, pace: Pace, nonce_window_ms: int = 10_000) -> None:
        self.exchange = exchange
        self.pace = pace
        self.credentials = Credentials(exchange, pace.wall_now_ms, window_ms=nonce_window_ms)
        self.quota = Quota(pace.clock.now_ms)
        self.keys = ListenKeys(pace.clock.now_ms)
        self.faults = Faults()
        self.accepted: deque[Order] = deque()
        self.requests: deque[RequestRecord] = deque(maxlen=_KEPT_REQUESTS)
        self.deadlines: dict[tuple[int, str], int] = {}

    def catch_up(self) -> None:
        """Let the exchange live until now, and let switches go off that were not held."""
        if self.pace.is_stepped:
            self.activate()  # what was accepted before time moves reaches the book before it does
            self.exchange.leap(self.pace.now_ms())
        else:
            self.exchange.advance(self.pace.now_ms())
        now = self.pace.clock.now_ms()
        for place in [place for place, due in self.deadlines.items() if due <= now]:
            del self.deadlines[place]
            account = self.exchange.floor.account(place[0])
            for order in account.resting(place[1]):
                self.exchange.cancel(order)

    def sizes(self) -> dict[str, int]:
        """Return how much is remembered, by kind."""
        floor = self.exchange.floor
        accounts, listings = floor.accounts, list(floor.listings.values())
        return {
            "orders": sum(len(account.orders) for account in accounts),
            "open_orders": sum(len(account.open_orders) for account in accounts),
            "fills": sum(len(account.fills) for account in accounts),
            "income": sum(len(account.income) for account in accounts),
            "trades": sum(len(listing.trades) for listing in listings),
            "book_levels": sum(listing.book.size for listing in listings),
            "waiting": sum(len(listing.waiting) for listing in listings),
            "told": len(floor.told),
            "requests": len(self.requests),
            "nonces": self.credentials.size(),
            "weights": self.quota.size(),
            "listen_keys": self.keys.size(),
            "deadlines": len(self.deadlines),
            "accepted": len(self.accepted),
        }

    def activate(self) -> None:
        """Let accepted orders reach the book."""
        while self.accepted:
            self.exchange.activate(self.accepted.popleft())
