from __future__ import annotations

import numpy as np
import pytest

from aster_ray.kernel.sizing import (
    confidence_fraction,
    full_fraction,
    kelly_fraction,
    to_lots,
    volatility_fraction,
)
from aster_ray.model.enums import Sizing
from tests.factories import a_book, a_setup


def test_confidence_scales_from_least_to_most() -> None:
    limits = a_setup(min_confidence=0.5, min_fraction=0.01, max_fraction=0.20).limits[0]
    assert confidence_fraction(limits, 0.5) == pytest.approx(0.01)
    assert confidence_fraction(limits, 0.75) == pytest.approx(0.105)  # half way
    assert confidence_fraction(limits, 1.0) == pytest.approx(0.20)
    assert confidence_fraction(limits, 0.2) == pytest.approx(0.01)
    certain = a_setup(min_confidence=1.0, max_fraction=0.20).limits[0]
    assert confidence_fraction(certain, 1.0) == pytest.approx(0.20)


def test_volatility_targets_an_annual_figure() -> None:
    limits = a_setup(target_volatility=0.20, min_fraction=0.01, max_fraction=0.5).limits[0]
    # bars of one hour: 0.01 a bar is 0.01 x sqrt(24 x 365) = 0.93595 a year; 0.20 / 0.93595
    assert volatility_fraction(limits, 0.0001) == pytest.approx(0.20 / 0.935949, rel=1e-5)
    assert volatility_fraction(limits, 1e-9) == pytest.approx(0.5)  # quiet: held at the most
    assert volatility_fraction(limits, 1.0) == pytest.approx(0.01)
    assert volatility_fraction(limits, 0.0) == pytest.approx(0.01)  # unknown: the least


def test_kelly_by_hand() -> None:
    limits = a_setup(kelly_cap=0.1, kelly_trips=30, min_fraction=0.01, max_fraction=0.20).limits[0]
    sleeve = a_book().sleeves[0]
    # 40 trips, 24 won with 480 in all, 16 lost with 160 in all:
    # p = 0.6, b = (480 / 24) / (160 / 16) = 2, f* = (0.6 x 2 - 0.4) / 2 = 0.4
    sleeve["trips"], sleeve["wins"], sleeve["gain"], sleeve["loss"] = 40, 24, 480.0, 160.0
    # a tenth of it, 0.04 of equity, at risk over a stop of 25 %: a notional of 0.16
    assert kelly_fraction(limits, sleeve, 0.25) == pytest.approx(0.16)
    assert kelly_fraction(limits, sleeve, 0.05) == pytest.approx(0.20)  # 0.8 is above the most
    assert kelly_fraction(limits, sleeve, 0.99) == pytest.approx(0.04 / 0.99)
    sleeve["gain"] = 80.0  # b = 1/3: f* = (0.6 / 3 - 0.4) x 3 = -0.6
    assert kelly_fraction(limits, sleeve, 0.25) == 0.0
    sleeve["trips"] = 29  # too few to be trusted
    assert kelly_fraction(limits, sleeve, 0.25) == pytest.approx(0.01)


@pytest.mark.parametrize(("wins", "loss"), [(0, 100.0), (40, 0.0), (20, 0.0)])
def test_kelly_needs_both_sides_of_the_ledger(wins: int, loss: float) -> None:
    limits = a_setup(min_fraction=0.01).limits[0]
    sleeve = a_book().sleeves[0]
    sleeve["trips"], sleeve["wins"], sleeve["gain"], sleeve["loss"] = 40, wins, 50.0, loss
    assert kelly_fraction(limits, sleeve, 0.25) == pytest.approx(0.01)


def test_the_configured_mode_decides() -> None:
    sleeve = a_book().sleeves[0]
    found = {
        mode: full_fraction(a_setup(sizing=mode).limits[0], sleeve, 0.75, np.nan, 0.0001)
        for mode in Sizing
    }
    assert found == pytest.approx(
        {
            Sizing.FIXED: 0.10,
            Sizing.CONFIDENCE: 0.105,
            Sizing.VOLATILITY: 0.20,
            Sizing.KELLY: 0.01,
        }
    )


