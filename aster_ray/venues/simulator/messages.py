"""Orders, positions and balances in the words of the REST answers and the user stream."""

from __future__ import annotations

from collections.abc import Iterable

from aster_ray.venues.simulator.account import Account, Fill
from aster_ray.venues.simulator.amounts import UNIT, decimal_text, units_text
from aster_ray.venues.simulator.contract import Contract
from aster_ray.venues.simulator.floor import Floor, Payload
from aster_ray.venues.simulator.order import Order, OrderType
from aster_ray.venues.simulator.position import Position

ASSET = "USDT"


def order_row(order: Order, contract: Contract) -> Payload:
    """Return an order as REST shows it."""
    request = order.request
    row: Payload = {
        "orderId": order.order_id,
        "symbol": request.symbol,
        "status": order.status.value,
        "clientOrderId": request.client_id,
        "price": _price(contract, order.ticks),
        "avgPrice": contract.mean_price_text(order.cost, order.filled),
        "origQty": contract.qty_text(order.lots),
        "executedQty": contract.qty_text(order.filled),
        "cumQty": contract.qty_text(order.filled),
        "cumQuote": units_text(order.cost),
        "timeInForce": request.time_in_force.value,
        "type": order.kind.value,
        "reduceOnly": request.reduce_only or request.close_position,
        "closePosition": request.close_position,
        "side": request.side.name,
        "positionSide": request.position_side.value,
        "stopPrice": _price(contract, request.stop_ticks),
        "workingType": request.working.value,
        "priceProtect": request.price_protect,
        "origType": request.kind.value,
        "updateTime": order.updated_ms,
    }
    if request.kind is OrderType.TRAILING_STOP_MARKET:
        row["activatePrice"] = _price(contract, request.activation_ticks)
        row["priceRate"] = callback_text(order)
    return row


def callback_text(order: Order) -> str:
    """Return the distance of a trailing stop in percent."""
    return decimal_text(order.request.callback * 1000 // UNIT, 1)


def _price(contract: Contract, ticks: int) -> str:
    return contract.price_text(ticks) if ticks else "0"


def order_update(floor: Floor, order: Order, execution: str, fill: Fill | None = None) -> Payload:
    """Return what the user stream says about a change of an order.

    Args:
        floor: for the time.
        order: after the change.
        execution: NEW, TRADE, CANCELED, EXPIRED or CALCULATED.
        fill: what was traded.
    """
    request = order.request
    contract = floor.listings[request.symbol].contract
    body: Payload = {
        "s": request.symbol,
        "c": request.client_id,
        "S": request.side.name,
        "o": order.kind.value,
        "f": request.time_in_force.value,
        "q": contract.qty_text(order.lots),
        "p": _price(contract, order.ticks),
        "ap": contract.mean_price_text(order.cost, order.filled),
        "sp": _price(contract, request.stop_ticks),
        "x": execution,
        "X": order.status.value,
        "i": order.order_id,
        "l": contract.qty_text(fill.lots) if fill else "0",
        "z": contract.qty_text(order.filled),
        "L": contract.price_text(fill.ticks) if fill else "0",
        "T": order.updated_ms,
        "t": fill.trade_id if fill else 0,
        "b": "0",
        "a": "0",
        "m": fill.maker if fill else False,
        "R": request.reduce_only or request.close_position,
        "wt": request.working.value,
        "ot": request.kind.value,
        "ps": request.position_side.value,
        "cp": request.close_position,
        "rp": units_text(fill.profit) if fill else "0",
    }
    if fill is not None and fill.commission:
        body["N"], body["n"] = ASSET, units_text(fill.commission)
    if request.kind is OrderType.TRAILING_STOP_MARKET:
        body["AP"] = _price(contract, request.activation_ticks)
        body["cr"] = callback_text(order)
    return {"e": "ORDER_TRADE_UPDATE", "E": floor.now_ms, "T": order.updated_ms, "o": body}


def account_update(
    floor: Floor, account: Account, cause: str, positions: Iterable[Position], change: int = 0
) -> Payload:
    """Return what the user stream says about a change of balances and positions.

    Args:
        floor: for time and marks.
        account: after the change.
        cause: ORDER, FUNDING_FEE, MARGIN_TRANSFER, MARGIN_TYPE_CHANGE or INSURANCE_CLEAR.
        positions: those to show.
        change: of the balance other than by profit and commission, in units.
    """
    balance = {
        "a": ASSET,
        "wb": units_text(account.wallet),
        "cw": units_text(account.cross_wallet),
        "bc": units_text(change),
    }
    shown = [_position(floor, account, position) for position in positions]
    return {
        "e": "ACCOUNT_UPDATE",
        "E": floor.now_ms,
        "T": floor.now_ms,
        "a": {"m": cause, "B": [balance], "P": shown},
    }


def _position(floor: Floor, account: Account, position: Position) -> Payload:
    contract = floor.listings[position.symbol].contract
    isolated = position.symbol in account.isolated
    return {
        "s": position.symbol,
        "pa": contract.qty_text(position.lots),
        "ep": contract.mean_price_text(position.cost, position.lots),
        "cr": units_text(position.realized),
        "up": units_text(floor.margins.unrealized(position)),
        "mt": "isolated" if isolated else "cross",
        "iw": units_text(position.isolated),
        "ps": position.side.value,
        "ma": ASSET,
    }
