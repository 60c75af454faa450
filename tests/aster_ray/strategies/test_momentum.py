from __future__ import annotations

import math

import numpy as np
import pytest

from aster_ray.strategies.encode import ask
from aster_ray.strategies.momentum import Momentum
from aster_ray.strategies.registry import resolve_params

PARAMS = resolve_params(Momentum(), {"fast": 3, "slow": 8, "adx_period": 3, "adx_min": 0})


def _valley() -> np.ndarray:
    return np.concatenate([np.linspace(120.0, 100.0, 40), np.linspace(100.5, 120.0, 40)])


def test_a_valley_gives_one_long_and_a_hill_one_short(closes) -> None:
    up = ask(Momentum(), closes(_valley()), PARAMS)
    row = int(np.flatnonzero(up.direction)[0])
    assert 40 <= row <= 46  # a few bars after the turn at 40
    assert up.direction.sum() == np.abs(up.direction).sum() == 1
    assert np.flatnonzero(up.exit_short[:, 0]).tolist() == [row]
    assert not up.exit_long.any()
    down = ask(Momentum(), closes(220.0 - _valley()), PARAMS)
    assert np.flatnonzero(down.direction[:, 0]).tolist() == [row]
    assert down.direction[row, 0] == -1
    assert down.exit_long[row, 0]


def test_the_cross_is_the_one_of_the_textbook(closes) -> None:
    """EMA seeded with the mean of its first bars, as charts draw it."""

    def ema(values: np.ndarray, period: int) -> np.ndarray:
        result = np.full(len(values), np.nan)
        result[period - 1] = values[:period].mean()
        for row in range(period, len(values)):
            result[row] = result[row - 1] + (values[row] - result[row - 1]) * 2 / (period + 1)
        return result

    close = _valley()
    fast, slow = ema(close, 3), ema(close, 8)
    expected = [r for r in range(1, 80) if fast[r - 1] <= slow[r - 1] and fast[r] > slow[r]]
    found = ask(Momentum(), closes(close), PARAMS)
    assert np.flatnonzero(found.direction[:, 0]).tolist() == expected


def test_a_weak_trend_enters_nothing_but_still_ends_the_opposite_position(closes) -> None:
    wave = 100.0 + np.sin(np.arange(300) / 5.0)
    strict = ask(Momentum(), closes(wave), {**PARAMS, "adx_period": 14, "adx_min": 60.0})
    loose = ask(Momentum(), closes(wave), PARAMS)
    assert not strict.direction[30:].any()
    assert np.array_equal(strict.exit_long, loose.exit_long)
    assert strict.exit_long.sum() > 5


def test_confidence_stop_and_take_profit_are_constants_of_the_parameters() -> None:
    confidence, stop, take = Momentum.fused.constants({**PARAMS, "adx_min": 25.0, "stop_loss": 0.0})
    assert confidence == 0.75
    assert math.isnan(stop)
    assert take == 0.12


def test_warmup_covers_the_slow_average() -> None:
    strategy = Momentum()
    assert strategy.warmup(resolve_params(strategy, {})) >= 4 * 84


def test_entries_on_recorded_bars_are_plausible(recorded) -> None:
    signals = ask(Momentum(), recorded, resolve_params(Momentum(), {}))
    year = np.abs(signals.direction[-8_760:]).sum(axis=0)
    assert ((year >= 20) & (year <= 400)).all(), year
    assert {-1, 1} <= set(np.unique(signals.direction))


@pytest.mark.parametrize("bars", [0, 1, 2, 83, 84, 85])
def test_short_panels_say_nothing(walk, bars: int) -> None:
    signals = ask(Momentum(), walk(bars), resolve_params(Momentum(), {}))
    assert signals.direction.shape == (bars, 2)
    assert not signals.direction[:84].any()
