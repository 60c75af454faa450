"""One writer of a catalog at a time, and nothing of a dead one is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aster_ray.data.catalog import Catalog
from aster_ray.data.ingest import import_data
from aster_ray.data.library import SeriesKey
from aster_ray.data.parts import LOCK, refuse_other_files, sweep, writing
from aster_ray.errors import DataError

ROOT = Path(__file__).parents[3]
HOLDER = """
import sys, time
from collections.abc import Iterator
from pathlib import Path
from aster_ray.data.parts import writing
with writing(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def held(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Return a process that writes into the test's folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_writer_is_told_which_process_is_first(
    tmp_path: Path, held: subprocess.Popen[str]
) -> None:
    words = f"being written by another process {held.pid}; wait"
    with pytest.raises(DataError, match=words), writing(tmp_path):
        raise AssertionError("two writers")


def test_a_killed_writer_holds_nothing(tmp_path: Path, held: subprocess.Popen[str]) -> None:
    held.send_signal(signal.SIGKILL)
    held.wait()
    assert (tmp_path / LOCK).exists()
    with writing(tmp_path):
        assert (tmp_path / LOCK).read_text() == str(os.getpid())
    assert list(tmp_path.iterdir()) == []


def test_an_import_waits_for_nobody(built: Path) -> None:
    with writing(built), pytest.raises(DataError, match="being written by another process"):
        import_data(str(built.parent / "in"), str(built))


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    with pytest.raises(DataError, match=r"cannot be written \(No such file"), writing(absent):
        raise AssertionError("written")


def test_what_a_killed_writer_left_is_swept_and_nothing_else(built: Path) -> None:
    catalog = Catalog(built)
    key = next(key for key in catalog.series() if key.kind == "bars")
    kept = catalog.files(key)[0]
    (kept.parent / f".{kept.name}.123.partial").write_bytes(b"half")
    (kept.parent / "unnamed.parquet").write_bytes(b"never named")
    other = SeriesKey("v", "um", "XUSDT", "bars", "1h")
    before = sorted(path for path in built.rglob("*") if path.is_file())
    sweep(built, [key, other], catalog.parts)
    after = sorted(path for path in built.rglob("*") if path.is_file())
    assert {path.name for path in set(before) - set(after)} == {
        f".{kept.name}.123.partial",
        "unnamed.parquet",
    }


def test_contract_rules_may_be_there_before_the_catalog(tmp_path: Path) -> None:
    (tmp_path / "instruments.toml").write_text("")
    refuse_other_files(tmp_path)
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(DataError, match="already holds other files"):
        refuse_other_files(tmp_path)
