from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.model.ids import DAY_MS, HOUR_MS, MINUTE_MS
from aster_ray.venues.simulator.candles import COLUMNS, Candle, Candles

START = 20_000 * DAY_MS


def minutes(count: int, start: int = START) -> np.ndarray:
    """Return candles whose prices count up from 100."""
    rows = [
        [start + MINUTE_MS * n, 100 + n, 102 + n, 99 + n, 101 + n, 10, 1000, 2, 5, 500]
        for n in range(count)
    ]
    return np.array(rows, dtype=np.int64).reshape(count, COLUMNS)


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(90, 110), st.integers(1, 50), st.booleans()),
        min_size=1,
        max_size=60,
    )
)
def test_bars_are_their_trades(sent: list[tuple[int, int, int, bool]]) -> None:
    candles = Candles(minutes(0))
    trades = sorted(sent, key=lambda trade: trade[0])
    for minute, ticks, lots, buyer in trades:
        candles.trade(START + MINUTE_MS * minute, ticks, lots, lots * ticks, buyer=buyer)
    for bar in candles.bars(HOUR_MS, START, None, 100):
        within = [
            t for t in trades if (START + MINUTE_MS * t[0]) // HOUR_MS * HOUR_MS == bar.open_ms
        ]
        prices = [ticks for _, ticks, _, _ in within]
        assert bar[1:5] == (prices[0], max(prices), min(prices), prices[-1])
        assert bar.lots == sum(lots for _, _, lots, _ in within)
        assert bar.quote == sum(lots * ticks for _, ticks, lots, _ in within)
        assert bar.trades == len(within)
        assert bar.buy_lots == sum(lots for _, _, lots, buyer in within if buyer)
    found = candles.bars(HOUR_MS, START, None, 100)
    assert sum(bar.lots for bar in found) == sum(lots for _, _, lots, _ in trades)


def test_history_and_session_are_one_series() -> None:
    candles = Candles(minutes(90))
    candles.trade(START + 90 * MINUTE_MS, 500, 7, 3500, buyer=True)
    hours = candles.bars(HOUR_MS, None, None, 10)
    assert [hour.open_ms for hour in hours] == [START, START + HOUR_MS]
    assert hours[1][1:6] == (160, 500, 159, 500, 307)
    latest = candles.latest(MINUTE_MS)
    assert latest == Candle(START + 90 * MINUTE_MS, 500, 500, 500, 500, 7, 3500, 1, 7, 3500)


def test_a_start_gives_the_first_bars_and_no_start_the_last() -> None:
    candles = Candles(minutes(100))
    first = candles.bars(MINUTE_MS, START + 10 * MINUTE_MS + 1, None, 3)
    assert [bar.open for bar in first] == [111, 112, 113]
    last = candles.bars(MINUTE_MS, None, None, 3)
    assert [bar.open for bar in last] == [197, 198, 199]
    until = candles.bars(MINUTE_MS, None, START + 20 * MINUTE_MS + 5, 2)
    assert [bar.open for bar in until] == [119, 120]
    both = candles.bars(MINUTE_MS, START + MINUTE_MS, START + 3 * MINUTE_MS, 100)
    assert [bar.open for bar in both] == [101, 102, 103]
    assert candles.bars(MINUTE_MS, START + DAY_MS, None, 5) == []
    assert Candles(minutes(0)).latest(HOUR_MS) is None


def test_days_of_trading_are_folded_away_without_a_seam_and_without_growth() -> None:
    candles = Candles(minutes(1440, START - DAY_MS))
    for minute in range(4 * 1440):
        candles.trade(START + MINUTE_MS * minute, 100 + minute, 1, 100, buyer=False)
    bars = candles.bars(MINUTE_MS, START + DAY_MS, None, 5000)
    assert [bar.open for bar in bars] == [100 + minute for minute in range(1440, 4 * 1440)]
    assert len(candles._history) <= 2 * 1440
    assert len(candles._minutes) < 2 * 1440


def test_the_last_day_is_its_24_hours_however_often_it_is_asked_for() -> None:
    candles = Candles(minutes(3 * 1440, START - 3 * DAY_MS))
    rng = random.Random(4)
    for minute in range(0, 3000, 7):
        now = START + MINUTE_MS * minute
        ticks = rng.randint(50, 9000)
        candles.trade(now, ticks, 3, 3 * ticks, buyer=True)
        first = now - now % HOUR_MS - 23 * HOUR_MS
        hours = candles.bars(HOUR_MS, first, None, 24)
        day = candles.last_day(now)
        assert day is not None
        assert (day.open_ms, day.open, day.close) == (first, hours[0].open, ticks)
        assert (day.high, day.low) == (max(h.high for h in hours), min(h.low for h in hours))
        assert (day.lots, day.quote) == (sum(h.lots for h in hours), sum(h.quote for h in hours))
    assert Candles(minutes(0)).last_day(START) is None
