from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aster_ray.data import ingest, parts
from aster_ray.data.catalog import MANIFEST, Catalog
from aster_ray.data.ingest import import_data, verify_data
from aster_ray.data.request import MarketRequest
from aster_ray.data.source import load_market
from aster_ray.errors import DataError

Good = Callable[..., dict[str, np.ndarray]]
Write = Callable[[str, dict[str, np.ndarray]], Path]
EPOCH_MS, HOUR_MS = 1_704_067_200_000, 3_600_000


def files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_a_catalog_answers_like_the_folder_it_came_from(built: Path) -> None:
    folder = load_market(MarketRequest(path=str(built.parent / "in")))
    catalog = load_market(MarketRequest(path=str(built)))
    assert catalog.digest() == folder.digest()
    assert catalog.missing == folder.missing


def test_importing_twice_changes_nothing(built: Path) -> None:
    before = files(built)
    report = import_data(str(built.parent / "in"), str(built))
    assert report.rows == 54
    assert files(built) == before


def test_new_rows_join_old_ones_and_old_files_go(built: Path, good: Good, write: Write) -> None:
    day = {name: column[24:] for name, column in good(72, first_ms=EPOCH_MS - 24 * HOUR_MS).items()}
    path = write("more/v_um_BTCUSDT_1h.csv", day)
    path.with_name("notes.txt").write_text("")
    old = {name for name in files(built) if "kind=bars" in name}
    report = import_data(str(path.parent), str(built))
    assert [(series.origin, series.rows) for series in report.series] == [
        ("v um BTCUSDT bars 1h", 72)
    ]
    assert report.ignored == (("notes.txt", "neither Parquet nor CSV"),)
    now = {name for name in files(built) if "kind=bars" in name}
    assert len(now) == len(old) == 2
    assert len(now & old) == 1  # 2023 did not change
    verify_data(str(built))


def test_rows_that_contradict_the_catalog_are_refused_and_nothing_changes(
    built: Path, good: Good, write: Write
) -> None:
    columns = good(48)
    columns["volume"] += 1.0
    before = files(built)
    path = write("more/v_um_BTCUSDT_1h.parquet", columns)
    with pytest.raises(DataError, match=r"the catalog and v_um_BTCUSDT_1h\.parquet disagree"):
        import_data(str(path.parent), str(built))
    assert files(built) == before


def test_one_bad_series_keeps_all_out(tmp_path: Path, good: Good, write: Write) -> None:
    bad = good(10)
    bad["close"][4] = np.nan
    write("in/v_um_AUSDT_1h.parquet", good(10))
    path = write("in/v_um_BUSDT_1h.parquet", bad)
    with pytest.raises(DataError, match=r"v_um_BUSDT_1h\.parquet: row 5"):
        import_data(str(path.parent), str(tmp_path / "catalog"))
    assert not (tmp_path / "catalog").exists()


def test_an_import_that_dies_half_way_leaves_the_catalog_as_it_was(
    built: Path, good: Good, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("more/v_um_AUSDT_1h.parquet", good(10))
    path = write("more/v_um_BUSDT_1h.parquet", good(10))
    known = Catalog(built).series()
    real = ingest.write_series

    def die(*arguments: object) -> object:
        if "BUSDT" in str(arguments[1]):
            raise KeyboardInterrupt
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(ingest, "write_series", die)
    with pytest.raises(KeyboardInterrupt):
        import_data(str(path.parent), str(built))
    assert Catalog(built).series() == known
    verify_data(str(built))
    with pytest.raises(KeyboardInterrupt):
        import_data(str(path.parent), str(built.parent / "fresh"))
    monkeypatch.undo()
    import_data(str(path.parent), str(built.parent / "fresh"))
    assert len(Catalog(built.parent / "fresh").series()) == 2


def test_one_named_file_can_be_imported_alone(tmp_path: Path, good: Good, write: Write) -> None:
    write("v_um_AUSDT_1h.csv", good(10))
    path = write("v_um_BUSDT_1h.csv", good(10))
    import_data(str(path), str(tmp_path / "catalog"))
    assert [key.symbol for key in Catalog(tmp_path / "catalog").series()] == ["BUSDT"]
    other = path.rename(tmp_path / "prices.csv")
    with pytest.raises(DataError, match=r"file 'prices\.csv' does not say what it holds; name it"):
        import_data(str(other), str(tmp_path / "catalog"))


def test_chosen_symbols_only(tmp_path: Path, good: Good, write: Write) -> None:
    write("in/v_um_AUSDT_1h.parquet", good(10))
    path = write("in/v_um_BUSDT_1h.parquet", good(10))
    report = import_data(str(path.parent), str(tmp_path / "catalog"), ("b",))
    assert [series.origin for series in report.series] == ["v um BUSDT bars 1h"]
    with pytest.raises(DataError, match=r"symbol CUSDT is not in .*; it has AUSDT, BUSDT"):
        import_data(str(path.parent), str(tmp_path / "catalog"), ("C",))


def test_verify_finds_a_changed_and_a_lost_file(built: Path) -> None:
    assert [series.rows for series in verify_data(str(built))] == [48, 6]
    assert [series.rows for series in verify_data(str(built.parent / "in"))] == [48, 6]
    catalog = Catalog(built)
    path = catalog.files(catalog.series()[0])[0]
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DataError, match="is not the file that was imported"):
        verify_data(str(built))
    path.unlink()
    with pytest.raises(DataError, match="which its manifest names; import the series again"):
        verify_data(str(built))


def test_a_catalog_is_never_mixed_with_other_files(tmp_path: Path, built: Path) -> None:
    source = str(built.parent / "in")
    with pytest.raises(DataError, match="already holds other files; name a new directory"):
        import_data(source, source)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is a file; name a directory"):
        import_data(source, str(tmp_path / "file"))
    with pytest.raises(DataError, match="cannot be made"):
        import_data(source, str(tmp_path / "file" / "below"))


def test_a_missing_source_is_refused_and_nothing_made(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        import_data(str(tmp_path / "nowhere"), str(tmp_path / "catalog"))
    assert not (tmp_path / "catalog").exists()


def test_the_manifest_is_the_last_thing_written(
    built: Path, good: Good, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    real = parts.replace_bytes

    def note(path: Path, content: bytes) -> None:
        written.append(path.name)
        real(path, content)

    monkeypatch.setattr(parts, "replace_bytes", note)
    path = write("more/v_um_AUSDT_1h.parquet", good(10))
    import_data(str(path.parent), str(built))
    assert written[-1] == MANIFEST
    assert MANIFEST not in written[:-1]
    assert not list(built.rglob("*.partial"))


def test_recorded_data_survives_the_way_through_a_catalog(recorded: str, tmp_path: Path) -> None:
    import_data(recorded, str(tmp_path / "catalog"), ("SUI", "BCH"))
    wanted = {"symbols": ("SUI", "BCH"), "start": "2025-03-01", "end": "2025-03-31", "warmup": 100}
    folder = load_market(MarketRequest(path=recorded, **wanted))  # type: ignore[arg-type]
    catalog = load_market(MarketRequest(path=str(tmp_path / "catalog"), **wanted))  # type: ignore[arg-type]
    assert catalog.digest() == folder.digest()


def test_a_disk_that_fills_up_keeps_the_file_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "part.parquet"
    path.write_bytes(b"before")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parts.os, "fsync", full)
    with pytest.raises(DataError, match=r"part\.parquet cannot be written \(No space left"):
        parts.replace_bytes(path, b"after")
    assert files(tmp_path) == {"part.parquet": b"before"}
