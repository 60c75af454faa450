from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aster_ray.clock import ReplayClock
from aster_ray.data.instruments import packaged_instruments
from aster_ray.errors import BadInputError
from aster_ray.model.ids import DAY_MS, HOUR_MS, MINUTE_MS
from aster_ray.venues.simulator.desk import Desk
from aster_ray.venues.simulator.opening import Terms, open_desk, place_in_time, serve
from tests.aster_ray.venues.simulator.scenes import HISTORY, START_MS, a_market

NOW_MS = 20_500 * DAY_MS + 9 * HOUR_MS + 25_000


def terms(**changes: Any) -> Terms:
    fields = {"speed": 1.0, "time": "now", "seed": 7, "deposit": 10**12, "latency_ms": 5.0}
    return Terms(**{**fields, **changes})


def opened(clock: ReplayClock, minutes: int = 600, **changes: Any) -> Desk:
    market = a_market(minutes=minutes)
    instruments = [packaged_instruments()[symbol] for symbol in market.symbols]
    return open_desk(market, instruments, terms(**changes), clock)


def test_a_recording_is_moved_to_the_present_and_keeps_its_time_of_day() -> None:
    clock = ReplayClock(NOW_MS)
    desk = opened(clock)
    floor = desk.exchange.floor
    desk.catch_up()
    assert floor.now_ms == NOW_MS
    played = int(desk.exchange.tape.open_ms[desk.exchange.tape.start])
    assert played == NOW_MS - NOW_MS % MINUTE_MS
    shift = int(desk.exchange.tape.open_ms[0]) - (START_MS - HISTORY * MINUTE_MS)
    assert shift % DAY_MS == 0
    assert floor.listings["BTCUSDT"].next_funding_ms % (8 * HOUR_MS) == 0
    clock.advance(NOW_MS + 5_000)
    desk.catch_up()
    assert floor.now_ms == NOW_MS + 5_000


@pytest.mark.parametrize(
    ("minutes", "cycle", "skipped"),
    [
        (1_500, DAY_MS, 750),  # from half past seven to eight in the evening
        (1_499, 8 * HOUR_MS, 270),  # to noon, for which eight o'clock will do
        (540, 8 * HOUR_MS, 270),
        (539, MINUTE_MS, 0),
        (1, MINUTE_MS, 0),
    ],
)
def test_a_short_recording_keeps_the_hours_of_funding_or_its_bars_and_half_of_it_is_left(
    minutes: int, cycle: int, skipped: int
) -> None:
    market, now_ms = a_market(minutes=minutes), NOW_MS + 11 * HOUR_MS
    row, offset = place_in_time(market, now_ms)
    assert row - market.start == skipped
    assert int(market.open_ms[row]) + offset == now_ms - now_ms % MINUTE_MS
    assert offset % cycle == 0


def test_or_the_exchange_lives_in_the_past() -> None:
    clock = ReplayClock(NOW_MS)
    desk = opened(clock, time="recorded", speed=60.0)
    assert desk.exchange.floor.now_ms == START_MS
    clock.advance(NOW_MS + 1_000)
    desk.catch_up()
    assert desk.exchange.floor.now_ms == START_MS + MINUTE_MS
    assert desk.pace.wall_now_ms() == NOW_MS + 1_000


def test_a_fast_exchange_takes_larger_steps() -> None:
    slow, fast = (opened(ReplayClock(NOW_MS), speed=speed) for speed in (1.0, 300.0))
    for desk, trades in ((slow, 240), (fast, 4)):
        listing = desk.exchange.floor.listings["BTCUSDT"]
        start = desk.exchange.floor.now_ms
        before = len(listing.trades)
        desk.exchange.advance(start + MINUTE_MS)
        assert len(listing.trades) - before >= 0.5 * trades
    assert len(fast.exchange.floor.listings["BTCUSDT"].trades) < 40


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"speed": -1.0}, "speed must be within 0"),
        ({"time": "later"}, "use now or recorded"),
        ({"deposit": 0}, "deposit must be above 0"),
        ({"latency_ms": -1.0}, "latency must be within"),
    ],
)
def test_impossible_terms_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        terms(**changes)


def test_a_recording_without_a_bar_to_play_is_refused() -> None:
    with pytest.raises(BadInputError, match="at least one bar before"):
        opened(ReplayClock(NOW_MS), minutes=0)


def test_a_fault_inside_the_exchange_ends_it_instead_of_leaving_it_still() -> None:
    desk = opened(ReplayClock(NOW_MS))
    ports: list[int] = []

    def ready(port: int) -> None:
        ports.append(port)
        desk.exchange.advance = None  # type: ignore[assignment,method-assign]

    with pytest.raises(TypeError, match="not callable"):
        asyncio.run(asyncio.wait_for(serve(desk, terms(), ("127.0.0.1", 0), ready), 5))
    assert ports[0] > 0
