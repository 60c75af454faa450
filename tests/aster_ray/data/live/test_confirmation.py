"""When REST is believed: closed, and in agreement with the stream or with itself."""

from __future__ import annotations

from collections import Counter

from aster_ray.data.live.confirmation import Answer, Confirmation, Evidence, Span, Waits
from aster_ray.data.live.soundness import Step
from aster_ray.kernel.records import CLOSE, FUNDING, MARK_CLOSE
from aster_ray.model.ids import HOUR_MS, MINUTE_MS
from aster_ray.model.market import Bar, FundingRate

T0 = 480_000 * HOUR_MS  # a whole hour: funding may settle
CLOSE_MS = T0 + MINUTE_MS
WHOLE = Bar(T0, 100.0, 101.0, 99.0, 100.5, 7.0)
PART = WHOLE._replace(close=100.1, volume=6.0)
MARK = Bar(T0, 100.0, 101.0, 99.0, 100.4, 0.0)
LATER = Bar(CLOSE_MS, 100.5, 100.5, 100.5, 100.5, 0.1)
MARKS = (MARK, LATER._replace(volume=0.0))


def a_confirmation(counts: Counter[str] | None = None) -> Confirmation:
    span = Span(T0, CLOSE_MS, T0)
    return Confirmation(span, Step(0.1, 0.001), Waits(), Counter() if counts is None else counts)


def told(
    socket: Bar | None = None, *, begun: bool = True, announced: tuple[FundingRate, ...] = ()
) -> Evidence:
    return Evidence(socket, begun, MARK, announced)


def answered(after_ms: int, *bars: Bar, rates: tuple[FundingRate, ...] = ()) -> Answer:
    return Answer(CLOSE_MS + after_ms, bars, MARKS, rates)


def test_one_look_is_enough_where_the_stream_said_the_same() -> None:
    counts: Counter[str] = Counter()
    row = a_confirmation(counts).judge(answered(50, WHOLE), told(WHOLE))
    assert row is not None
    assert (row.values[CLOSE], row.values[MARK_CLOSE], row.volume) == (100.5, 100.4, 7.0)
    assert not counts


def test_rest_that_is_behind_is_not_believed_however_often_it_says_the_same() -> None:
    confirmation = a_confirmation()
    for after_ms in (50, 300, 800, 1_900):
        assert confirmation.judge(answered(after_ms, PART), told(WHOLE)) is None
    assert confirmation.waits_for == "a second look"
    assert confirmation.judge(answered(2_100, WHOLE), told(None)) is None  # not what it said
    row = confirmation.judge(answered(2_400, WHOLE), told(None))
    assert row is not None
    assert row.volume == 7.0


def test_long_after_the_close_one_look_is_enough() -> None:
    row = a_confirmation().judge(answered(30_000, WHOLE), told(None))
    assert row is not None


def test_a_bar_that_may_still_form_is_not_looked_at() -> None:
    confirmation = a_confirmation()
    assert confirmation.judge(answered(1_999, WHOLE), told(WHOLE, begun=False)) is None
    assert confirmation.waits_for == "the close"
    assert confirmation.judge(answered(1_999, WHOLE, LATER), told(WHOLE, begun=False)) is not None


def test_an_announced_settlement_is_waited_for_and_paid_at_the_settled_rate() -> None:
    announced = (FundingRate(T0, 0.0001),)
    confirmation = a_confirmation()
    evidence = told(WHOLE, announced=announced)
    assert confirmation.judge(answered(50, WHOLE), evidence) is None
    assert confirmation.waits_for == "the settled funding rate"
    row = confirmation.judge(answered(90, WHOLE, rates=(FundingRate(T0 + 3, 0.0002),)), evidence)
    assert row is not None
    assert row.rate == 0.0002
    assert row.values[FUNDING] == 0.0002 * MARK.open


def test_a_settlement_that_never_comes_is_taken_as_announced_and_counted() -> None:
    counts: Counter[str] = Counter()
    confirmation = a_confirmation(counts)
    evidence = told(WHOLE, announced=(FundingRate(T0, 0.0001),))
    answer = answered(50, WHOLE)
    assert confirmation.judge(answer, evidence) is None
    row = confirmation.last_word(answer, evidence)
    assert row is not None
    assert row.rate == 0.0001
    assert counts == {"funding not confirmed": 1}


def test_a_mark_rest_never_has_is_taken_from_the_stream_and_counted() -> None:
    counts: Counter[str] = Counter()
    confirmation = a_confirmation(counts)
    answer = Answer(CLOSE_MS + 50, (WHOLE,), (), ())
    assert confirmation.judge(answer, told(WHOLE)) is None
    assert confirmation.waits_for == "the mark price"
    row = confirmation.last_word(answer, told(WHOLE))
    assert row is not None
    assert row.values[MARK_CLOSE] == MARK.close
    assert counts == {"mark from the stream": 1}


def test_there_is_no_last_word_on_a_bar_that_was_never_believed() -> None:
    confirmation = a_confirmation()
    assert confirmation.last_word(answered(50, PART), told(WHOLE)) is None


def test_a_close_far_from_the_mark_needs_a_second_look_even_if_the_stream_agrees() -> None:
    counts: Counter[str] = Counter()
    confirmation, wild = a_confirmation(counts), WHOLE._replace(high=150.0, close=150.0)
    assert confirmation.judge(answered(50, wild), told(wild)) is None
    assert confirmation.judge(answered(2_050, wild), told(wild)) is not None
    assert counts == {"far from mark, asked again": 1}


def test_nothing_traded_is_told_apart_from_nothing_known_yet() -> None:
    confirmation = a_confirmation()
    assert confirmation.judge(answered(2_500), told(None)) is None
    assert not confirmation.is_empty
    assert confirmation.judge(answered(5_000), told(WHOLE)) is None
    assert not confirmation.is_empty  # the stream told of a trade
    assert confirmation.judge(answered(5_000), told(None)) is None
    assert confirmation.is_empty
