"""Every close once, in order, all of it from one venue, as REST has it: whatever goes wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aster_ray.data.assemble import SymbolTables, assemble
from aster_ray.data.columns import BarTable, FundingTable
from aster_ray.data.live.config import FeedConfig
from aster_ray.data.live.feed_desk import FeedDesk, Grid, Question
from aster_ray.kernel.records import CLOSE, FUNDING
from aster_ray.model.ids import MINUTE_MS
from tests.aster_ray.data.live.worlds import (
    START_MS,
    STEP,
    SYMBOLS,
    Run,
    Trouble,
    TrueVenue,
    play,
)

TRUSTING = FeedConfig(order_notional=0.0)  # books are somebody else's test
FOREVER = START_MS + 10**12


def recorded(venue: TrueVenue, closes: int, length_ms: int = MINUTE_MS) -> dict[int, np.ndarray]:
    """Return close -> f8[N, 10]: rows, volume and rate as recorded data are assembled."""
    begin = START_MS - START_MS % length_ms
    tables = []
    for n, symbol in enumerate(SYMBOLS):
        times = [begin + k * length_ms for k in range(closes)]
        bars = [bar for ms in times if (bar := venue.bar(n, ms, length_ms, FOREVER)) is not None]
        marks = [venue.mark_bar(n, ms, length_ms, FOREVER) for ms in times]
        rates = venue.settled(n, begin, begin + closes * length_ms - 1)
        tables.append(
            SymbolTables(
                symbol,
                _table(symbol, bars, length_ms),
                _table(symbol, marks, length_ms),
                FundingTable(
                    symbol,
                    np.array([rate.ts_ms for rate in rates], np.int64),
                    np.array([rate.rate for rate in rates]),
                ),
            )
        )
    market = assemble(tables, length_ms)
    columns = (market.bars, market.volume[:, :, None], market.funding_rate[:, :, None])
    whole = np.concatenate(columns, axis=2)
    return {int(ms): whole[t] for t, ms in enumerate(market.close_ms)}


def _table(symbol: str, bars: list, length_ms: int) -> BarTable:
    return BarTable(
        symbol,
        length_ms,
        np.array([bar.open_ms for bar in bars], np.int64),
        np.array([bar[1:] for bar in bars]),
    )


def row(run: Run, index: int) -> np.ndarray:
    batch = run.batches[index]
    columns = (batch.bars, batch.volume[:, None], batch.funding_rate[:, None])
    return np.concatenate(columns, axis=1)


def assert_in_order(run: Run, length_ms: int = MINUTE_MS) -> None:
    assert [batch.seq for batch in run.batches] == list(range(len(run.batches)))
    opened = [batch.open_ms for batch in run.batches]
    begin = START_MS - START_MS % length_ms
    assert opened == [begin + k * length_ms for k in range(len(opened))]


def assert_true(run: Run, venue: TrueVenue, length_ms: int = MINUTE_MS) -> None:
    """Assert that a run is, bit for bit, what a download of the same venue would assemble to."""
    assert_in_order(run, length_ms)
    known = recorded(venue, len(run.batches), length_ms)
    for index, batch in enumerate(run.batches):
        expected = known.get(batch.close_ms)
        if expected is None:  # nobody traded
            assert np.isnan(batch.bars).all()
        else:
            np.testing.assert_array_equal(row(run, index), expected, err_msg=str(index))


def test_a_quiet_day_is_what_a_download_would_assemble_to() -> None:
    venue = TrueVenue(1, 80)
    run = play([venue], 70)
    assert len(run.batches) >= 70
    assert_true(run, venue)
    assert any(batch.bars[:, FUNDING].any() for batch in run.batches)
    assert any(np.isnan(batch.bars[:, CLOSE]).any() for batch in run.batches)
    assert {why for missing in run.missing for why in missing.values()} == {"no trade"}
    # Known within a moment of the close: the stream says so and REST agrees at once.
    waits = [ms - b.close_ms for ms, b in zip(run.taken_ms, run.batches, strict=True)]
    assert np.median(waits) <= 2_000
    assert run.desk.counts["stream differs, rest is right"] == 0


def test_a_symbol_pays_with_its_next_bar_what_settled_while_it_had_none() -> None:
    venue = TrueVenue(2, 20, holes=0.0)
    venue.traded[3:6, 0] = False  # funding settles at minute 3
    run = play([venue], 15)
    assert_true(run, venue)
    assert run.batches[3].bars[1, FUNDING] != 0.0
    assert run.batches[6].bars[0, FUNDING] != 0.0


@pytest.mark.parametrize("minutes", [3, 5, 15, 30])
def test_longer_bars_are_joined_from_minutes_and_agree_with_rest(minutes: int) -> None:
    venue, length = TrueVenue(3, 140, holes=0.0), minutes * MINUTE_MS
    run = play([venue], 120, timeframe_ms=length)
    assert len(run.batches) >= 120 // minutes
    # REST adds up the volume of the minutes as the test does; prices are the same bits.
    assert_in_order(run, length)
    known = recorded(venue, len(run.batches), length)
    for index, batch in enumerate(run.batches):
        np.testing.assert_array_equal(row(run, index), known[batch.close_ms])
    assert run.desk.counts["stream differs, rest is right"] == 0
    # All but the first, which began before the stream was heard, were told whole.
    assert run.desk.counts["stream incomplete, bar from rest"] <= 2


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**31),
    lost=st.floats(0, 0.5),
    doubled=st.floats(0, 0.5),
    late=st.floats(0, 0.5),
    slow_ms=st.integers(0, 3_000),
)
def test_lost_doubled_and_late_events_change_no_bar(
    seed: int, lost: float, doubled: float, late: float, slow_ms: int
) -> None:
    venue = TrueVenue(seed, 20)
    trouble = Trouble(lost=lost, doubled=doubled, late=late, slow_ms=slow_ms)
    run = play([venue], 12, trouble, seed=seed, config=TRUSTING)
    assert len(run.batches) >= 12
    assert_true(run, venue)


outages = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 10 * 60_000), st.integers(1_000, 4 * 60_000)),
    max_size=5,
)


Spans = list[tuple[int, int, int]]  # (source, begin, length)


def live_through(seed: int, dead: Spans, mute: Spans) -> None:
    """Assert that each close comes once, in order, with the prices of the venue it names."""
    venues = [TrueVenue(seed, 20, holes=0.02), TrueVenue(seed + 1, 20, 200.0, holes=0.02)]

    def hit(spans: Spans):  # type: ignore[no-untyped-def]
        return lambda source, now: any(
            source == who and begin <= now - START_MS < begin + length
            for who, begin, length in spans
        )

    trouble = Trouble(dead=hit(dead), mute=hit(mute), slow_ms=2_500)
    run = play(venues, 12, trouble, seed=seed, config=TRUSTING)
    assert len(run.batches) >= 12
    assert_in_order(run)
    known = [recorded(venue, len(run.batches)) for venue in venues]
    for index, batch in enumerate(run.batches):
        source = int(run.sources[index][-1])
        expected = known[source].get(batch.close_ms)
        # Which venue a close is from decides all its prices; funding is owed since its last bar.
        if expected is None:
            assert np.isnan(batch.bars).all()
            continue
        late = [n for n, s in enumerate(SYMBOLS) if "waited" in run.missing[index].get(s, "")]
        for n in range(len(SYMBOLS)):
            if n not in late:
                np.testing.assert_array_equal(row(run, index)[n, :7], expected[n, :7])


@settings(max_examples=12)
@given(seed=st.integers(0, 2**31), dead=outages, mute=outages)
def test_no_close_comes_twice_or_never_whatever_venues_fall_silent(
    seed: int, dead: Spans, mute: Spans
) -> None:
    live_through(seed, dead, mute)


@pytest.mark.slow
@settings(max_examples=300)
@given(seed=st.integers(0, 2**31), dead=outages, mute=outages)
def test_hundreds_of_outages_lose_no_close(seed: int, dead: Spans, mute: Spans) -> None:
    live_through(seed, dead, mute)


def test_a_venue_silent_for_fifteen_seconds_is_left_and_taken_up_after_a_minute() -> None:
    venues = [TrueVenue(5, 20, holes=0.0), TrueVenue(6, 20, 200.0, holes=0.0)]
    begin, end = START_MS + 190_000, START_MS + 430_000
    run = play(venues, 15, Trouble(dead=lambda source, now: source == 0 and begin <= now < end))
    assert_in_order(run)
    away, back = run.desk.switches
    assert 12_000 <= away.now_ms - begin <= 15_500  # marks came every three seconds
    assert 60_000 <= back.now_ms - end <= 63_500
    assert "venue0 silent for" in away.why
    assert "venue0 healthy for 60" in back.why
    assert set(run.sources) == {"venue0", "venue1"}
    for index, batch in enumerate(run.batches):
        expected = recorded(venues[int(run.sources[index][-1])], len(run.batches))
        np.testing.assert_array_equal(row(run, index)[:, :7], expected[batch.close_ms][:, :7])


def test_with_nobody_to_ask_closes_wait_and_then_all_come() -> None:
    venue = TrueVenue(7, 40, holes=0.0)
    begin, end = START_MS + 100_000, START_MS + 900_000
    run = play([venue], 30, Trouble(dead=lambda _source, now: begin <= now < end))
    assert_true(run, venue)
    assert not any(begin + 60_000 < ms < end for ms in run.taken_ms)
    late = [ms for ms in run.taken_ms if end <= ms < end + 10_000]
    assert len(late) >= 13  # all that was missed, within seconds
    assert run.desk.counts["switches"] == 0


def test_a_venue_whose_time_stands_still_closes_no_bar() -> None:
    """Its streams go on and say the same time; by our clock the bar would long be closed."""
    venue = TrueVenue(15, 30, holes=0.0)
    begin, end = START_MS + 4 * MINUTE_MS + 32_000, START_MS + 15 * MINUTE_MS
    events, answer = venue.events, venue.answer

    def stopped(now_ms: int) -> int:
        return begin // 3_000 * 3_000 if begin <= now_ms < end else now_ms

    venue.events = lambda now: events(stopped(now))  # type: ignore[method-assign]
    venue.answer = lambda question, length, now: answer(  # type: ignore[method-assign]
        question, length, stopped(now)
    )
    run = play([venue], 20)
    assert_true(run, venue)
    assert not any(begin < ms < end for ms in run.taken_ms)


def test_one_question_fetches_all_closes_that_are_due() -> None:
    venue = TrueVenue(8, 200, holes=0.0)
    begin, end = START_MS + 100_000, START_MS + 150 * MINUTE_MS
    run = play([venue], 160, Trouble(dead=lambda _source, now: begin <= now < end))
    assert_true(run, venue)
    dead_s = 150 * 60 - 100
    # Dead: one question a symbol every four seconds. Then one for all that was missed.
    assert run.questions < 2 * (dead_s / 4 + 20) + 6 * 15


def test_a_symbol_rest_says_nothing_of_is_left_out_after_the_deadline_and_named() -> None:
    venue = TrueVenue(9, 20, holes=0.0)
    shown = venue.bar

    def hidden(n: int, open_ms: int, length_ms: int, now_ms: int):  # type: ignore[no-untyped-def]
        is_lost = n == 1 and open_ms == START_MS + 4 * MINUTE_MS
        return None if is_lost else shown(n, open_ms, length_ms, now_ms)

    venue.bar = hidden  # type: ignore[method-assign]
    run = play([venue], 10)
    assert_in_order(run)
    assert run.missing[4] == {"ETHUSDT": "waited for a bar the stream has told of"}
    assert np.isnan(run.batches[4].bars[1]).all()
    assert not np.isnan(run.batches[4].bars[0]).any()
    assert run.taken_ms[4] - run.batches[4].close_ms >= 10_000
    assert run.missing[5] == {}


def test_where_stream_and_rest_differ_rest_is_right_and_it_is_counted() -> None:
    venue = TrueVenue(10, 20, holes=0.0)
    told = venue.minute

    def distorted(n: int, m: int, now_ms: int):  # type: ignore[no-untyped-def]
        bar = told(n, m, now_ms)
        return bar and bar._replace(volume=bar.volume + 100.0)

    events = venue.events

    def lying(now_ms: int):  # type: ignore[no-untyped-def]
        venue.minute = distorted  # type: ignore[method-assign]
        try:
            return events(now_ms)
        finally:
            venue.minute = told  # type: ignore[method-assign]

    venue.events = lying  # type: ignore[method-assign]
    run = play([venue], 10)
    assert_true(run, venue)
    assert run.desk.counts["stream differs, rest is right"] == 2 * len(run.batches)


def test_a_bar_that_cannot_be_is_never_released() -> None:
    venue = TrueVenue(11, 20, holes=0.0)
    shown = venue.bar

    def broken(n: int, open_ms: int, length_ms: int, now_ms: int):  # type: ignore[no-untyped-def]
        bar = shown(n, open_ms, length_ms, now_ms)
        if bar is not None and n == 0 and open_ms == START_MS + 4 * MINUTE_MS:
            return bar._replace(high=bar.low - 1.0)
        return bar

    venue.bar = broken  # type: ignore[method-assign]
    run = play([venue], 10)
    assert run.missing[4] == {"BTCUSDT": "waited for a sound bar (impossible range)"}
    assert run.desk.counts["rest bar: impossible range"] == 1
    assert_in_order(run)


def test_a_book_that_cannot_take_the_order_keeps_a_symbol_from_trading() -> None:
    venue = TrueVenue(12, 20, holes=0.0)
    run = play([venue], 6, config=FeedConfig(order_notional=1e9))
    named = [missing for missing in run.missing if missing]
    assert named
    assert set(named[-1].values()) == {"thin book"}
    assert np.isnan(run.batches[-1].bars).all()
    assert_in_order(run)
    trusting = play([venue], 6, config=TRUSTING)
    assert not any(trusting.missing)


def test_how_it_stands_can_be_told() -> None:
    venues = [TrueVenue(13, 20), TrueVenue(14, 20)]
    run = play(venues, 5)
    told = run.desk.status(START_MS + 7 * MINUTE_MS)
    assert told["source"] == "venue0"
    assert told["alive"] == {"venue0": True, "venue1": True}
    assert told["switches"] == []
    assert told["behind"] <= 1
    assert told["at_ms"] == START_MS + 7 * MINUTE_MS
    heard = told["heard"]
    for kind in ("bars", "marks", "books"):
        least, most = heard[f"{kind}_least"], heard[f"{kind}_most"]
        assert 0 < least <= heard[kind] / len(SYMBOLS) <= most
    # As deep as a report of a session may be: one that is deeper counts as damaged.
    assert not any(isinstance(value, dict) for value in heard.values())


def test_an_answer_that_comes_after_its_venue_was_left_is_not_heard() -> None:
    """Asked of one venue while it lived, answered when the other is in use: not its prices."""
    venues = [TrueVenue(16, 20, holes=0.0), TrueVenue(17, 20, 200.0, holes=0.0)]
    grid = Grid(SYMBOLS, (STEP,) * 2, MINUTE_MS)
    names = ["venue0", "venue1"]
    desk = FeedDesk(grid, TRUSTING, names, (START_MS, [START_MS] * 2), START_MS)
    old: list[Question] = []
    for now in range(START_MS, START_MS + 85_000, 500):
        for source, venue in enumerate(venues):
            if source == 1 or now < START_MS + 61_000:
                for event in venue.events(now):
                    desk.hear(source, event, now)
        desk.tick(now)
        if desk.source == "venue0":
            old += desk.questions(now)
    assert desk.source == "venue1"
    assert {question.source for question in old} == {0}
    now = START_MS + 85_000
    for question in old:
        desk.answered(question, venues[0].answer(question, MINUTE_MS, now), now)
    assert desk.take(0, now) is None
    for question in desk.questions(now):
        desk.answered(question, venues[1].answer(question, MINUTE_MS, now), now)
    found = desk.take(0, now)
    assert found is not None
    bar = venues[1].bar(0, START_MS, MINUTE_MS, now)
    assert bar is not None
    assert found[0].bars[0, CLOSE] == bar.close
