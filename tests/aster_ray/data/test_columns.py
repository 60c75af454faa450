from __future__ import annotations

import numpy as np

from aster_ray.data.columns import BarTable, FundingTable, moment


def test_rows_are_views() -> None:
    table = BarTable("x", 60_000, np.arange(4) * 60_000, np.ones((4, 5)))
    part = table.rows(1, 3)
    assert part.open_ms.tolist() == [60_000, 120_000]
    assert np.shares_memory(part.values, table.values)


def test_settlements_between_include_the_first_and_not_the_last_moment() -> None:
    table = FundingTable("x", np.array([10, 20, 30]), np.array([1.0, 2.0, 3.0]))
    assert table.between(10, 30).rate.tolist() == [1.0, 2.0]
    assert table.between(31, 40).rate.tolist() == []


def test_moments_are_for_people() -> None:
    assert moment(1_704_067_200_000) == "2024-01-01 00:00"
    assert moment(1_704_067_201_500) == "2024-01-01 00:00:01.500000"
    assert moment(10**18) == "1000000000000000000 ms"
