from __future__ import annotations

import numpy as np
import pytest

from aster_ray.data.columns import BarTable, FundingTable
from aster_ray.data.library import BARS, FUNDING, SeriesKey, join_bars, join_funding
from aster_ray.errors import DataError


def piece(first: int, rows: int, name: str) -> BarTable:
    times = np.arange(first, first + rows, dtype=np.int64) * 60_000
    return BarTable(name, 60_000, times, np.repeat(times[:, None] * 1.0, 5, axis=1))


def test_a_key_reads_like_a_sentence_and_knows_its_length() -> None:
    key = SeriesKey("aster", "um", "BTCUSDT", BARS, "5m")
    assert str(key) == "aster um BTCUSDT bars 5m"
    assert key.timeframe_ms == 300_000
    funding = SeriesKey("aster", "um", "BTCUSDT", FUNDING, "")
    assert (str(funding), funding.timeframe_ms) == ("aster um BTCUSDT funding", 0)


def test_one_piece_is_itself() -> None:
    only = piece(0, 3, "a")
    assert join_bars([only], "whole") is only


def test_three_pieces_make_one_sorted_series() -> None:
    joined = join_bars([piece(6, 4, "c"), piece(0, 4, "a"), piece(3, 4, "b")], "whole")
    assert joined.origin == "whole"
    assert joined.open_ms.tolist() == [60_000 * row for row in range(10)]
    assert joined.values[:, 0].tolist() == joined.open_ms.tolist()


def test_settlements_that_disagree_are_refused() -> None:
    times = np.array([1_704_067_200_000], dtype=np.int64)
    first, second = (
        FundingTable("a", times, np.array([1e-4])),
        FundingTable("b", times, np.zeros(1)),
    )
    with pytest.raises(DataError, match="whole: a and b disagree at 2024-01-01 00:00"):
        join_funding([first, second], "whole")
