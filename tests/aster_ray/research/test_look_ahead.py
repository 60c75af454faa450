"""A person's strategy that reads the next bar is refused before it can look brilliant."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from aster_ray import settings
from aster_ray.errors import StrategyError
from aster_ray.research.prepare import prepare
from aster_ray.research.request import build_request

SOURCE = """
import numpy as np
from aster_ray.strategies.contract import Signals

class Mine:
    name = "mine"
    parameters = ()

    def warmup(self, params):
        return 5

    def signals(self, panel, params):
        change = np.zeros(panel.close.shape)
        change[{left}] = np.sign(panel.close[1:] - panel.close[:-1])
        return Signals(direction=change.astype(np.int8), stop_loss=0.03)
"""


def _prepare(file: Path) -> None:
    base = settings.Settings()
    data = dataclasses.replace(base.data, symbols=("BTC",), start="2025-02-01", end="2025-02-10")
    prepare(build_request(dataclasses.replace(base, data=data), (str(file),)))


def test_reading_the_next_bar_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ahead.py"
    file.write_text(SOURCE.format(left=":-1"))
    with pytest.raises(StrategyError, match="looks into the future: row 5, later bars"):
        _prepare(file)


def test_reading_the_bar_before_is_not(tmp_path: Path) -> None:
    file = tmp_path / "causal.py"
    file.write_text(SOURCE.format(left="1:"))
    _prepare(file)
