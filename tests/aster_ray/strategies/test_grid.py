from __future__ import annotations

import numpy as np
import pytest

from aster_ray.strategies.encode import ask
from aster_ray.strategies.grid import Grid
from aster_ray.strategies.registry import resolve_params


def test_it_offers_a_ladder_and_no_direction(walk) -> None:
    panel = walk(300)
    signals = ask(Grid(), panel, resolve_params(Grid(), {"levels": 7, "size": 0.5}))
    assert not signals.direction.any()
    assert signals.ladder is not None
    assert (signals.ladder.levels, signals.ladder.size) == (7.0, 0.5)
    assert np.isnan(signals.ladder.centre[:23]).all()
    expected = panel.close[100:124].mean(axis=0)
    np.testing.assert_allclose(signals.ladder.centre[123], expected, rtol=1e-12)


def test_the_last_close_can_be_the_centre(walk) -> None:
    panel = walk(100)
    signals = ask(Grid(), panel, resolve_params(Grid(), {"window": 1}))
    assert signals.ladder is not None
    assert np.array_equal(signals.ladder.centre, panel.close)


def test_spacing_follows_the_range_from_one_to_three_percent(closes) -> None:
    def spacing(step: float) -> float:
        close = 100.0 * np.cumprod(1.0 + step * np.where(np.arange(200) % 2, 1.0, -1.0))
        signals = ask(Grid(), closes(close), resolve_params(Grid(), {}))
        assert signals.ladder is not None
        return float(signals.ladder.spacing[-1, 0])

    assert spacing(0.0005) == 0.01
    assert 0.011 < spacing(0.008) < 0.029
    assert spacing(0.05) == 0.03


def test_ladders_on_recorded_bars_use_the_whole_range_of_spacing(recorded) -> None:
    signals = ask(Grid(), recorded, resolve_params(Grid(), {}))
    assert signals.ladder is not None
    spacing = signals.ladder.spacing[-8_760:]
    known = spacing[~np.isnan(spacing)]  # a missing bar has no ladder
    assert (known >= 0.01).all()
    assert (known <= 0.03).all()
    assert np.nanmedian(spacing[:, 2]) > np.nanmedian(spacing[:, 0])  # SOL moves more than BTC


@pytest.mark.parametrize("bars", [0, 1, 23])
def test_short_panels_have_no_ladder(walk, bars: int) -> None:
    signals = ask(Grid(), walk(bars), resolve_params(Grid(), {}))
    assert signals.ladder is not None
    assert np.isnan(signals.ladder.centre).all()


def test_warmup_covers_centre_and_range() -> None:
    params = resolve_params(Grid(), {"window": 400})
    assert Grid().warmup(params) > 400