def test_lots_are_rounded_down() -> None:
    assert to_lots(999.99, 100.0, 0.001) == 9999
    assert to_lots(1000.0, 100.0, 0.001) == 10_000  # 9999.999999999998 in floats is still 10,000
    assert to_lots(0.0999, 100.0, 0.001) == 0


def test_a_confidence_above_one_is_worth_no_more_than_certainty() -> None:
    limits = a_setup(min_confidence=0.5, min_fraction=0.01, max_fraction=0.20).limits[0]
    assert confidence_fraction(limits, 1.25) == pytest.approx(0.20)


def test_kelly_is_trusted_from_its_last_trip_on_and_needs_a_loss() -> None:
    limits = a_setup(kelly_cap=0.1, kelly_trips=30, min_fraction=0.01, max_fraction=0.20).limits[0]
    sleeve = a_book().sleeves[0]
    # p = 29/30, b = (290 / 29) / 0.5 = 20 with a single loss of half a unit:
    # f* = (20 x 29/30 - 1/30) / 20 = 0.965, a tenth of it over a stop of 0.75
    sleeve["trips"], sleeve["wins"], sleeve["gain"], sleeve["loss"] = 30, 29, 290.0, 0.5
    assert kelly_fraction(limits, sleeve, 0.75) == pytest.approx(0.0965 / 0.75)
    sleeve["trips"] = 29
    assert kelly_fraction(limits, sleeve, 0.75) == pytest.approx(0.01)
    # nothing lost in 30 trips, yet a loss is booked: no average can be taken
    sleeve["trips"], sleeve["wins"] = 30, 30
    assert kelly_fraction(limits, sleeve, 0.75) == pytest.approx(0.01)


def test_a_stop_nearer_than_a_basis_point_counts_as_one() -> None:
    limits = a_setup(kelly_cap=1e-4, kelly_trips=30, min_fraction=0.0, max_fraction=9.0).limits[0]
    sleeve = a_book().sleeves[0]
    sleeve["trips"], sleeve["wins"], sleeve["gain"], sleeve["loss"] = 40, 24, 480.0, 160.0
    assert kelly_fraction(limits, sleeve, 1e-4) == pytest.approx(0.4)  # 0.4 x 1e-4 / 1e-4
    assert kelly_fraction(limits, sleeve, 1e-6) == pytest.approx(0.4)
    assert kelly_fraction(limits, sleeve, 2e-4) == pytest.approx(0.2)


def test_kelly_without_a_stop_risks_the_whole_notional() -> None:
    setup = a_setup(sizing=3, kelly_cap=0.25, kelly_trips=30, min_fraction=0.01, max_fraction=0.2)
    sleeve = a_book().sleeves[0]
    sleeve["trips"], sleeve["wins"], sleeve["gain"], sleeve["loss"] = 40, 24, 480.0, 160.0
    found = [full_fraction(setup.limits[0], sleeve, 1.0, stop, 1e-4) for stop in (np.nan, 0.8)]
    assert found == pytest.approx([0.1, 0.125])  # a quarter of 0.4, over 1 and over 0.8


def test_no_edge_is_nothing_at_all_even_where_it_is_exactly_none() -> None:
    limits = a_setup(kelly_trips=30, min_fraction=0.01).limits[0]
    sleeve = a_book().sleeves[0]
    # p = 1/2 and b = 1: f* = (1/2 - 1/2) / 1 = 0
    sleeve["trips"], sleeve["wins"], sleeve["gain"], sleeve["loss"] = 40, 20, 100.0, 100.0
    assert kelly_fraction(limits, sleeve, 0.25) == 0.0


def test_lots_are_whole_and_forgive_a_billionth() -> None:
    lots = to_lots(1000.0 * (1 - 1e-14), 100.0, 0.001)
    assert lots == 10_000
    assert isinstance(lots, int)
    assert to_lots(1000.0 * (1 - 1e-12), 100.0, 0.001) == 9_999
