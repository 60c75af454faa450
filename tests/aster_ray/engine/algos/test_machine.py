from __future__ import annotations

from dataclasses import replace

import pytest

from aster_ray.engine.algos.child import Cancel, Place, Style, child_id, ticket
from aster_ray.engine.algos.config import Algorithm
from aster_ray.engine.algos.machine import advance, plan, resume
from aster_ray.engine.algos.observe import Evidence, Stop, Traded
from aster_ray.model.enums import Side
from aster_ray.model.ids import CLIENT_ORDER_ID
from aster_ray.model.venue import OrderType, TimeInForce
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
from tests.factories import an_instrument

MARKET = some_params(Algorithm.MARKET, 1, window_ms=1)


def placed(actions: list[object]) -> list[Place]:
    return [action for action in actions if isinstance(action, Place)]


def test_a_market_parent_goes_at_once_in_pieces_the_venue_takes() -> None:
    state = a_plan(a_parent(-2_500), MARKET, max_lots=1_000)
    state, actions = tick(state, 0.0)
    assert [(place.lots, place.style) for place in placed(actions)] == [
        (834, Style.MARKET),
        (833, Style.MARKET),
        (833, Style.MARKET),
    ]
    assert state.outstanding == 2_500
    assert not tick(state, 1.0)[1]
    state = fill_all(state, actions, 1.0)
    assert state.is_done
    assert (state.why, state.filled) == ("filled", 2_500)


def test_a_child_is_handed_over_as_a_ticket() -> None:
    parent = a_parent(-7, reduce_only=True)
    state, (take,) = tick(a_plan(parent, MARKET), 0.0)
    found = ticket(parent, take, state.instrument)
    assert (found.type, found.side, found.qty, found.price) == (
        OrderType.MARKET,
        Side.SELL,
        0.007,
        None,
    )
    assert (found.reduce_only, found.client_order_id) == (True, child_id(parent, 0))
    rests = Place(
        parent_id="p", child_id="c", number=0, ms=0, style=Style.REST, lots=3, ticks=9_999
    )
    found = ticket(parent, rests, an_instrument())
    assert (found.type, found.time_in_force, found.price) == (
        OrderType.LIMIT,
        TimeInForce.GTX,
        99.99,
    )


def test_ids_are_the_venues_kind_and_differ_by_parent_and_number() -> None:
    parents = [a_parent(), a_parent(parent_id="ar-other"), a_parent(decided_ms=at(-60.0))]
    ids = [child_id(parent, number) for parent in parents for number in range(200)]
    assert len(set(ids)) == 600
    assert all(CLIENT_ORDER_ID.fullmatch(one) for one in ids)
    assert child_id(a_parent(), 3) == ids[3]


def test_twap_takes_alike_pieces_at_the_beginning_of_each_slice() -> None:
    state = a_plan(a_parent(1_002))
    seen = []
    for second in range(61):
        state, actions = tick(state, second)
        seen += [(second, place.lots) for place in placed(actions)]
        state = fill_all(state, actions, second)
    assert seen == [(0, 251), (10, 250), (20, 251), (30, 250)]
    assert state.is_done


def test_what_the_venue_refused_is_placed_again_after_a_pause_under_another_id() -> None:
    state, (first,) = tick(a_plan(params=MARKET), 0.0)
    state, actions = advance(state, evidence(first, 0.2, Evidence.REJECTED))
    assert not actions
    state, actions = tick(state, 1.1)
    assert not actions
    state, (second,) = tick(state, 1.2)
    assert (second.number, second.lots) == (1, 1_000)
    assert second.child_id != first.child_id
    state, _ = advance(state, evidence(second, 1.3, Evidence.REJECTED))
    assert not tick(state, 3.2)[1]  # twice as long
    assert tick(state, 3.3)[1]


def test_a_venue_that_keeps_refusing_ends_the_parent() -> None:
    state, seconds = a_plan(params=MARKET), 0.0
    refused = 0
    while not state.is_done:
        state, actions = tick(state, seconds)
        for place in placed(actions):
            state, _ = advance(state, evidence(place, seconds, Evidence.REJECTED))
            refused += 1
        seconds += 0.5
        assert seconds < 60.0
    assert (refused, state.why, state.filled) == (5, "refused", 0)


def test_a_child_in_doubt_keeps_its_lots_until_the_venue_has_spoken() -> None:
    state, (first,) = tick(a_plan(params=MARKET), 0.0)
    state, _ = advance(state, evidence(first, 1.0, Evidence.UNKNOWN))
    for second in range(2, 70):
        state, actions = tick(state, second)
        assert not actions
    assert state.is_ending
    assert not state.is_done
    assert state.outstanding == 1_000
    state, _ = advance(state, evidence(first, 71.0, Evidence.DONE, 400))
    assert (state.is_done, state.filled, state.why) == (True, 400, "deadline")


