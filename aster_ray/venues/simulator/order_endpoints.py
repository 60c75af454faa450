"""Signed REST endpoints that place, cancel and show orders."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from aster_ray.venues.simulator.account import Account, Fill
from aster_ray.venues.simulator.amounts import units_text
from aster_ray.venues.simulator.endpoints import Call, Params, Table, endpoint, one_or_all
from aster_ray.venues.simulator.floor import Payload
from aster_ray.venues.simulator.intake import need, read_order
from aster_ray.venues.simulator.messages import ASSET, order_row
from aster_ray.venues.simulator.order import Order
from aster_ray.venues.simulator.queries import WEEK_MS, limit, need_whole, span, whole, within
from aster_ray.venues.simulator.refusals import Reason, RefusedError

ORDERS: Table = {}
_BATCH, _CANCEL_BATCH = 5, 10
_RESPONSES = ("ACK", "RESULT")


@endpoint(ORDERS, "POST /fapi/v3/order", signed=True)
def place(call: Call) -> Any:
    """Accept an order; it trades after the answer, unless its result is asked for."""
    call.desk.quota.order(call.account.number)
    return _place(call, call.params)


def _place(call: Call, params: Params) -> Payload:
    desk, account = call.desk, call.account
    floor = desk.exchange.floor
    contract = floor.listing(need(params, "symbol")).contract
    response = params.get("newOrderRespType") or "ACK"
    if response not in _RESPONSES:
        raise RefusedError(Reason.BAD_RESPONSE_TYPE)
    made_id = f"made-{account.number}-{floor.last_order_id + 1}"
    order = desk.exchange.place(account, read_order(params, contract, made_id))
    if response == "RESULT":
        desk.exchange.activate(order)
    else:
        desk.accepted.append(order)
    return order_row(order, contract)


@endpoint(ORDERS, "POST /fapi/v3/batchOrders", 5, signed=True)
def place_batch(call: Call) -> Any:
    """Place up to five orders; each is accepted or refused on its own."""
    batch = _json_list(need(call.params, "batchOrders"), "batchOrders")
    if not 1 <= len(batch) <= _BATCH:
        raise RefusedError(Reason.BATCH_SIZE, len(batch))
    call.desk.quota.order(call.account.number, len(batch))
    return [_leg(partial(_place, call, _texts(leg))) for leg in batch]


def _leg(act: Callable[[], Payload]) -> Payload:
    try:
        return act()
    except RefusedError as refused:
        return {"code": refused.code, "msg": refused.text}


def _json_list(text: str, name: str) -> list[Any]:
    try:
        found = json.loads(text)
    except ValueError:
        raise RefusedError(Reason.BAD_PARAMETER, name) from None
    if not isinstance(found, list):
        raise RefusedError(Reason.BAD_PARAMETER, name)
    return found


def _texts(leg: Any) -> Params:
    """Return a leg's values as the texts a form would hold."""
    if not isinstance(leg, dict):
        raise RefusedError(Reason.BAD_PARAMETER, "batchOrders")
    return {
        name: value if isinstance(value, str) else json.dumps(value) for name, value in leg.items()
    }


@endpoint(ORDERS, "PUT /fapi/v3/order", signed=True)
def amend(call: Call) -> Any:
    """Change price and quantity of a limit order; it goes to the back of its new price."""
    order = _find(call, Reason.UNKNOWN_ORDER)
    contract = call.listing().contract
    lots = contract.read_qty(need(call.params, "quantity"), market=False)
    ticks = contract.read_price(need(call.params, "price"))
    call.desk.exchange.amend(order, lots, ticks)
    call.desk.accepted.append(order)
    return order_row(order, contract)


@endpoint(ORDERS, "DELETE /fapi/v3/order", signed=True)
def cancel(call: Call) -> Any:
    """Withdraw an order."""
    order = _find(call, Reason.UNKNOWN_ORDER)
    call.desk.exchange.cancel(order)
    return order_row(order, call.listing().contract)


@endpoint(ORDERS, "DELETE /fapi/v3/batchOrders", signed=True)
def cancel_batch(call: Call) -> Any:
    """Withdraw up to ten orders by id or client id; each on its own."""
    name, key = ("orderIdList", "orderId")
    if not call.params.get(name):
        name, key = ("origClientOrderIdList", "origClientOrderId")
    if not call.params.get(name):
        raise RefusedError(Reason.MISSING_BOTH, "orderIdList", "origClientOrderIdList")
    wanted = _json_list(call.params[name], name)
    if len(wanted) > _CANCEL_BATCH:
        raise RefusedError(Reason.CANCEL_SIZE)
    symbol = need(call.params, "symbol")
    legs = [Call(call.desk, {"symbol": symbol, key: str(one)}, call.account) for one in wanted]
    return [_leg(partial(cancel, leg)) for leg in legs]


@endpoint(ORDERS, "DELETE /fapi/v3/allOpenOrders", signed=True)
def cancel_all(call: Call) -> Any:
    """Withdraw every order of a contract."""
    for order in call.account.resting(call.listing().contract.symbol):
        call.desk.exchange.cancel(order)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


