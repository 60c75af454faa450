"""Configuration of the venue a session or a download talks to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from aster_ray.config import Secret, not_above, not_among, outside

ASTER = "aster"
# ccxt's own names. Any other of its venues with linear perpetuals may be named too.
WELL_KNOWN = (ASTER, "binanceusdm", "bybit")
BOOK_LEVELS = (5, 10, 20)
USUAL_BOOK_MS = 250
BOOK_PACES_MS = (100, USUAL_BOOK_MS, 500)
MAIN_CHAIN, TEST_CHAIN = 1666, 714
LEAVE, ADOPT = "leave", "adopt"
_WEB = ("http://", "https://")
_SOCKETS = ("ws://", "wss://")
_HERE = ("127.0.0.1", "localhost", "::1")


NO_SECRET = Secret()


def _aside(default: Any) -> Any:
    """Return a field that cannot change a result: it keeps out of digests."""
    return field(default=default, metadata={"identity": False})


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueConfig:
    """Which venue, how to reach it, how much to ask of it and when to give it up.

    Attributes:
        name: aster, or ccxt's name of another venue, e.g. binanceusdm or bybit.
        rest: address of REST, e.g. ``http://127.0.0.1:18080``; empty = the venue's own.
        stream: address of the sockets, e.g. ``ws://127.0.0.1:18080``; empty = the venue's own.
        chain: Aster signs for 1666 (main net) or 714 (test net).
        wallet: address of the main wallet an agent trades for; better ``ASTER_WALLET``.
        agent_key: private key of the agent; better ``ASTER_AGENT_KEY``.
        timeout_s: longest wait for an answer.
        weight_per_minute: request weight one address may spend.
        orders_per_minute: new orders one account may send.
        max_wait_s: longest time a request waits for its turn.
        listen_key_s: pause between two extensions of the user stream's key; it lives an hour.
        heartbeat_s: pause between two pings on a socket; an unanswered one means it is dead.
        stale_s: a market stream silent for so long has stalled.
        book_levels: depth of the streamed book: 5, 10 or 20.
        book_ms: pause between two books of a symbol at Aster: 100, 250 or 500.
        control: control endpoint of a simulator whose time stands still, e.g.
            ``http://127.0.0.1:18080/control``: a session then moves it, close by close.
        external: what becomes of orders and positions that nobody here placed: leave (not touched,
            named, their symbol is not traded) or adopt (orders are withdrawn; positions become ours
            at the beginning or from the next close on, with a stop risk.max_position_risk of the
            price away, and what protected them goes after that). An earlier session's orders that
            might still open something are withdrawn in either case.
        late_s: a market order decided on a close older than this is not sent any more; the next
            close decides anew. A stepped simulator's closes are never old.
        nonce_window_s: how far a request's nonce may be from the venue's clock; an order that has
            not arrived by then never will.
    """

    name: str = _aside(ASTER)
    rest: str = _aside("")
    stream: str = _aside("")
    chain: int = _aside(MAIN_CHAIN)
    wallet: str = _aside("")
    agent_key: Secret = field(default=NO_SECRET, metadata={"identity": False})
    timeout_s: float = _aside(10.0)
    weight_per_minute: int = _aside(2400)
    orders_per_minute: int = _aside(1200)
    max_wait_s: float = _aside(15.0)
    listen_key_s: float = _aside(1500.0)
    heartbeat_s: float = _aside(10.0)
    stale_s: float = _aside(10.0)
    book_levels: int = _aside(20)
    book_ms: int = _aside(USUAL_BOOK_MS)
    control: str = _aside("")
    nonce_window_s: float = _aside(60.0)
    late_s: float = _aside(90.0)
    external: str = _aside(LEAVE)

    @property
    def is_simulated(self) -> bool:
        """Return whether the venue is a simulator on this very machine: no money is real there."""
        return urlsplit(self.rest).hostname in _HERE and urlsplit(self.stream).hostname in _HERE

    def problems(self) -> list[str]:
        """Return what is out of range."""
        found = [
            *not_above(
                self, 0.0, "timeout_s", "max_wait_s", "heartbeat_s", "stale_s", "nonce_window_s"
            ),
            *not_above(self, 0.0, "late_s"),
            *not_among(self, "external", (LEAVE, ADOPT)),
            *outside(self, 10, 1_000_000, "weight_per_minute", "orders_per_minute"),
            *outside(self, 0.01, 3000.0, "listen_key_s"),
            *self._whole("chain", (MAIN_CHAIN, TEST_CHAIN)),
            *self._whole("book_levels", BOOK_LEVELS),
            *self._whole("book_ms", BOOK_PACES_MS),
            *self._address("rest", _WEB),
            *self._address("stream", _SOCKETS),
            *self._address("control", _WEB),
        ]
        if not self.name.isidentifier() or self.name != self.name.lower():
            found.append(
                f"name must be a venue of ccxt such as {', '.join(WELL_KNOWN)}, was {self.name!r}"
            )
        if bool(self.rest) != bool(self.stream):
            given, missing = ("rest", "stream") if self.rest else ("stream", "rest")
            found.append(
                f"{missing} must be given where {given} is: orders and prices of two "
                f"different venues must never meet"
            )
        return found

    def _whole(self, name: str, known: tuple[int, ...]) -> list[str]:
        value = getattr(self, name)
        if value in known:
            return []
        return [f"{name} must be one of {', '.join(map(str, known))}, was {value}"]

    def _address(self, name: str, schemes: tuple[str, ...]) -> list[str]:
        value = getattr(self, name)
        if not value or (value.startswith(schemes) and not value.endswith("/")):
            return []
        return [f"{name} must begin with {' or '.join(schemes)} and not end with /, was {value!r}"]
