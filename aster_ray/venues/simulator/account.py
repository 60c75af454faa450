"""An account: its wallet, what it holds and asks for, and every reason its balance ever moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from aster_ray.model.enums import Side
from aster_ray.venues.simulator.amounts import UNIT
from aster_ray.venues.simulator.order import Order, PositionSide, SelfTrade
from aster_ray.venues.simulator.position import Position

DEFAULT_LEVERAGE = 20
MAKER_RATE, TAKER_RATE = UNIT // 10_000, 4 * UNIT // 10_000  # 1 and 4 hundredths of a percent


class IncomeType(StrEnum):
    """Why a balance moved."""

    TRANSFER = "TRANSFER"
    REALIZED_PNL = "REALIZED_PNL"
    COMMISSION = "COMMISSION"
    FUNDING_FEE = "FUNDING_FEE"
    INSURANCE_CLEAR = "INSURANCE_CLEAR"


class Income(NamedTuple):
    """One movement of the wallet; ``amount`` is signed units."""

    number: int
    ms: int
    kind: IncomeType
    symbol: str
    amount: int
    trade_id: int  # 0 for none


class Fill(NamedTuple):
    """One execution of an order; amounts in units, ``commission`` positive when paid."""

    trade_id: int
    order_id: int
    symbol: str
    side: Side
    position_side: PositionSide
    ticks: int
    lots: int
    notional: int
    commission: int
    profit: int
    maker: bool
    ms: int


class MarginMove(NamedTuple):
    """Margin moved into (positive units) or out of an isolated position."""

    ms: int
    symbol: str
    position_side: PositionSide
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A key that may sign for an account, and what for.

    Attributes:
        address: lower case.
        ends_ms: when it expires, on the wall clock.
        addresses: IP addresses it may come from; none = all.
        source: what approved it.
    """

    address: str
    name: str = "agent"
    ends_ms: int = 4_102_444_800_000
    addresses: tuple[str, ...] = ()
    source: str = "api"
    can_read: bool = True
    can_trade_perps: bool = True
    can_trade_spot: bool = False
    can_withdraw: bool = False

    def may(self, *, act: bool, from_address: str, now_ms: int) -> bool:
        """Return whether it may ask, or act, from an IP address now."""
        known = not self.addresses or from_address in self.addresses
        allowed = self.can_trade_perps if act else self.can_read
        return known and allowed and now_ms < self.ends_ms


@dataclass(slots=True)
class Account:
    """One user of the exchange.

    Attributes:
        number: 1, 2, ...; 0 is the simulated market.
        user: wallet address, lower case.
        wallet: balance in units; only ``post`` changes it, so it is the sum of ``income``.
        isolated: symbols in isolated margin mode; all others are cross.
        hedge: two positions a symbol, LONG and SHORT, instead of one.
        agents: who may sign for it beside itself, by address.
        builders: approved builder address to highest fee, in units.
    """

    number: int
    user: str
    wallet: int = 0
    hedge: bool = False
    maker_rate: int = MAKER_RATE
    taker_rate: int = TAKER_RATE
    self_trade: SelfTrade = SelfTrade.EXPIRE_TAKER
    leverage: dict[str, int] = field(default_factory=dict)
    isolated: set[str] = field(default_factory=set)
    positions: dict[tuple[str, PositionSide], Position] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    open_orders: dict[int, Order] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    income: list[Income] = field(default_factory=list)
    margin_moves: list[MarginMove] = field(default_factory=list)
    agents: dict[str, Agent] = field(default_factory=dict)
    builders: dict[str, int] = field(default_factory=dict)
    warned: bool = False  # a margin call was sent and the account has not recovered

    def post(self, kind: IncomeType, amount: int, symbol: str, ms: int, trade_id: int = 0) -> None:
        """Move the wallet and write down why; a movement of nothing leaves no line."""
        if amount:
            self.wallet += amount
            number = len(self.income) + 1
            self.income.append(Income(number, ms, kind, symbol, amount, trade_id))

    def position(self, symbol: str, side: PositionSide = PositionSide.BOTH) -> Position:
        """Return a position, flat if there was none."""
        key = (symbol, side)
        found = self.positions.get(key)
        if found is None:
            found = self.positions[key] = Position(symbol, side)
        return found

    def held(self, symbol: str | None = None) -> Iterator[Position]:
        """Yield the positions that are not flat."""
        for position in self.positions.values():
            if position.lots and symbol in (None, position.symbol):
                yield position

    def leverage_of(self, symbol: str) -> int:
        """Return the leverage that was set, or the one accounts begin with."""
        return self.leverage.get(symbol, DEFAULT_LEVERAGE)

    def resting(self, symbol: str | None = None) -> list[Order]:
        """Return the open orders, oldest first."""
        return [
            order for order in self.open_orders.values() if symbol in (None, order.request.symbol)
        ]

    @property
    def cross_wallet(self) -> int:
        """Return what is not set aside for isolated positions."""
        return self.wallet - sum(position.isolated for position in self.positions.values())
