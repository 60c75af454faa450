"""What positions and orders tie up, and at which mark price an account is liquidated.

Sources: Aster's futures documents. Initial margin = notional at mark / leverage; maintenance =
notional x rate - deduction of its bracket; an order ties up what it could add to the larger side
of the position, at its own price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from aster_ray.model.enums import Side
from aster_ray.venues.simulator.account import Account
from aster_ray.venues.simulator.amounts import UNIT, divide
from aster_ray.venues.simulator.contract import Contract
from aster_ray.venues.simulator.order import Order
from aster_ray.venues.simulator.position import Position

_SETTLES = 20  # bracket and price agree after a step or two; this many is never needed


class Margins:
    """The margin rules over all contracts at the marks of the moment.

    Args:
        contracts: by symbol.
        mark: returns the mark price of a symbol in units.
    """

    def __init__(self, contracts: Mapping[str, Contract], mark: Callable[[str], int]) -> None:
        self._contracts = contracts
        self._mark = mark

    def notional(self, position: Position) -> int:
        """Return the signed value of a position at its mark."""
        contract = self._contracts[position.symbol]
        return contract.worth(position.lots, self._mark(position.symbol))

    def unrealized(self, position: Position) -> int:
        """Return the profit of a position at its mark."""
        return self.notional(position) - position.cost

    def maintenance(self, position: Position) -> int:
        """Return the margin a position must keep."""
        if not position.lots:
            return 0
        return self._contracts[position.symbol].maintenance(abs(self.notional(position)))

    def initial(self, account: Account, position: Position) -> int:
        """Return the margin a position ties up."""
        return divide(abs(self.notional(position)), account.leverage_of(position.symbol))

    def cross(self, account: Account) -> list[Position]:
        """Return the open positions that share the wallet."""
        return [held for held in account.held() if held.symbol not in account.isolated]

    def balance(self, account: Account) -> int:
        """Return the cross wallet with its unrealized profit."""
        return account.cross_wallet + sum(map(self.unrealized, self.cross(account)))

    def orders(self, account: Account, symbol: str, extra: Order | None = None) -> int:
        """Return what the open orders of a symbol tie up beyond its position.

        Args:
            account: whose orders.
            symbol: which.
            extra: an order that is about to be accepted.
        """
        orders = [order for order in account.resting(symbol) if not order.waiting]
        if extra is not None:
            orders.append(extra)
        opening = [order for order in orders if not order.request.only_closes]
        if not opening:
            return 0
        buys, sells = self._value(opening, Side.BUY), self._value(opening, Side.SELL)
        if account.hedge:
            needed = buys + sells
        else:
            held = self.notional(account.position(symbol))
            needed = max(abs(held + buys), abs(held - sells)) - abs(held)
        return divide(needed, account.leverage_of(symbol))

    def _value(self, orders: Iterable[Order], side: Side) -> int:
        return sum(
            self.order_value(order, order.left) for order in orders if order.request.side is side
        )

    def order_value(self, order: Order, lots: int) -> int:
        """Return what lots of an order are worth at its price, or at the mark if it has none."""
        contract = self._contracts[order.request.symbol]
        if order.ticks:
            return contract.notional(lots, order.ticks)
        return contract.worth(lots, self._mark(order.request.symbol))

    def available(self, account: Account) -> int:
        """Return what new orders may tie up."""
        symbols = {order.request.symbol for order in account.open_orders.values()}
        tied = sum(self.initial(account, position) for position in self.cross(account))
        tied += sum(self.orders(account, symbol) for symbol in symbols)
        return max(0, self.balance(account) - tied)

    def exposure(self, account: Account, order: Order) -> int:
        """Return the largest value the order's position could reach if every order filled."""
        symbol, side = order.request.symbol, order.request.side
        same = [
            other
            for other in [*account.resting(symbol), order]
            if other.request.side is side
            and other.request.position_side is order.request.position_side
            and not other.request.only_closes
            and not other.waiting
        ]
        held = self.notional(account.position(symbol, order.request.position_side))
        return abs(held + side * self._value(same, side))

    def liquidation_price(self, account: Account, position: Position) -> int:
        """Return the mark, in units, at which a position is liquidated; 0 if no price does it.

        The bracket is the one of the notional at the resulting price, so price and bracket are
        brought to agree.
        """
        if not position.lots:
            return 0
        contract = self._contracts[position.symbol]
        if position.symbol in account.isolated:
            group, cash = [position], position.isolated
        else:
            shared = self.cross(account)
            group = [held for held in shared if held.symbol == position.symbol]
            others = [held for held in shared if held.symbol != position.symbol]
            cash = account.cross_wallet
            cash += sum(self.unrealized(held) - self.maintenance(held) for held in others)
        price = self._mark(position.symbol)
        for _ in range(_SETTLES):
            found = _price_of_ruin(contract, group, cash, price)
            if found <= 0 or found == price:
                return max(0, found)
            price = found
        return price


def _price_of_ruin(contract: Contract, group: list[Position], cash: int, price: int) -> int:
    """Return the price at which cash + profit equals maintenance, with the brackets at ``price``.

    cash + sum(lots x lot x P - cost) = sum(|lots| x lot x P x rate - deduction), solved for P.
    """
    constant, slope = cash, 0  # slope in lot units x rate units
    for position in group:
        tier = contract.tier(abs(contract.worth(position.lots, price)))
        constant += tier.deduction - position.cost
        slope += (abs(position.lots) * tier.rate - position.lots * UNIT) * contract.lot_units
    if slope == 0:
        return 0
    return divide(constant * UNIT * UNIT, slope)
