"""Each limit on a book made by hand, at its boundary: equity 10,000, a lot of 0.001, a mark of 100.

A lot is worth 0.1, so that a whole equity is 100,000 lots.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aster_ray.kernel.limits import (
    account_denial,
    asset_notional,
    gross_and_cluster,
    is_ruined,
    ladder_room,
    pending_opens,
    permitted,
    signal_denial,
    sleeve_reach,
    symbol_notional,
    value_at_risk,
)
from aster_ray.kernel.records import BRACKET_LEVERAGE, Book, Setup
from aster_ray.model.enums import Denial, TradingState
from tests.factories import a_book, an_open_setup

HALF = len(a_book().levels[0]) // 2  # buys of a ladder lie before, sells from here on


def scene(symbols: int = 1, strategies: int = 1, **fields: Any) -> tuple[Book, Setup]:
    """Return a book with marks of 100, symbols that move on their own, and one loose setup."""
    book = a_book(symbols, strategies)
    book.positions["mark"] = 100.0
    np.fill_diagonal(book.covariance, 1e-12)
    return book, an_open_setup(symbols, strategies, **{"enabled": 1, **fields})


def rest(book: Book, i: int, buys: int = 0, sells: int = 0) -> None:
    """Let sleeve ``i`` have a ladder with one entry a side."""
    book.sleeves[i]["spacing"] = 0.01
    for k, lots in ((0, buys), (HALF, -sells)):
        if lots:
            book.levels[i, k]["state"], book.levels[i, k]["lots"] = 1, lots


def correlate(book: Book, correlation: float, variance: float = 1e-12) -> None:
    book.covariance[:] = variance * correlation
    np.fill_diagonal(book.covariance, variance)


# --- the account


def test_an_account_is_ruined_when_a_billionth_of_its_peak_is_left() -> None:
    book, _ = scene()
    account = book.account[0]
    for equity, ruined in [
        (1e-9 * 10_000.0, True),
        (np.nextafter(1e-9 * 10_000.0, 1.0), False),
        (0.0, True),
        (-5.0, True),
        (np.nan, True),
    ]:
        account["equity"] = equity
        assert is_ruined(account) == ruined


def test_without_limits_only_ruin_and_state_keep_an_account_from_opening() -> None:
    book, setup = scene(enabled=0, soft_drawdown=0.15, daily_loss=0.05, max_daily_opens=0)
    account = book.account[0]
    account["equity"] = 5_000.0
    assert account_denial(book, setup, False) == Denial.NONE
    assert account_denial(book, setup, True) == Denial.NONE
    account["equity"] = 0.0
    assert account_denial(book, setup, False) == Denial.MARGIN
    account["state"] = TradingState.REDUCING
    assert account_denial(book, setup, False) == Denial.REDUCING


@pytest.mark.parametrize(
    ("equity", "denial"),
    [
        (9_500.0, Denial.DAILY_LOSS),  # 5 % of the 10,000 at midnight
        (9_500.01, Denial.NONE),
        (8_500.0, Denial.DRAWDOWN),  # 15 % below the peak: told first
        (8_500.01, Denial.DAILY_LOSS),
    ],
)
def test_losses_deny_from_their_exact_fraction_on(equity: float, denial: Denial) -> None:
    book, setup = scene(soft_drawdown=0.15, daily_loss=0.05)
    book.account["equity"] = equity
    assert account_denial(book, setup, False) == denial


def test_ladder_fills_and_other_opens_of_a_day_have_a_cap_each() -> None:
    book, setup = scene(1, 2, max_daily_opens=3, max_daily_ladder_opens=5)
    account = book.account[0]
    account["day_opens"], account["day_ladder_opens"] = 2, 4
    assert account_denial(book, setup, False) == Denial.NONE
    assert account_denial(book, setup, True) == Denial.NONE
    account["day_ladder_opens"] = 5
    assert account_denial(book, setup, False) == Denial.NONE
    assert account_denial(book, setup, True) == Denial.DAILY_OPENS
    account["day_ladder_opens"], account["day_opens"] = 4, 3
    assert account_denial(book, setup, False) == Denial.DAILY_OPENS
    assert account_denial(book, setup, True) == Denial.NONE
    # an order that rests for the next open counts, unless all of it closes
    account["day_opens"] = 2
    book.sleeves["order_lots"], book.sleeves["order_close_lots"] = [-5, 0], [-5, 0]
    assert (pending_opens(book), account_denial(book, setup, False)) == (0, Denial.NONE)
    book.sleeves["order_lots"] = [-8, 0]
    assert (pending_opens(book), account_denial(book, setup, False)) == (1, Denial.DAILY_OPENS)
    book.sleeves["order_lots"] = [-8, 3]
    assert pending_opens(book) == 2


def test_the_room_for_ladder_entries_is_what_may_still_fill_today() -> None:
    book, setup = scene(1, 2, max_daily_ladder_opens=10)
    book.sleeves["spacing"] = [0.01, np.nan]
    book.levels["state"][0, :5] = [1, 1, 2, 1, 0]  # three rest; one is filled, one idle
    book.account["day_ladder_opens"] = 2
    assert ladder_room(book, setup) == 10 - 2 - 3
    book.account["day_ladder_opens"] = 6
    assert ladder_room(book, setup) == 1
    book.account["day_ladder_opens"] = 9
    assert ladder_room(book, setup) == 0
    setup.limits["enabled"] = 0
    assert ladder_room(book, setup) == 2 * 2 * HALF  # every level there is


def test_the_least_confidence_is_enough() -> None:
    _, setup = scene(min_confidence=0.5)
    assert signal_denial(setup, 0.5, 0.05) == Denial.NONE
    assert signal_denial(setup, np.nextafter(0.5, 0.0), 0.05) == Denial.LOW_CONFIDENCE
    assert signal_denial(setup, 0.5, np.nan) == Denial.NO_STOP
    assert signal_denial(setup, 0.5, 0.999) == Denial.NONE
    assert signal_denial(setup, 0.5, 0.001) == Denial.NONE


# --- what is held or may be


def test_a_ladder_reaches_down_by_its_sells_and_up_by_its_buys() -> None:
    book, _ = scene()
    rest(book, 0, buys=1, sells=1)
    assert sleeve_reach(book, 0) == (-1, 1)
    book.sleeves["lots"] = 4
    assert sleeve_reach(book, 0) == (3, 5)


@pytest.mark.parametrize(
    ("buys", "sells", "notional"),
    [(0, 0, 0.0), (5, 0, 0.5), (0, 5, 0.5), (3, 7, 0.7), (7, 3, 0.7), (1, 0, 0.1), (0, 1, 0.1)],
)
def test_the_notional_of_a_symbol_is_the_furthest_it_can_get(
    buys: int, sells: int, notional: float
) -> None:
    book, setup = scene()
    rest(book, 0, buys, sells)
    assert symbol_notional(book, setup, 0) == pytest.approx(notional)
    assert asset_notional(book, setup, 0) == pytest.approx(notional)


def test_what_is_flat_is_worth_nothing_even_before_its_first_mark() -> None:
    book, setup = scene(2)
    setup.rules["asset"] = 0
    book.positions["mark"] = [np.nan, 100.0]
    book.sleeves["lots"] = [0, 1_000]
    assert symbol_notional(book, setup, 0) == 0.0
    assert asset_notional(book, setup, 0) == 100.0
    correlate(book, 0.5)
    assert gross_and_cluster(book, setup, 1, 1) == (0.0, 0.0)
    alone = 1.6448536269514722 * np.sqrt(100.0**2 * 1e-12 * 24)
    assert value_at_risk(book, setup, 1, 1_000) == pytest.approx(alone, rel=1e-12)


def test_an_asset_is_every_symbol_and_sleeve_of_its_base_and_no_other() -> None:
    book, setup = scene(3, 2)
    setup.rules["asset"] = [0, 1, 0]
    book.sleeves["lots"] = [10, -20, 40, 80, 160, 320]
    assert asset_notional(book, setup, 0) == pytest.approx(0.1 * (10 + 20 + 160 + 320))
    assert asset_notional(book, setup, 1) == pytest.approx(0.1 * (40 + 80))


# --- what moves together


@pytest.mark.parametrize(
    ("side", "lots", "correlation", "cluster"),
    [
        (1, 5, 0.5, 0.5),
        (-1, -5, 0.5, 0.5),
        (1, -5, -0.5, 0.5),
        (-1, 5, -0.5, 0.5),
        (1, -5, 0.5, 0.0),  # a hedge
        (-1, 5, 0.5, 0.0),
        (1, 5, -0.5, 0.0),
        (-1, -5, -0.5, 0.0),
        (1, 5, 0.4999, 0.0),
        (1, -5, -0.4999, 0.0),
    ],
)
def test_a_symbol_is_of_the_cluster_from_the_threshold_on_and_in_the_direction_that_adds_risk(
    side: int, lots: int, correlation: float, cluster: float
) -> None:
    book, setup = scene(2, cluster_correlation=0.5)
    book.sleeves["lots"] = [300, lots]
    book.covariance[:] = [[4.0, 2.0 * correlation], [2.0 * correlation, 1.0]]
    # symbol 0 itself is neither: what it holds is counted by the caller
    assert gross_and_cluster(book, setup, 0, side) == (0.5, cluster)


@pytest.mark.parametrize(
    ("side", "correlation", "lots"), [(1, 0.9, 7), (-1, 0.9, 3), (1, -0.9, 3), (-1, -0.9, 7)]
)
def test_a_ladder_is_of_the_cluster_with_as_much_as_can_add_risk(
    side: int, correlation: float, lots: int
) -> None:
    book, setup = scene(2, cluster_correlation=0.7)
    rest(book, 1, buys=7, sells=3)
    correlate(book, correlation)
    gross, cluster = gross_and_cluster(book, setup, 0, side)
    assert (gross, cluster) == (pytest.approx(0.7), pytest.approx(0.1 * lots))


def test_a_threshold_of_zero_counts_a_symbol_once() -> None:
    book, setup = scene(2, cluster_correlation=0.0)
    rest(book, 1, buys=7, sells=3)
    correlate(book, 0.0)
    assert gross_and_cluster(book, setup, 0, 1)[1] == pytest.approx(0.7)
    rest(book, 1, buys=2, sells=3)
    assert gross_and_cluster(book, setup, 0, 1)[1] == pytest.approx(0.3)


def test_a_symbol_of_unknown_variance_is_of_no_cluster() -> None:
    book, setup = scene(2, cluster_correlation=0.7)
    book.sleeves["lots"] = [0, 5]
    book.covariance[:] = [[1e-4, 1e-4], [1e-4, 0.0]]
    assert gross_and_cluster(book, setup, 0, 1) == (0.5, 0.0)


# --- value at risk


@pytest.mark.parametrize(("buys", "sells", "sign"), [(7, 3, 1), (3, 7, -1), (7, 7, 1)])
def test_a_ladder_counts_in_value_at_risk_with_the_larger_side(
    buys: int, sells: int, sign: int
) -> None:
    book, setup = scene(2)
    rest(book, 1, buys, sells)
    correlate(book, 0.5, 1e-4)
    w = np.array([1.0, sign * 0.7])  # 10 lots of symbol 0, at most 7 of symbol 1
    expected = 1.6448536269514722 * np.sqrt(24 * w @ book.covariance @ w)
    assert value_at_risk(book, setup, 0, 10) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("lots", [10, -10])
def test_a_symbol_worth_exactly_one_counts_and_ones_own_is_replaced(lots: int) -> None:
    book, setup = scene(2)
    book.sleeves["lots"] = [55, lots]
    correlate(book, 0.5, 1e-4)
    w = np.array([2.0, lots / 10.0])  # not the 5.5 that symbol 0 holds now
    expected = 1.6448536269514722 * np.sqrt(24 * w @ book.covariance @ w)
    assert value_at_risk(book, setup, 0, 20) == pytest.approx(expected, rel=1e-12)


def test_a_covariance_that_cannot_be_has_no_negative_variance() -> None:
    book, setup = scene(2)
    book.sleeves["lots"] = [0, -10]
    book.covariance[:] = [[1.0, 2.0], [2.0, 1.0]]  # 1 + 1 - 2 x 2 < 0
    assert value_at_risk(book, setup, 0, 10) == 0.0


# --- the whole of a permission


@pytest.mark.parametrize("mark", [np.nan, 0.0, -100.0])
def test_nothing_opens_at_an_impossible_mark(mark: float) -> None:
    book, setup = scene()
    book.positions["mark"] = mark
    assert permitted(book, setup, 0, 10, 0.05) == (0, Denial.NO_MARK_PRICE)


def test_a_mark_below_one_is_as_good_as_any() -> None:
    book, setup = scene()
    book.positions["mark"] = 0.5
    assert permitted(book, setup, 0, 10, 0.05) == (10, Denial.NONE)


@pytest.mark.parametrize("lots", [1, -1, 10, -10])
def test_a_wish_that_no_limit_meets_is_granted_in_whole_lots(lots: int) -> None:
    book, setup = scene()
    granted, code = permitted(book, setup, 0, lots, 0.05)
    assert (granted, code) == (lots, Denial.NONE)
    setup.limits["max_symbol"] = 0.00005  # 0.5: five lots
    granted, _ = permitted(book, setup, 0, 10 * lots, 0.05)
    assert abs(granted) == 5
    assert isinstance(granted, int | np.integer)


# Symbol 0 holds 8,000 lots of sleeve 0 and -3,000 of sleeve 1; symbol 1, another contract on the
# same base that moves with it, holds 4,000: how much more sleeve 0 may buy or sell.
@pytest.mark.parametrize(
    ("fields", "name", "buys", "sells"),
    [
        # 0.02 x 10,000 of loss at a stop of 5 % are 40,000 lots, of which sleeve 0 holds 8,000
        ({"max_position_risk": 0.02}, Denial.POSITION_RISK, 32_000, 40_000),
        # the symbol stands at 5,000 net
        ({"max_symbol": 0.2}, Denial.SYMBOL_NOTIONAL, 15_000, 25_000),
        # 8,000 + 3,000 + 4,000 without netting, whichever way
        ({"max_asset": 0.3}, Denial.ASSET_NOTIONAL, 15_000, 15_000),
        ({"max_gross": 0.5}, Denial.GROSS_LEVERAGE, 41_000, 51_000),
        ({"max_cluster": 0.5}, Denial.CLUSTER_EXPOSURE, 41_000, 55_000),  # symbol 1 is no short
        ({"venue": 2.0}, Denial.MARGIN, 191_000, 201_000),
    ],
)
def test_every_limit_leaves_what_is_not_yet_used(
    fields: dict[str, Any], name: Denial, buys: int, sells: int
) -> None:
    for side, most in ((1, buys), (-1, sells)):
        book, setup = scene(2, 2, **{k: v for k, v in fields.items() if k != "venue"})
        setup.brackets[:, :, BRACKET_LEVERAGE] = fields.get("venue", 50.0)
        setup.rules["asset"] = 0
        book.sleeves["lots"] = [8_000, -3_000, 4_000, 0]
        correlate(book, 0.9)
        assert permitted(book, setup, 0, side * most, 0.05) == (side * most, Denial.NONE)
        assert permitted(book, setup, 0, 2 * side * most, 0.05) == (side * most, Denial.NONE)
        # what one limit leaves is below the venue's minimum: the limit is the reason
        setup.rules["min_lots"] = most + 1
        assert permitted(book, setup, 0, 2 * side * most, 0.05) == (0, name)


@pytest.mark.parametrize(("side", "most"), [(1, 15_000), (-1, 17_000)])
def test_resting_entries_use_a_limit_up_on_their_own_side(side: int, most: int) -> None:
    book, setup = scene(max_symbol=0.2)
    rest(book, 0, buys=5_000, sells=3_000)
    assert permitted(book, setup, 0, side * 90_000, 0.05) == (side * most, Denial.NONE)


def test_resting_orders_of_the_sleeve_count_in_its_risk() -> None:
    book, setup = scene(max_position_risk=0.02)
    book.sleeves["lots"], book.sleeves["order_lots"] = 8_000, 1_000
    assert permitted(book, setup, 0, 90_000, 0.05) == (31_000, Denial.NONE)
    assert permitted(book, setup, 0, -90_000, 0.05) == (-40_000, Denial.NONE)


def test_of_limits_that_leave_the_same_the_first_is_named() -> None:
    book, setup = scene(max_symbol=0.2, max_asset=0.2, max_gross=0.2, max_cluster=0.2)
    book.sleeves["lots"] = 20_000
    assert permitted(book, setup, 0, 10, 0.05) == (0, Denial.SYMBOL_NOTIONAL)
    setup.limits["max_symbol"] = 1.0
    assert permitted(book, setup, 0, 10, 0.05) == (0, Denial.ASSET_NOTIONAL)
    setup.limits["max_asset"] = 1.0
    assert permitted(book, setup, 0, 10, 0.05) == (0, Denial.GROSS_LEVERAGE)


def test_a_used_up_limit_is_named_whatever_the_leverage_of_the_symbol() -> None:
    book, setup = scene(max_gross=3.0, leverage=1.0)
    book.sleeves["lots"] = 300_000
    assert permitted(book, setup, 0, 10, 0.05) == (0, Denial.GROSS_LEVERAGE)
    book.sleeves["lots"] = 310_000  # more than allowed: still none, never a negative number
    assert permitted(book, setup, 0, 10, 0.05) == (0, Denial.GROSS_LEVERAGE)


def test_without_limits_the_venue_still_lends_no_more_than_its_first_bracket() -> None:
    book, setup = scene(2, enabled=0, max_symbol=0.1, max_gross=0.1)
    setup.brackets[:, :, BRACKET_LEVERAGE] = 2.0
    book.sleeves["lots"] = [0, 50_000]
    assert permitted(book, setup, 0, 900_000, 0.05) == (150_000, Denial.NONE)
    book.sleeves["lots"] = [0, 200_000]
    assert permitted(book, setup, 0, 900_000, 0.05) == (0, Denial.MARGIN)
    setup.limits["enabled"], setup.limits["max_gross"] = 1, 60.0
    assert permitted(book, setup, 0, 900_000, 0.05)[0] == 0


def test_the_rounding_of_lots_forgives_a_billionth() -> None:
    book, setup = scene(max_symbol=0.3)
    # 0.3 x 10,000 / (0.001 x 100) = 30,000 but 2,999.9999999999995 x 10 in floats
    book.positions["mark"] = 100.0 * (1 + 2e-14)
    assert permitted(book, setup, 0, 90_000, 0.05) == (30_000, Denial.NONE)
    book.positions["mark"] = 100.0 * (1 + 2e-12)
    assert permitted(book, setup, 0, 90_000, 0.05) == (29_999, Denial.NONE)


@pytest.mark.parametrize("side", [1, -1])
def test_the_smallest_order_of_a_venue_is_allowed_and_nothing_smaller(side: int) -> None:
    book, setup = scene()
    setup.rules["min_lots"] = 5
    assert permitted(book, setup, 0, side * 4, 0.05) == (0, Denial.BELOW_MINIMUM)
    assert permitted(book, setup, 0, side * 5, 0.05) == (side * 5, Denial.NONE)
    setup.rules["min_lots"], setup.rules["min_notional"] = 1, 1.0
    assert permitted(book, setup, 0, side * 9, 0.05) == (0, Denial.BELOW_MINIMUM)
    assert permitted(book, setup, 0, side * 10, 0.05) == (side * 10, Denial.NONE)
    setup.rules["min_lots"], setup.rules["min_notional"] = 0, 0.0
    assert permitted(book, setup, 0, 0, 0.05) == (0, Denial.BELOW_MINIMUM)
    setup.rules["max_lots"] = 7  # of one order
    assert permitted(book, setup, 0, side * 9, 0.05) == (side * 7, Denial.NONE)


@pytest.mark.parametrize("side", [1, -1])
def test_the_bracket_of_the_whole_position_limits_it(side: int) -> None:
    book, setup = scene()
    # from 50,000 on, 25 times: of an equity of 2,000 exactly those 50,000
    book.account["equity"] = 2_000.0
    assert permitted(book, setup, 0, side * 500_000, 0.05) == (side * 500_000, Denial.NONE)
    assert permitted(book, setup, 0, side * 500_001, 0.05) == (0, Denial.BRACKET_LEVERAGE)
    book.sleeves["lots"] = side * 400_000
    assert permitted(book, setup, 0, side * 100_000, 0.05) == (side * 100_000, Denial.NONE)
    assert permitted(book, setup, 0, side * 100_001, 0.05) == (0, Denial.BRACKET_LEVERAGE)


def test_value_at_risk_may_reach_its_limit_and_must_be_known() -> None:
    book, setup = scene()
    book.account["equity"] = 8_192.0  # a power of two: the product below is exact
    book.sleeves["lots"] = 400
    limit = value_at_risk(book, setup, 0, 1_000) / 8_192.0
    setup.limits["max_var"] = limit
    assert permitted(book, setup, 0, 600, 0.05) == (600, Denial.NONE)
    setup.limits["max_var"] = np.nextafter(limit, 0.0)
    assert permitted(book, setup, 0, 600, 0.05) == (0, Denial.VALUE_AT_RISK)
    setup.limits["max_var"] = 1e6
    for unknown in (0.0, np.nan):
        book.covariance[:] = unknown
        assert permitted(book, setup, 0, 600, 0.05) == (0, Denial.VALUE_AT_RISK)
