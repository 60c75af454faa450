"""What the paper venue does with one bar, worked by hand.

Unless said otherwise a position is 10 % of 10,000 at 100: 10 base, 10,000 lots, no costs.
"""

from __future__ import annotations

import numpy as np
import pytest

from aster_ray.kernel.accounting import apply_fill
from aster_ray.kernel.margin import liquidation_price, maintenance_of
from aster_ray.kernel.records import LONG, SHORT
from aster_ray.model.enums import ExitReason, FillKind
from tests.factories import CAPITAL, START_MS, Session, a_bar, a_fill, an_open_setup, no_bar, says

HOUR = 3_600_000


def holding(side: int = 1, fraction: float = 0.1, strategies: int = 1, **fields: object) -> Session:
    """Return a session whose first sleeve holds a position from 100; fields may set its bracket."""
    bracket = {k: fields.pop(k) for k in ("stop_loss", "take_profit") if k in fields}
    setup = an_open_setup(1, strategies, enabled=0, fixed_fraction=fraction, **fields)
    session = Session(setup)
    code = np.zeros(strategies)
    code[0] = LONG if side > 0 else SHORT
    session.close(a_bar(100.0), says(strategies, code=code, **bracket))
    session.close(a_bar(100.0))
    assert session.book.sleeves[0]["lots"] == side * round(fraction * 100_000)
    return session


def test_an_order_decided_on_a_close_fills_at_the_next_open() -> None:
    session = Session(an_open_setup(enabled=0))
    first = session.close(a_bar(100.0, 101.0, 99.0, 100.0), says(code=LONG))
    assert not len(first.fills)
    second = session.close(a_bar(102.0, 110.0, 101.0, 105.0))
    fill = second.fills[0]
    assert (fill["price"], fill["ms"]) == (102.0, START_MS + HOUR)
    # sized at the close it was decided on: 1,000 / 100 = 10 base, worth 1,020 at the fill
    assert fill["lots"] == 10_000
    assert session.account["equity"] == pytest.approx(CAPITAL + 10 * (105.0 - 102.0))


def test_a_market_order_costs_spread_slippage_and_taker_fee() -> None:
    session = Session(
        an_open_setup(enabled=0, taker_fee=0.001, slippage=0.002, half_spread=0.001, tick=0.01)
    )
    session.close(a_bar(100.0), says(code=LONG))
    fill = session.close(a_bar(100.0)).fills[0]
    assert fill["price"] == 100.3  # 100 x 1.003
    assert fill["fee"] == pytest.approx(10 * 100.3 * 0.001)  # on the price paid
    assert fill["slippage"] == pytest.approx(10 * 0.3)
    assert session.account["equity"] == pytest.approx(CAPITAL - 1.003 - 3.0)


def test_sleeves_share_one_netted_order() -> None:
    session = Session(an_open_setup(1, 3, enabled=0, taker_fee=0.001, slippage=0.002))
    # two buy 10 base each, one sells 10: the venue sees 10 to buy at 100.2, fee 1.002
    session.close(a_bar(100.0), says(3, code=[LONG, LONG, SHORT]))
    assert [order.request.lots for order in session.execution.orders.values()] == [10_000]
    fills = session.close(a_bar(100.0)).fills
    assert fills["price"].tolist() == [100.2] * 3  # who crosses, crosses at the same price
    assert fills["lots"].tolist() == [10_000, 10_000, -10_000]
    # shared by what was traded, a third each
    assert fills["fee"].tolist() == pytest.approx([1.002 / 3] * 3)
    assert fills["slippage"].tolist() == pytest.approx([2.0 / 3] * 3)
    assert session.account["fees"] == pytest.approx(10 * 100.2 * 0.001)
    assert session.account["equity"] == pytest.approx(CAPITAL - 2.0 - 1.002)


def test_sleeves_that_trade_only_with_each_other_pay_nothing() -> None:
    session = Session(an_open_setup(1, 2, enabled=0, taker_fee=0.001, slippage=0.002))
    session.close(a_bar(100.0), says(2, code=[LONG, SHORT]))
    fills = session.close(a_bar(100.0)).fills
    assert fills["price"].tolist() == [100.0, 100.0]
    assert fills["fee"].tolist() == fills["slippage"].tolist() == [0.0, 0.0]
    assert session.book.positions[0]["lots"] == 0
    assert session.account["equity"] == CAPITAL
    first = next(iter(session.execution.orders.values()))
    assert first.request.kind == "cross"


