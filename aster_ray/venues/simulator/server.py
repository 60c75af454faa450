"""The exchange on the network: REST, streams, faults and the pulse that keeps it alive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from aiohttp import web

from aster_ray.venues.simulator.account_endpoints import ACCOUNTS
from aster_ray.venues.simulator.control import Control
from aster_ray.venues.simulator.credentials import read_params
from aster_ray.venues.simulator.desk import Desk, RequestRecord
from aster_ray.venues.simulator.endpoints import Call, Endpoint, Table
from aster_ray.venues.simulator.faults import Fault, FaultKind
from aster_ray.venues.simulator.market_endpoints import MARKET
from aster_ray.venues.simulator.order_endpoints import ORDERS
from aster_ray.venues.simulator.overview_endpoints import OVERVIEWS
from aster_ray.venues.simulator.refusals import RefusedError
from aster_ray.venues.simulator.stepping import Stepper
from aster_ray.venues.simulator.streams import Publisher

PULSE_SECONDS = 0.1
LATENCY_SECONDS = 0.005  # from an order's acceptance to its arrival in the book
_ENDPOINTS: Table = {**MARKET, **ORDERS, **ACCOUNTS, **OVERVIEWS}
_GATEWAY_PAGE = "<html><body><h1>The gateway is unhappy</h1></body></html>"
# ccxt only recognises swap sockets by this word in their address, so it may stand before the path.
_SOCKET_PREFIXES = ("", "/fstream")


class Server:
    """Serves one exchange.

    Args:
        desk: the exchange and its rules of access.
        latency_seconds: how long accepted orders travel to the book.

    Attributes:
        heart: the task that keeps the exchange alive; it only ends by a fault of ours.
    """

    def __init__(self, desk: Desk, latency_seconds: float = LATENCY_SECONDS) -> None:
        self.desk = desk
        self.publisher = Publisher(desk)
        self.stepper = Stepper(desk, self.publisher)
        self.heart: asyncio.Task[None] | None = None
        self._latency = latency_seconds

    def application(self) -> web.Application:
        """Return it as an aiohttp application."""
        application = web.Application()
        for prefix in _SOCKET_PREFIXES:
            application.router.add_get(f"{prefix}/stream", self.publisher.hub.serve)
            application.router.add_get(f"{prefix}/ws", self.publisher.hub.serve)
            application.router.add_get(f"{prefix}/ws/{{name}}", self.publisher.hub.serve)
        application.add_routes(Control(self.desk, self.publisher.hub, self.stepper).routes())
        application.router.add_route("*", "/{path:.*}", self.answer)
        application.cleanup_ctx.append(self._live)
        return application

    async def _live(self, _application: web.Application) -> AsyncIterator[None]:
        self.heart = asyncio.get_running_loop().create_task(self._beat())
        yield
        self.heart.cancel()
        with suppress(asyncio.CancelledError):
            await self.heart
        await self.publisher.hub.close(abort=True)

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if not self.stepper.turn.locked():
                self.publisher.pulse()
            # By the clock, however long a pulse takes; one that is late is not made up for.
            due = max(due + PULSE_SECONDS, loop.time())
            await asyncio.sleep(due - loop.time())

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, or do to it what the faults say."""
        fault = self.desk.faults.strike(request.method, request.path)
        kind = fault.kind if fault is not None else None
        if fault is not None:
            if kind is FaultKind.RESET:
                return _reset(request)
            if kind in (FaultKind.JSON, FaultKind.HTML):
                return self._fail(request, fault)
            if kind is FaultKind.SLOW:
                await asyncio.sleep(fault.seconds)
        body = await request.text()
        query = request.raw_path.partition("?")[2]
        raw = "&".join(part for part in (query, body) if part)
        if self.desk.pace.is_stepped:
            async with self.stepper.turn:
                response = self._execute(request, raw)
        else:
            response = self._execute(request, raw)
        if fault is not None and kind is FaultKind.SLOW_ACK:
            await asyncio.sleep(fault.seconds)
        if kind is FaultKind.LOST_ACK:
            return _reset(request)
        return response

    def _execute(self, request: web.Request, raw: str) -> web.Response:
        """Let the endpoint answer and tell the streams; accepted orders travel on."""
        address = request.remote or ""
        headers = {}
        try:
            found, params = self._find(request), read_params(raw)
            used = self.desk.quota.spend(address, found.weigh(params))
            headers["X-MBX-USED-WEIGHT-1M"] = str(used)
            self.desk.catch_up()
            call = self._call(request, found, raw)
            payload = found.answer(call)
            status = 200
            if request.method == "POST" and found is ORDERS.get(("POST", request.path)):
                count = self.desk.quota.ordered(call.account.number)
                headers["X-MBX-ORDER-COUNT-1M"] = str(count)
        except RefusedError as refused:
            payload = {"code": refused.code, "msg": refused.text}
            status = refused.status
            headers["X-MBX-USED-WEIGHT-1M"] = str(self.desk.quota.used(address))
            if status in (418, 429):
                headers["Retry-After"] = str(self.desk.quota.retry_after(address))
        self._record(request, raw, status)
        self.publisher.deliver()
        if self.desk.accepted:
            # Where time stands still nothing travels: orders arrive right behind their answer.
            wait = 0.0 if self.desk.pace.is_stepped else self._latency
            asyncio.get_running_loop().call_later(wait, self._arrive)
        return web.json_response(payload, status=status, headers=headers)

    def _find(self, request: web.Request) -> Endpoint:
        found = _ENDPOINTS.get((request.method, request.path))
        if found is None:
            raise web.HTTPNotFound(text=f"{request.method} {request.path} is not served")
        return found

    def _call(self, request: web.Request, found: Endpoint, raw: str) -> Call:
        if not found.signed:
            return Call(self.desk, read_params(raw))
        account, params = self.desk.credentials.admit(
            request.path, raw, request.method, request.remote or ""
        )
        return Call(self.desk, params, account)

    def _arrive(self) -> None:
        self.desk.catch_up()
        self.desk.activate()
        self.publisher.deliver()

    def _record(self, request: web.Request, raw: str, status: int) -> None:
        self.desk.requests.append(
            RequestRecord(request.method, request.path, read_params(raw), status)
        )

    def _fail(self, request: web.Request, fault: Fault) -> web.Response:
        self._record(request, request.query_string, fault.status)
        if fault.kind is FaultKind.HTML:
            return web.Response(status=fault.status, text=_GATEWAY_PAGE, content_type="text/html")
        headers = {"Retry-After": "1"} if fault.status in (418, 429) else {}
        payload = {"code": fault.code, "msg": fault.text}
        return web.json_response(payload, status=fault.status, headers=headers)


def _reset(request: web.Request) -> web.Response:
    """Cut the connection; the response is never sent."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