def test_at_the_deadline_what_rests_is_withdrawn_and_nothing_follows() -> None:
    state = a_plan(params=some_params(Algorithm.TWAP, 2, maker_first=True, window_ms=59_000))
    state, (quote,) = advance(state, a_book(0.0))
    assert quote.style is Style.REST
    state, _ = advance(state, evidence(quote, 0.1, Evidence.OPEN))
    state, actions = tick(state, 60.0)
    assert actions == [Cancel("ar-parent", quote.child_id, at(60.0))]
    assert not tick(state, 60.5)[1]
    assert tick(state, 61.0)[1] == [Cancel("ar-parent", quote.child_id, at(61.0))]
    state, actions = advance(state, evidence(quote, 60.2, Evidence.DONE, 100))
    assert not actions
    assert (state.is_done, state.why, state.filled) == (True, "deadline", 100)


def test_a_stop_withdraws_and_ends() -> None:
    state = a_plan(params=some_params(Algorithm.MAKER_FIRST, 1, maker_first=True))
    state, (quote,) = advance(state, a_book(0.0))
    state, actions = advance(state, Stop(at(1.0), "operator"))
    assert [type(action) for action in actions] == [Cancel]
    state, _ = advance(state, evidence(quote, 1.1, Evidence.DONE))
    assert (state.is_done, state.why) == (True, "operator")


def test_a_remainder_too_small_joins_the_last_slice() -> None:
    """Four slices of 25 lots; the venue takes no fewer than 20 lots of 0.1 each."""
    state = a_plan(a_parent(100), min_notional=2.0)
    sizes = []
    for second in range(60):
        state, actions = tick(state, second)
        sizes += [place.lots for place in placed(actions)]
        state = fill_all(state, actions, second)
    assert sizes == [25, 25, 25, 25]
    state, sizes = a_plan(a_parent(100), min_notional=3.5), []
    for second in range(60):
        state, actions = tick(state, second)
        sizes += [place.lots for place in placed(actions)]
        state = fill_all(state, actions, second)
    assert sizes == [50, 50]  # 25 are too few, and so would be what 36 leave in the end
    assert state.why == "filled"


def test_what_a_slice_would_leave_too_small_goes_with_it_or_is_kept_large_enough() -> None:
    """Thirds of 100 lots; the venue takes no fewer than 36."""
    thirds = some_params(Algorithm.TWAP, 3, window_ms=30_000)
    state, actions = tick(a_plan(a_parent(100), thirds, min_notional=3.5), 0)
    assert not actions
    state, actions = tick(state, 10)
    assert [place.lots for place in placed(actions)] == [100]
    capped = some_params(Algorithm.TWAP, 3, window_ms=30_000, max_participation=0.5)
    state, actions = advance(a_plan(a_parent(100), capped, min_notional=3.5), Traded(at(10), 160.0))
    assert [place.lots for place in placed(actions)] == [64]
    state = fill_all(state, actions, 10)
    assert not advance(state, Traded(at(30), 198.0))[1]
    state, actions = advance(state, Traded(at(30), 200.0))
    assert [place.lots for place in placed(actions)] == [36]


def test_a_parent_below_the_smallest_order_ends_at_once_unless_it_reduces() -> None:
    state, actions = tick(a_plan(a_parent(9), MARKET, min_notional=1.0), 0.0)
    assert not actions
    assert (state.is_done, state.why) == (True, "below_minimum")
    state, (child,) = tick(a_plan(a_parent(9, reduce_only=True), MARKET, min_notional=1.0), 0.0)
    assert child.lots == 9
    _, (child,) = tick(a_plan(a_parent(10), MARKET, min_notional=1.0), 0.0)
    assert child.lots == 10


def test_a_journal_with_a_child_twice_or_too_large_is_refused() -> None:
    _, (first,) = tick(a_plan(), 0.0)
    with pytest.raises(ValueError, match="child 1 must come next"):
        resume(a_plan(), [first, first])
    with pytest.raises(ValueError, match="would overfill"):
        resume(a_plan(), [replace(first, lots=1_001)])
    with pytest.raises(ValueError, match="parent of BTCUSDT with the rules of ETHUSDT"):
        plan(a_parent(), MARKET, an_instrument("ETH"))


def test_evidence_that_cannot_be_is_refused() -> None:
    state, (child,) = tick(a_plan(params=MARKET), 0.0)
    with pytest.raises(ValueError, match="1001 lots filled exceed"):
        advance(state, evidence(child, 1.0, Evidence.DONE, 1_001))
    with pytest.raises(ValueError, match="no child of ar-parent"):
        advance(a_plan(), evidence(child, 1.0, Evidence.DONE))


def test_a_withdrawal_that_is_not_answered_is_asked_for_again_ever_more_rarely() -> None:
    state = a_plan(params=some_params(Algorithm.TWAP, 1, maker_first=True))
    state, (quote,) = advance(state, a_book(0.0))
    asked = []
    for second in range(60, 200):
        state, actions = tick(state, second)
        asked += [second] * len(actions)
    assert asked == [60, 61, 63, 67, 75, 91, 121, 151, 181]
    assert state.outstanding == quote.lots