def test_a_reversal_is_one_order_in_two_parts() -> None:
    session = holding(1)
    closed = session.close(a_bar(100.0), says(code=SHORT))
    assert [int(x["lots"]) for x in closed.orders.intents] == [-20_000]
    fills = session.close(a_bar(110.0)).fills
    assert fills["lots"].tolist() == [-10_000, -10_000]
    assert fills["reason"].tolist() == [ExitReason.REVERSAL, ExitReason.NONE]
    assert fills["realized"].tolist() == [pytest.approx(100.0), 0.0]
    assert np.isnan(fills[0]["stop"])
    assert fills[1]["stop"] == 115.5  # 110 x 1.05
    assert session.book.sleeves[0]["entry_price"] == 110.0


@pytest.mark.parametrize(
    ("side", "bar", "price"),
    [
        (1, (100.0, 101.0, 94.0, 96.0), 95.0),
        (1, (92.0, 96.0, 90.0, 95.0), 92.0),
        (-1, (100.0, 106.0, 99.0, 104.0), 105.0),
        (-1, (108.0, 109.0, 104.0, 104.0), 108.0),
    ],
)
def test_a_stop_fills_at_its_level_or_at_the_open_it_was_jumped_at(
    side: int, bar: tuple[float, ...], price: float
) -> None:
    session = holding(side)
    fill = session.close(a_bar(*bar)).fills[0]
    assert (fill["kind"], fill["reason"]) == (FillKind.STOP, ExitReason.STOP_LOSS)
    assert fill["price"] == price
    assert fill["realized"] == pytest.approx(side * 10 * (price - 100.0))
    assert session.book.positions[0]["lots"] == 0


def test_a_stop_pays_slippage_and_fee_on_its_own_price() -> None:
    session = holding(1, taker_fee=0.001)
    session.setup.rules["slippage"] = 0.002
    fill = session.close(a_bar(100.0, 100.0, 94.0, 94.0)).fills[0]
    assert fill["price"] == 94.81  # 95 x 0.998
    assert fill["fee"] == pytest.approx(10 * 94.81 * 0.001)
    assert fill["slippage"] == pytest.approx(10 * 0.19)


@pytest.mark.parametrize("side", [1, -1])
def test_a_take_profit_needs_a_trade_through_and_pays_the_maker_fee(side: int) -> None:
    session = holding(side, take_profit=0.1, stop_loss=0.5, maker_fee=0.001)
    goal = 100.0 + side * 10.0
    touched = a_bar(100.0, max(100.0, goal), min(100.0, goal), 100.0)
    assert not len(session.close(touched).fills)
    beyond = goal + side * 0.01
    fill = session.close(a_bar(100.0, max(100.0, beyond), min(100.0, beyond), 100.0)).fills[0]
    assert (fill["kind"], fill["reason"]) == (FillKind.TAKE_PROFIT, ExitReason.TAKE_PROFIT)
    assert fill["price"] == goal
    assert fill["fee"] == pytest.approx(10 * goal * 0.001)
    assert fill["slippage"] == 0.0


def test_in_a_bar_that_reaches_both_the_stop_comes_first() -> None:
    session = holding(1, take_profit=0.1)
    fills = session.close(a_bar(100.0, 120.0, 90.0, 115.0)).fills
    assert fills["reason"].tolist() == [ExitReason.STOP_LOSS]


def test_a_position_may_be_stopped_in_the_bar_it_was_opened_in() -> None:
    session = Session(an_open_setup(enabled=0))
    session.close(a_bar(100.0), says(code=LONG))
    fills = session.close(a_bar(100.0, 101.0, 90.0, 91.0)).fills
    assert fills["kind"].tolist() == [FillKind.MARKET, FillKind.STOP]
    assert fills["ms"].tolist() == [START_MS + HOUR, START_MS + 2 * HOUR]


def test_a_missing_bar_leaves_orders_resting() -> None:
    session = Session(an_open_setup(enabled=0))
    session.close(a_bar(100.0), says(code=LONG))
    assert not len(session.close(no_bar()).fills)
    assert session.book.positions[0]["mark"] == 100.0
    assert session.close(a_bar(103.0)).fills[0]["price"] == 103.0


