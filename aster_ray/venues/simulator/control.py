"""The control endpoint: tests and chaos runs make things go wrong, and look at the books.

POST   /control/faults          {"kind": "lost_ack", "path": "/order", "method": "POST", ...}
DELETE /control/faults          take all faults back
POST   /control/sockets         {"action": "drop" | "abort" | "stall" | "duplicate" | "reorder"
                                 | "heal"}
GET    /control/clock           the exchange's time, where the recording starts and ends, the pace
POST   /control/clock           {"skew_ms": 11000}
POST   /control/advance         {"until_ms": T} or {"bars": 1, "timeframe": "1h"}, for an exchange
                                whose time is stepped; "every": "1m" lets streams speak on the way.
                                Answers when all that happened was sent.
POST   /control/listen-keys     expire them all
POST   /control/agents          {"user": "0x..", "agent": "0x..", "approved": true, and maybe
                                "name", "expired" (wall ms), "ipWhitelist" ("a,b"), "canRead",
                                "canSpotTrade", "canPerpTrade", "canWithdraw"}
POST   /control/quota           {"weight_limit": 100, "order_limit": 10}
GET    /control/requests        what was asked and how it was answered
GET    /control/sizes           how much is remembered, by kind: what must not grow without end
GET    /control/accounts/0x..   wallet, ledger, positions, orders and fills of a user
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from aster_ray.errors import BadInputError
from aster_ray.venues.simulator.agents import read_agent
from aster_ray.venues.simulator.amounts import units_text
from aster_ray.venues.simulator.desk import Desk
from aster_ray.venues.simulator.messages import order_row
from aster_ray.venues.simulator.sockets import Hub
from aster_ray.venues.simulator.stepping import Stepper, read_advance

_ACTIONS = ("drop", "abort", "stall", "duplicate", "reorder", "heal")


class Control:
    """Answers the control endpoint.

    Args:
        desk: what may go wrong at requests.
        hub: what may go wrong on sockets.
        stepper: moves time where it does not move by itself.
    """

    def __init__(self, desk: Desk, hub: Hub, stepper: Stepper) -> None:
        self._desk = desk
        self._hub = hub
        self._stepper = stepper

    def routes(self) -> list[web.RouteDef]:
        """Return the paths it answers."""
        return [
            web.post("/control/faults", self.add_fault),
            web.delete("/control/faults", self.clear_faults),
            web.post("/control/sockets", self.disturb_sockets),
            web.get("/control/clock", self.show_clock),
            web.post("/control/clock", self.set_clock),
            web.post("/control/advance", self.advance),
            web.post("/control/listen-keys", self.expire_keys),
            web.post("/control/agents", self.approve_agent),
            web.post("/control/quota", self.set_quota),
            web.get("/control/requests", self.show_requests),
            web.get("/control/sizes", self.show_sizes),
            web.get("/control/accounts/{user}", self.show_account),
        ]

    async def add_fault(self, request: web.Request) -> web.Response:
        """Set a fault."""
        state = await _state(request)
        try:
            self._desk.faults.add(state)
        except BadInputError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        return _done()

    async def clear_faults(self, _request: web.Request) -> web.Response:
        """Take all faults back."""
        self._desk.faults.clear()
        return _done()

    async def disturb_sockets(self, request: web.Request) -> web.Response:
        """Cut connections, or disturb what they carry until they heal."""
        action = (await _state(request)).get("action")
        if action not in _ACTIONS:
            raise web.HTTPBadRequest(text=f"action {action!r} is none of {', '.join(_ACTIONS)}")
        if action in ("drop", "abort"):
            await self._hub.close(abort=action == "abort")
        interference = self._hub.interference
        for name in ("stall", "duplicate", "reorder"):
            if action == name:
                setattr(interference, name, True)
            elif action == "heal":
                setattr(interference, name, False)
        return _done()

    async def show_clock(self, _request: web.Request) -> web.Response:
        """Return the exchange's time and how it moves."""
        return web.json_response(self._clock())

    def _clock(self) -> dict[str, Any]:
        exchange, pace = self._desk.exchange, self._desk.pace
        return {
            "now_ms": exchange.floor.now_ms,
            "start_ms": exchange.start_ms,
            "end_ms": exchange.end_ms,
            "is_over": exchange.is_over,
            "pace": "stepped" if pace.is_stepped else "wall",
            "speed": pace.speed,
            "skew_ms": pace.skew_ms,
        }

    async def advance(self, request: web.Request) -> web.Response:
        """Move the exchange's time and answer once all that happened was sent."""
        if not self._desk.pace.is_stepped:
            raise web.HTTPBadRequest(
                text="time moves by itself here; start the simulator with --pace stepped"
            )
        state = await _state(request)
        try:
            wanted = read_advance(dict(state), self._desk.pace.exchange_ms)
        except BadInputError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        await self._stepper.advance(wanted)
        return web.json_response(self._clock())

    async def set_clock(self, request: web.Request) -> web.Response:
        """Let the venue's wall clock be wrong."""
        self._desk.pace.skew_ms = _whole(await _state(request), "skew_ms")
        return _done()

    async def expire_keys(self, _request: web.Request) -> web.Response:
        """Let every listen key end."""
        self._desk.keys.expire_all()
        return _done()

    async def approve_agent(self, request: web.Request) -> web.Response:
        """Let an agent sign for a user, or no longer."""
        state = await _state(request)
        user, agent = str(state.get("user", "")).lower(), str(state.get("agent", "")).lower()
        if not (user.startswith("0x") and agent.startswith("0x")):
            raise web.HTTPBadRequest(text="user and agent must be addresses, 0x...")
        agents = self._desk.exchange.account(user).agents
        agents.pop(agent, None)
        if state.get("approved", True):
            try:
                agents[agent] = read_agent(agent, state)
            except BadInputError as error:
                raise web.HTTPBadRequest(text=str(error)) from error
        return _done()

    async def set_quota(self, request: web.Request) -> web.Response:
        """Change the limits and forget what was counted."""
        state, quota = await _state(request), self._desk.quota
        if "weight_limit" in state:
            quota.weight_limit = _whole(state, "weight_limit")
        if "order_limit" in state:
            quota.order_limit = _whole(state, "order_limit")
        quota.forgive()
        return _done()

    async def show_requests(self, _request: web.Request) -> web.Response:
        """Return what was asked."""
        found = [
            {"method": row.method, "path": row.path, "params": row.params, "status": row.status}
            for row in self._desk.requests
        ]
        return web.json_response(found)

    async def show_sizes(self, _request: web.Request) -> web.Response:
        """Return how much is remembered."""
        sizes = {**self._desk.sizes(), "sockets": len(self._hub.sockets)}
        return web.json_response({**sizes, "streams": self._hub.size()})

    async def show_account(self, request: web.Request) -> web.Response:
        """Return the books of a user."""
        floor = self._desk.exchange.floor
        account = floor.users.get(request.match_info["user"].lower())
        if account is None:
            raise web.HTTPNotFound(text=f"no account of {request.match_info['user']}")
        contracts = {name: listing.contract for name, listing in floor.listings.items()}
        return web.json_response(
            {
                "user": account.user,
                "wallet": units_text(account.wallet),
                "income": [
                    {
                        "ms": row.ms,
                        "kind": row.kind.value,
                        "symbol": row.symbol,
                        "amount": units_text(row.amount),
                        "trade_id": row.trade_id,
                    }
                    for row in account.income
                ],
                "positions": {
                    f"{held.symbol}:{held.side.value}": contracts[held.symbol].qty_text(held.lots)
                    for held in account.held()
                },
                "orders": {
                    order.request.client_id: order.status.value for order in account.orders.values()
                },
                "open_orders": [
                    order_row(order, contracts[order.request.symbol]) for order in account.resting()
                ],
                "fills": [
                    {
                        "trade_id": fill.trade_id,
                        "order_id": fill.order_id,
                        "client_order_id": account.orders[fill.order_id].request.client_id,
                        "symbol": fill.symbol,
                        "side": fill.side.name,
                        "price": contracts[fill.symbol].price_text(fill.ticks),
                        "qty": contracts[fill.symbol].qty_text(fill.lots),
                        "commission": units_text(fill.commission),
                    }
                    for fill in account.fills
                ],
            }
        )


async def _state(request: web.Request) -> Mapping[str, Any]:
    try:
        state = await request.json()
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"body is not JSON: {error}") from error
    if not isinstance(state, dict):
        raise web.HTTPBadRequest(text="body must be a JSON object")
    return state


def _whole(state: Mapping[str, Any], name: str) -> int:
    value = state.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise web.HTTPBadRequest(text=f"{name} must be a whole number, was {value!r}")
    return value


def _done() -> web.Response:
    return web.json_response({"done": True})
