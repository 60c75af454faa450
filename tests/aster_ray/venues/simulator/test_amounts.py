from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.venues.simulator.amounts import (
    UNIT,
    at_rate,
    decimal_text,
    divide,
    nearest_units,
    to_units,
    units_text,
)

whole = st.integers(-(10**24), 10**24)


@given(whole, st.integers(1, 10**18))
def test_division_is_within_half_of_the_true_quotient(numerator: int, denominator: int) -> None:
    off = abs(2 * (divide(numerator, denominator) * denominator - numerator))
    assert off <= denominator


@given(whole, st.integers(1, 10**12))
def test_a_payment_and_its_mirror_image_cancel(numerator: int, denominator: int) -> None:
    assert divide(numerator, denominator) + divide(-numerator, denominator) == 0
    assert divide(numerator, -denominator) == divide(-numerator, denominator)


def test_halves_go_to_the_even_neighbour() -> None:
    assert [divide(n, 2) for n in (-5, -3, -1, 1, 3, 5)] == [-2, -2, 0, 0, 2, 2]


@given(whole)
def test_units_survive_being_written(units: int) -> None:
    text = units_text(units)
    assert to_units(text) == units
    assert Decimal(text) * UNIT == units


@pytest.mark.parametrize(
    ("units", "places", "text"),
    [
        (111_341_089, 8, "1.11341089"),
        (-5, 8, "-0.00000005"),
        (150_000_000, 0, "2"),
        (123_456_789, 2, "1.23"),
        (-123_456_789, 2, "-1.23"),
        (0, 8, "0.00000000"),
    ],
)
def test_units_are_written_with_fixed_decimals(units: int, places: int, text: str) -> None:
    assert units_text(units, places) == text


def test_a_number_without_decimals_has_no_point() -> None:
    assert decimal_text(-12, 0) == "-12"


@pytest.mark.parametrize("value", ["0.000000001", "NaN", "Infinity"])
def test_what_is_finer_than_a_unit_or_no_number_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="whole number"):
        to_units(value)


def test_a_rate_is_a_fraction_in_units() -> None:
    assert at_rate(to_units("1000.03"), to_units("0.0004")) == to_units("0.400012")


def test_recorded_floats_come_in_at_the_nearest_unit() -> None:
    assert nearest_units(0.0001) == 10_000
    assert nearest_units(106_729.84) == 10_672_984_000_000
