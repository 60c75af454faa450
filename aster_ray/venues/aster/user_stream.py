"""What happens to an account at Aster, as the user stream tells it.

ccxt.pro's own user stream cannot be used: in 4.5.90 ``watch_orders`` always fails, the listen key
is extended when it has expired already, and its expiry is ignored.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import structlog

from aster_ray.errors import RejectedError, RetryableError
from aster_ray.model.venue import AccountEvent, Interrupted
from aster_ray.venues.aster import event_words
from aster_ray.venues.aster.line import Line, Patience
from aster_ray.venues.ccxt_venue.budget import Priority
from aster_ray.venues.ccxt_venue.faults import Operation
from aster_ray.venues.ccxt_venue.gateway import Gateway
from aster_ray.venues.ccxt_venue.mailbox import Mailbox, Outlet
from aster_ray.venues.config import VenueConfig

_MOST_WAITING = 10_000
# Funding is told without its symbols; what was settled shortly before is what is to be asked for.
_SETTLED_WITHIN_MS = 60_000
_NOT_UNDERSTOOD = (LookupError, TypeError, ValueError, AttributeError)


class UserStream:
    """Makes a stream of events for everyone who asks.

    Args:
        gateway: where listen keys come from.
        config: addresses and patience.
        address: of the sockets.
    """

    def __init__(
        self,
        gateway: Gateway,
        config: VenueConfig,
        address: str,
    ) -> None:
        self._gateway = gateway
        self._config = config
        self._address = address
        self._outlets: set[Outlet[AccountEvent]] = set()
        self._closed = False

    async def events(self) -> AsyncIterator[AccountEvent]:
        """Yield what happens until closed.

        The first event, and one after every loss, is ``Interrupted``: it comes once the line
        stands, so that what is asked then and what is heard from then on leave no gap.
        """
        if self._closed:
            return
        hearing = _Hearing(self._gateway, self._address)
        outlet = Outlet(hearing.mailbox)
        patience = Patience(connect_s=self._config.timeout_s, heartbeat_s=self._config.heartbeat_s)
        line = Line("user stream", outlet.session, hearing, patience)
        outlet.start(line.run())
        outlet.start(self._extend(line))
        self._outlets.add(outlet)
        try:
            while (event := await outlet.mailbox.get()) is not None:
                yield event
        finally:
            self._outlets.discard(outlet)
            await outlet.close()

    async def _extend(self, line: Line) -> None:
        """Give the listen key another hour, again and again."""
        pause = self._config.listen_key_s
        while True:
            await asyncio.sleep(pause)
            pause = self._config.listen_key_s
            try:
                await self._gateway.ask(
                    "extension of the listen key",
                    self._gateway.exchange.fapiPrivatePutV3ListenKey,
                    Operation.SETTLE,
                    priority=Priority.CREATE,
                )
            except RejectedError as error:
                line.cut(f"the listen key is gone: {error}")
            except RetryableError as error:
                structlog.get_logger().warning("listen_key_not_extended", why=str(error))
                pause /= 10.0

    async def close(self) -> None:
        """End every stream."""
        self._closed = True
        for outlet in list(self._outlets):
            await outlet.close()


class _Hearing:
    """Reads one user stream's line."""

    def __init__(self, gateway: Gateway, address: str) -> None:
        self._gateway = gateway
        self._address = address
        self._strange: set[str] = set()
        self._known_ms = 0  # venue's time up to which nothing is missing
        self.mailbox: Mailbox[AccountEvent] = Mailbox(
            _MOST_WAITING, lambda: Interrupted(self._known_ms, "the reader fell too far behind")
        )

    async def address(self) -> str:
        """Return the address of the account's stream; its key lives for another hour."""
        exchange = self._gateway.exchange
        if not self._known_ms:
            self._known_ms = await self._venue_ms()
        answer = await self._gateway.ask(
            "listen key",
            exchange.fapiPrivatePostV3ListenKey,
            Operation.SETTLE,
            priority=Priority.CREATE,
        )
        return f"{self._address}/ws/{answer['listenKey']}"

    async def _venue_ms(self) -> int:
        """Return the time of the venue's events."""
        rows = await self._gateway.ask(
            "time of events",
            self._gateway.exchange.fapiPublicGetV3TickerPrice,
            priority=Priority.CREATE,
        )
        return max(int(row["time"]) for row in rows)

    async def joined(self, why: str) -> None:
        """Say that events may be missing up to now."""
        since_ms, self._known_ms = self._known_ms, await self._venue_ms()
        self.mailbox.put(Interrupted(since_ms, why or "the stream begins"))

    def hear(self, text: str) -> str:
        """Take a message."""
        try:
            return self._take(json.loads(text))
        except _NOT_UNDERSTOOD as error:
            why = f"a message was not understood: {type(error).__name__} {error}"
            if why not in self._strange:
                self._strange.add(why)
                structlog.get_logger().error("message_not_understood", why=why)
            self.mailbox.put(Interrupted(self._known_ms, why), "not understood")
            return ""

    def _take(self, event: Any) -> str:
        kind = event.get("e")
        if kind == "listenKeyExpired":
            return "the listen key expired"
        if kind == "ORDER_TRADE_UPDATE":
            self.mailbox.put(event_words.order_update(event))
        elif kind == "ACCOUNT_UPDATE":
            for update in event_words.position_updates(event):
                self.mailbox.put(update)
            if event_words.settles_funding(event):
                self.mailbox.put(
                    Interrupted(int(event["T"]) - _SETTLED_WITHIN_MS, "funding was settled")
                )
        elif kind == "MARGIN_CALL":
            structlog.get_logger().error("margin_call", positions=len(event.get("p", ())))
        self._known_ms = max(self._known_ms, int(event.get("E", 0)))
        return ""
