from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aster_ray.errors import ConfigError, StrategyError
from aster_ray.strategies.encode import signal_columns
from aster_ray.strategies.registry import load, resolve_params
from aster_ray.strategies.template import write_template


def test_it_runs_as_it_is_written(tmp_path: Path, recorded) -> None:
    path = write_template("my_idea", tmp_path)
    assert path == tmp_path / "my_idea.py"
    strategy = load(f"{path}:MyIdea")
    assert strategy.name == "my_idea"
    columns = signal_columns([(strategy, resolve_params(strategy, {}))], recorded)
    entries = np.count_nonzero(columns.code[-8_760:] & 3, axis=0)
    assert ((entries > 20) & (entries < 500)).all()


def test_its_parameters_are_checked_together(tmp_path: Path) -> None:
    strategy = load(str(write_template("my_idea", tmp_path)))
    with pytest.raises(ConfigError, match="exit_bars must not exceed entry_bars"):
        resolve_params(strategy, {"entry_bars": 5, "exit_bars": 6})
    assert strategy.warmup(resolve_params(strategy, {})) == 49


def test_short_panels_are_no_trouble(tmp_path: Path, walk) -> None:
    strategy = load(str(write_template("my_idea", tmp_path)))
    for bars in (0, 1, 47, 49):
        columns = signal_columns([(strategy, resolve_params(strategy, {}))], walk(bars))
        assert not (columns.code[:48] & 3).any()


def test_it_never_overwrites(tmp_path: Path) -> None:
    path = write_template("my_idea", tmp_path)
    path.write_text("mine")
    with pytest.raises(StrategyError, match=r"my_idea\.py is already there"):
        write_template("my_idea", tmp_path)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["", "My", "my-idea", "1st", "../x", "class", "momentum", "a b"])
def test_a_name_that_cannot_be_used_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StrategyError, match="strategy name"):
        write_template(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StrategyError, match="No such file or directory"):
        write_template("my_idea", tmp_path / "none")
