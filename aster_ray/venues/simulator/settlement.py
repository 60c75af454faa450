"""What an execution and a funding payment do to an account."""

from __future__ import annotations

from aster_ray.venues.simulator.account import Account, Fill, IncomeType
from aster_ray.venues.simulator.amounts import at_rate, divide
from aster_ray.venues.simulator.floor import Floor
from aster_ray.venues.simulator.listing import Listing
from aster_ray.venues.simulator.messages import account_update, order_update
from aster_ray.venues.simulator.order import Order, Status
from aster_ray.venues.simulator.position import Position


def book_fill(floor: Floor, order: Order, execution: tuple[int, int, int], *, maker: bool) -> None:
    """Book one execution on the account of an order and tell its stream.

    Args:
        floor: the exchange.
        order: one side of the execution.
        execution: trade id, lots, ticks.
        maker: whether the order rested.
    """
    trade_id, lots, ticks = execution
    account, request = floor.account(order.account), order.request
    contract = floor.listings[request.symbol].contract
    position = account.position(request.symbol, request.position_side)
    signed = request.side * lots
    notional = contract.notional(signed, ticks)
    profit = _move(floor, account, position, signed, notional)
    rate = (account.maker_rate if maker else account.taker_rate) + request.builder_fee
    fee = at_rate(abs(notional), rate)
    now = floor.now_ms
    account.post(IncomeType.REALIZED_PNL, profit, request.symbol, now, trade_id)
    account.post(IncomeType.COMMISSION, -fee, request.symbol, now, trade_id)
    order.filled += lots
    order.cost += abs(notional)
    order.updated_ms = now
    order.status = Status.FILLED if order.left == 0 else Status.PARTIALLY_FILLED
    fill = Fill(
        trade_id=trade_id,
        order_id=order.order_id,
        symbol=request.symbol,
        side=request.side,
        position_side=request.position_side,
        ticks=ticks,
        lots=lots,
        notional=abs(notional),
        commission=fee,
        profit=profit,
        maker=maker,
        ms=now,
    )
    account.fills.append(fill)
    floor.tell(account.number, account_update(floor, account, "ORDER", [position]))
    floor.tell(account.number, order_update(floor, order, "TRADE", fill))
    if order.status is Status.FILLED:
        floor.close(order)


def _move(floor: Floor, account: Account, position: Position, lots: int, notional: int) -> int:
    """Change a position, with its isolated margin, and return the profit taken."""
    before = position.lots
    closed = min(abs(lots), abs(before)) if before * lots < 0 else 0
    if closed:
        position.release(closed, abs(before))
    profit = position.trade(lots, notional)
    position.updated_ms = floor.now_ms
    opened = abs(lots) - closed
    if opened and position.symbol in account.isolated:
        value = divide(abs(notional) * opened, abs(lots))
        margin = divide(value, account.leverage_of(position.symbol))
        position.isolated += min(margin, max(0, account.cross_wallet))
    return profit


def settle_funding(floor: Floor, listing: Listing) -> None:
    """Let longs pay shorts, or shorts longs, on the mark of this moment."""
    symbol = listing.contract.symbol
    for account in floor.accounts:
        for position in list(account.held(symbol)):
            payment = -at_rate(floor.margins.notional(position), listing.funding_rate)
            if payment == 0:
                continue
            account.post(IncomeType.FUNDING_FEE, payment, symbol, floor.now_ms)
            isolated = symbol in account.isolated
            if isolated:
                position.isolated += payment
                position.updated_ms = floor.now_ms
            shown = [position] if isolated else []
            update = account_update(floor, account, "FUNDING_FEE", shown, payment)
            floor.tell(account.number, update)
