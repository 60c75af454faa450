"""A person's strategy that reads the next bar is refused before it can look brilliant."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aster_ray import settings
from aster_ray.errors import StrategyError
from aster_ray.research import lookahead
from aster_ray.research.backtest import run_backtest
from aster_ray.research.request import RunRequest, build_request
from aster_ray.research.session import create_session, load_session
from aster_ray.research.sweep import run_sweep
from aster_ray.strategies.causality import Problem, poison_check

Begin = Callable[[RunRequest, Path], None]

SOURCE = """
import numpy as np
from aster_ray.strategies.contract import Parameter, Signals

class Mine:
    name = "mine"
    parameters = (Parameter("scale", 1.0, 0.5, 2.0),)

    def warmup(self, params):
        return 5

    def signals(self, panel, params):
        change = np.zeros(panel.close.shape)
        change[{left}] = np.sign(panel.close[1:] - panel.close[:-1])
        return Signals(direction=change.astype(np.int8), stop_loss=0.03)
"""


def _request(file: Path, direction: str) -> RunRequest:
    file.write_text(SOURCE.format(left=direction))
    base = settings.Settings()
    data = dataclasses.replace(base.data, symbols=("BTC",), start="2025-02-01", end="2025-02-10")
    return build_request(dataclasses.replace(base, data=data), (str(file),))


def _backtest(request: RunRequest, _folder: Path) -> None:
    run_backtest(request)


def _sweep(request: RunRequest, _folder: Path) -> None:
    run_sweep(request, {"scale": (1.0, 2.0)})


def _session(request: RunRequest, folder: Path) -> None:
    create_session(request, folder, "token")


@pytest.mark.parametrize("begin", [_backtest, _sweep, _session])
def test_reading_the_next_bar_is_refused_wherever_a_run_is_asked_for(
    tmp_path: Path, begin: Begin
) -> None:
    request = _request(tmp_path / "ahead.py", ":-1")
    with pytest.raises(StrategyError, match="looks into the future: row 5, later bars") as caught:
        begin(request, tmp_path / "session")
    assert "direction changed at row" in str(caught.value)
    assert not (tmp_path / "session").exists()


@pytest.mark.parametrize("begin", [_backtest, _sweep, _session])
def test_reading_the_bar_before_is_not(tmp_path: Path, begin: Begin) -> None:
    begin(_request(tmp_path / "causal.py", "1:"), tmp_path / "session")


@pytest.mark.parametrize("begin", [_backtest, _sweep, _session])
def test_what_is_undefined_where_it_would_be_traded_is_refused_there_too(
    tmp_path: Path, begin: Begin
) -> None:
    request = _request(tmp_path / "undefined.py", "1:")
    text = (tmp_path / "undefined.py").read_text()
    stop = "stop_loss=np.where(np.arange(len(change))[:, None] > 20, np.inf, 0.03)"
    (tmp_path / "undefined.py").write_text(text.replace("stop_loss=0.03", stop))
    told = r"strategy mine: stop_loss must be .*, was inf at row \d+ of BTCUSDT \(the bar of 2025-"
    with pytest.raises(StrategyError, match=told):
        begin(request, tmp_path / "session")
    assert not (tmp_path / "session").exists()


def test_only_the_request_is_probed_never_an_actor_a_restart_or_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probes = []

    def counted(*arguments: Any) -> list[Problem]:
        probes.append(arguments)
        return poison_check(*arguments)

    monkeypatch.setattr(lookahead, "poison_check", counted)
    session = create_session(_request(tmp_path / "causal.py", "1:"), tmp_path / "s", "token")
    assert len(probes) == 1
    session.prepare()
    load_session(session.folder).prepare()
    assert len(probes) == 1


def test_a_strategy_that_refuses_impossible_bars_is_not_taken_for_one_that_reads_ahead(
    tmp_path: Path,
) -> None:
    request = _request(tmp_path / "strict.py", "1:")
    text = (tmp_path / "strict.py").read_text()
    strict = "if not (panel.close < 1e9).all(): raise ValueError('changed at row 5')"
    (tmp_path / "strict.py").write_text(
        text.replace("change = ", strict + "\n        change = ", 1)
    )
    run_backtest(request)
