from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.metrics import candles
from aster_ray.metrics.candle_chart import candle_chart
from aster_ray.metrics.facts import RunFacts
from aster_ray.metrics.round_trips import pair_fills
from tests.aster_ray.metrics.accounts import DAY, HOUR
from tests.aster_ray.metrics.conftest import START_MS

MINUTE = 60_000


@pytest.mark.parametrize(
    ("span", "timeframe", "most", "step"),
    [
        (100 * HOUR, HOUR, 100, HOUR),
        (101 * HOUR, HOUR, 100, 2 * HOUR),
        (1_096 * DAY, HOUR, 4_000, 8 * HOUR),
        (1_096 * DAY, HOUR, 170, 7 * DAY),
        (60 * MINUTE, 3 * MINUTE, 10, 15 * MINUTE),
        (4_000 * DAY, DAY, 100, 42 * DAY),
        (0, HOUR, 10, HOUR),
    ],
)
def test_a_candle_is_the_shortest_usual_multiple_of_a_bar_that_is_few_enough(
    span: int, timeframe: int, most: int, step: int
) -> None:
    assert candles.fitting_step(span, timeframe, most) == step


def test_a_candle_opens_with_its_first_bar_closes_with_its_last_and_spans_all(
    facts: RunFacts,
) -> None:
    bars = facts.market.bars.copy()
    bars[:, :, 1] += np.random.default_rng(1).random(bars.shape[:2])
    bars[:, :, 2] -= np.random.default_rng(2).random(bars.shape[:2])
    bars[30:50, 0] = np.nan
    market = replace(facts.market, bars=bars)
    merged = candles.merged(market, 0, slice(5, 100), DAY)
    assert merged.ms.tolist() == [START_MS + day * DAY for day in range(5)]
    day = bars[24:30, 0]
    assert merged.prices[1].tolist() == [
        day[0, 0],
        day[:, 1].max(),
        day[:, 2].min(),
        day[-1, 3],
    ]
    assert merged.prices[0, 0] == bars[5, 0, 0]
    empty = candles.merged(market, 0, slice(31, 49), DAY)
    assert len(empty.ms) == 0


def unpacked(packed: dict[str, list[int]]) -> tuple[list[int], np.ndarray]:
    """Read what the page's script reads, the way it does."""
    ms, rows, close = [], [], 0
    skips = dict(packed["skips"])
    at = packed["start"]
    for place in range(len(packed["bars"]) // 4):
        gap, body, up, down = packed["bars"][4 * place : 4 * place + 4]
        opened = close + gap
        close = opened + body
        at += packed["step"] * (1 + skips.get(place, 0)) if place else 0
        ms.append(at)
        rows.append([opened, max(opened, close) + up, min(opened, close) - down, close])
    return ms, np.array(rows) * packed["unit"]


@given(
    prices=st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=30),
    gaps=st.lists(st.integers(1, 4), min_size=30, max_size=30),
)
def test_packing_keeps_six_digits_of_the_highest_price_and_every_gap(
    prices: list[float], gaps: list[int]
) -> None:
    close = np.array(prices)
    opened = np.roll(close, 1)
    rows = np.stack(
        [opened, np.maximum(opened, close) * 1.01, np.minimum(opened, close) * 0.99, close], axis=1
    )
    ms = START_MS + HOUR * np.cumsum(gaps[: len(prices)])
    packed = candles.packed(candles.Candles(ms, rows, HOUR), [])
    times, found = unpacked(packed)
    assert times == ms.tolist()
    assert np.max(np.abs(found - rows)) <= 1e-5 * np.max(rows)


def test_trips_are_packed_with_their_minutes_and_results(facts: RunFacts) -> None:
    trips = candles.shown(pair_fills(facts), "BTCUSDT")
    packed = candles.packed(candles.zoomable(facts, ["BTCUSDT"])["BTCUSDT"], trips)
    first = trips[0]
    side, begin, entry, end, leave, net, gain, reason = packed["trips"][0]
    assert (side, reason) == (first.side, first.reason)
    assert packed["start"] + begin * MINUTE == first.entry_ms
    assert packed["start"] + end * MINUTE == first.exit_ms
    assert (entry, leave) == pytest.approx((first.entry_price, first.exit_price), rel=1e-6)
    assert (net, gain) == pytest.approx((first.net, first.net_return), abs=0.005)
    (held,) = candles.shown(pair_fills(facts), "ETHUSDT")
    assert (
        candles.packed(candles.zoomable(facts, ["ETHUSDT"])["ETHUSDT"], [held])["trips"][0][7] == ""
    )


def test_of_too_many_trips_those_that_moved_most_money_stay_in_order(facts: RunFacts) -> None:
    trips = pair_fills(facts)
    few = candles.shown(trips, "BTCUSDT", 5)
    nets = sorted((abs(trip.net) for trip in trips if trip.symbol == "BTCUSDT"), reverse=True)
    assert sorted((abs(trip.net) for trip in few), reverse=True) == nets[:5]
    assert [trip.entry_ms for trip in few] == sorted(trip.entry_ms for trip in few)


def test_of_too_many_symbols_the_most_traded_are_drawn(
    facts: RunFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips = pair_fills(facts)
    assert candles.traded_symbols(facts, trips) == ["BTCUSDT", "ETHUSDT"]
    monkeypatch.setattr(candles, "MOST_SYMBOLS", 1)
    assert candles.traded_symbols(facts, trips) == ["BTCUSDT"]


def test_drawn_marks_lie_where_the_trades_were(facts: RunFacts) -> None:
    trip = pair_fills(facts)[0]
    series = candles.merged(facts.market, 0, slice(0, 48), HOUR)
    drawn = candle_chart("a <b>", series, [trip])
    assert 'aria-label="a &lt;b&gt;"' in drawn
    share = (trip.entry_ms - series.ms[0]) / (48 * HOUR) * 100
    shape = "enter-long" if trip.side > 0 else "enter-short"
    assert f'<use class="{shape}" href="#{shape}" x="{share:.2f}%"' in drawn
    assert drawn.count('class="leave"') == 1
    assert drawn.count('class="trip ') == 1
    later = candle_chart("t", candles.merged(facts.market, 0, slice(600, 648), HOUR), [trip])
    assert "<use" not in later
