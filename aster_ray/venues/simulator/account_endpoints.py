"""Signed REST endpoints about balances, positions and settings."""

from __future__ import annotations

from typing import Any

from aster_ray.venues.simulator.account import IncomeType
from aster_ray.venues.simulator.amounts import UNIT, units_text
from aster_ray.venues.simulator.contract import Contract
from aster_ray.venues.simulator.endpoints import Call, Table, endpoint
from aster_ray.venues.simulator.floor import Payload
from aster_ray.venues.simulator.intake import need, read_flag, read_fraction, read_word
from aster_ray.venues.simulator.messages import ASSET
from aster_ray.venues.simulator.order import PositionSide
from aster_ray.venues.simulator.position import Position
from aster_ray.venues.simulator.preferences import (
    move_margin,
    set_leverage,
    set_margin_type,
    set_position_mode,
)
from aster_ray.venues.simulator.queries import limit, need_whole, span, within
from aster_ray.venues.simulator.refusals import Reason, RefusedError

ACCOUNTS: Table = {}
_DONE = {"code": 200, "msg": "success"}


@endpoint(ACCOUNTS, "GET /fapi/v3/balance", 5, signed=True)
def balance(call: Call) -> Any:
    """Return the wallet."""
    margins, account = call.desk.exchange.floor.margins, call.account
    available = units_text(margins.available(account))
    profit = sum(map(margins.unrealized, margins.cross(account)))
    return [
        {
            "accountAlias": f"account-{account.number}",
            "asset": ASSET,
            "balance": units_text(account.wallet),
            "crossWalletBalance": units_text(account.cross_wallet),
            "crossUnPnl": units_text(profit),
            "availableBalance": available,
            "maxWithdrawAmount": available,
            "marginAvailable": True,
            "updateTime": account.income[-1].ms,
        }
    ]


@endpoint(ACCOUNTS, "GET /fapi/v3/positionRisk", 5, signed=True)
def positions(call: Call) -> Any:
    """Return every position, flat ones too."""
    sides = (PositionSide.LONG, PositionSide.SHORT) if call.account.hedge else (PositionSide.BOTH,)
    return [
        _position(call, listing.contract, call.account.position(listing.contract.symbol, side))
        for listing in call.listings()
        for side in sides
    ]


def _position(call: Call, contract: Contract, position: Position) -> Payload:
    account, margins = call.account, call.desk.exchange.floor.margins
    leverage = account.leverage_of(contract.symbol)
    isolated = contract.symbol in account.isolated
    profit = margins.unrealized(position)
    ruin = margins.liquidation_price(account, position)
    return {
        "symbol": contract.symbol,
        "positionAmt": contract.qty_text(position.lots),
        "entryPrice": contract.mean_price_text(position.cost, position.lots),
        "markPrice": units_text(call.desk.exchange.floor.listings[contract.symbol].mark),
        "unRealizedProfit": units_text(profit),
        "liquidationPrice": units_text(ruin) if ruin else "0",
        "leverage": str(leverage),
        "maxNotionalValue": units_text(contract.max_notional(leverage), 0),
        "marginType": "isolated" if isolated else "cross",
        "isolatedMargin": units_text(position.isolated + profit if isolated else 0),
        "isAutoAddMargin": "false",
        "positionSide": position.side.value,
        "notional": units_text(margins.notional(position)),
        "isolatedWallet": units_text(position.isolated),
        "updateTime": position.updated_ms,
    }


@endpoint(ACCOUNTS, "GET /fapi/v3/leverageBracket", signed=True)
def brackets(call: Call) -> Any:
    """Return the margin tables."""
    found = [
        {"symbol": listing.contract.symbol, "brackets": _brackets(listing.contract)}
        for listing in call.listings()
    ]
    return found[0] if call.params.get("symbol") else found


def _brackets(contract: Contract) -> list[Payload]:
    return [
        {
            "bracket": number,
            "initialLeverage": tier.leverage,
            "notionalCap": tier.cap // UNIT,
            "notionalFloor": tier.floor // UNIT,
            "maintMarginRatio": tier.rate / UNIT,
            "cum": tier.deduction / UNIT,
        }
        for number, tier in enumerate(contract.tiers, 1)
    ]


@endpoint(ACCOUNTS, "POST /fapi/v3/leverage", signed=True)
def leverage(call: Call) -> Any:
    """Set the leverage of a contract."""
    contract = call.listing().contract
    wanted = need_whole(call.params, "leverage")
    set_leverage(call.desk.exchange.floor, call.account, contract.symbol, wanted)
    most = units_text(contract.max_notional(wanted), 0)
    return {"symbol": contract.symbol, "leverage": wanted, "maxNotionalValue": most}


