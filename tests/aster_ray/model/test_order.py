from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.model.order import (
    TERMINAL,
    Canceled,
    Filled,
    InFlight,
    Open,
    Order,
    OrderKind,
    OrderRequest,
    OrderState,
    Rejected,
    Unknown,
    acknowledge,
    cancel,
    fill,
    lose_track,
    reject,
)

REQUEST = OrderRequest(
    client_order_id="ar-1",
    decided_ms=0,
    symbol=0,
    sleeve=0,
    kind=OrderKind.MARKET,
    lots=10,
    price=math.nan,
)
EVENTS: dict[str, Callable[[Order], Order]] = {
    "acknowledge": acknowledge,
    "fill_4": lambda order: fill(order, 4, 100.0),
    "fill_10": lambda order: fill(order, 10, 100.0),
    "cancel": cancel,
    "lose_track": lambda order: lose_track(order, 7),
    "reject": lambda order: reject(order, "code"),
}
REFUSED = None
FULL = Filled(10, 1000.0)
# state -> event -> next state: every pair there is.
TRANSITIONS: list[tuple[OrderState, dict[str, OrderState | None]]] = [
    (
        InFlight(),
        {
            "acknowledge": Open(),
            "fill_4": Open(4, 400.0),  # a fill may overtake its acknowledgement
            "fill_10": FULL,
            "cancel": Canceled(0, 0.0),
            "lose_track": Unknown(7),
            "reject": Rejected("code"),
        },
    ),
    (
        Unknown(3),
        {
            "acknowledge": Open(),
            "fill_4": Open(4, 400.0),
            "fill_10": FULL,
            "cancel": Canceled(0, 0.0),
            "lose_track": Unknown(3),  # since when stays
            "reject": Rejected("code"),
        },
    ),
    (
        Open(),
        {
            "acknowledge": Open(),
            "fill_4": Open(4, 400.0),
            "fill_10": FULL,
            "cancel": Canceled(0, 0.0),
            "lose_track": Open(),
            "reject": Canceled(0, 0.0),
        },
    ),
    (
        Open(4, 400.0),
        {
            "acknowledge": Open(4, 400.0),  # a late word forgets no fill
            "fill_4": Open(8, 800.0),
            "fill_10": REFUSED,
            "cancel": Canceled(4, 400.0),
            "lose_track": Open(4, 400.0),
            "reject": Canceled(4, 400.0),
        },
    ),
    (
        FULL,
        {
            "acknowledge": FULL,
            "fill_4": REFUSED,
            "fill_10": REFUSED,
            "cancel": FULL,  # the cancel came too late
            "lose_track": FULL,
            "reject": FULL,
        },
    ),
    (
        Canceled(4, 400.0),
        {
            "acknowledge": Canceled(4, 400.0),
            "fill_4": Canceled(8, 800.0),  # executed before the cancel reached the venue
            "fill_10": REFUSED,
            "cancel": Canceled(4, 400.0),
            "lose_track": Canceled(4, 400.0),
            "reject": Canceled(4, 400.0),
        },
    ),
    (
        Rejected("first"),
        {
            "acknowledge": Rejected("first"),
            "fill_4": REFUSED,
            "fill_10": REFUSED,
            "cancel": Rejected("first"),
            "lose_track": Rejected("first"),
            "reject": Rejected("first"),
        },
    ),
]


@pytest.mark.parametrize(
    ("state", "event", "after"),
    [(state, event, after) for state, row in TRANSITIONS for event, after in row.items()],
    ids=str,
)
def test_every_transition(state: OrderState, event: str, after: OrderState | None) -> None:
    order = Order(REQUEST, state)
    if after is REFUSED:
        with pytest.raises(ValueError, match="order"):
            EVENTS[event](order)
    else:
        assert EVENTS[event](order) == Order(REQUEST, after)
    assert order.state == state  # orders are values


def test_the_table_knows_every_state_and_every_event() -> None:
    assert {type(state) for state, _ in TRANSITIONS} == set(OrderState.__args__)
    assert all(set(row) == set(EVENTS) for _, row in TRANSITIONS)


@given(st.lists(st.sampled_from(sorted(EVENTS)), max_size=12))
def test_only_evidence_ends_an_order_and_nothing_ends_it_twice(events: list[str]) -> None:
    order = Order(REQUEST, InFlight())
    for event in events:
        before = order
        try:
            order = EVENTS[event](order)
        except ValueError:
            continue
        if before.is_done:
            assert type(order.state) is type(before.state)
        if order.is_done and not before.is_done:
            assert event in ("fill_4", "fill_10", "cancel", "reject")
        assert abs(order.filled_lots) >= abs(before.filled_lots)
        assert abs(order.filled_lots) <= abs(REQUEST.lots)
        assert order.is_done == isinstance(order.state, TERMINAL)


def test_a_missing_answer_is_unknown_and_never_a_rejection() -> None:
    order = lose_track(Order(REQUEST, InFlight()), 99)
    assert order.state == Unknown(99)
    assert not order.is_done


@pytest.mark.parametrize("lots", [-1, 0, 11])
def test_a_fill_of_another_side_or_size_is_refused(lots: int) -> None:
    for state in (InFlight(), Open(4, 400.0), Canceled(0, 0.0)):
        with pytest.raises(ValueError, match=f"fill of {lots} lots"):
            fill(Order(REQUEST, state), lots, 100.0)


def test_the_average_price_is_weighted_and_absent_before_a_fill() -> None:
    sold = Order(replace(REQUEST, lots=-10), InFlight())
    assert sold.average_price is None
    assert sold.filled_lots == 0
    order = fill(fill(sold, -4, 100.0), -6, 110.0)
    assert order.average_price == pytest.approx(106.0)
    assert order.filled_lots == -10
    assert order.state == Filled(-10, -1060.0)
    assert cancel(sold).average_price is None
    assert reject(sold, "x").filled_lots == 0
