"""Exit plans as functions of one observation, at their boundaries: entry at 100, tick of 0.01."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aster_ray.kernel.exits import exit_basis, exit_reason, profit, tier_of, trail
from aster_ray.kernel.records import EXIT_LONG, EXIT_SHORT, LONG, SHORT
from aster_ray.model.enums import ExitReason
from tests.factories import a_bar, a_book, an_open_setup

TIERS: dict[str, Any] = {
    "tier_gain_1": 0.25,
    "tier_lock_1": 0.125,
    "tier_gain_2": 0.5,
    "tier_lock_2": 0.25,
    "tier_gain_3": 0.75,
    "tier_lock_3": 0.5,
}


def limits(**fields: Any) -> Any:
    return an_open_setup(**fields).limits[0]


def held(lots: int, peak: float = 100.0, stop: float = np.nan, tier: int = 0) -> Any:
    """Return a sleeve of ``lots`` from 100 at the time 0."""
    sleeve = a_book().sleeves[0]
    sleeve["lots"], sleeve["entry_price"], sleeve["peak"] = lots, 100.0, peak
    sleeve["stop"], sleeve["tier"] = stop, tier
    return sleeve


def reason(sleeve: Any, own: Any, close: float = 100.0, ms: int = 0, code: int = 0) -> ExitReason:
    return ExitReason(exit_reason(sleeve, own, close, ms, code, 1.0))


@pytest.mark.parametrize(
    ("gain", "tier", "lock"),
    [
        (0.0, 0, 0.0),
        (24.99, 0, 0.0),
        (25.0, 1, 0.125),
        (49.99, 1, 0.125),
        (50.0, 2, 0.25),
        (74.99, 2, 0.25),
        (75.0, 3, 0.5),
    ],
)
def test_a_tier_begins_at_its_gain(gain: float, tier: int, lock: float) -> None:
    assert tier_of(limits(**TIERS), gain, 100.0) == (tier, lock)


def test_profit_is_signed_and_scaled_by_leverage_only_on_margin() -> None:
    assert profit(100.0, 90.0, -1, 3.0) == 30.0
    assert profit(100.0, 90.0, 1, 3.0) == -30.0
    assert exit_basis(limits(margin_basis=1), 3.0) == 3.0
    assert exit_basis(limits(margin_basis=0), 3.0) == 1.0


@pytest.mark.parametrize("lots", [1, -1])
def test_even_one_lot_trails_its_best_price_and_never_forgets_it(lots: int) -> None:
    sleeve, own = held(lots), limits(**TIERS)
    best, worse, back = (110.0, 105.0, 95.0) if lots > 0 else (90.0, 95.0, 105.0)
    assert not trail(sleeve, own, a_bar(100.0, max(best, 100.0), min(best, 100.0)), 1.0, 0.01)
    assert sleeve["peak"] == best
    assert not trail(sleeve, own, a_bar(worse, max(worse, back), min(worse, back)), 1.0, 0.01)
    assert sleeve["peak"] == best


@pytest.mark.parametrize(("lots", "best", "stop"), [(1, 150.0, 125.0), (-1, 50.0, 75.0)])
def test_a_tier_gives_a_stop_to_a_position_that_had_none(
    lots: int, best: float, stop: float
) -> None:
    sleeve = held(lots)
    assert trail(sleeve, limits(**TIERS), a_bar(best), 1.0, 0.01) is True
    assert (sleeve["tier"], sleeve["stop"], sleeve["peak"]) == (2, stop, best)
    # the same tier moves nothing, nor does a lower one
    assert trail(sleeve, limits(**TIERS), a_bar(best), 1.0, 0.01) is False
    sleeve["tier"] = 3
    assert trail(sleeve, limits(**TIERS), a_bar(best), 1.0, 0.01) is False
    assert sleeve["tier"] == 3


@pytest.mark.parametrize(("lots", "best", "stop"), [(1, 150.0, 125.0), (-1, 50.0, 75.0)])
def test_a_tier_that_would_leave_the_stop_where_it_is_is_not_reached(
    lots: int, best: float, stop: float
) -> None:
    sleeve = held(lots, stop=stop, tier=1)
    assert trail(sleeve, limits(**TIERS), a_bar(best), 1.0, 0.01) is False
    assert (sleeve["tier"], sleeve["stop"]) == (1, stop)
    sleeve["stop"] = stop - lots * 0.01
    assert trail(sleeve, limits(**TIERS), a_bar(best), 1.0, 0.01) is True
    assert (sleeve["tier"], sleeve["stop"]) == (2, stop)


def test_the_lock_is_a_fraction_of_margin_and_lies_on_a_tick() -> None:
    sleeve = held(1)
    assert trail(sleeve, limits(**TIERS), a_bar(110.0), 3.0, 0.5)  # 30 % of margin: tier 1
    assert sleeve["stop"] == 104.0  # 100 x (1 + 0.125 / 3) = 104.1667


@pytest.mark.parametrize("lots", [1, -1])
def test_give_back_is_armed_and_reached_at_exact_profits(lots: int) -> None:
    own = limits(give_back=0.25, give_back_armed=0.08)
    at = {gain: 100.0 + lots * gain for gain in (6.0, 6.01, 7.99, 8.0)}
    assert reason(held(lots, at[8.0]), own, at[6.0]) == ExitReason.GIVE_BACK
    assert reason(held(lots, at[8.0]), own, at[6.01]) == ExitReason.NONE
    assert reason(held(lots, at[7.99]), own, 100.0) == ExitReason.NONE
    assert reason(held(lots, at[8.0]), limits(give_back=0.0), at[6.0]) == ExitReason.NONE


def test_a_give_back_of_everything_waits_for_the_entry() -> None:
    own = limits(give_back=1.0, give_back_armed=0.08)
    assert reason(held(1, 110.0), own, 100.01) == ExitReason.NONE
    assert reason(held(1, 110.0), own, 100.0) == ExitReason.GIVE_BACK


def test_a_holding_limit_is_counted_from_the_entry_and_may_be_a_millisecond() -> None:
    sleeve = held(1)
    sleeve["entry_ms"] = 1_000
    assert reason(sleeve, limits(holding_ms=1), ms=1_000) == ExitReason.NONE
    assert reason(sleeve, limits(holding_ms=1), ms=1_001) == ExitReason.HOLDING_LIMIT
    assert reason(sleeve, limits(holding_ms=0), ms=9_000) == ExitReason.NONE


@pytest.mark.parametrize(
    ("lots", "code", "expected"),
    [
        (1, EXIT_LONG, ExitReason.INVALIDATION),
        (1, EXIT_SHORT, ExitReason.NONE),
        (1, SHORT, ExitReason.REVERSAL),
        (1, LONG, ExitReason.NONE),
        (1, SHORT | EXIT_LONG, ExitReason.INVALIDATION),
        (-1, EXIT_SHORT, ExitReason.INVALIDATION),
        (-1, EXIT_LONG, ExitReason.NONE),
        (-1, LONG, ExitReason.REVERSAL),
        (-1, SHORT, ExitReason.NONE),
        (-1, LONG | EXIT_SHORT, ExitReason.INVALIDATION),
        (1, 0, ExitReason.NONE),
        (-1, 0, ExitReason.NONE),
    ],
)
def test_a_signal_ends_only_the_position_it_speaks_of(
    lots: int, code: int, expected: ExitReason
) -> None:
    assert reason(held(lots), limits(), code=code) == expected
