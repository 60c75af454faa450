"""Bars, marks and books as they arrive: the newest word counts, the rest is counted."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.data.live.book_check import BookCheck, cost_of
from aster_ray.data.live.mark_track import MarkTrack
from aster_ray.data.live.socket_bars import SocketBars
from aster_ray.data.live.soundness import Step, agrees, fault_of, is_far_from_mark
from aster_ray.data.live.venue_clock import VenueClock
from aster_ray.model.ids import MINUTE_MS
from aster_ray.model.market import Bar, FundingRate, MarkPrice
from aster_ray.model.venue import BarUpdate, BookUpdate, MarkUpdate

T0 = 1_699_999_980_000 - 1_699_999_980_000 % (3 * MINUTE_MS)


def an_update(minute: int, volume: float, close: float = 10.0, event_ms: int = 0) -> BarUpdate:
    bar = Bar(T0 + minute * MINUTE_MS, 10.0, 11.0 + volume, 9.0, close, volume)
    return BarUpdate("BTCUSDT", MINUTE_MS, bar, event_ms)


@given(st.permutations([an_update(m, v) for m in range(3) for v in (1.0, 2.0, 3.0)]))
def test_the_order_of_arrival_does_not_matter(updates: list[BarUpdate]) -> None:
    bars = SocketBars(Counter())
    for update in (*updates, *updates[:4]):
        bars.hear(update)
    whole = bars.joined(T0, 3 * MINUTE_MS)
    assert whole == Bar(T0, 10.0, 14.0, 9.0, 10.0, 9.0)
    assert bars.newest_ms == T0 + 2 * MINUTE_MS


def test_a_bar_is_joined_only_from_all_its_minutes() -> None:
    bars = SocketBars(Counter())
    bars.hear(an_update(0, 1.0))
    bars.hear(an_update(2, 1.0))
    assert bars.joined(T0, 3 * MINUTE_MS) is None
    assert bars.joined(T0, MINUTE_MS) is not None


def test_what_is_of_no_use_is_counted_by_reason() -> None:
    counts: Counter[str] = Counter()
    bars = SocketBars(counts)
    bars.forget(T0 + MINUTE_MS)
    assert not bars.hear(an_update(0, 1.0))
    assert bars.hear(an_update(1, 2.0))
    assert not bars.hear(an_update(1, 1.0))  # older than what is known
    assert not bars.hear(an_update(1, 2.0))  # the same once more: harmless, not even counted
    assert not bars.hear(an_update(2, 1.0, close=math.nan))
    off = an_update(2, 1.0)
    assert not bars.hear(BarUpdate("BTCUSDT", MINUTE_MS, off.bar._replace(open_ms=T0 + 7), 0))
    assert counts == {
        "socket bar: late": 1,
        "socket bar: out of order": 1,
        "socket bar: not a number": 1,
        "socket bar: off the grid": 1,
    }


@pytest.mark.parametrize(
    ("bar", "fault"),
    [
        (Bar(T0, 10.0, 11.0, 9.0, 10.0, 0.0), ""),
        (Bar(T0, math.inf, 11.0, 9.0, 10.0, 1.0), "not a number"),
        (Bar(T0, 10.0, 11.0, 0.0, 10.0, 1.0), "price not positive"),
        (Bar(T0, 10.0, 11.0, 9.0, 10.0, -1.0), "negative volume"),
        (Bar(T0, 10.0, 9.5, 9.0, 10.0, 1.0), "impossible range"),
        (Bar(T0, 10.0, 11.0, 10.5, 10.0, 1.0), "impossible range"),
    ],
)
def test_a_bar_that_cannot_be_has_its_reason(bar: Bar, fault: str) -> None:
    assert fault_of(bar) == fault


def test_bars_agree_within_half_a_step() -> None:
    bar, step = Bar(T0, 10.0, 11.0, 9.0, 10.0, 5.0), Step(0.1, 0.001)
    assert agrees(bar._replace(close=10.04), bar, step)
    assert not agrees(bar._replace(close=10.06), bar, step)
    assert agrees(bar._replace(volume=5.0004), bar, step)
    assert not agrees(bar._replace(volume=5.001), bar, step)
    assert not agrees(bar._replace(open_ms=T0 + MINUTE_MS), bar, step)


def test_far_from_the_mark() -> None:
    bar = Bar(T0, 10.0, 11.0, 9.0, 10.0, 5.0)
    assert not is_far_from_mark(bar, 10.4)
    assert is_far_from_mark(bar, 9.5)
    assert is_far_from_mark(bar, math.nan)


def a_mark(ms: int, price: float, rate: float = 1e-4, settles: int = 60_000) -> MarkUpdate:
    return MarkUpdate("BTCUSDT", MarkPrice(T0 + ms, price, price), FundingRate(T0 + settles, rate))


def test_marks_make_bars_and_announce_funding() -> None:
    counts: Counter[str] = Counter()
    track = MarkTrack(MINUTE_MS, counts)
    for ms, price in ((1_000, 10.0), (3_000, 12.0), (2_000, 9.0), (59_000, 11.0)):
        track.hear(a_mark(ms, price, rate=ms / 1e7))
    assert track.bar(T0) == Bar(T0, 10.0, 12.0, 9.0, 11.0, 0.0)
    assert track.announced(T0) == ()
    assert track.announced(T0 + MINUTE_MS) == (FundingRate(T0 + 60_000, 0.0059),)
    track.hear(a_mark(4_000, math.nan))
    assert counts == {"mark: out of order": 1, "mark: not a price": 1}
    track.forget(T0 + MINUTE_MS)
    assert track.bar(T0) is None
    track.hear(a_mark(58_000, 1.0))
    assert track.bar(T0) is None
    assert track.announced(T0 + MINUTE_MS) != ()


def a_book(ms: int, bid: float, ask: float, qty: float = 10.0) -> BookUpdate:
    return BookUpdate(symbol="BTCUSDT", bids=((bid, qty),), asks=((ask, qty),), ts_ms=ms)


def test_what_an_order_costs_walks_down_the_book() -> None:
    levels = ((100.0, 1.0), (101.0, 1.0))
    assert cost_of(levels, 100.0, 100.0) == 0.0
    assert cost_of(levels, 201.0, 100.0) == pytest.approx(0.005)
    assert cost_of(levels, 202.0, 100.0) is None
    assert cost_of((), 1.0, 100.0) is None
    assert cost_of((), 0.0, 100.0) == 0.0


@pytest.mark.parametrize(
    ("book", "why"),
    [
        (a_book(1, 100.1, 100.0), "crossed book"),
        (a_book(1, 100.0, 100.1, qty=1.0), "thin book"),
        (a_book(1, 100.0, 110.0), "thin book"),
        (BookUpdate(symbol="BTCUSDT", bids=(), asks=((1.0, 1.0),), ts_ms=1), "one-sided book"),
    ],
)
def test_a_bad_book_counts_once_no_good_one_came_for_long(book: BookUpdate, why: str) -> None:
    counts: Counter[str] = Counter()
    check = BookCheck(500.0, 0.01, 0, counts)
    check.hear(book, 14_000)
    assert check.refusal(14_999) == ""
    assert check.refusal(15_000) == why
    assert counts[f"book: {why.removesuffix(' book')}"] == 1
    check.hear(a_book(2, 100.0, 100.1), 16_000)
    assert check.refusal(30_999) == ""
    assert check.refusal(31_000) == "stale book"


def test_a_book_older_than_the_last_is_not_looked_at() -> None:
    counts: Counter[str] = Counter()
    check = BookCheck(500.0, 0.01, 0, counts)
    check.hear(a_book(10, 100.0, 100.1), 1_000)
    check.hear(a_book(9, 100.1, 100.0), 2_000)
    assert counts == {"book: out of order": 1}
    assert check.refusal(15_999) == ""


def test_the_venues_clock_is_its_own_and_one_wild_stamp_is_doubted() -> None:
    clock = VenueClock()
    assert clock.now(5) == 0
    clock.hear(T0, 1_000)
    assert clock.now(1_500) == T0 + 500
    clock.hear(T0, 1_600)  # it speaks, and its time stands still
    assert clock.now(1_700) == T0 + 100
    clock.hear(T0 - 5, 1_900)  # something old, late
    assert clock.now(1_900) == T0
    clock.hear(T0 + 500, 2_000)
    clock.hear(T0 + 10**9, 2_000)
    assert clock.now(2_000) == T0 + 500
    clock.hear(T0 + 10**9 + 50, 2_100)  # twice said: we were away, or the venue jumped
    assert clock.now(2_100) == T0 + 10**9 + 50