def test_a_stop_nearer_than_liquidation_triggers_first() -> None:
    # Ten times long from 100: liquidation at 91.33 (see test_margin), stop at 95.
    session = holding(1, fraction=10.0)
    assert liquidation_price(session.book, session.setup, 0) == pytest.approx(89_500 / 980)
    fills = session.close(a_bar(100.0, 100.0, 89.0, 90.0)).fills
    assert fills["kind"].tolist() == [FillKind.STOP]
    assert fills["price"].tolist() == [95.0]
    assert session.account["equity"] == pytest.approx(CAPITAL - 5_000.0)


def test_a_stop_beyond_liquidation_never_triggers() -> None:
    session = holding(1, fraction=10.0, stop_loss=0.09, liquidation_fee=0.01)
    # 91.0 lies below 91.33: the venue sells 1,000 base at the liquidation price, on the tick
    # against us, and takes 1 % of 91,320 = 913.2 of the 1,320 that are left above bankruptcy.
    fill = session.close(a_bar(100.0, 100.0, 90.5, 99.0)).fills[0]
    assert (fill["kind"], fill["reason"]) == (FillKind.LIQUIDATION, ExitReason.LIQUIDATION)
    assert fill["price"] == 91.32
    assert fill["fee"] == pytest.approx(913.2)
    assert session.account["equity"] == pytest.approx(CAPITAL - 8_680.0 - 913.2)
    assert session.account["liquidations"] == 1


def test_a_short_is_liquidated_on_the_mark_not_on_the_last_price() -> None:
    session = holding(-1, fraction=10.0, stop_loss=0.5)
    calm_mark = (104.0, 99.0, 100.0)
    assert not len(session.close(a_bar(100.0, 120.0, 99.0, 100.0, mark=calm_mark)).fills)
    fill = session.close(a_bar(100.0, 101.0, 99.0, 100.0, mark=(109.0, 99.0, 100.0))).fills[0]
    assert fill["kind"] == FillKind.LIQUIDATION
    assert fill["price"] == 108.34  # 108.3333 on the tick against us


def test_the_liquidation_fee_never_makes_a_debt() -> None:
    session = holding(1, fraction=10.0, stop_loss=0.5, liquidation_fee=0.05)
    fill = session.close(a_bar(100.0, 100.0, 90.5, 99.0)).fills[0]
    # 5 % of 91,320 would be 4,566; 1,320 are there
    assert fill["fee"] == pytest.approx(1_320.0)
    assert session.account["equity"] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("side", [1, -1])
def test_a_gap_beyond_bankruptcy_costs_what_there_was_and_no_more(side: int) -> None:
    """The stop would fill at the open, far past the last cent: the venue was there before it."""
    session = holding(side, fraction=10.0, liquidation_fee=0.01)
    price = 100.0 - side * 30.0
    fill = session.close(a_bar(price)).fills[0]
    assert fill["kind"] == FillKind.LIQUIDATION
    assert fill["price"] == pytest.approx(100.0 - side * 10.0)  # the bankruptcy price
    assert fill["fee"] == 0.0
    assert session.account["equity"] == pytest.approx(0.0, abs=1e-9)


def test_a_gap_past_liquidation_cancels_the_order_that_would_have_closed() -> None:
    session = holding(1, fraction=10.0, stop_loss=0.5)
    session.close(a_bar(100.0), says(code=4))  # exit_long: a market order rests
    fills = session.close(a_bar(85.0)).fills
    assert fills["kind"].tolist() == [FillKind.LIQUIDATION]
    assert session.book.sleeves[0]["order_lots"] == 0
    assert all(order.is_done for order in session.execution.orders.values())
    assert not len(session.close(a_bar(85.0)).fills)


def test_liquidation_at_the_close_when_other_symbols_took_the_margin() -> None:
    session = Session(an_open_setup(2, 1, enabled=0, fixed_fraction=5.0))
    session.close([a_bar(100.0)] * 2, says(2, code=LONG, stop_loss=0.9))
    session.close([a_bar(100.0)] * 2)
    # each fell 12 %: half of 10 x 12 % = 120 % of equity is lost in each symbol
    row = a_bar(100.0, 100.0, 88.0, 88.0)
    fills = session.close([row, row]).fills
    assert set(fills["kind"].tolist()) == {FillKind.LIQUIDATION}
    assert session.account["equity"] == pytest.approx(0.0, abs=1e-6)
    assert session.account["gross"] == 0.0


