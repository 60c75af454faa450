"""The grid by hand: five levels 1 % apart around 100 unless said otherwise.

Buys at 99, 98, 97, 96, 95 take profit at 100, 99, 98, 97, 96; sells mirror them. Stops at 94 and
106. One side is worth 10 % of 10,000: 10,000 lots of 0.001 at 100, 2,000 a level.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aster_ray.kernel.ladder import level_price
from aster_ray.kernel.records import MAX_LEVELS
from aster_ray.model.enums import Denial, ExitReason, FillKind, IntentKind, TradingState
from aster_ray.model.order import OrderKind
from tests.factories import Session, a_bar, a_setup, an_open_setup, says

GRID = (100.0, 0.01, 5, 1.0)
SHORT_SIDE = MAX_LEVELS  # the first level of the upper half


def a_session(**fields: Any) -> Session:
    return Session(an_open_setup(enabled=0, **{"recentre_bars": 24, **fields}))


def on(session: Session, *prices: float, grid: tuple[float, ...] = GRID) -> Any:
    """Let one bar pass with the ladder standing."""
    return session.close(a_bar(*(prices or (100.0,))), says(ladder=grid))


def states(session: Session) -> tuple[list[int], list[int]]:
    state = session.book.levels["state"][0].tolist()
    assert state == session.venue.book.levels["state"][0].tolist()
    return state[:5], state[SHORT_SIDE : SHORT_SIDE + 5]


def resting(session: Session, kind: OrderKind) -> list[tuple[int, float]]:
    orders = (x for x in session.execution.orders.values() if not x.is_done)
    return sorted((x.request.lots, x.request.price) for x in orders if x.request.kind == kind)


def test_level_prices_are_on_the_tick() -> None:
    assert level_price(100.0, 0.01, 3, 1, 0.01) == 97.0
    assert level_price(100.0, 0.01, 3, -1, 0.01) == 103.0
    assert level_price(100.0, 0.01, 0, 1, 0.01) == 100.0
    assert level_price(33.33, 0.015, 1, 1, 0.01) == 32.83  # 32.83005
    assert level_price(33.33, 0.015, 1, -1, 0.05) == 33.85  # 33.82995


def test_placement() -> None:
    session = a_session()
    on(session)
    assert states(session) == ([1] * 5, [1] * 5)
    low, high = session.book.levels[0][:5], session.book.levels[0][SHORT_SIDE : SHORT_SIDE + 5]
    assert low["price"].tolist() == [99.0, 98.0, 97.0, 96.0, 95.0]
    assert low["exit_price"].tolist() == [100.0, 99.0, 98.0, 97.0, 96.0]
    assert low["lots"].tolist() == [2_000] * 5
    assert high["price"].tolist() == [101.0, 102.0, 103.0, 104.0, 105.0]
    assert high["exit_price"].tolist() == [100.0, 101.0, 102.0, 103.0, 104.0]
    assert high["lots"].tolist() == [-2_000] * 5
    sleeve = session.venue.book.sleeves[0]
    assert (sleeve["stop"], sleeve["stop_high"]) == (94.0, 106.0)


def test_an_entry_that_would_take_liquidity_is_not_placed() -> None:
    session = a_session()
    on(session, 98.0)  # 99 and 98 are not below the market: they wait
    assert states(session) == ([0, 0, 1, 1, 1], [1] * 5)
    on(session, 100.0)
    assert states(session)[0] == [1] * 5


def test_a_level_fills_on_trade_through_and_profits_at_the_next_level() -> None:
    session = a_session(maker_fee=0.001)
    on(session)
    assert not len(on(session, 100.0, 100.0, 99.0, 100.0).fills)  # touched
    fill = on(session, 100.0, 100.0, 98.99, 99.5).fills[0]
    assert (fill["kind"], fill["level"], fill["lots"]) == (FillKind.LADDER_ENTRY, 0, 2_000)
    assert fill["price"] == 99.0
    assert fill["fee"] == pytest.approx(2 * 99.0 * 0.001)
    assert resting(session, OrderKind.STOP) == [(-2_000, 94.0)]
    assert not len(on(session, 99.5, 100.0, 99.5, 100.0).fills)
    fill = on(session, 100.0, 100.01, 99.5, 100.0).fills[0]
    assert (fill["kind"], fill["reason"]) == (FillKind.LADDER_EXIT, ExitReason.LADDER_PROFIT)
    assert fill["price"] == 100.0
    # 2 base x 1, less 0.198 and 0.2 of fees: a trip won by 1.602
    sleeve = session.book.sleeves[0]
    assert (sleeve["trips"], sleeve["wins"]) == (1, 1)
    assert sleeve["gain"] == pytest.approx(1.602)
    assert session.account["equity"] == pytest.approx(10_001.602)
    # the close was the level's own price's neighbour: it rests again
    assert states(session) == ([1] * 5, [1] * 5)


def test_a_level_never_enters_and_exits_in_one_bar() -> None:
    session = a_session()
    on(session)
    fills = on(session, 100.0, 100.5, 98.5, 100.4).fills
    assert fills["kind"].tolist() == [FillKind.LADDER_ENTRY]
    assert on(session, 100.0, 100.5, 99.5, 100.0).fills["kind"].tolist() == [FillKind.LADDER_EXIT]


def test_the_stop_takes_all_filled_levels_of_its_side() -> None:
    session = a_session(taker_fee=0.001)
    on(session)
    fills = on(session, 100.0, 100.0, 93.0, 93.5).fills
    assert fills["kind"].tolist() == [FillKind.LADDER_ENTRY] * 5 + [FillKind.STOP]
    stop = fills[5]
    assert (stop["lots"], stop["price"], stop["reason"]) == (-10_000, 94.0, ExitReason.LADDER_STOP)
    # average entry 97: 10 x (94 - 97) = -30
    assert stop["realized"] == pytest.approx(-30.0)
    assert stop["fee"] == pytest.approx(10 * 94.0 * 0.001)
    assert states(session) == ([0] * 5, [1] * 5)  # the other side rests on
    assert resting(session, OrderKind.STOP) == []
    assert np.isnan(session.book.sleeves[0]["centre"])
    # it does not buy again before it may re-centre
    on(session, 96.0)
    assert states(session) == ([0] * 5, [1] * 5)


def test_a_gap_through_the_ladder_fills_at_the_limits_and_stops_at_the_open() -> None:
    session = a_session()
    on(session)
    fills = on(session, 90.0).fills
    assert fills["price"].tolist() == [99.0, 98.0, 97.0, 96.0, 95.0, 90.0]


def test_a_re_centre_waits_for_its_bars_and_for_the_price_to_leave() -> None:
    session = a_session(recentre_bars=6)
    on(session)
    moved = (104.9, 0.01, 5, 1.0)
    for _ in range(8):
        on(session, 100.0, grid=moved)  # inside the ladder: the new centre is not adopted
    assert session.book.sleeves[0]["centre"] == 100.0
    session = a_session(recentre_bars=6)
    on(session)
    centres = []
    for _ in range(12):
        on(session, 105.5, 105.5, 105.5, 105.5, grid=(105.5, 0.01, 5, 1.0))
        centres.append(float(session.book.sleeves[0]["centre"]))
    assert centres == [100.0] * 5 + [105.5] * 7
    jumped, at_most_once = a_session(recentre_bars=6), []
    on(jumped)
    for k in range(24):
        price = 100.0 * 1.06 ** (k + 1)
        before = jumped.book.sleeves[0]["centre"]
        on(jumped, price, grid=(price, 0.01, 5, 1.0))
        if jumped.book.sleeves[0]["centre"] != before and not np.isnan(
            jumped.book.sleeves[0]["centre"]
        ):
            at_most_once.append(k)
    assert min(np.diff(at_most_once)) >= 6


def test_a_re_centre_cancels_entries_keeps_exits_and_only_tightens_the_stop() -> None:
    session = a_session(recentre_bars=2)
    on(session)
    on(session, 100.0, 100.0, 95.5, 95.6)  # 99, 98, 97, 96 fill
    assert states(session)[0] == [2, 2, 2, 2, 1]
    closed = on(session, 94.9, 94.9, 94.5, 94.9, grid=(94.9, 0.02, 5, 1.0))  # 95 fills too
    assert states(session)[0] == [2] * 5
    kinds = closed.orders.intents["kind"].tolist()
    assert kinds.count(IntentKind.CANCEL_LEVEL) == 5  # the entries above
    assert session.book.sleeves[0]["centre"] == 94.9
    # the new ladder's own stop, 94.9 x 0.88 = 83.51, would add to the risk of what is filled
    assert session.book.sleeves[0]["stop"] == session.venue.book.sleeves[0]["stop"] == 94.0
    assert session.book.sleeves[0]["stop_high"] == 106.29  # 94.9 x 1.12
    exits = [price for _, price in resting(session, OrderKind.LADDER_EXIT)]
    assert exits == [96.0, 97.0, 98.0, 99.0, 100.0]
    assert resting(session, OrderKind.STOP) == [(-10_000, 94.0)]
    high = session.book.levels[0][SHORT_SIDE : SHORT_SIDE + 5]
    assert high["price"].tolist() == [96.8, 98.7, 100.59, 102.49, 104.39]


def test_a_re_centre_that_tightens_moves_the_stop_order_with_it() -> None:
    session = a_session(recentre_bars=2)
    on(session)
    on(session, 100.0, 100.0, 95.5, 95.6)
    on(session, 94.9, 94.9, 94.5, 94.9, grid=(94.9, 0.001, 5, 1.0))
    assert states(session)[0] == [2] * 5
    assert session.venue.book.sleeves[0]["stop"] == 94.33  # 94.9 x 0.994
    assert resting(session, OrderKind.STOP) == [(-10_000, 94.33)]


def test_without_a_ladder_entries_are_withdrawn_and_exits_stay() -> None:
    session = a_session()
    on(session)
    on(session, 100.0, 100.0, 98.5, 98.6)
    session.close(a_bar(98.6))
    assert states(session) == ([2, 0, 0, 0, 0], [0] * 5)
    assert resting(session, OrderKind.LADDER_EXIT) == [(-2_000, 100.0)]
    assert resting(session, OrderKind.STOP) == [(-2_000, 94.0)]


def test_a_halt_flattens_the_ladder_and_leaves_nothing_resting() -> None:
    session = a_session()
    on(session)
    on(session, 100.0, 100.0, 97.5, 97.6)
    session.risk.set_state(TradingState.HALTED)
    on(session, 97.6)
    fills = on(session, 97.6).fills
    assert fills["lots"].tolist() == [-4_000]
    assert fills["reason"].tolist() == [ExitReason.DRAWDOWN_HALT]
    assert states(session) == ([0] * 5, [0] * 5)
    assert all(order.is_done for order in session.execution.orders.values())
    assert not len(on(session, 97.6, 110.0, 80.0, 97.6).fills)


def test_a_halt_with_both_sides_filled_leaves_no_exit_to_open_a_position() -> None:
    """Two bought and two sold hold nothing, yet each still has its exit resting."""
    session = a_session()
    on(session)
    on(session, 100.0, 101.5, 98.5, 100.0)
    assert session.book.positions[0]["lots"] == 0
    assert states(session) == ([2, 1, 1, 1, 1], [2, 1, 1, 1, 1])
    session.risk.set_state(TradingState.HALTED)
    on(session, 100.0)
    assert states(session) == ([0] * 5, [0] * 5)
    assert all(order.is_done for order in session.execution.orders.values())
    assert not len(on(session, 100.0, 100.9, 99.1, 100.0).fills)


def test_reducing_and_drawdown_withdraw_entries_only() -> None:
    session = a_session()
    on(session)
    on(session, 100.0, 100.0, 98.5, 98.6)
    session.risk.set_state(TradingState.REDUCING)
    closed = on(session, 98.6)
    assert closed.orders.intents[-1]["reason"] == Denial.REDUCING
    assert states(session) == ([2, 0, 0, 0, 0], [0] * 5)
    session.risk.set_state(TradingState.ACTIVE)
    on(session, 98.6)
    assert states(session) == ([2, 1, 1, 1, 1], [1] * 5)


def capped(cap: int) -> Session:
    """Return a session with a ladder standing, under a daily cap of its own."""
    session = Session(
        an_open_setup(enabled=1, max_daily_ladder_opens=cap, max_daily_opens=0, recentre_bars=24)
    )
    session.warm(100.0, 101.0, 100.0, 101.0, 100.0)
    on(session)
    return session


def test_new_levels_have_a_daily_cap_of_their_own() -> None:
    """What rests may fill, so it counts: nearest the centre first, both sides alike."""
    session = capped(3)
    assert states(session) == ([1, 1, 0, 0, 0], [1, 0, 0, 0, 0])
    assert session.risk.denials() == {"daily_opens": 1}
    on(session, 100.0, 100.0, 97.5, 97.6)
    assert session.account["day_ladder_opens"] == 2
    assert session.account["day_opens"] == 0
    assert states(session) == ([2, 2, 0, 0, 0], [1, 0, 0, 0, 0])
    # A wish that stands is denied, and counted, once.
    assert session.risk.denials() == {"daily_opens": 1}


def test_no_path_of_prices_fills_more_levels_in_a_day_than_the_cap() -> None:
    session = capped(3)
    on(session, 100.0, 104.9, 95.1, 100.0)  # would have filled four on either side
    for _ in range(5):
        on(session, 100.0, 101.5, 98.5, 100.0)
    assert session.account["day_ladder_opens"] == 3
    entries = 0
    for order in session.execution.orders.values():
        entries += order.request.kind == OrderKind.LADDER_ENTRY and order.filled_lots != 0
    assert entries == 3


def test_a_new_day_gives_new_room() -> None:
    session = capped(3)
    on(session, 100.0, 101.5, 97.5, 97.6)
    assert session.account["day_ladder_opens"] == 3
    on(session, 100.0)
    assert states(session)[0][2] == 0
    for _ in range(24):
        on(session, 100.0)
    assert session.account["day_ladder_opens"] <= 3
    assert sum(sum(x == 1 for x in side) for side in states(session)) == 3


def test_the_limits_must_permit_the_whole_of_both_sides() -> None:
    session = Session(a_setup(recentre_bars=24, sizing=0, fixed_fraction=1.0))
    session.warm(100.0, 101.0, 100.0, 101.0, 100.0)
    on(session)
    # 20 % of equity a symbol: 20,000 lots, 4,000 a level
    assert session.book.levels["lots"][0][:5].tolist() == [4_000] * 5
    assert session.book.levels["lots"][0][SHORT_SIDE : SHORT_SIDE + 5].tolist() == [-4_000] * 5


def test_too_small_levels_are_refused_as_below_the_minimum() -> None:
    """A level is worth 200 at the mark, and the lowest one 190 at its own price of 95."""
    session = a_session(min_notional=190.1)
    on(session)
    assert states(session) == ([0] * 5, [0] * 5)
    assert session.risk.denials() == {"below_minimum": 1}
    session = a_session(min_notional=190.0)
    on(session)
    assert states(session)[0] == [1] * 5
    orders = session.execution.orders.values()
    assert min(abs(x.request.lots) * 0.001 * x.request.price for x in orders) == 190.0


@pytest.mark.parametrize(
    "grid",
    [
        (-1.0, 0.01, 5, 1.0),
        (100.0, 0.0, 5, 1.0),
        (100.0, 1.0, 5, 1.0),
        (100.0, 0.01, 0, 1.0),
        (100.0, 0.01, MAX_LEVELS + 1, 1.0),
    ],
)
def test_an_impossible_ladder_is_a_bad_signal(grid: tuple[float, ...]) -> None:
    session = a_session()
    on(session, grid=grid)
    assert session.risk.denials() == {"bad_signal": 1}


def test_a_liquidation_takes_the_whole_ladder() -> None:
    session = a_session(fixed_fraction=10.0)
    wide = (100.0, 0.03, 5, 1.0)
    on(session, grid=wide)
    # buys at 97, 94, 91, 88, 85 for 20,000 each; long 100,000 liquidation comes before 82
    fills = on(session, 100.0, 100.0, 80.0, 81.0, grid=wide).fills
    assert fills["kind"].tolist()[-1] == FillKind.LIQUIDATION
    assert states(session) == ([0] * 5, [0] * 5)
    assert all(order.is_done for order in session.execution.orders.values())
    assert session.account["equity"] >= -1e-9
