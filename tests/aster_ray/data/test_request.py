from __future__ import annotations

import numpy as np
import pytest

from aster_ray.data.columns import BarTable
from aster_ray.data.request import MarketRequest, Window
from aster_ray.errors import BadInputError, DataError

HOUR_MS = 3_600_000
EPOCH_MS = 1_704_067_200_000


def table(rows: int) -> BarTable:
    return BarTable("x", HOUR_MS, EPOCH_MS + HOUR_MS * np.arange(rows), np.ones((rows, 5)))


def hours(found: BarTable | None) -> tuple[int, int]:
    assert found is not None
    first, last = (int(found.open_ms[row] - EPOCH_MS) // HOUR_MS for row in (0, -1))
    return first, last


def test_a_window_holds_its_period_and_the_warm_up_before_it() -> None:
    window = Window.of(MarketRequest(start="2024-01-02", end="2024-01-02", warmup=5))
    assert hours(window.cut(table(100))) == (19, 47)
    assert hours(window.cut(table(30))) == (19, 29)
    assert window.cut(table(24)) is None
    late = Window.of(MarketRequest(start="2024-01-01T03:00", warmup=5))
    assert hours(late.cut(table(10))) == (0, 9)


def test_a_bar_that_is_still_open_at_the_end_is_left_out() -> None:
    window = Window.of(MarketRequest(end="2024-01-01T05:30"))
    assert hours(window.cut(table(100))) == (0, 4)
    assert Window.of(MarketRequest(end="2024-01-01T00:30")).cut(table(100)) is None


def test_the_first_moment_to_read_lies_before_the_warm_up() -> None:
    window = Window.of(MarketRequest(start="2024-01-02", warmup=24))
    assert window.first_ms is not None
    assert window.first_ms < EPOCH_MS
    assert Window.of(MarketRequest()).first_ms is None


def test_nothing_in_the_period_names_what_there_is() -> None:
    window = Window.of(MarketRequest(start="2025-01-01", end="2025-01-31"))
    message = str(window.nothing_for("BTCUSDT", [table(48)]))
    assert message.startswith("symbol BTCUSDT has no 1h bar from 2025-01-01 00:00 to 2025-02-01")
    assert "available: 2024-01-01 00:00 to 2024-01-03 00:00" in message


@pytest.mark.parametrize(
    ("field", "value"), [("warmup", -1), ("max_gap", -1), ("seed", -1), ("gaps", "maybe")]
)
def test_impossible_requests_are_refused(field: str, value: int | str) -> None:
    with pytest.raises(DataError, match=f"{field} .*{value}"):
        MarketRequest(**{field: value})  # type: ignore[arg-type]


def test_an_unknown_timeframe_is_refused() -> None:
    with pytest.raises(BadInputError, match="timeframe '2h' is unknown"):
        Window.of(MarketRequest(timeframe="2h"))
