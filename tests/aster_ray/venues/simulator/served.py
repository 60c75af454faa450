"""An exchange on a port of this machine, and the real ccxt client with its addresses changed."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import ccxt.pro
from aiohttp import web

from aster_ray.clock import LiveClock
from aster_ray.kernel.market import Market
from aster_ray.venues.simulator.account import Account
from aster_ray.venues.simulator.amounts import to_units
from aster_ray.venues.simulator.desk import Desk, Pace
from aster_ray.venues.simulator.exchange import Exchange
from aster_ray.venues.simulator.server import Server
from tests.aster_ray.venues.simulator.scenes import a_market, a_tape

KEY = "0x" + "11" * 32
WALLET = "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"
BTC = "BTC/USDT:USDT"


class Venue:
    """A served exchange."""

    def __init__(self, server: Server, port: int) -> None:
        self.desk = server.desk
        self.hub = server.publisher.hub
        self.http = f"http://127.0.0.1:{port}"
        self.socket = f"ws://127.0.0.1:{port}"

    @property
    def account(self) -> Account:
        """Return the account of ``KEY``."""
        return self.desk.exchange.account(WALLET)

    def client(self, key: str = KEY, **options: Any) -> ccxt.pro.aster:
        """Return ccxt's client; nothing but addresses and documented options is changed."""
        return ccxt.pro.aster(self.settings(key, **options))

    def settings(self, key: str = KEY, **options: Any) -> dict[str, Any]:
        """Return what ccxt's client is made with."""
        api = dict.fromkeys(("fapiPublic", "fapiPrivate"), f"{self.http}/fapi")
        api |= dict.fromkeys(("sapiPublic", "sapiPrivate"), f"{self.http}/api")
        spot, swap = f"{self.socket}/sstream", f"{self.socket}/fstream"
        streams = {
            "public": {"spot": f"{spot}/stream", "swap": f"{swap}/stream"},
            "private": {"spot": f"{spot}/ws", "swap": f"{swap}/ws"},
        }
        return {
            "privateKey": key,
            "rateLimit": 5,
            "timeout": 2000,
            "options": {
                "defaultType": "swap",
                "builderFee": False,
                "fetchOpenOrders": {"warnIfNoSymbol": False},
                **options,
            },
            "urls": {"api": {**api, "ws": streams}},
        }

    async def control(self, method: str, path: str, state: Any = None) -> Any:
        """Ask the control endpoint; text where it refuses."""
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"{self.http}/control/{path}", json=state) as response,
        ):
            if response.content_type == "application/json":
                return await response.json()
            return f"{response.status} {await response.text()}"

    async def advance(self, **wanted: Any) -> dict[str, Any]:
        """Move time where it is stepped, and return the exchange's clock."""
        found: dict[str, Any] = await self.control("POST", "advance", wanted)
        return found

    async def fault(self, kind: str, path: str = "", **fields: Any) -> None:
        """Set a fault."""
        assert await self.control("POST", "faults", {"kind": kind, "path": path, **fields}) == {
            "done": True
        }


@contextlib.asynccontextmanager
async def served(
    market: Market | None = None, *, speed: float = 60.0, step_ms: int = 1000
) -> AsyncIterator[Venue]:
    """Serve an exchange; a recorded minute takes a second, or time is stepped at speed 0."""
    exchange = Exchange(
        a_tape(market or a_market(minutes=600)), step_ms=step_ms, deposit=to_units("10000")
    )
    clock = LiveClock()
    desk = Desk(exchange, Pace(clock, clock.now_ms(), exchange.start_ms, speed))
    server = Server(desk)
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield Venue(server, runner.addresses[0][1])
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def traded(**how: Any) -> AsyncIterator[tuple[Venue, ccxt.pro.aster]]:
    """Serve an exchange and open a client on it."""
    options = how.pop("options", {})
    async with served(**how) as venue:
        client = venue.client(**options)
        try:
            yield venue, client
        finally:
            await client.close()
