"""Read the parameters of a new order; every fault has the venue's code."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar

from aster_ray.model.enums import Side
from aster_ray.model.ids import CLIENT_ORDER_ID
from aster_ray.venues.simulator.amounts import UNIT, to_units
from aster_ray.venues.simulator.contract import Contract
from aster_ray.venues.simulator.order import (
    OrderRequest,
    OrderType,
    PositionSide,
    SelfTrade,
    TimeInForce,
    WorkingType,
)
from aster_ray.venues.simulator.refusals import Reason, RefusedError

Params = Mapping[str, str]
Word = TypeVar("Word", bound=StrEnum)

LEAST_CALLBACK, MOST_CALLBACK = UNIT // 1000, UNIT // 20  # 0.1 % and 5 %
_CLOSING = (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET)


def read_order(params: Params, contract: Contract, made_id: str) -> OrderRequest:
    """Return what the parameters ask for.

    Args:
        params: as sent; names nobody knows are ignored, as the venue ignores them.
        contract: the one ``symbol`` names.
        made_id: client id of an order that was sent without one.

    Raises:
        RefusedError: something is missing, malformed or does not go together.
    """
    side = _side(need(params, "side"))
    kind = read_word(OrderType, need(params, "type"), Reason.BAD_TYPE)
    if kind is OrderType.LIQUIDATION:
        raise RefusedError(Reason.BAD_TYPE)
    close_position = read_flag(params, "closePosition")
    _check_combination(params, kind, close_position=close_position)
    builder, builder_fee = _builder(params)
    return OrderRequest(
        symbol=contract.symbol,
        side=side,
        kind=kind,
        client_id=_client_id(params, made_id),
        lots=0 if close_position else _lots(params, contract, kind),
        ticks=contract.read_price(need(params, "price")) if kind.has_price else 0,
        stop_ticks=_stop(params, contract, kind),
        time_in_force=_time_in_force(params, kind),
        position_side=read_word(
            PositionSide, params.get("positionSide") or "BOTH", Reason.BAD_POSITION_SIDE
        ),
        reduce_only=read_flag(params, "reduceOnly"),
        close_position=close_position,
        working=_working(params),
        price_protect=read_flag(params, "priceProtect"),
        callback=_callback(params, kind),
        activation_ticks=_activation(params, contract, kind),
        self_trade=_self_trade(params),
        builder=builder,
        builder_fee=builder_fee,
    )


def need(params: Params, name: str) -> str:
    """Return a mandatory parameter."""
    value = params.get(name, "")
    if not value:
        raise RefusedError(Reason.MISSING, name)
    return value


def read_flag(params: Params, name: str) -> bool:
    """Return a boolean; clients write it in any case, an absent one is false."""
    value = params.get(name, "false").lower()
    if value not in ("true", "false"):
        raise RefusedError(Reason.BAD_PARAMETER, name)
    return value == "true"


def read_word(words: type[Word], text: str, reason: Reason) -> Word:
    """Return one of a closed set of words."""
    try:
        return words(text)
    except ValueError:
        raise RefusedError(reason) from None


def read_fraction(text: str, name: str) -> int:
    """Return a decimal as units."""
    try:
        return to_units(Decimal(text))
    except (InvalidOperation, ValueError):
        raise RefusedError(Reason.BAD_PARAMETER, name) from None


def _side(text: str) -> Side:
    if text not in ("BUY", "SELL"):
        raise RefusedError(Reason.BAD_SIDE)
    return Side[text]


def _check_combination(params: Params, kind: OrderType, *, close_position: bool) -> None:
    for name, belongs in (
        ("price", kind.has_price),
        ("timeInForce", kind is not OrderType.MARKET),
        ("stopPrice", kind.is_conditional),
        ("callbackRate", kind is OrderType.TRAILING_STOP_MARKET),
        ("activationPrice", kind is OrderType.TRAILING_STOP_MARKET),
    ):
        if params.get(name) and not belongs:
            raise RefusedError(Reason.NOT_REQUIRED, name)
    if close_position:
        if kind not in _CLOSING:
            raise RefusedError(Reason.ORDER_COMPOSITION)
        if params.get("quantity"):
            raise RefusedError(Reason.QTY_WITH_CLOSE)
        if params.get("reduceOnly", "").lower() == "false":
            raise RefusedError(Reason.CLOSE_NEEDS_REDUCE)
        if params.get("reduceOnly"):
            raise RefusedError(Reason.NOT_REQUIRED, "reduceOnly")


def _client_id(params: Params, made_id: str) -> str:
    client_id = params.get("newClientOrderId") or made_id
    if not CLIENT_ORDER_ID.fullmatch(client_id):
        raise RefusedError(Reason.BAD_CLIENT_ID)
    return client_id


def _lots(params: Params, contract: Contract, kind: OrderType) -> int:
    return contract.read_qty(need(params, "quantity"), market=not kind.has_price)


def _stop(params: Params, contract: Contract, kind: OrderType) -> int:
    if not kind.is_conditional or kind is OrderType.TRAILING_STOP_MARKET:
        return 0
    return contract.read_price(need(params, "stopPrice"), "stopPrice")


def _time_in_force(params: Params, kind: OrderType) -> TimeInForce:
    text = params.get("timeInForce")
    if not text:
        if kind is OrderType.LIMIT:
            raise RefusedError(Reason.MISSING, "timeInForce")
        return TimeInForce.GTC
    return read_word(TimeInForce, text, Reason.BAD_TIME_IN_FORCE)


def _working(params: Params) -> WorkingType:
    text = params.get("workingType") or "CONTRACT_PRICE"
    if text not in WorkingType.__members__:
        raise RefusedError(Reason.BAD_WORKING_TYPE, text)
    return WorkingType(text)


def _callback(params: Params, kind: OrderType) -> int:
    if kind is not OrderType.TRAILING_STOP_MARKET:
        return 0
    # Sent as percent: 1 means a hundredth.
    callback = read_fraction(need(params, "callbackRate"), "callbackRate") // 100
    if not LEAST_CALLBACK <= callback <= MOST_CALLBACK:
        raise RefusedError(Reason.BAD_PARAMETER, "callbackRate")
    return callback


def _activation(params: Params, contract: Contract, kind: OrderType) -> int:
    if kind is not OrderType.TRAILING_STOP_MARKET or not params.get("activationPrice"):
        return 0
    try:
        return contract.read_price(params["activationPrice"], "activationPrice")
    except RefusedError:
        raise RefusedError(Reason.BAD_ACTIVATION_PRICE) from None


def _self_trade(params: Params) -> SelfTrade | None:
    text = params.get("stpMode")
    if not text:
        return None
    if text not in SelfTrade.__members__:
        raise RefusedError(Reason.BAD_PARAMETER, "stpMode")
    return SelfTrade(text)


def _builder(params: Params) -> tuple[str, int]:
    builder = params.get("builder", "")
    if not builder:
        return "", 0
    fee = read_fraction(need(params, "feeRate"), "feeRate")
    if not 0 <= fee < UNIT // 10:
        raise RefusedError(Reason.BUILDER)
    return builder.lower(), fee
