from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aster_ray.data.columns import BarTable
from aster_ray.data.folder import Folder
from aster_ray.data.library import SeriesKey
from aster_ray.data.resample import resample, sources_of
from aster_ray.errors import DataError
from aster_ray.model.ids import TIMEFRAMES


def test_sources_are_finer_divisors_longest_first() -> None:
    assert sources_of(TIMEFRAMES["15m"]) == (300_000, 180_000, 60_000)
    assert sources_of(TIMEFRAMES["5m"]) == (60_000,)
    assert sources_of(TIMEFRAMES["1m"]) == ()
    assert sources_of(TIMEFRAMES["4h"])[0] == TIMEFRAMES["1h"]


def test_the_same_length_is_the_same_table() -> None:
    table = BarTable("x", 60_000, np.arange(3) * 60_000, np.ones((3, 5)))
    assert resample(table, 60_000) is table


@pytest.mark.parametrize(("held", "wanted"), [("1h", "5m"), ("3m", "5m")])
def test_bars_cannot_be_made_finer_or_split(held: str, wanted: str) -> None:
    table = BarTable("x", TIMEFRAMES[held], np.zeros(1, np.int64), np.ones((1, 5)))
    with pytest.raises(DataError, match=f"x: bars of {held} cannot become {wanted}"):
        resample(table, TIMEFRAMES[wanted])


@pytest.mark.parametrize(
    ("symbol", "finer", "mismatches"),
    # The recorded data's own account: at most 3 mismatching hours a file.
    [("BTCUSDT", "5m", 3), ("ETHUSDT", "5m", 3), ("SOLUSDT", "5m", 3), ("XRPUSDT", "1m", 3)],
)
def test_recorded_bars_aggregate_to_recorded_hours(
    recorded: str, symbol: str, finer: str, mismatches: int
) -> None:
    folder = Folder(Path(recorded))
    hourly = folder.bars(SeriesKey("binance", "um", symbol, "bars", "1h"), None, None)
    built = resample(
        folder.bars(SeriesKey("binance", "um", symbol, "bars", finer), None, None), 3_600_000
    )
    common, ours, theirs = np.intersect1d(built.open_ms, hourly.open_ms, return_indices=True)
    assert len(common) == len(built.open_ms) > 1000
    differ = (built.values[ours, :4] != hourly.values[theirs, :4]).any(axis=1)
    assert np.count_nonzero(differ) <= mismatches
    # The venue's own hourly volume leaves out or doubles a few trades around its outages.
    odd = ~np.isclose(built.values[ours, 4], hourly.values[theirs, 4], rtol=1e-9)
    assert np.count_nonzero(odd) <= 4 * mismatches
