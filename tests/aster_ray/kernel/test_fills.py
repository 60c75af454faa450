from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.kernel.fills import (
    limit_fills,
    market_price,
    price_of_ticks,
    round_adverse,
    round_to_tick,
    stop_reference,
)


@pytest.mark.parametrize(
    ("price", "tick", "nearest", "bought", "sold"),
    [
        (100.123, 0.01, 100.12, 100.13, 100.12),
        (100.127, 0.01, 100.13, 100.13, 100.12),
        (100.12, 0.01, 100.12, 100.12, 100.12),  # on the grid: nothing to give away
        (0.1 + 0.2, 0.1, 0.3, 0.3, 0.3),  # 0.30000000000000004 is on the grid too
        (43_251.3, 0.5, 43_251.5, 43_251.5, 43_251.0),
        (7_503.0, 5.0, 7_505.0, 7_505.0, 7_500.0),
        (0.123456, 0.0, 0.123456, 0.123456, 0.123456),  # no tick: prices stay what they are
    ],
)
def test_prices_round_to_the_tick_and_orders_against_us(
    price: float, tick: float, nearest: float, bought: float, sold: float
) -> None:
    assert round_to_tick(price, tick) == nearest
    assert round_adverse(price, 1, tick) == bought
    assert round_adverse(price, -1, tick) == sold


@given(st.floats(0.01, 1e6), st.sampled_from([0.1, 0.01, 0.001, 0.5, 1.0]))
def test_a_rounded_price_is_the_decimal_a_venue_prints(price: float, tick: float) -> None:
    decimals = len(repr(tick).split(".")[1]) if tick < 1 else 0
    for rounded in (round_to_tick(price, tick), round_adverse(price, 1, tick)):
        assert rounded == float(f"{rounded:.{decimals}f}")
    assert round_adverse(price, -1, tick) <= price * (1 + 1e-8)
    assert round_adverse(price, 1, tick) >= price * (1 - 1e-8)
    span = round_adverse(price, 1, tick) - round_adverse(price, -1, tick)
    assert span <= tick + 1e-9 * price


@given(st.integers(1, 1_000_000), st.sampled_from([0.1, 0.01, 0.001, 0.5, 1.0, 0.00001]))
def test_a_price_on_the_grid_is_left_where_it_is(ticks: int, tick: float) -> None:
    price = price_of_ticks(float(ticks), tick)
    assert round_adverse(price, 1, tick) == round_adverse(price, -1, tick) == price
    assert round_to_tick(price, tick) == price


def test_a_tick_that_no_whole_number_makes_one_is_multiplied_out() -> None:
    assert price_of_ticks(33.0, 0.3) == 33.0 * 0.3
    assert round_to_tick(10.0, 0.3) == 33.0 * 0.3


def test_a_market_order_pays_spread_slippage_and_the_tick() -> None:
    # 100 x 1.0007 = 100.07; 100 x 0.9993 = 99.93
    assert market_price(100.0, 1, 0.0007, 0.01) == 100.07
    assert market_price(100.0, -1, 0.0007, 0.01) == 99.93
    # 100.07 on a grid of 0.05: 100.10 for a buyer, 99.90 for a seller
    assert market_price(100.0, 1, 0.0007, 0.05) == 100.10
    assert market_price(100.0, -1, 0.0007, 0.05) == 99.90
    assert market_price(100.0, 1, 0.0, 0.01) == 100.0


@pytest.mark.parametrize(
    ("stop", "side", "open_", "low", "high", "reference"),
    [
        (95.0, 1, 100.0, 94.0, 101.0, 95.0),  # reached inside the bar: at the stop
        (95.0, 1, 100.0, 95.0, 101.0, 95.0),  # touched is triggered
        (95.0, 1, 93.0, 92.0, 96.0, 93.0),  # jumped over: at the open
        (95.0, 1, 100.0, 95.01, 101.0, None),
        (105.0, -1, 100.0, 99.0, 106.0, 105.0),
        (105.0, -1, 105.0, 99.0, 105.0, 105.0),
        (105.0, -1, 108.0, 104.0, 109.0, 108.0),
        (105.0, -1, 100.0, 99.0, 104.99, None),
        (np.nan, 1, 100.0, 1.0, 1000.0, None),
    ],
)
def test_a_stop_triggers_when_touched_and_fills_at_the_open_after_a_gap(
    stop: float, side: int, open_: float, low: float, high: float, reference: float | None
) -> None:
    found = stop_reference(stop, side, open_, low, high)
    assert np.isnan(found) if reference is None else found == reference


def test_a_limit_fills_only_when_traded_through() -> None:
    assert limit_fills(95.0, 1, 94.99, 101.0)
    assert not limit_fills(95.0, 1, 95.0, 101.0)  # touched: others stood in front of us
    assert limit_fills(105.0, -1, 99.0, 105.01)
    assert not limit_fills(105.0, -1, 99.0, 105.0)
    assert not limit_fills(np.nan, 1, 1.0, 1000.0)
    assert not limit_fills(np.nan, -1, 1.0, 1000.0)