@endpoint(ACCOUNTS, "POST /fapi/v3/marginType", signed=True)
def margin_type(call: Call) -> Any:
    """Choose cross or isolated margin for a contract."""
    wanted = need(call.params, "marginType")
    if wanted not in ("CROSSED", "ISOLATED"):
        raise RefusedError(Reason.BAD_PARAMETER, "marginType")
    symbol = call.listing().contract.symbol
    floor = call.desk.exchange.floor
    set_margin_type(floor, call.account, symbol, isolated=wanted == "ISOLATED")
    return _DONE


@endpoint(ACCOUNTS, "GET /fapi/v3/positionSide/dual", 30, signed=True)
def position_mode(call: Call) -> Any:
    """Return whether the account has two positions a contract."""
    return {"dualSidePosition": call.account.hedge}


@endpoint(ACCOUNTS, "POST /fapi/v3/positionSide/dual", signed=True)
def change_position_mode(call: Call) -> Any:
    """Choose one position a contract or two."""
    need(call.params, "dualSidePosition")
    hedge = read_flag(call.params, "dualSidePosition")
    set_position_mode(call.desk.exchange.floor, call.account, hedge=hedge)
    return _DONE


@endpoint(ACCOUNTS, "POST /fapi/v3/positionMargin", signed=True)
def position_margin(call: Call) -> Any:
    """Move margin into (type 1) or out of (type 2) an isolated position."""
    way = need_whole(call.params, "type")
    if way not in (1, 2):
        raise RefusedError(Reason.BAD_PARAMETER, "type")
    amount = read_fraction(need(call.params, "amount"), "amount")
    side = read_word(
        PositionSide, call.params.get("positionSide") or "BOTH", Reason.BAD_POSITION_SIDE
    )
    place = (call.listing().contract.symbol, side)
    move_margin(call.desk.exchange.floor, call.account, place, amount, add=way == 1)
    return {
        "amount": amount / UNIT,
        "code": 200,
        "msg": "Successfully modify position margin.",
        "type": way,
    }


@endpoint(ACCOUNTS, "GET /fapi/v3/commissionRate", 20, signed=True)
def commission_rate(call: Call) -> Any:
    """Return the account's fees."""
    return {
        "symbol": call.listing().contract.symbol,
        "makerCommissionRate": units_text(call.account.maker_rate, 6),
        "takerCommissionRate": units_text(call.account.taker_rate, 6),
    }


@endpoint(ACCOUNTS, "GET /fapi/v3/income", 30, signed=True)
def income(call: Call) -> Any:
    """Return why the balance moved, ascending."""
    start, end = span(call.params)
    kind, symbol = call.params.get("incomeType"), call.params.get("symbol")
    if kind and kind not in IncomeType.__members__:
        raise RefusedError(Reason.BAD_PARAMETER, "incomeType")
    found = [
        {
            "symbol": row.symbol,
            "incomeType": row.kind.value,
            "income": units_text(row.amount),
            "asset": ASSET,
            "time": row.ms,
            "info": row.kind.value,
            "tranId": row.number,
            "tradeId": str(row.trade_id) if row.trade_id else "",
        }
        for row in call.account.income
        if kind in (None, "", row.kind)
        and symbol in (None, "", row.symbol)
        and within(row.ms, start, end)
    ]
    count = limit(call.params, 100, 1000)
    return found[:count] if start is not None else found[-count:]


@endpoint(ACCOUNTS, "POST /fapi/v3/listenKey", signed=True)
def open_stream(call: Call) -> Any:
    """Return the key of the user stream, good for another hour."""
    return {"listenKey": call.desk.keys.issue(call.account.number)}


@endpoint(ACCOUNTS, "PUT /fapi/v3/listenKey", signed=True)
def extend_stream(call: Call) -> Any:
    """Give the key another hour."""
    call.desk.keys.extend(call.account.number)
    return {}


@endpoint(ACCOUNTS, "DELETE /fapi/v3/listenKey", signed=True)
def close_stream(call: Call) -> Any:
    """Give the key back."""
    call.desk.keys.close(call.account.number)
    return {}


@endpoint(ACCOUNTS, "GET /fapi/v3/builder", signed=True)
def builders(call: Call) -> Any:
    """Return who may take a fee on this account's orders."""
    return [
        {
            "userAddress": call.account.user,
            "builderAddress": address,
            "maxFeeRate": units_text(rate),
            "builderName": "",
        }
        for address, rate in call.account.builders.items()
    ]


@endpoint(ACCOUNTS, "POST /fapi/v3/approveBuilder", signed=True)
def approve_builder(call: Call) -> Any:
    """Let somebody take a fee on this account's orders."""
    rate = read_fraction(need(call.params, "maxFeeRate"), "maxFeeRate")
    call.account.builders[need(call.params, "builder").lower()] = rate
    return _DONE
