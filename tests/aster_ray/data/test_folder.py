from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aster_ray.data.folder import Folder, parse_file_name
from aster_ray.data.library import BARS, FUNDING, MARK, SeriesKey
from aster_ray.errors import DataError

Good = Callable[..., dict[str, np.ndarray]]
Write = Callable[[str, dict[str, np.ndarray]], Path]
EPOCH_MS, HOUR_MS = 1_704_067_200_000, 3_600_000


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("binance_um_BTCUSDT_1h.parquet", ("binance", "um", "BTCUSDT", BARS, "1h")),
        ("aster_spot_1000PEPEUSDT_5m.csv", ("aster", "spot", "1000PEPEUSDT", BARS, "5m")),
        ("binance_um_BTCUSDT_mark_1h.parquet", ("binance", "um", "BTCUSDT", MARK, "1h")),
        ("binance_um_BTCUSDT_1m_2025w.parquet", ("binance", "um", "BTCUSDT", BARS, "1m")),
        ("binance_um_BTCUSDT_funding.parquet", ("binance", "um", "BTCUSDT", FUNDING, "")),
        ("binance_um_BTCUSDT_funding_2024.csv", ("binance", "um", "BTCUSDT", FUNDING, "")),
    ],
)
def test_a_name_says_what_a_file_holds(name: str, key: tuple[str, ...]) -> None:
    assert parse_file_name(name) == SeriesKey(*key)


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "binance_um_universe_1d.parquet",
        "binance_um_BTCUSDT_20240808_bbo.parquet",
        "binance_cm_BTCUSD_1h.parquet",
        "binance_um_BTCUSDT_2h.parquet",
        "BTCUSDT_1h.parquet",
        "binance_um_BTCUSDT_1h.txt",
    ],
)
def test_other_names_are_left_alone(name: str) -> None:
    assert parse_file_name(name) is None


def test_what_is_not_read_is_listed_with_a_reason(good: Good, write: Write) -> None:
    path = write("v_um_BTCUSDT_1h.parquet", good(3))
    write("v_um_universe_1d.parquet", good(3))
    (path.parent / "README.md").write_text("hello")
    (path.parent / ".hidden").write_text("")
    (path.parent / "sub").mkdir()
    folder = Folder(path.parent)
    assert folder.ignored == [
        ("README.md", "neither Parquet nor CSV"),
        ("v_um_universe_1d.parquet", "its name follows another pattern"),
    ]
    assert [str(key) for key in folder.series()] == ["v um BTCUSDT bars 1h"]


def test_pieces_are_joined_and_may_overlap_if_they_agree(good: Good, write: Write) -> None:
    whole = good(30)
    write("v_um_BTCUSDT_1h_a.parquet", {name: column[:20] for name, column in whole.items()})
    path = write("v_um_BTCUSDT_1h_b.csv", {name: column[15:] for name, column in whole.items()})
    folder = Folder(path.parent)
    (key,) = folder.series()
    table = folder.bars(key, None, None)
    assert np.array_equal(table.open_ms, whole["ts"])
    assert np.array_equal(table.values[:, 3], whole["close"])
    assert folder.entries()[0][5:] == (30, EPOCH_MS, EPOCH_MS + 29 * HOUR_MS)


def test_pieces_that_disagree_are_refused(good: Good, write: Write) -> None:
    first, second = good(20), good(20)
    second["close"][7] += 0.25
    second["close"][9] += 0.25
    write("v_um_BTCUSDT_1h_a.parquet", first)
    path = write("v_um_BTCUSDT_1h_b.parquet", second)
    folder = Folder(path.parent)
    with pytest.raises(DataError) as caught:
        folder.bars(folder.series()[0], None, None)
    assert "v_um_BTCUSDT_1h_a.parquet and v_um_BTCUSDT_1h_b.parquet disagree" in str(caught.value)
    assert "at 2024-01-01 07:00" in str(caught.value)


def test_a_later_piece_may_be_named_first(good: Good, write: Write) -> None:
    write("v_um_BTCUSDT_1h_a.parquet", good(5, first_ms=EPOCH_MS + 5 * HOUR_MS))
    path = write("v_um_BTCUSDT_1h_b.parquet", good(5))
    folder = Folder(path.parent)
    table = folder.bars(folder.series()[0], None, None)
    assert np.array_equal(table.open_ms, good(10)["ts"])


def test_funding_pieces_are_joined(write: Write) -> None:
    for label, first in (("a", 0), ("b", 3)):
        ts = EPOCH_MS + 8 * HOUR_MS * np.arange(first, first + 4, dtype=np.int64)
        path = write(f"v_um_BTCUSDT_funding_{label}.parquet", {"ts": ts, "rate": ts * 1e-18})
    folder = Folder(path.parent)
    assert len(folder.funding(folder.series()[0]).rate) == 7


def test_extent_of_text_files_is_read_from_the_rows(good: Good, write: Write) -> None:
    path = write("v_um_BTCUSDT_1h.csv", good(12))
    write(
        "v_um_BTCUSDT_funding.csv",
        {"ts": np.array([EPOCH_MS], np.int64), "rate": np.array([0.0001])},
    )
    bars, funding = Folder(path.parent).entries()
    assert bars[5:] == (12, EPOCH_MS, EPOCH_MS + 11 * HOUR_MS)
    assert funding[3:] == (FUNDING, "", 1, EPOCH_MS, EPOCH_MS)


def test_folders_without_market_data_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no market data \(it is empty\); name the files"):
        Folder(tmp_path)
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(DataError, match="1 other files"):
        Folder(tmp_path)
