from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.metrics import performance, resampled
from tests.aster_ray.metrics.accounts import DAY, HOUR

MINUTE = 60_000
START = 1_704_067_200_000


def a_curve(bars: int, seed: int = 1, timeframe_ms: int = HOUR) -> tuple[np.ndarray, np.ndarray]:
    change = np.random.default_rng(seed).normal(0.0002, 0.01, bars)
    ms = START + timeframe_ms * np.arange(bars + 1)
    return ms, 10_000.0 * np.concatenate([[1.0], np.cumprod(1.0 + change)])


@given(bars=st.integers(1, 4_000), seed=st.integers(0, 99))
def test_the_order_that_happened_gives_the_run_itself(bars: int, seed: int) -> None:
    ms, equity = a_curve(bars, seed)
    steps = resampled.steps_of(ms, equity, HOUR)
    path, deepest = resampled.chained(steps, np.arange(len(steps.last))[None])
    assert deepest[0] == pytest.approx(performance.max_drawdown(equity), rel=1e-9, abs=1e-12)
    ends = np.searchsorted(ms, steps.ms)
    assert path[0] * equity[0] == pytest.approx(equity[ends], rel=1e-9)


def test_drawdown_of_a_path_is_that_of_its_bars_laid_end_to_end() -> None:
    ms, equity = a_curve(2_400)
    steps = resampled.steps_of(ms, equity, HOUR)
    size = steps.length_ms // HOUR
    change = performance.returns(equity).reshape(-1, size)
    order = resampled.drawn_order(len(steps.last), 5, 20, np.random.default_rng(2))
    path, deepest = resampled.chained(steps, order)
    for row, numbers in enumerate(order):
        bars = np.concatenate([[1.0], np.cumprod(1.0 + change[numbers].ravel())])
        assert path[row, -1] == pytest.approx(bars[-1], rel=1e-9)
        assert deepest[row] == pytest.approx(performance.max_drawdown(bars), rel=1e-9)


def test_a_path_runs_on_in_blocks_of_the_expected_length() -> None:
    order = resampled.drawn_order(1_000, 20, 400, np.random.default_rng(3))
    assert order.shape == (400, 1_000)
    assert order.min() == 0
    assert order.max() == 999
    goes_on = np.diff(order, axis=1) % 1_000 == 1
    assert float(np.mean(goes_on)) == pytest.approx(1 - 1 / 20, abs=0.003)


@pytest.mark.parametrize(
    ("span", "timeframe", "length"),
    [
        (1_000 * MINUTE, MINUTE, MINUTE),
        (70 * DAY, MINUTE, 4 * HOUR),
        (166 * DAY, HOUR, 4 * HOUR),
        (1_096 * DAY, HOUR, DAY),
        (4_000 * DAY, HOUR, DAY),
        (10 * DAY, 3 * MINUTE, 15 * MINUTE),
        (9_000 * DAY, 2 * DAY, 2 * DAY),
    ],
)
def test_steps_are_usual_lengths_few_enough_to_draw(span: int, timeframe: int, length: int) -> None:
    assert resampled.step_length_ms(span, timeframe) == length


def test_section_says_how_it_was_made_and_repeats_by_seed() -> None:
    ms, equity = a_curve(3_000)
    section = resampled.resampled_report(ms, equity, HOUR, 7)
    assert str(section) == str(resampled.resampled_report(ms, equity, HOUR, 7))
    other = resampled.resampled_report(ms, equity, HOUR, 8)
    assert other["total_return"] != section["total_return"]
    assert (section["draws"], section["seed"], section["undefined"]) == (1_000, 7, None)
    assert section["steps"] == 750
    assert "no forecast" in section["meaning"]
    ranks = [section["total_return"][f"p{rank}"] for rank in resampled.PERCENTILES]
    assert ranks == sorted(ranks)
    band = section["band"]
    assert len(band["ms"]) == len(band["p5"]) == 61
    assert (band["ms"][0], band["ms"][-1]) == (ms[0], ms[-1])
    assert {band[f"p{rank}"][0] for rank in resampled.PERCENTILES} == {10_000.0}
    assert band["p95"][-1] == pytest.approx(10_000 * (1 + section["total_return"]["p95"]))


def test_chances_agree_with_the_percentiles() -> None:
    ms, equity = a_curve(3_000)
    section = resampled.resampled_report(ms, equity, HOUR, 7)
    beyond = section["drawdown_beyond"]
    assert list(beyond) == ["0.05", "0.10", "0.20", "0.30", "0.50"]
    assert list(beyond.values()) == sorted(beyond.values(), reverse=True)
    for rank in resampled.PERCENTILES:
        depth = section["max_drawdown"][f"p{rank}"]
        for limit, chance in beyond.items():
            assert (chance > 1 - rank / 100 - 0.002) or depth <= float(limit)


def test_a_steady_gain_never_loses_and_never_falls() -> None:
    ms = START + HOUR * np.arange(2_001)
    section = resampled.resampled_report(ms, 1_000.0 * 1.0001 ** np.arange(2_001), HOUR, 0)
    assert section["loss"] == 0.0
    assert section["max_drawdown"]["p95"] == pytest.approx(0.0, abs=1e-9)
    assert section["total_return"]["p5"] == pytest.approx(1.0001**2_000 - 1, rel=1e-6)


@pytest.mark.parametrize(
    ("equity", "reason"),
    [
        ([], "fewer than 20 steps"),
        ([100.0], "fewer than 20 steps"),
        ([100.0, 101.0, 99.0], "fewer than 20 steps"),
        ([100.0] * 400, "never moved"),
        ([100.0, 50.0, -1.0], "reached zero"),
    ],
)
def test_what_cannot_be_resampled_says_why(equity: list[float], reason: str) -> None:
    ms = START + HOUR * np.arange(len(equity))
    section = resampled.resampled_report(ms, np.array(equity), HOUR, 0)
    assert reason in section["undefined"]
    assert section["band"] is section["loss"] is section["drawdown_beyond"] is None
