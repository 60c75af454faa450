"""What each algorithm does at a moment, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from aster_ray.engine.algos.child import Action, Cancel, Place, Style
from aster_ray.engine.algos.config import Algorithm
from aster_ray.engine.algos.machine import advance
from aster_ray.engine.algos.observe import BookSeen, Evidence, Traded
from aster_ray.engine.algos.state import AlgoState
from tests.aster_ray.engine.algos.venue import (
    a_book,
    a_parent,
    a_plan,
    at,
    evidence,
    fill_all,
    some_params,
    tick,
)


def lots(actions: list[Action]) -> list[tuple[Style, int]]:
    return [(action.style, action.lots) for action in actions if isinstance(action, Place)]


def traded(state: AlgoState, seconds: float, volume: float) -> tuple[AlgoState, list[Action]]:
    return advance(state, Traded(at(seconds), volume))


# --- share of the volume ---------------------------------------------------------------------


def test_pov_takes_its_share_of_what_the_public_trades() -> None:
    """A piece a second at most."""
    state, taken = a_plan(params=some_params(Algorithm.POV, 40, participation=0.1)), []
    for second, volume in [(1, 0.0), (2, 500.0), (2.9, 900.0), (3, 909.0), (4, 1_234.0)]:
        state, actions = traded(state, second, volume)
        taken += [(second, *one) for one in lots(actions)]
        state = fill_all(state, actions, second)
    assert taken == [(2, Style.MARKET, 50), (3, Style.MARKET, 40), (4, Style.MARKET, 33)]


def test_pov_makes_up_for_a_lack_of_volume_late_in_the_window_and_never_beyond_its_cap() -> None:
    """The last fifth of 40 seconds begins at 32; 200 lots traded."""
    for cap, at_36, at_40 in ((0.0, 500, 1_000), (0.5, 100, 100)):
        params = some_params(Algorithm.POV, participation=0.1, max_participation=cap)
        state, _ = traded(a_plan(params=params), 1, 200.0)
        for second, wanted in ((31, 20), (36, at_36), (40, at_40), (59, at_40)):
            state, actions = tick(state, second)
            state = fill_all(state, actions, second)
            assert state.committed == wanted


def test_the_cap_binds_every_algorithm() -> None:
    params = some_params(Algorithm.MARKET, 1, max_participation=0.2)
    state, actions = tick(a_plan(params=params), 0)
    assert not actions
    state, actions = traded(state, 1, 1_000.0)
    assert lots(actions) == [(Style.MARKET, 200)]


# --- resting first ---------------------------------------------------------------------------


def resting(seconds: float = 0.0, **params: Any) -> tuple[AlgoState, Place]:
    found = some_params(Algorithm.TWAP, 2, maker_first=True, **params)
    state, (quote,) = advance(a_plan(params=found), a_book(seconds))
    state, _ = advance(state, evidence(quote, seconds + 0.1, Evidence.OPEN))
    return state, quote


def test_a_piece_rests_at_the_best_price_and_is_taken_when_its_time_is_up() -> None:
    state, quote = resting()
    assert (quote.style, quote.ticks, quote.lots) == (Style.REST, 9_999, 500)
    state, _ = advance(state, a_book(3.9))
    state, actions = tick(state, 4.0)
    assert actions == [Cancel("ar-parent", quote.child_id, at(4.0))]
    state, actions = tick(state, 4.5)
    assert not actions  # as long as the venue has not said what filled
    state, (take,) = advance(state, evidence(quote, 4.6, Evidence.DONE, 120))
    assert (take.style, take.lots, take.level) == (Style.MARKET, 380, 500)


def test_a_piece_follows_the_best_price_when_left_behind_and_keeps_its_time() -> None:
    state, quote = resting()
    state, actions = advance(state, a_book(0.9, 100.00, 100.02))
    assert not actions  # it was placed less than a second ago
    state, (cancel,) = advance(state, a_book(1.0, 100.00, 100.02))
    assert isinstance(cancel, Cancel)
    state, (again,) = advance(state, evidence(quote, 1.2, Evidence.DONE, 100))
    assert (again.style, again.ticks, again.lots) == (Style.REST, 10_000, 400)
    state, actions = advance(state, a_book(2.5, 99.95, 99.97))
    assert not actions  # the best price fell back to a worse one: ours is the first
    state, actions = tick(state, 4.0)  # four seconds after the first of them
    assert actions == [Cancel("ar-parent", again.child_id, at(4.0))]


def test_a_post_only_child_that_would_have_taken_is_quoted_again_after_a_pause() -> None:
    state, quote = resting()
    state, actions = advance(state, evidence(quote, 0.2, Evidence.DONE))
    assert not actions
    state, (again,) = tick(state, 1.2)
    assert (again.style, again.lots, again.number) == (Style.REST, 500, 1)


def test_any_number_of_post_only_refusals_still_ends_in_a_take() -> None:
    """The pauses double, until the end of the window."""
    params = some_params(Algorithm.MAKER_FIRST, 1, maker_first=True, rest_ms=40_000)
    state, quoted = a_plan(params=params), []
    for second in range(41):
        state, actions = advance(state, a_book(second))
        for place in actions:
            assert isinstance(place, Place)
            quoted.append((second, place.style))
            if place.style is Style.REST:
                state, _ = advance(state, evidence(place, second, Evidence.REJECTED))
    assert quoted == [
        *((second, Style.REST) for second in (0, 1, 3, 7, 15, 31)),
        (40, Style.MARKET),
    ]
    assert not state.stopped


def test_without_quotes_a_piece_is_taken_once_it_would_have_rested_long_enough() -> None:
    params = some_params(Algorithm.TWAP, 2, maker_first=True)
    state, actions = tick(a_plan(params=params), 3.9)
    assert not actions
    state, actions = tick(state, 4.0)
    assert lots(actions) == [(Style.MARKET, 500)]
    one_sided = BookSeen(ms=at(0), bids=((99.0, 5.0),), asks=())
    state, actions = advance(a_plan(params=params), one_sided)
    assert not actions


def test_by_the_end_of_the_window_everything_that_rests_is_taken() -> None:
    params = some_params(Algorithm.TWAP, 4, maker_first=True, rest_ms=39_000)
    state, quotes = a_plan(params=params), []
    for second in range(40):
        state, actions = advance(state, a_book(second))
        quotes += [one for one in actions if isinstance(one, Place)]
        for one in actions:
            if isinstance(one, Place):
                state, _ = advance(state, evidence(one, second, Evidence.OPEN))
    assert {quote.style for quote in quotes} == {Style.REST}
    state, actions = advance(state, a_book(40))
    assert {action.child_id for action in actions if isinstance(action, Cancel)} == {
        quote.child_id for quote in quotes
    }
    takes = []
    for quote in quotes:
        state, actions = advance(state, evidence(quote, 40.5, Evidence.DONE))
        takes += lots(actions)
    assert sum(size for _, size in takes) == 1_000
    assert {style for style, _ in takes} == {Style.MARKET}


def test_what_rests_stays_as_long_as_the_book_shows_nothing_to_take() -> None:
    """Its time is up, but a quarter of what is visible is less than a lot."""
    params = some_params(Algorithm.ADAPTIVE, 1, maker_first=True)
    state, (quote,) = advance(a_plan(params=params), a_book(0))
    state, _ = advance(state, evidence(quote, 0.1, Evidence.OPEN))
    state, actions = advance(state, a_book(5, lots=0.5))
    assert not actions
    state, actions = advance(state, a_book(6, lots=40.0))
    assert [type(action) for action in actions] == [Cancel]
    state, actions = advance(state, evidence(quote, 6.1, Evidence.DONE))
    assert lots(actions) == [(Style.TAKE, 30)]


def test_a_piece_that_was_just_put_to_rest_is_not_withdrawn_at_once() -> None:
    state, quote = resting()
    state, (cancel,) = advance(state, a_book(3.5, 100.00, 100.02))
    assert isinstance(cancel, Cancel)
    state, (again,) = advance(state, evidence(quote, 3.6, Evidence.DONE))
    assert lots([again]) == [(Style.REST, 500)]
    assert not tick(state, 4.5)[1]  # overdue since 4.0, at rest since 3.6
    state, actions = tick(state, 4.6)
    assert actions == [Cancel("ar-parent", again.child_id, at(4.6))]


# --- spread and depth ------------------------------------------------------------------------


def adaptive(**params: Any) -> AlgoState:
    return a_plan(params=some_params(Algorithm.ADAPTIVE, 40, **params))


@pytest.mark.parametrize(
    ("spread", "wanted"),
    [(0.0004, 1_000 * 11 // 40), (0.0002, 1_000 * 17 // 40), (0.0012, 1_000 * 5 // 40)],
)
def test_adaptive_waits_when_the_spread_is_wide_and_hurries_when_it_is_tight(
    spread: float, wanted: int
) -> None:
    """A slice a second; patience is 15 % of 40 seconds, six slices."""
    half = 100.0 * spread / 2
    _, actions = advance(adaptive(), a_book(10, 100 - half, 100 + half, usual_spread=0.0004))
    assert [size for _, size in lots(actions)] == [wanted]


def test_adaptive_takes_a_share_of_what_is_visible_and_no_further() -> None:
    """Ten seconds are 275 lots; 80 + 60 of them are visible within two usual spreads."""
    asks = ((100.02, 80.0), (100.05, 60.0), (100.30, 1e6))
    book = BookSeen(ms=at(10), bids=((99.98, 1e6),), asks=asks, usual_spread=0.0004)
    state, (take,) = advance(adaptive(depth_share=0.5), book)
    assert (take.style, take.lots, take.ticks) == (Style.TAKE, 70, 10_010)
    state, _ = advance(state, evidence(take, 10.1, Evidence.DONE, 70))
    assert not tick(state, 12)[1]  # the book was not seen since
    state, actions = advance(state, a_book(10.5))
    assert not actions  # nor did it have the time to fill again
    state, actions = advance(state, a_book(12, usual_spread=0.0002))
    assert lots(actions) == [(Style.TAKE, 255)]


def test_adaptive_that_sees_nothing_waits_and_then_follows_its_schedule() -> None:
    state, actions = tick(adaptive(), 5.9)
    assert not actions
    state, actions = tick(state, 6.0)
    assert lots(actions) == [(Style.MARKET, 25)]


def test_after_its_window_adaptive_takes_what_it_can_get() -> None:
    thin = {"bid": 99.0, "ask": 101.0, "lots": 1.0, "usual_spread": 0.0002}
    state = adaptive()
    state, actions = advance(state, a_book(39, **thin))
    assert not actions
    state, actions = advance(state, a_book(41, **thin))
    assert lots(actions) == [(Style.TAKE, 2)]
    assert actions[0].ticks >= 10_100


def test_a_collar_bounds_how_far_a_take_may_go() -> None:
    params = some_params(Algorithm.MARKET, 1, window_ms=1, collar=0.001)
    _, (buy,) = advance(a_plan(params=params), a_book(0))
    assert (buy.style, buy.ticks) == (Style.TAKE, 10_012)  # 100.01 x 1.001 = 100.11001
    _, (sell,) = advance(a_plan(a_parent(-10), params), a_book(0))
    assert (sell.style, sell.ticks) == (Style.TAKE, 9_989)  # 99.99 x 0.999 = 99.89001


def test_quotes_that_come_late_and_volume_that_shrinks_change_nothing() -> None:
    state, _ = advance(adaptive(), a_book(5))
    state, _ = advance(state, a_book(3, 90.0, 91.0))
    assert state.quotes == a_book(5)
    state, _ = advance(state, a_book(5, 90.0, 91.0))
    assert state.quotes == a_book(5, 90.0, 91.0)
    state, _ = traded(state, 6, 500.0)
    state, _ = traded(state, 7, 400.0)
    assert (state.volume, state.ms) == (500.0, at(7))
    state, _ = tick(state, 10.1)
    assert state.quotes is None  # older than five seconds
