"""The exchange of ``aster simulator``, served to the real client, and what goes wrong there."""

from __future__ import annotations

import contextlib
import random
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from aster_ray.clock import LiveClock
from aster_ray.venues.simulator import server as serving
from aster_ray.venues.simulator.credentials import read_params
from aster_ray.venues.simulator.desk import Desk, Pace
from aster_ray.venues.simulator.exchange import Exchange
from aster_ray.venues.simulator.faults import Fault, FaultKind, Faults
from aster_ray.venues.simulator.server import Server

# What the venue does to requests; how long is where it matters, in seconds.
REQUEST_FAULTS: dict[str, dict[str, Any]] = {
    "429": {"kind": "json", "status": 429, "code": -1003},
    "418": {"kind": "json", "status": 418, "code": -1003},
    "5xx": {"kind": "json", "status": 503, "code": -1000},
    "html": {"kind": "html", "status": 502},
    "reset": {"kind": "reset"},
    "late": {"kind": "slow", "seconds": 4.0},
    "slow ack": {"kind": "slow_ack", "seconds": 4.0},
    "lost ack": {"kind": "lost_ack"},
}
SKEW, OUTAGE = "clock skew", "outage"
DROP, STALL, DUPLICATE, REORDER, EXPIRY = "drop", "stall", "duplicate", "reorder", "listen key"
SOCKET_FAULTS = (DROP, STALL, DUPLICATE, REORDER, EXPIRY)
CALM = "none"
FAULTS = (CALM, *REQUEST_FAULTS, SKEW, OUTAGE, *SOCKET_FAULTS)
_PULSE_S = 5.0
_ALL = 1_000_000
_SKEW_MS = 12_000
ORDER = "/fapi/v3/order"


class _Faults(Faults):
    """Says when one strikes."""

    def __init__(self, struck: Callable[[str], None]) -> None:
        super().__init__()
        self._say = struck
        self.is_out = False

    def strike(self, method: str, path: str) -> Fault | None:
        if self.is_out:
            self._say(OUTAGE)
            return Fault(kind=FaultKind.RESET)
        found = super().strike(method, path)
        if found is not None:
            kind = found.kind.value
            for name, fields in REQUEST_FAULTS.items():
                if fields["kind"] == kind and fields.get("status", found.status) == found.status:
                    self._say(name)
        return found


class _Server(Server):
    """Says which request is where."""

    passed: Callable[[str, str, str], None]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        text = await request.text() or request.query_string
        known = read_params(text).get("origClientOrderId", "")
        name = f"{request.method} {request.path.rpartition('/')[2]}"
        self.passed(name, "asked", known)
        try:
            return await super().answer(request)
        finally:
            self.passed(name, "done, no answer yet", known)


class House:
    """A served exchange whose time is the loop's, and the trouble in it."""

    def __init__(self, server: _Server, faults: _Faults, runner: web.AppRunner) -> None:
        self.desk, self.hub = server.desk, server.publisher.hub
        self._faults, self._runner = faults, runner

    async def open(self, port: int = 0) -> None:
        """Let clients in, at the same address as before if it is given."""
        self._door = web.TCPSite(self._runner, "127.0.0.1", port)
        await self._door.start()
        self.port = self._runner.addresses[0][1]
        self.http, self.socket = f"http://127.0.0.1:{self.port}", f"ws://127.0.0.1:{self.port}"

    async def shut(self) -> None:
        """Let nobody in any more, and cut off who is in."""
        await self._door.stop()
        server = self._runner.server
        assert server is not None
        for connection in list(server.connections):
            if connection.transport is not None:
                connection.transport.abort()

    def strike(self, fault: str, draw: random.Random) -> None:
        """Let something go wrong until it is healed."""
        interference = self.hub.interference
        if fault in REQUEST_FAULTS:
            path, method = draw.choice(
                (("", ""), ("", ""), ("", ""), ("", ""), ("/order", "POST"), ("/order", "DELETE"))
            )
            count = draw.randint(1, 3)
            state = {**REQUEST_FAULTS[fault], "path": path, "method": method, "count": count}
            self._faults.add(state)
        elif fault == SKEW:
            self.desk.pace.skew_ms = draw.choice((-1, 1)) * _SKEW_MS
        elif fault == OUTAGE:
            self._faults.is_out = True
            self._cut()
        elif fault == DROP:
            self._cut()
        elif fault == EXPIRY:
            self.desk.keys.expire_all()
        elif fault in (STALL, DUPLICATE, REORDER):
            setattr(interference, fault, True)

    def _cut(self) -> None:
        for socket in list(self.hub.sockets):
            socket.abort()

    def refuse(self, count: int = 1) -> None:
        """Refuse orders as for want of margin."""
        fields = {"kind": "json", "status": 400, "code": -2019, "text": "Margin is insufficient."}
        self._faults.add({**fields, "path": "/order", "method": "POST", "count": count})

    def lose(self, count: int = 1) -> None:
        """Cut the connection of orders before they arrive: nobody here can know that."""
        fields = {"kind": "reset", "path": "/order", "method": "POST", "count": count}
        self._faults.add(fields)

    def heal(self) -> None:
        """Let nothing go wrong any more."""
        self._faults.clear()
        self._faults.is_out = False
        self.desk.pace.skew_ms = 0
        interference = self.hub.interference
        interference.stall = interference.duplicate = interference.reorder = False

    @property
    def present(self) -> set[str]:
        """Return what goes wrong as long as it is not healed."""
        interference = self.hub.interference
        told = {STALL: interference.stall, DUPLICATE: interference.duplicate}
        told |= {REORDER: interference.reorder, SKEW: self.desk.pace.skew_ms != 0}
        return {name for name, is_on in told.items() if is_on}


@contextlib.asynccontextmanager
async def housed(
    exchange: Exchange,
    struck: Callable[[str], None],
    passed: Callable[[str, str, str], None],
) -> AsyncIterator[House]:
    """Serve ``exchange`` in the loop's own time."""
    clock = LiveClock()
    pace = Pace(clock, clock.now_ms(), exchange.start_ms)
    desk = Desk(exchange, pace)
    desk.quota.weight_limit = desk.quota.order_limit = _ALL
    desk.faults = faults = _Faults(struck)
    server = _Server(desk)
    server.passed = passed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "PULSE_SECONDS", _PULSE_S)
        # Reading the machine's certificates takes longer than all else; nothing here is encrypted.
        patch.setattr(
            ssl, "create_default_context", lambda **_: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        )
        runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        house = House(server, faults, runner)
        await house.open()
        try:
            yield house
        finally:
            await runner.cleanup()
