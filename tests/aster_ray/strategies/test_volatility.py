from __future__ import annotations

import numpy as np
import pytest

from aster_ray.strategies.encode import ask
from aster_ray.strategies.registry import resolve_params
from aster_ray.strategies.volatility import Volatility

PARAMS = resolve_params(Volatility(), {"window": 1, "atr_period": 10, "breakout": 2})


def _steps(*moves: tuple[int, float], bars: int = 120) -> np.ndarray:
    """Return calm closes with one-bar moves of the given fractions at the given rows."""
    returns = 0.001 * np.where(np.arange(bars) % 2, 1.0, -1.0)
    for row, move in moves:
        returns[row] = move
    return 100.0 * np.cumprod(1.0 + returns)


def test_half_on_the_breakout_and_all_when_it_repeats(closes) -> None:
    signals = ask(Volatility(), closes(_steps((50, 0.05), (60, 0.06))), PARAMS)
    assert np.flatnonzero(signals.direction[:, 0]).tolist() == [50, 60]
    assert signals.target_units[50, 0] == 0.5
    assert signals.target_units[60, 0] == 1.0


def test_a_late_repeat_or_an_opposite_move_starts_with_half(closes) -> None:
    late = ask(Volatility(), closes(_steps((50, 0.05), (95, 0.05))), PARAMS)
    assert late.target_units[95, 0] == 0.5
    turn = ask(Volatility(), closes(_steps((50, 0.05), (60, -0.06))), PARAMS)
    assert turn.direction[60, 0] == -1
    assert turn.target_units[60, 0] == 0.5
    assert turn.exit_long[60, 0]
    assert not turn.exit_short[60, 0]


def test_a_move_must_pass_the_threshold_and_the_range(closes) -> None:
    small = ask(Volatility(), closes(_steps((50, 0.029))), PARAMS)  # many ATR, below 3 %
    assert not small.direction.any()
    assert small.exit_short[50, 0]  # yet enough to end a short
    wild = 100.0 * np.cumprod(1.0 + 0.035 * np.where(np.arange(120) % 2, 1.0, -1.0))
    assert not ask(Volatility(), closes(wild), PARAMS).direction[20:].any()  # 3.5 % is its noise


def test_a_longer_window_adds_small_steps_up(closes) -> None:
    drift = _steps(*((row, 0.008) for row in range(50, 56)))
    assert not ask(Volatility(), closes(drift), PARAMS).direction.any()
    assert ask(Volatility(), closes(drift), {**PARAMS, "window": 6.0}).direction.any()


def test_the_stop_is_a_multiple_of_the_range_within_bounds(walk) -> None:
    panel = walk(500, 1)
    near = ask(Volatility(), panel, {**PARAMS, "stop_atr": 1.0}).stop_loss
    far = ask(Volatility(), panel, {**PARAMS, "stop_atr": 2.0}).stop_loss
    known = ~np.isnan(near) & (near > 0.005)
    np.testing.assert_allclose(far[known], 2.0 * near[known])
    assert np.nanmin(near) >= 0.005
    assert np.nanmax(ask(Volatility(), panel, {**PARAMS, "stop_atr": 20.0}).stop_loss) <= 0.25


def test_a_larger_move_is_surer(closes) -> None:
    signals = ask(Volatility(), closes(_steps((50, 0.031), (90, -0.05))), PARAMS)
    assert 0.6 <= signals.confidence[50, 0] < signals.confidence[90, 0] <= 1.0


def test_entries_on_recorded_bars_are_plausible(recorded) -> None:
    signals = ask(Volatility(), recorded, resolve_params(Volatility(), {}))
    year = np.abs(signals.direction[-8_760:]).sum(axis=0)
    assert ((year >= 20) & (year <= 400)).all(), year
    wanted = signals.direction != 0
    assert {0.5, 1.0} == set(np.unique(signals.target_units[wanted]))
    assert np.isfinite(signals.stop_loss[wanted]).all()


@pytest.mark.parametrize("bars", [0, 1, 6, 30])
def test_short_panels_say_nothing(walk, bars: int) -> None:
    signals = ask(Volatility(), walk(bars), resolve_params(Volatility(), {}))
    assert not signals.direction[:24].any()


def test_warmup_covers_every_look_back() -> None:
    assert Volatility().warmup(PARAMS) > 6 * 10 + 1 + 36
