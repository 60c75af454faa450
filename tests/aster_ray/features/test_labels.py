"""A label is worth what the bars after it did, and is known when they have closed."""

from __future__ import annotations

import numpy as np
import pytest

from aster_ray.errors import ModelError
from aster_ray.features.bars import SymbolBars
from aster_ray.features.labels import BARRIER, FORWARD, labels_of
from tests.aster_ray.features.columns import piece

CALM = [100.0] * 4


def series(high: list[float], low: list[float], close: list[float]) -> SymbolBars:
    """Return 169 bars that alternate by 1 %, the last at 100, then those given."""
    before = 100.0 * np.exp(0.005 * (-1.0) ** np.arange(169))
    before[-1] = 100.0
    columns = np.ones((6, len(before) + len(close)))
    columns[0] = columns[3] = np.concatenate([before, close])
    columns[1] = np.concatenate([before, high])
    columns[2] = np.concatenate([before, low])
    return SymbolBars.of(3_600_000 * np.arange(columns.shape[1]), columns)


def test_a_forward_return_is_the_log_of_two_closes_and_known_at_the_second(
    btc: SymbolBars,
) -> None:
    found = labels_of(FORWARD, btc, 4)
    rows = np.arange(len(btc) - 4)
    np.testing.assert_allclose(
        found.log_return[:-4], np.log(btc.close[rows + 4] / btc.close[rows]), rtol=1e-12
    )
    assert np.array_equal(found.end[:-4], rows + 4)
    assert np.isnan(found.log_return[-4:]).all()
    assert (found.end[-4:] == -1).all()


def barrier(high: list[float], low: list[float], close: list[float]) -> tuple[float, int]:
    found = labels_of(BARRIER, series(high, low, close), 4, 1.0)
    return float(found.log_return[168]), int(found.end[168]) - 168


def test_the_first_barrier_touched_is_what_a_position_earns() -> None:
    bars = series(CALM, CALM, CALM)
    distance = float(np.exp(bars.log_deviation[168]) * 2.0)
    assert distance == pytest.approx(0.02, rel=0.05)
    assert barrier([100.0, 103.0, 100.0, 100.0], CALM, CALM) == (distance, 2)
    assert barrier(CALM, [100.0, 100.0, 97.0, 90.0], CALM) == (-distance, 3)
    # Both within one bar: nobody knows which came first.
    assert barrier([100.0, 103.0, 100.0, 100.0], [100.0, 97.0, 100.0, 100.0], CALM) == (0.0, 2)
    # Neither: the close when time is up.
    ended = barrier([101.0] * 4, [99.0] * 4, [100.0, 100.0, 100.0, 100.5])
    assert ended == (pytest.approx(np.log(1.005)), 4)


def test_a_wider_barrier_is_never_known_sooner(btc: SymbolBars) -> None:
    narrow, wide = (labels_of(BARRIER, btc, 24, width) for width in (0.5, 1.5))
    known = narrow.end >= 0
    assert (narrow.end[known] <= wide.end[known]).all()
    assert (narrow.end[known] < wide.end[known]).mean() > 0.5
    forward, never = labels_of(FORWARD, btc, 24), labels_of(BARRIER, btc, 24, 1e6)
    known = never.end >= 0
    assert np.array_equal(never.log_return[known], forward.log_return[known])


@pytest.mark.parametrize("kind", [FORWARD, BARRIER])
def test_labels_know_nothing_of_the_bars_after_their_end(btc: SymbolBars, kind: str) -> None:
    whole, part = labels_of(kind, btc, 24), labels_of(kind, piece(btc, 0, 1000), 24)
    known = part.end >= 0
    assert known.sum() > 700
    assert np.array_equal(part.log_return[known], whole.log_return[:1000][known])
    assert (part.end[known] < 1000).all()


def test_a_label_nobody_defined_is_refused(btc: SymbolBars) -> None:
    with pytest.raises(ModelError, match="label 'sign' is unknown: use log_return or triple"):
        labels_of("sign", btc, 4)
    with pytest.raises(ModelError, match="horizon must be at least 1 bar, was 0"):
        labels_of(FORWARD, btc, 0)