@endpoint(ORDERS, "POST /fapi/v3/countdownCancelAll", 10, signed=True)
def count_down(call: Call) -> Any:
    """Withdraw every order of a contract unless this is asked again in time; 0 calls it off."""
    symbol = call.listing().contract.symbol
    countdown = need_whole(call.params, "countdownTime")
    place = (call.account.number, symbol)
    if countdown:
        call.desk.deadlines[place] = call.desk.pace.clock.now_ms() + countdown
    else:
        call.desk.deadlines.pop(place, None)
    return {"symbol": symbol, "countdownTime": str(countdown)}


@endpoint(ORDERS, "GET /fapi/v3/order", signed=True)
def show(call: Call) -> Any:
    """Return an order, open or done."""
    order = _find(call, Reason.NO_SUCH_ORDER)
    if order.is_forgotten(call.now_ms):
        raise RefusedError(Reason.NO_SUCH_ORDER)
    return _full(call, order)


@endpoint(ORDERS, "GET /fapi/v3/openOrder", signed=True)
def show_open(call: Call) -> Any:
    """Return an open order."""
    order = _find(call, Reason.NO_SUCH_ORDER)
    if not order.is_open:
        raise RefusedError(Reason.NO_SUCH_ORDER)
    return _full(call, order)


@endpoint(ORDERS, "GET /fapi/v3/openOrders", one_or_all(1, 40), signed=True)
def show_all_open(call: Call) -> Any:
    """Return the open orders of a contract, or of all."""
    symbol = call.listing().contract.symbol if call.params.get("symbol") else None
    return [_full(call, order) for order in call.account.resting(symbol)]


@endpoint(ORDERS, "GET /fapi/v3/allOrders", 5, signed=True)
def show_all(call: Call) -> Any:
    """Return orders of a contract, ascending; of the last week if no time is given."""
    symbol = call.listing().contract.symbol
    start, end = span(call.params, WEEK_MS)
    first = whole(call.params, "orderId")
    if start is None and end is None and first is None:
        start = call.now_ms - WEEK_MS
    found = [
        order
        for order in call.account.orders.values()
        if order.request.symbol == symbol
        and (first is None or order.order_id >= first)
        and within(order.created_ms, start, end)
        and not order.is_forgotten(call.now_ms)
    ]
    return [_full(call, order) for order in _cut(call, found, from_start=first is not None)]


@endpoint(ORDERS, "GET /fapi/v3/userTrades", 5, signed=True)
def my_trades(call: Call) -> Any:
    """Return executions of a contract, ascending; of the last week if no time is given."""
    listing = call.listing()
    start, end = span(call.params, WEEK_MS)
    first, order_id = whole(call.params, "fromId"), whole(call.params, "orderId")
    if start is None and end is None and first is None:
        start = call.now_ms - WEEK_MS
    found = [
        fill
        for fill in call.account.fills
        if fill.symbol == listing.contract.symbol
        and (first is None or fill.trade_id >= first)
        and (order_id is None or fill.order_id == order_id)
        and within(fill.ms, start, end)
    ]
    return [_fill(call, fill) for fill in _cut(call, found, from_start=first is not None)]


def _cut(call: Call, found: list[Any], *, from_start: bool) -> list[Any]:
    """Return the first rows of a span with a start, else the newest."""
    count = limit(call.params, 500, 1000)
    return found[:count] if from_start or call.params.get("startTime") else found[-count:]


def _find(call: Call, reason: Reason) -> Order:
    """Return the order ``orderId`` or ``origClientOrderId`` names; the newest of a client id."""
    symbol = call.listing().contract.symbol
    number, client_id = whole(call.params, "orderId"), call.params.get("origClientOrderId")
    if number is None and not client_id:
        raise RefusedError(Reason.MISSING_BOTH, "orderId", "origClientOrderId")
    if number is not None:
        found = call.account.orders.get(number)
    else:
        found = _newest(call.account, client_id or "", symbol)
    if found is None or found.request.symbol != symbol:
        raise RefusedError(reason)
    return found


def _newest(account: Account, client_id: str, symbol: str) -> Order | None:
    for order in reversed(account.orders.values()):
        if order.request.client_id == client_id and order.request.symbol == symbol:
            return order
    return None


def _full(call: Call, order: Order) -> Payload:
    contract = call.desk.exchange.floor.listings[order.request.symbol].contract
    return {**order_row(order, contract), "time": order.created_ms}


def _fill(call: Call, fill: Fill) -> Payload:
    contract = call.desk.exchange.floor.listings[fill.symbol].contract
    return {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "side": fill.side.name,
        "price": contract.price_text(fill.ticks),
        "qty": contract.qty_text(fill.lots),
        "quoteQty": units_text(fill.notional),
        # The venue writes what was paid as a negative number.
        "commission": units_text(-fill.commission),
        "commissionAsset": ASSET,
        "realizedPnl": units_text(fill.profit),
        "positionSide": fill.position_side.value,
        "buyer": fill.side.name == "BUY",
        "maker": fill.maker,
        "time": fill.ms,
    }
