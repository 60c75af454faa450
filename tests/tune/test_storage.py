"""What a sweep may write to and remove: its own folder, and nothing that was there before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aster_ray.errors import BadInputError
from tests.tune.test_sweep import GRID, MARKET
from tune.storage import Storage, storage_for
from tune.sweep import main


def everything(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


def interrupted(out: Path, work: Callable[[Storage], None]) -> None:
    with storage_for(out, None) as storage:
        work(storage)
        raise KeyboardInterrupt


@pytest.mark.parametrize("beside", ["README.md", "report.json", ".aster-run"])
def test_a_folder_called_tune_that_is_not_the_sweeps_own_survives(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], beside: str
) -> None:
    # A checkout of this project has one: with --out . a sweep would have removed its own source.
    (tmp_path / "tune").mkdir()
    (tmp_path / "tune" / "sweep.py").write_text("source")
    (tmp_path / beside).write_text("mine")
    before = everything(tmp_path)
    assert main([*MARKET, *GRID, "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert f"--out {tmp_path} holds tune/, which no sweep can continue: name another" in said
    with pytest.raises(BadInputError, match="holds tune/"), storage_for(tmp_path, None):
        pytest.fail("it was given out")
    assert everything(tmp_path) == before


def test_a_folder_of_somebody_else_is_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert main([*MARKET, *GRID, "--out", str(tmp_path)]) == 2
    assert "holds files that no run wrote" in capsys.readouterr().err
    assert everything(tmp_path) == {"thesis.txt": "mine"}


def test_what_cannot_be_continued_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        interrupted(out, lambda storage: (storage.experiment / "state.json").touch())
    assert not out.exists()


def test_what_can_be_continued_is_kept_until_it_was(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        interrupted(out, lambda storage: storage.record("abc", 7))
    with pytest.raises(BadInputError, match="continue it with --resume"), storage_for(out, None):
        pytest.fail("it was given out")
    with storage_for(out, out) as storage:
        assert storage.recorded() == ("abc", 7)
    assert not out.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"identity": "a", "block": "x"}'])
def test_a_damaged_record_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "tune").mkdir()
    (tmp_path / "tune" / "request.json").write_text(content)
    with storage_for(tmp_path, tmp_path) as storage, pytest.raises(BadInputError, match="damaged"):
        storage.recorded()


def test_a_sweep_without_a_folder_keeps_nothing() -> None:
    with storage_for(None, None) as storage:
        storage.record("abc", 7)
        folder = storage.folder
        assert folder.is_dir()
    assert not folder.exists()
