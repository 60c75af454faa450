from __future__ import annotations

import pytest

from aster_ray.data.period import describe_period, parse_period
from aster_ray.errors import DataError

DAY_MS = 86_400_000
NEW_YEAR_MS = 1_704_067_200_000


def test_an_end_date_includes_its_day() -> None:
    assert parse_period("2024-01-01", "2024-01-01") == (NEW_YEAR_MS, NEW_YEAR_MS + DAY_MS)


def test_an_end_moment_is_exclusive_and_zones_are_respected() -> None:
    start_ms, end_ms = parse_period("2024-01-01T01:00+01:00", "2024-01-01 12:30")
    assert start_ms == NEW_YEAR_MS
    assert end_ms == NEW_YEAR_MS + 12 * 3_600_000 + 30 * 60_000
    assert parse_period("2024-01-01T00:00:00.250Z", "")[0] == NEW_YEAR_MS + 250


def test_open_sides_are_none() -> None:
    assert parse_period("", " ") == (None, None)
    assert describe_period(None, NEW_YEAR_MS) == "the first bar to 2024-01-01 00:00"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2024-02-01", "2024-01-01"),
        ("2024-01-02", "2024-01-01"),
        ("2024-01-01T12:00", "2024-01-01T12:00"),
    ],
)
def test_a_reversed_period_is_refused(start: str, end: str) -> None:
    with pytest.raises(DataError, match=f"runs backwards: start {start} is not before end {end}"):
        parse_period(start, end)


@pytest.mark.parametrize(
    "text", ["2024-13-01", "2024-02-30", "yesterday", "2024", "20240101", "1e9"]
)
def test_what_is_no_date_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(DataError, match=r"start .* is not a date: write 2024-12-31"):
        parse_period(text, "")
    with pytest.raises(DataError, match=r"end .* is not a date"):
        parse_period("", text)
