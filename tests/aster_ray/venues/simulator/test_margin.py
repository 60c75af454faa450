from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.data.instruments import packaged_instruments
from aster_ray.model.enums import Side
from aster_ray.venues.simulator.account import Account, IncomeType
from aster_ray.venues.simulator.amounts import UNIT, to_units
from aster_ray.venues.simulator.contract import contract_of
from aster_ray.venues.simulator.margin import Margins
from aster_ray.venues.simulator.order import OrderRequest, OrderType, PositionSide, new_order

CONTRACTS = {name: contract_of(packaged_instruments()[name]) for name in ("BTCUSDT", "ETHUSDT")}
BTC = CONTRACTS["BTCUSDT"]


class Desk:
    """One account and marks that a test may move."""

    def __init__(self, deposit: str = "10000", leverage: int = 20) -> None:
        self.marks = {"BTCUSDT": to_units("100000"), "ETHUSDT": to_units("3000")}
        self.margins = Margins(CONTRACTS, self.marks.__getitem__)
        self.account = Account(1, "0x1")
        self.account.post(IncomeType.TRANSFER, to_units(deposit), "", 0)
        self.account.leverage = dict.fromkeys(CONTRACTS, leverage)

    def hold(self, symbol: str, lots: int, price: str) -> None:
        contract = CONTRACTS[symbol]
        notional = contract.notional(lots, contract.read_price(price))
        self.account.position(symbol).trade(lots, notional)

    def order(self, side: Side, lots: int, price: str, **changes: object) -> None:
        number = len(self.account.orders) + 1
        fields = {
            "symbol": "BTCUSDT",
            "side": side,
            "kind": OrderType.LIMIT,
            "client_id": str(number),
            "lots": lots,
            "ticks": BTC.read_price(price),
            **changes,
        }
        order = new_order(number, 1, OrderRequest(**fields), 0)  # type: ignore[arg-type]
        self.account.orders[number] = self.account.open_orders[number] = order


def test_an_account_without_anything_may_use_all_it_has() -> None:
    desk = Desk()
    assert desk.margins.available(desk.account) == to_units("10000")


def test_a_position_ties_up_its_notional_at_the_mark_over_its_leverage() -> None:
    desk = Desk()
    desk.hold("BTCUSDT", 500, "99000")  # half a coin
    position = desk.account.position("BTCUSDT")
    assert desk.margins.unrealized(position) == to_units("500")
    assert desk.margins.initial(desk.account, position) == to_units("2500")
    assert desk.margins.available(desk.account) == to_units("8000")
    desk.marks["BTCUSDT"] = to_units("98000")
    assert desk.margins.available(desk.account) == to_units(10_000 - 500 - 2_450)


def test_orders_tie_up_what_they_could_add_to_the_larger_side() -> None:
    desk = Desk()
    desk.hold("BTCUSDT", 100, "100000")  # worth 10,000
    for side, lots, tied in (
        (Side.SELL, 100, 0),  # would close it
        (Side.BUY, 40, 4_000),
        (Side.SELL, 60, 4_000),  # sells 160 in all: 60 beyond flat, less than the buys add
        (Side.SELL, 100, 6_000),  # sells 260: short 160, which is 60 more than the position
    ):
        desk.order(side, lots, "100000")
        assert desk.margins.orders(desk.account, "BTCUSDT") == to_units(tied) // 20


def test_orders_that_only_close_or_still_wait_tie_up_nothing() -> None:
    desk = Desk()
    desk.order(Side.BUY, 100, "100000", reduce_only=True)
    desk.order(Side.BUY, 100, "100000", kind=OrderType.STOP)
    assert desk.margins.orders(desk.account, "BTCUSDT") == 0


def test_in_hedge_mode_both_sides_tie_up_margin() -> None:
    desk = Desk()
    desk.account.hedge = True
    desk.order(Side.BUY, 100, "100000", position_side=PositionSide.LONG)
    desk.order(Side.SELL, 100, "100000", position_side=PositionSide.SHORT)
    desk.order(Side.SELL, 100, "100000", position_side=PositionSide.LONG)
    assert desk.margins.orders(desk.account, "BTCUSDT") == to_units("1000")


def test_what_is_set_aside_for_an_isolated_position_is_not_available() -> None:
    desk = Desk()
    desk.account.isolated.add("BTCUSDT")
    desk.hold("BTCUSDT", 100, "100000")
    desk.account.position("BTCUSDT").isolated = to_units("500")
    assert desk.account.cross_wallet == to_units("9500")
    desk.marks["BTCUSDT"] = to_units("99000")  # its loss is its own
    assert desk.margins.available(desk.account) == to_units("9500")


@given(
    st.integers(-3_000, 3_000).filter(bool),
    st.integers(-20_000, 20_000),
    st.integers(90_000, 110_000),
    st.booleans(),
)
def test_at_the_liquidation_price_the_margin_is_just_what_must_be_kept(
    lots: int, other: int, price: int, isolated: bool
) -> None:
    desk = Desk("30000")
    desk.hold("BTCUSDT", lots, str(price))
    if other:
        desk.hold("ETHUSDT", other, "3010")
    position = desk.account.position("BTCUSDT")
    if isolated:
        desk.account.isolated.add("BTCUSDT")
        position.isolated = to_units("5000")
    ruin = desk.margins.liquidation_price(desk.account, position)
    if ruin == 0:
        return
    desk.marks["BTCUSDT"] = ruin
    if isolated:
        left = position.isolated + desk.margins.unrealized(position)
        kept = desk.margins.maintenance(position)
    else:
        left = desk.margins.balance(desk.account)
        kept = sum(map(desk.margins.maintenance, desk.account.held()))
    assert left - kept == pytest.approx(0, abs=abs(lots) + 10)


def test_a_position_smaller_than_the_wallet_is_never_liquidated() -> None:
    desk = Desk("1000000")
    desk.hold("BTCUSDT", 10, "100000")
    assert desk.margins.liquidation_price(desk.account, desk.account.position("BTCUSDT")) == 0


def test_both_positions_of_hedge_mode_share_one_liquidation_price() -> None:
    desk = Desk("10000")
    desk.account.hedge = True
    desk.account.position("BTCUSDT", PositionSide.LONG).trade(3_000, BTC.notional(3_000, 1_000_000))
    desk.account.position("BTCUSDT", PositionSide.SHORT).trade(
        -1_000, BTC.notional(-1_000, 1_000_000)
    )
    prices = {
        desk.margins.liquidation_price(desk.account, position) for position in desk.account.held()
    }
    assert len(prices) == 1
    desk.marks["BTCUSDT"] = prices.pop()
    kept = sum(map(desk.margins.maintenance, desk.account.held()))
    assert desk.margins.balance(desk.account) == pytest.approx(kept, abs=10_000)


def test_the_wallet_is_the_sum_of_its_ledger_and_nothing_leaves_no_line() -> None:
    account = Account(1, "0x1")
    account.post(IncomeType.TRANSFER, 5 * UNIT, "", 1)
    account.post(IncomeType.COMMISSION, 0, "BTCUSDT", 2)
    account.post(IncomeType.COMMISSION, -7, "BTCUSDT", 3, trade_id=9)
    assert account.wallet == sum(row.amount for row in account.income) == 5 * UNIT - 7
    assert [row.number for row in account.income] == [1, 2]