def test_opposite_sleeves_are_liquidated_as_one_net_position() -> None:
    # Sleeve 0 is long 20 times, sleeve 1 short 10 times: the account is long ten times, so
    # liquidation is at 91.33; there the long has lost 17,360 and the short has gained 8,680.
    session = Session(an_open_setup(1, 2, enabled=0, liquidation_fee=0.01, max_gross=40.0))
    for sleeve, lots in ((0, 2_000_000), (1, -1_000_000)):
        for book in (session.book, session.venue.book):
            apply_fill(book, session.setup, a_fill(sleeve=sleeve, lots=lots, price=100.0))
            book.positions["mark"] = 100.0
    session.venue.book.sleeves["stop"] = session.book.sleeves["stop"] = [50.0, 150.0]
    fills = session.venue.observe(session.batch(a_bar(100.0, 100.0, 90.5, 99.0))).fills
    assert fills["kind"].tolist() == [FillKind.LIQUIDATION] * 2
    assert fills["lots"].tolist() == [-2_000_000, 1_000_000]
    assert fills["price"].tolist() == [91.32] * 2
    assert fills["realized"].tolist() == pytest.approx([-17_360.0, 8_680.0])
    # the fee is due on the net and shared by size: 913.2 = 608.8 + 304.4
    assert fills["fee"].tolist() == pytest.approx([608.8, 304.4])
    account = session.venue.book.account[0]
    assert account["equity"] == pytest.approx(CAPITAL - 8_680.0 - 913.2)
    assert account["liquidations"] == 1


def test_sleeves_that_even_out_on_the_way_are_one_liquidation() -> None:
    session = Session(an_open_setup(1, 3, enabled=0, max_gross=40.0))
    for sleeve, lots in ((0, 1_000_000), (1, 500_000), (2, -500_000)):
        for book in (session.book, session.venue.book):
            apply_fill(book, session.setup, a_fill(sleeve=sleeve, lots=lots, price=100.0))
            book.positions["mark"] = 100.0
    fills = session.venue.observe(session.batch(a_bar(100.0, 100.0, 85.0, 90.0))).fills
    assert fills["lots"].tolist() == [-1_000_000, -500_000, 500_000]
    assert session.venue.book.account["liquidations"] == [1]


def test_the_sleeve_against_the_net_keeps_its_stop_in_a_bar_that_liquidates() -> None:
    session = Session(an_open_setup(1, 2, enabled=0))
    book = session.venue.book
    for sleeve, lots in ((0, 2_000_000), (1, -1_000_000)):
        apply_fill(book, session.setup, a_fill(sleeve=sleeve, lots=lots, price=100.0))
    book.positions["mark"] = 100.0
    book.sleeves["stop"] = [50.0, 105.0]
    fills = session.venue.observe(session.batch(a_bar(100.0, 106.0, 90.5, 99.0))).fills
    # stopped at 105 the short loses 5,000; twenty times long from there dies at about 97.4
    assert fills["kind"].tolist() == [FillKind.STOP, FillKind.LIQUIDATION]
    assert fills["sleeve"].tolist() == [1, 0]
    assert book.account[0]["equity"] >= 0.0


def test_a_stop_that_turns_the_net_round_is_followed_by_a_new_look_at_liquidation() -> None:
    # Net long one times; the long's stop leaves a short of ten times in a bar that rises to 112.
    session = Session(an_open_setup(1, 2, enabled=0))
    book = session.venue.book
    for sleeve, lots in ((0, 1_100_000), (1, -1_000_000)):
        apply_fill(book, session.setup, a_fill(sleeve=sleeve, lots=lots, price=100.0))
    book.positions["mark"] = 100.0
    book.sleeves["stop"] = [99.0, 150.0]
    fills = session.venue.observe(session.batch(a_bar(100.0, 112.0, 98.0, 111.0))).fills
    assert fills["kind"].tolist() == [FillKind.STOP, FillKind.LIQUIDATION]
    assert book.account[0]["equity"] >= 0.0


def test_maintenance_is_met_after_every_close_of_a_fall() -> None:
    session = holding(1, fraction=20.0, stop_loss=0.5)
    for price in np.arange(99.0, 90.0, -0.5):
        session.close(a_bar(float(price)))
        assert session.account["equity"] >= maintenance_of(session.book, session.setup, 0) - 1e-6
    assert session.account["liquidations"] == 1
