from __future__ import annotations

import numpy as np
import pytest

from aster_ray.metrics import trip_stats
from aster_ray.metrics.round_trips import RoundTrip, pair_fills
from aster_ray.model.enums import ExitReason
from tests.aster_ray.metrics.accounts import HOUR, Ledger, flat_market


def some_trips() -> list[RoundTrip]:
    """Nets +10, -4, -2, +6 on one symbol, then a short of +8 that is still open."""
    book = Ledger(flat_market(np.full((12, 1), 100.0)), lot=1.0)
    for number, (gain, reason) in enumerate(
        [
            (10.0, ExitReason.TAKE_PROFIT),
            (-4.0, ExitReason.STOP_LOSS),
            (-2.0, ExitReason.STOP_LOSS),
            (6.0, ExitReason.REVERSAL),
        ]
    ):
        book.fill(2 * number, 0, 1, 100.0)
        book.fill(2 * number + 1, 0, -1, 100.0 + gain, reason=reason)
    book.fill(8, 0, -1, 108.0)
    return pair_fills(book.facts())


def test_statistics_worked_by_hand() -> None:
    stats = trip_stats.statistics(some_trips())
    assert stats["round_trips"] == 4
    assert (stats["wins"], stats["losses"], stats["win_rate"]) == (2, 2, 0.5)
    assert stats["profit_factor"] == pytest.approx(16 / 6)
    assert (stats["expectancy"], stats["average_win"], stats["average_loss"]) == (2.5, 8.0, -3.0)
    assert stats["payoff"] == pytest.approx(8 / 3)
    assert (stats["best"], stats["worst"]) == (10.0, -4.0)
    assert (stats["longest_winning_streak"], stats["longest_losing_streak"]) == (1, 2)
    assert stats["average_holding_ms"] == stats["median_holding_ms"] == HOUR
    assert stats["net"] == 10.0


def test_open_trips_count_nowhere() -> None:
    assert trip_stats.statistics(some_trips()[4:]) == trip_stats.statistics([])


def test_statistics_of_nothing_are_undefined() -> None:
    empty = trip_stats.statistics([])
    for name in ("win_rate", "profit_factor", "expectancy", "average_win", "payoff", "best"):
        assert empty[name] is None
    assert empty["round_trips"] == 0


def test_profit_factor_without_a_loss_is_undefined_not_infinite() -> None:
    assert trip_stats.profit_factor([1.0, 2.0]) is None
    assert trip_stats.profit_factor([-1.0]) == 0.0


def test_a_trip_of_exactly_nothing_neither_wins_nor_loses() -> None:
    assert trip_stats.win_rate([0.0, 1.0]) == 0.5
    assert trip_stats.longest_streak([1.0, 0.0, 1.0], winning=True) == 1


def test_groups_are_sorted_and_add_up() -> None:
    groups = trip_stats.grouped(some_trips(), lambda trip: trip.reason)
    assert list(groups) == ["reversal", "stop_loss", "take_profit"]
    assert groups["stop_loss"]["round_trips"] == 2
    assert sum(group["net"] for group in groups.values()) == 10.0
    assert list(trip_stats.grouped(some_trips(), trip_stats.side_name)) == ["long"]
