from __future__ import annotations

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.model.ids import DAY_MS, HOUR_MS, MINUTE_MS
from aster_ray.venues.simulator.candles import COLUMNS, KEPT, Candle, Candles

START = 20_000 * DAY_MS


def minutes(count: int, start: int = START) -> np.ndarray:
    """Return candles whose prices count up from 100."""
    rows = [
        [start + MINUTE_MS * n, 100 + n, 102 + n, 99 + n, 101 + n, 10, 1000, 2, 5, 500]
        for n in range(count)
    ]
    return np.array(rows, dtype=np.int64).reshape(count, COLUMNS)


def candles_over(recorded: np.ndarray, until_ms: int | None = None, kept: int = KEPT) -> Candles:
    """Return bars over a recording that is known to its end, or up to a moment."""

    def between(first_ms: int, beyond_ms: int) -> np.ndarray:
        opens = recorded[:, 0]
        return recorded[(opens >= first_ms) & (opens < beyond_ms)]

    end_ms = int(recorded[-1, 0]) + MINUTE_MS if len(recorded) else START
    since_ms = int(recorded[0, 0]) if len(recorded) else 0
    return Candles(between, end_ms if until_ms is None else until_ms, since_ms, kept)


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(90, 110), st.integers(1, 50), st.booleans()),
        min_size=1,
        max_size=60,
    )
)
def test_bars_are_their_trades(sent: list[tuple[int, int, int, bool]]) -> None:
    candles = candles_over(minutes(0))
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
    candles = candles_over(minutes(90))
    candles.trade(START + 90 * MINUTE_MS, 500, 7, 3500, buyer=True)
    hours = candles.bars(HOUR_MS, None, None, 10)
    assert [hour.open_ms for hour in hours] == [START, START + HOUR_MS]
    assert hours[1][1:6] == (160, 500, 159, 500, 307)
    latest = candles.latest(MINUTE_MS)
    assert latest == Candle(START + 90 * MINUTE_MS, 500, 500, 500, 500, 7, 3500, 1, 7, 3500)


def test_a_start_gives_the_first_bars_and_no_start_the_last() -> None:
    candles = candles_over(minutes(100))
    first = candles.bars(MINUTE_MS, START + 10 * MINUTE_MS + 1, None, 3)
    assert [bar.open for bar in first] == [111, 112, 113]
    last = candles.bars(MINUTE_MS, None, None, 3)
    assert [bar.open for bar in last] == [197, 198, 199]
    until = candles.bars(MINUTE_MS, None, START + 20 * MINUTE_MS + 5, 2)
    assert [bar.open for bar in until] == [119, 120]
    early = candles.bars(MINUTE_MS, START - DAY_MS, None, 3)
    assert [bar.open for bar in early] == [100, 101, 102]
    both = candles.bars(MINUTE_MS, START + MINUTE_MS, START + 3 * MINUTE_MS, 100)
    assert [bar.open for bar in both] == [101, 102, 103]
    assert candles.bars(MINUTE_MS, START + DAY_MS, None, 5) == []
    assert candles_over(minutes(0)).latest(HOUR_MS) is None
    # A span in which nothing was recorded or played, before the newest minute that was.
    lonely = candles_over(minutes(0))
    for minute in (0, 600):
        lonely.trade(START + minute * MINUTE_MS, 100, 1, 100, buyer=True)
    lonely.trade(START + 700 * MINUTE_MS, 100, 1, 100, buyer=True)
    gap = (START + 100 * MINUTE_MS, START + 200 * MINUTE_MS)
    assert lonely.bars(MINUTE_MS, *gap, 500) == []


def test_what_was_played_stands_over_the_recording_until_it_is_too_old() -> None:
    candles = candles_over(minutes(4 * 1440), START, kept=1440)
    for minute in range(4 * 1440):
        candles.trade(START + MINUTE_MS * minute, 7, 1, 100, buyer=False)
        candles.pass_to(START + MINUTE_MS * (minute + 1))
    bars = candles.bars(MINUTE_MS, START, None, 4 * 1440)
    assert len(bars) == 4 * 1440
    seam = 3 * 1440 - 1  # the last played minute still forms and is not in the ring
    assert [bar.open for bar in bars[:seam]] == [100 + minute for minute in range(seam)]
    assert {bar.open for bar in bars[seam:]} == {7}
    assert candles.bars(MINUTE_MS, START + 4 * DAY_MS, None, 5) == []


def test_the_recording_is_not_known_before_its_time() -> None:
    candles = candles_over(minutes(600), START + 10 * MINUTE_MS)
    assert len(candles.bars(MINUTE_MS, START, None, 1000)) == 10
    candles.skip(None, START + 10 * MINUTE_MS, START + 90 * MINUTE_MS)
    assert len(candles.bars(MINUTE_MS, START, None, 1000)) == 90
    latest = candles.latest(HOUR_MS)
    assert latest is not None
    assert (latest.open_ms, latest.open, latest.close) == (START + HOUR_MS, 160, 190)


def test_a_bar_that_was_begun_is_taken_from_the_recording_unless_an_account_traded_in_it() -> None:
    rest = Candle(0, 1, 140, 90, 101, 9, 900, 3, 4, 400)
    for marked in (False, True):
        candles = candles_over(minutes(600), START)
        candles.trade(START, 100, 1, 100, buyer=True)
        if marked:
            candles.trade(START, 150, 6, 900, buyer=True)
            candles.mark()
        candles.skip(rest, START, START + 5 * MINUTE_MS)
        found = candles.bars(MINUTE_MS, START, None, 10)
        assert len(found) == 5
        as_recorded = Candle(*minutes(1)[0].tolist())
        as_played = Candle(START, 100, 150, 90, 101, 16, 1900, 5, 11, 1400)
        assert found[0] == (as_played if marked else as_recorded)


def test_a_bar_that_was_played_to_its_end_is_not_taken_back_by_a_skip() -> None:
    candles = candles_over(minutes(600), START)
    candles.trade(START, 77, 1, 100, buyer=True)
    candles.pass_to(START + MINUTE_MS)
    candles.skip(None, START + MINUTE_MS, START + 3 * MINUTE_MS)
    assert [bar.open for bar in candles.bars(MINUTE_MS, START, None, 10)] == [77, 101, 102]


def test_sums_beyond_64_bits_are_exact() -> None:
    recorded = minutes(120)
    recorded[:, 6] = recorded[:, 9] = 2**62
    bars = candles_over(recorded).bars(HOUR_MS, START, None, 2)
    assert [bar.quote for bar in bars] == [60 * 2**62] * 2
    assert [bar.buy_quote for bar in bars] == [60 * 2**62] * 2


def test_the_last_day_is_its_24_hours_however_often_it_is_asked_for() -> None:
    candles = candles_over(minutes(3 * 1440, START - 3 * DAY_MS))
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
    assert candles_over(minutes(0)).last_day(START) is None
