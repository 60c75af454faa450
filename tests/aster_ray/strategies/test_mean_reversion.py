from __future__ import annotations

import numpy as np
import pytest

from aster_ray.strategies.encode import ask
from aster_ray.strategies.mean_reversion import MeanReversion
from aster_ray.strategies.registry import resolve_params

PARAMS = resolve_params(MeanReversion(), {"window": 20, "width": 2, "rsi_period": 5})


def _drop() -> np.ndarray:
    calm = 100.0 + 0.2 * np.sin(np.arange(60.0))
    return np.concatenate([calm, [97.0, 95.0], np.linspace(96.0, 101.0, 12), calm[:20]])


def test_a_fall_out_of_the_band_is_bought_once_and_left_at_the_middle(closes) -> None:
    close = _drop()
    signals = ask(MeanReversion(), closes(close), PARAMS)
    longs = np.flatnonzero(signals.direction[:, 0] == 1)
    assert longs.tolist() == [60]  # the second bar outside is not a second wish
    ends = np.flatnonzero(signals.exit_long[:, 0])
    end = int(ends[ends > 60][0])
    assert close[end] >= close[end - 19 : end + 1].mean()
    assert close[end - 1] < close[end - 20 : end].mean()


def test_a_spike_is_sold_as_a_drop_is_bought(closes) -> None:
    low = ask(MeanReversion(), closes(_drop()), PARAMS)
    high = ask(MeanReversion(), closes(200.0 - _drop()), PARAMS)
    assert high.direction[60, 0] == -1
    assert np.array_equal(high.direction[60:], -low.direction[60:])
    assert np.array_equal(high.exit_short[60:], low.exit_long[60:])


def test_the_rsi_can_veto(closes) -> None:
    strict = ask(MeanReversion(), closes(_drop()), {**PARAMS, "rsi_period": 50.0, "oversold": 10.0})
    assert not strict.direction.any()


def test_flat_prices_say_nothing(closes) -> None:
    signals = ask(MeanReversion(), closes(np.full(100, 50.0)), PARAMS)
    assert not signals.direction.any()


def test_low_prices_are_judged_like_high_ones(closes) -> None:
    """Old TA-Lib releases took the deviation of a token worth 1e-7 for zero."""
    dear = ask(MeanReversion(), closes(_drop()), PARAMS)
    cheap = ask(MeanReversion(), closes(_drop() * 2.0**-30), PARAMS)
    assert np.array_equal(dear.direction, cheap.direction)


def test_confidence_grows_with_the_extreme_demanded() -> None:
    constants = MeanReversion.fused.constants
    assert constants({**PARAMS, "oversold": 20.0})[0] > constants(PARAMS)[0] == 0.7


def test_warmup_covers_both_indicators() -> None:
    strategy = MeanReversion()
    assert strategy.warmup({**PARAMS, "window": 300.0}) > 300
    assert strategy.warmup({**PARAMS, "rsi_period": 90.0}) > 500


def test_entries_on_recorded_bars_are_plausible(recorded) -> None:
    signals = ask(MeanReversion(), recorded, resolve_params(MeanReversion(), {}))
    year = np.abs(signals.direction[-8_760:]).sum(axis=0)
    assert ((year >= 20) & (year <= 400)).all(), year
    assert {-1, 1} <= set(np.unique(signals.direction))


@pytest.mark.parametrize("bars", [0, 1, 19, 20])
def test_short_panels_say_nothing(walk, bars: int) -> None:
    signals = ask(MeanReversion(), walk(bars), resolve_params(MeanReversion(), {}))
    assert not signals.direction.any()
