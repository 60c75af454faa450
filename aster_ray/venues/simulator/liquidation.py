"""What becomes of an account that cannot keep its margin.

On the mark price: all open orders are canceled; then the insurance fund takes positions over, the
one with the most maintenance margin first, at the mark, until the rest is healthy. The fee is at
most what is left, and what is missing the fund pays: no account ends below zero.
"""

from __future__ import annotations

from aster_ray.model.enums import Side
from aster_ray.venues.simulator.account import Account, Fill, IncomeType
from aster_ray.venues.simulator.amounts import UNIT, at_rate, nearest_units, units_text
from aster_ray.venues.simulator.floor import PUBLIC, Floor, Payload
from aster_ray.venues.simulator.matching import Matcher
from aster_ray.venues.simulator.messages import account_update, order_update
from aster_ray.venues.simulator.order import (
    Order,
    OrderRequest,
    OrderType,
    Status,
    TimeInForce,
    new_order,
)
from aster_ray.venues.simulator.position import Position


class Liquidator:
    """Watches the margin of every account."""

    def __init__(self, floor: Floor, matcher: Matcher) -> None:
        self._floor = floor
        self._matcher = matcher

    def check(self) -> None:
        """Warn or liquidate whoever needs it at the marks of the moment."""
        for account in self._floor.accounts:
            if any(True for _ in account.held()):
                self._check_cross(account)
                for position in list(account.held()):
                    if position.symbol in account.isolated:
                        self._check_isolated(account, position)

    def _check_cross(self, account: Account) -> None:
        margins = self._floor.margins
        positions = margins.cross(account)
        if not positions:
            return
        balance, kept = margins.balance(account), sum(map(margins.maintenance, positions))
        if balance < kept:
            self._cancel_orders(account, None)
            while positions and margins.balance(account) < sum(map(margins.maintenance, positions)):
                largest = max(positions, key=margins.maintenance)
                self._take_over(account, largest, isolated=False)
                positions = margins.cross(account)
            account.warned = False
            return
        call = kept * UNIT >= balance * self._floor.conduct.margin_call
        if call and not account.warned:
            self._floor.tell(account.number, self._margin_call(account, positions))
        account.warned = call

    def _check_isolated(self, account: Account, position: Position) -> None:
        margins = self._floor.margins
        if position.isolated + margins.unrealized(position) < margins.maintenance(position):
            self._cancel_orders(account, position.symbol)
            self._take_over(account, position, isolated=True)

    def _cancel_orders(self, account: Account, symbol: str | None) -> None:
        for order in account.resting(symbol):
            if symbol is not None or order.request.symbol not in account.isolated:
                self._matcher.end(order, Status.CANCELED)

    def _take_over(self, account: Account, position: Position, *, isolated: bool) -> None:
        """Move a position to the insurance fund at the mark."""
        floor = self._floor
        order = self._order(account, position)
        rules = floor.listings[position.symbol].contract.instrument
        signed = order.request.side * order.filled
        margin = position.release(order.filled, order.filled)
        profit = position.trade(signed, order.request.side * order.cost)
        position.updated_ms = floor.now_ms
        trade_id = floor.next_trade_id()
        account.post(IncomeType.REALIZED_PNL, profit, position.symbol, floor.now_ms, trade_id)
        left = margin + profit if isolated else floor.margins.balance(account)
        rate = nearest_units(rules.liquidation_fee + rules.taker_fee)
        fee = min(at_rate(order.cost, rate), max(0, left))
        # The last cross position, or an isolated one, leaves no debt behind.
        alone = isolated or not floor.margins.cross(account)
        cover = max(0, -left) if alone else 0
        account.post(
            IncomeType.INSURANCE_CLEAR, cover - fee, position.symbol, floor.now_ms, trade_id
        )
        floor.fund += fee - cover
        self._report(account, position, order, (trade_id, profit))

    def _order(self, account: Account, position: Position) -> Order:
        """Return the exchange's own order, already filled, at the mark's tick."""
        floor = self._floor
        listing = floor.listings[position.symbol]
        contract = listing.contract
        side = Side.SELL if position.lots > 0 else Side.BUY
        adverse = contract.ticks_below if side is Side.SELL else contract.ticks_above
        ticks, lots = max(1, adverse(listing.mark)), abs(position.lots)
        request = OrderRequest(
            symbol=position.symbol,
            side=side,
            kind=OrderType.LIQUIDATION,
            client_id=f"autoclose-{floor.now_ms}",
            lots=lots,
            ticks=ticks,
            time_in_force=TimeInForce.IOC,
            position_side=position.side,
            reduce_only=True,
        )
        order = new_order(floor.next_order_id(), account.number, request, floor.now_ms)
        order.filled, order.cost = lots, contract.notional(lots, ticks)
        order.status = Status.NEW_INSURANCE
        return order

    def _report(
        self, account: Account, position: Position, order: Order, outcome: tuple[int, int]
    ) -> None:
        """Write the order into the history and tell the streams; outcome: trade id, profit."""
        floor, request = self._floor, order.request
        account.orders[order.order_id] = order
        fill = Fill(
            trade_id=outcome[0],
            order_id=order.order_id,
            symbol=request.symbol,
            side=request.side,
            position_side=request.position_side,
            ticks=order.ticks,
            lots=order.filled,
            notional=order.cost,
            commission=0,
            profit=outcome[1],
            maker=False,
            ms=floor.now_ms,
        )
        account.fills.append(fill)
        floor.tell(account.number, account_update(floor, account, "ORDER", [position]))
        floor.tell(account.number, order_update(floor, order, "CALCULATED", fill))
        floor.tell(PUBLIC, _force_order(floor, order))

    def _margin_call(self, account: Account, positions: list[Position]) -> Payload:
        margins = self._floor.margins
        rows = [
            {
                "s": position.symbol,
                "ps": position.side.value,
                "pa": self._floor.listings[position.symbol].contract.qty_text(position.lots),
                "mt": "CROSSED",
                "iw": "0",
                "mp": units_text(self._floor.listings[position.symbol].mark),
                "up": units_text(margins.unrealized(position)),
                "mm": units_text(margins.maintenance(position)),
            }
            for position in positions
        ]
        return {
            "e": "MARGIN_CALL",
            "E": self._floor.now_ms,
            "cw": units_text(account.cross_wallet),
            "p": rows,
        }


def _force_order(floor: Floor, order: Order) -> Payload:
    contract = floor.listings[order.request.symbol].contract
    body = {
        "s": order.request.symbol,
        "S": order.request.side.name,
        "o": "LIMIT",
        "f": "IOC",
        "q": contract.qty_text(order.lots),
        "p": contract.price_text(order.ticks),
        "ap": contract.mean_price_text(order.cost, order.filled),
        "X": "FILLED",
        "l": contract.qty_text(order.filled),
        "z": contract.qty_text(order.filled),
        "T": floor.now_ms,
    }
    return {"e": "forceOrder", "E": floor.now_ms, "o": body}
