from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from aster_ray.data.folder import Folder
from aster_ray.data.request import MarketRequest, Window
from aster_ray.data.select import select_tables

Good = Callable[..., dict[str, np.ndarray]]
Write = Callable[[str, dict[str, np.ndarray]], Path]


def test_marks_are_built_from_finer_marks_and_not_cut_short(good: Good, write: Write) -> None:
    keep = np.r_[0:30, 34:72]
    bars = {name: column[keep] for name, column in good(72).items()}
    write("v_um_BTCUSDT_mark_5m.parquet", good(72 * 12, step_ms=300_000))
    folder = Folder(write("v_um_BTCUSDT_1h.parquet", bars).parent)
    request = MarketRequest(path="x", start="2024-01-03", warmup=20)
    (table,) = select_tables(folder, request, Window.of(request)).tables
    assert len(table.bars.open_ms) == 24 + 20
    assert table.mark is not None
    # Twenty bars before the start reach further back than twenty hours: the hole counts for none.
    assert np.isin(table.bars.open_ms, table.mark.open_ms).all()


def test_longer_marks_do_not_stand_in_for_shorter_ones(good: Good, write: Write) -> None:
    write("v_um_BTCUSDT_mark_1h.parquet", good(24))
    folder = Folder(write("v_um_BTCUSDT_5m.parquet", good(288, step_ms=300_000)).parent)
    request = MarketRequest(path="x", timeframe="5m")
    (table,) = select_tables(folder, request, Window.of(request)).tables
    assert table.mark is None


def test_native_symbols_are_the_default_and_buildable_ones_the_next(
    good: Good, write: Write
) -> None:
    write("v_um_AUSDT_5m.parquet", good(288, step_ms=300_000))
    folder = Folder(write("v_um_BUSDT_1h.parquet", good(24)).parent)
    names = {
        timeframe: [
            table.symbol
            for table in select_tables(
                folder,
                MarketRequest(path="x", timeframe=timeframe),
                Window.of(MarketRequest(timeframe=timeframe)),
            ).tables
        ]
        for timeframe in ("5m", "1h", "15m", "4h")
    }
    assert names == {"5m": ["AUSDT"], "1h": ["BUSDT"], "15m": ["AUSDT"], "4h": ["AUSDT", "BUSDT"]}
