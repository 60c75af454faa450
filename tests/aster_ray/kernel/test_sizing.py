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
