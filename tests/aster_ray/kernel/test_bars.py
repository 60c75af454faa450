from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.kernel.bars import aggregate_bars

MINUTE, FIVE, HOUR = 60_000, 300_000, 3_600_000


def minutes(rows: int, seed: int, first_ms: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    close = 100.0 + np.cumsum(draw.integers(-3, 4, rows)) * 0.25
    opened = np.concatenate(([100.0], close))[:rows]
    high = np.maximum(opened, close) + draw.integers(0, 3, rows)
    low = np.minimum(opened, close) - draw.integers(0, 3, rows)
    volume = draw.integers(0, 1000, rows).astype(float)  # whole numbers add up exactly
    times = first_ms + MINUTE * np.arange(rows, dtype=np.int64)
    return times, np.column_stack([opened, high, low, close, volume])


def test_a_bucket_is_first_highest_lowest_last_and_sum() -> None:
    times = np.array([300_000, 360_000, 420_000], np.int64)
    values = np.array(
        [[10.0, 12.0, 9.0, 11.0, 1.0], [11.0, 15.0, 10.0, 14.0, 2.0], [14.0, 14.5, 8.0, 9.0, 4.0]]
    )
    open_ms, merged = aggregate_bars(times, values, MINUTE, 180_000)
    assert open_ms.tolist() == []  # 180,000 * 2 = 360,000: no bucket holds all three
    open_ms, merged = aggregate_bars(times + MINUTE, values, MINUTE, 180_000)
    assert open_ms.tolist() == [360_000]
    assert merged.tolist() == [[10.0, 15.0, 8.0, 9.0, 7.0]]


@given(st.integers(0, 400), st.integers(0, 2**31), st.integers(0, 90))
def test_two_steps_equal_one(rows: int, seed: int, offset: int) -> None:
    times, values = minutes(rows, seed, offset * MINUTE)
    at_once = aggregate_bars(times, values, MINUTE, HOUR)
    by_way = aggregate_bars(*aggregate_bars(times, values, MINUTE, FIVE), FIVE, HOUR)
    assert np.array_equal(at_once[0], by_way[0])
    assert np.array_equal(at_once[1], by_way[1])


@given(st.integers(1, 400), st.integers(0, 2**31), st.sets(st.integers(0, 399)))
def test_only_complete_buckets_come_out(rows: int, seed: int, holes: set[int]) -> None:
    times, values = minutes(rows, seed)
    kept = np.array([row not in holes for row in range(rows)])
    open_ms, merged = aggregate_bars(times[kept], values[kept], MINUTE, FIVE)
    expected = [
        bucket * FIVE
        for bucket in range(rows // 5)
        if not holes & set(range(bucket * 5, bucket * 5 + 5))
    ]
    assert open_ms.tolist() == expected
    for when, bar in zip(open_ms // MINUTE, merged, strict=True):
        chunk = values[when : when + 5]
        assert bar.tolist() == [
            chunk[0, 0],
            chunk[:, 1].max(),
            chunk[:, 2].min(),
            chunk[-1, 3],
            chunk[:, 4].sum(),
        ]


def test_nothing_in_nothing_out() -> None:
    open_ms, merged = aggregate_bars(np.empty(0, np.int64), np.empty((0, 5)), MINUTE, HOUR)
    assert len(open_ms) == 0
    assert merged.shape == (0, 5)
