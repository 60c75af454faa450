"""What a client may change about its account: leverage, margin type, position mode, margin."""

from __future__ import annotations

from aster_ray.venues.simulator.account import Account, MarginMove
from aster_ray.venues.simulator.floor import Floor
from aster_ray.venues.simulator.messages import account_update
from aster_ray.venues.simulator.order import PositionSide
from aster_ray.venues.simulator.refusals import Reason, RefusedError


def set_leverage(floor: Floor, account: Account, symbol: str, leverage: int) -> None:
    """Set the leverage of a contract.

    Raises:
        RefusedError: no bracket allows it, the position does not fit its bracket or its margin, or
            it would fall under an isolated position.
    """
    contract = floor.listing(symbol).contract
    if not 1 <= leverage <= contract.max_leverage:
        raise RefusedError(Reason.BAD_LEVERAGE, leverage)
    held = list(account.held(symbol))
    before = account.leverage_of(symbol)
    if held and symbol in account.isolated and leverage < before:
        raise RefusedError(Reason.ISOLATED_LEVERAGE)
    value = sum(abs(floor.margins.notional(position)) for position in held)
    if value > contract.max_notional(leverage):
        raise RefusedError(Reason.MAX_POSITION)
    free = floor.margins.available(account)
    account.leverage[symbol] = leverage
    if leverage < before and free > 0 and floor.margins.available(account) == 0:
        account.leverage[symbol] = before
        raise RefusedError(Reason.LEVERAGE_TOO_LOW)
    change = {"s": symbol, "l": leverage}
    floor.tell(
        account.number,
        {"e": "ACCOUNT_CONFIG_UPDATE", "E": floor.now_ms, "T": floor.now_ms, "ac": change},
    )


def set_margin_type(floor: Floor, account: Account, symbol: str, *, isolated: bool) -> None:
    """Choose isolated or cross margin for a contract.

    Raises:
        RefusedError: it is so already, or orders or a position of the contract are open.
    """
    floor.listing(symbol)
    if (symbol in account.isolated) == isolated:
        raise RefusedError(Reason.SAME_MARGIN_TYPE)
    if account.resting(symbol):
        raise RefusedError(Reason.MARGIN_TYPE_ORDERS)
    if any(True for _ in account.held(symbol)):
        raise RefusedError(Reason.MARGIN_TYPE_POSITION)
    if isolated:
        account.isolated.add(symbol)
    else:
        account.isolated.discard(symbol)


def set_position_mode(floor: Floor, account: Account, *, hedge: bool) -> None:
    """Choose one position a contract or two.

    Raises:
        RefusedError: it is so already, or any order or position is open.
    """
    if account.hedge == hedge:
        raise RefusedError(Reason.SAME_POSITION_MODE)
    if account.open_orders:
        raise RefusedError(Reason.POSITION_MODE_ORDERS)
    if any(True for _ in account.held()):
        raise RefusedError(Reason.POSITION_MODE_POSITION)
    account.hedge = hedge
    change = {"j": False, "f": False, "d": hedge}
    floor.tell(
        account.number,
        {"e": "ACCOUNT_CONFIG_UPDATE", "E": floor.now_ms, "T": floor.now_ms, "ai": change},
    )


def move_margin(
    floor: Floor, account: Account, place: tuple[str, PositionSide], amount: int, *, add: bool
) -> None:
    """Add units to an isolated position's margin or take them away.

    Raises:
        RefusedError: the position is not isolated or flat, or the amount is not there; what is
            left must cover the initial margin and any loss.
    """
    symbol, side = place
    floor.listing(symbol)
    if amount <= 0:
        raise RefusedError(Reason.AMOUNT_NOT_POSITIVE)
    if symbol not in account.isolated:
        raise RefusedError(Reason.NOT_ISOLATED)
    position = account.position(symbol, side)
    if not position.lots:
        raise RefusedError(Reason.MARGIN_NO_POSITION)
    if add:
        if amount > floor.margins.available(account):
            raise RefusedError(Reason.CROSS_INSUFFICIENT)
        position.isolated += amount
    else:
        loss = min(0, floor.margins.unrealized(position))
        spare = position.isolated + loss - floor.margins.initial(account, position)
        if amount > spare:
            raise RefusedError(Reason.ISOLATED_INSUFFICIENT)
        position.isolated -= amount
    position.updated_ms = floor.now_ms
    moved = MarginMove(floor.now_ms, symbol, side, amount if add else -amount)
    account.margin_moves.append(moved)
    floor.tell(account.number, account_update(floor, account, "MARGIN_TRANSFER", [position]))
