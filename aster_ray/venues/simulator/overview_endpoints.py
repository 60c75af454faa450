"""Signed REST endpoints that show an account as a whole, and its smaller switches."""

from __future__ import annotations

from typing import Any

from aster_ray.venues.simulator.account import Account
from aster_ray.venues.simulator.agents import agent_row
from aster_ray.venues.simulator.amounts import units_text
from aster_ray.venues.simulator.contract import Contract
from aster_ray.venues.simulator.endpoints import Call, Table, endpoint
from aster_ray.venues.simulator.floor import Payload
from aster_ray.venues.simulator.intake import need
from aster_ray.venues.simulator.messages import ASSET
from aster_ray.venues.simulator.order import PositionSide, SelfTrade
from aster_ray.venues.simulator.position import Position
from aster_ray.venues.simulator.queries import limit, span, whole, within
from aster_ray.venues.simulator.refusals import Reason, RefusedError

OVERVIEWS: Table = {}
_DONE = {"code": 200, "msg": "success"}


@endpoint(OVERVIEWS, "GET /fapi/v3/account", 5, signed=True)
@endpoint(OVERVIEWS, "GET /fapi/v4/account", 5, signed=True)
def account(call: Call) -> Any:
    """Return totals, assets and every position of an account."""
    owner, margins = call.account, call.desk.exchange.floor.margins
    sides = (PositionSide.LONG, PositionSide.SHORT) if owner.hedge else (PositionSide.BOTH,)
    positions = [
        _position(call, listing.contract, owner.position(listing.contract.symbol, side))
        for listing in call.listings()
        for side in sides
    ]
    held = list(owner.held())
    profit = sum(map(margins.unrealized, held))
    cross_profit = sum(map(margins.unrealized, margins.cross(owner)))
    initial = sum(margins.initial(owner, position) for position in held)
    ordered = _ordered(call, owner)
    totals = {
        "InitialMargin": initial + ordered,
        "MaintMargin": sum(map(margins.maintenance, held)),
        "WalletBalance": owner.wallet,
        "UnrealizedProfit": profit,
        "MarginBalance": owner.wallet + profit,
        "PositionInitialMargin": initial,
        "OpenOrderInitialMargin": ordered,
        "CrossWalletBalance": owner.cross_wallet,
        "CrossUnPnl": cross_profit,
    }
    available = units_text(margins.available(owner))
    free = {"availableBalance": available, "maxWithdrawAmount": available}
    asset = {f"{name[0].lower()}{name[1:]}": units_text(value) for name, value in totals.items()}
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "updateTime": 0,
        **{f"total{name}": units_text(value) for name, value in totals.items()},
        **free,
        "assets": [
            {
                "asset": ASSET,
                **asset,
                **free,
                "marginAvailable": True,
                "updateTime": owner.income[-1].ms,
            }
        ],
        "positions": positions,
    }


def _ordered(call: Call, owner: Account) -> int:
    """Return what all open orders tie up."""
    margins = call.desk.exchange.floor.margins
    symbols = {order.request.symbol for order in owner.open_orders.values()}
    return sum(margins.orders(owner, symbol) for symbol in symbols)


def _position(call: Call, contract: Contract, position: Position) -> Payload:
    owner, margins = call.account, call.desk.exchange.floor.margins
    symbol = contract.symbol
    leverage = owner.leverage_of(symbol)
    initial, ordered = margins.initial(owner, position), margins.orders(owner, symbol)
    return {
        "symbol": symbol,
        "initialMargin": units_text(initial + ordered),
        "maintMargin": units_text(margins.maintenance(position)),
        "unrealizedProfit": units_text(margins.unrealized(position)),
        "positionInitialMargin": units_text(initial),
        "openOrderInitialMargin": units_text(ordered),
        "leverage": str(leverage),
        "isolated": symbol in owner.isolated,
        "entryPrice": contract.mean_price_text(position.cost, position.lots),
        "maxNotional": units_text(contract.max_notional(leverage), 0),
        "positionSide": position.side.value,
        "positionAmt": contract.qty_text(position.lots),
        "notional": units_text(margins.notional(position)),
        "isolatedWallet": units_text(position.isolated),
        "updateTime": position.updated_ms,
    }


@endpoint(OVERVIEWS, "GET /fapi/v3/positionMargin/history", signed=True)
def margin_history(call: Call) -> Any:
    """Return how margin was moved into (type 1) and out of (type 2) a contract's positions."""
    symbol = call.listing().contract.symbol
    start, end = span(call.params)
    way = whole(call.params, "type")
    if way not in (None, 1, 2):
        raise RefusedError(Reason.BAD_PARAMETER, "type")
    found = [
        {
            "amount": units_text(abs(move.amount)),
            "asset": ASSET,
            "symbol": move.symbol,
            "time": move.ms,
            "type": 1 if move.amount > 0 else 2,
            "positionSide": move.position_side.value,
        }
        for move in call.account.margin_moves
        if move.symbol == symbol
        and within(move.ms, start, end)
        and way in (None, 1 if move.amount > 0 else 2)
    ]
    return found[-limit(call.params, 500, 1000) :]


@endpoint(OVERVIEWS, "GET /fapi/v3/agent", signed=True)
def agents(call: Call) -> Any:
    """Return who else may sign for the account, and what for."""
    return [agent_row(agent) for agent in call.account.agents.values()]


@endpoint(OVERVIEWS, "GET /fapi/v3/stpMode", 30, signed=True)
def self_trade_mode(call: Call) -> Any:
    """Return which of the account's own orders gives way to the other."""
    return {"stpMode": call.account.self_trade.value}


@endpoint(OVERVIEWS, "POST /fapi/v3/stpMode", signed=True)
def change_self_trade_mode(call: Call) -> Any:
    """Choose which of the account's own orders gives way; an order may say otherwise."""
    wanted = need(call.params, "stpMode")
    if wanted not in SelfTrade.__members__:
        raise RefusedError(Reason.BAD_PARAMETER, "stpMode")
    call.account.self_trade = SelfTrade(wanted)
    return _DONE


@endpoint(OVERVIEWS, "POST /fapi/v3/noop", signed=True)
def use_up_nonce(_call: Call) -> Any:
    """Do nothing; the nonce is spent, so that an older request under it can no longer arrive."""
    return _DONE
