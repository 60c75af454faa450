from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.messages import OrderBatch
from aster_ray.kernel.books import records
from aster_ray.kernel.records import INTENT, LONG, Book
from aster_ray.model.enums import Denial, IntentKind
from aster_ray.model.order import Canceled, Filled, InFlight, Open, OrderKind
from tests.factories import (
    START_MS,
    Session,
    a_bar,
    a_busy_scene,
    an_open_setup,
    no_bar,
    says,
)

Resting = tuple[int, str, int, int, float]  # symbol or sleeve, kind, level, lots, price


def resting_at_venue(book: Book, strategies: int) -> Iterator[Resting]:
    """Read what rests from the paper venue's own book, knowing nothing of the desk."""
    half = book.levels.shape[1] // 2
    for n in range(len(book.positions)):
        lots = book.sleeves["order_lots"][n * strategies : (n + 1) * strategies]
        if lots.any():
            yield n, "market" if lots.sum() else "cross", -1, int(lots.sum()), math.inf
    for i, sleeve in enumerate(book.sleeves):
        if np.isnan(sleeve["spacing"]):
            if sleeve["lots"]:
                for kind in ("stop", "take_profit"):
                    if not np.isnan(sleeve[kind]):
                        yield i, kind, -1, -int(sleeve["lots"]), float(sleeve[kind])
            continue
        for k, level in enumerate(book.levels[i]):
            if level["state"] == 1:
                yield i, "ladder_entry", k, int(level["lots"]), float(level["price"])
            elif level["state"] == 2:
                yield i, "ladder_exit", k, -int(level["lots"]), float(level["exit_price"])
        for side, name in ((slice(0, half), "stop"), (slice(half, None), "stop_high")):
            held = book.levels[i][side]
            lots = int(held["lots"][held["state"] == 2].sum())
            if lots:
                yield i, "stop", -1, -lots, float(sleeve[name])


def resting_at_desk(desk: ExecutionDesk) -> Iterator[Resting]:
    for order in desk.orders.values():
        request = order.request
        if not order.is_done:
            netted = request.kind in (OrderKind.MARKET, OrderKind.CROSS)
            price = math.inf if netted else request.price
            owner = request.symbol if netted else request.sleeve
            yield owner, request.kind.value, request.level, request.lots, price


def assert_in_line(session: Session) -> None:
    expected = Counter(resting_at_venue(session.venue.book, session.setup.strategies))
    assert Counter(resting_at_desk(session.execution)) == expected
    assert not session.execution.in_flight()


@given(st.integers(0, 2**31), st.booleans(), st.sampled_from([0.002, 0.01, 0.04]))
@settings(max_examples=25)
@example(0, True, 0.04)
def test_what_the_desk_holds_open_is_what_rests_at_the_venue(
    seed: int, ladders: bool, volatility: float
) -> None:
    scene = a_busy_scene(120, seed, volatility=volatility, gaps=0.05, ladders=ladders)
    for _ in scene.steps():
        assert_in_line(scene.session)


@given(st.integers(0, 2**31), st.sampled_from([5.0, 20.0]))
@settings(max_examples=15)
def test_it_stays_so_through_liquidations(seed: int, leverage: float) -> None:
    setup = an_open_setup(
        2, 2, leverage=leverage, fixed_fraction=leverage / 3, enabled=0, recentre_bars=6
    )
    scene = a_busy_scene(120, seed, setup, gaps=0.05)
    for _ in scene.steps():
        assert_in_line(scene.session)


def test_there_are_never_two_closers() -> None:
    """One stop and one take profit a sleeve and side, one market order a symbol."""
    scene = a_busy_scene(150, 11, volatility=0.02, busy=0.4)
    for _ in scene.steps():
        closers = Counter(
            (kind, owner, lots > 0, level)
            for owner, kind, level, lots, _ in resting_at_desk(scene.session.execution)
        )
        assert max(closers.values(), default=0) <= 1


def test_ids_are_derived_from_decisions_and_never_repeat() -> None:
    scene = a_busy_scene(120, 12, volatility=0.02, busy=0.4)
    twin = ExecutionDesk(["BTCUSDT", "ETHUSDT"], 2)
    sent = []
    for closed in scene.steps():
        twin.on_report(closed.report)
        sent += [request.client_order_id for request in twin.on_orders(closed.orders)]
        twin.acknowledge_close(closed.orders.close_ms)
    assert len(sent) == len(set(sent)) > 100
    assert all(known == order.request.client_order_id for known, order in twin.orders.items())
    assert list(twin.orders) == list(scene.session.execution.orders)
    assert set(sent) <= set(twin.orders)


def test_an_order_is_in_flight_until_the_venue_has_it() -> None:
    session = Session(an_open_setup(enabled=0))
    closed = session.close(a_bar(100.0), says(code=LONG))
    desk = ExecutionDesk(["BTCUSDT"], 1)
    (request,) = desk.on_orders(closed.orders)
    assert desk.in_flight() == [request]
    assert isinstance(desk.orders[request.client_order_id].state, InFlight)
    desk.acknowledge_close(closed.orders.close_ms)
    assert desk.in_flight() == []
    assert isinstance(desk.orders[request.client_order_id].state, Open)
    assert math.isnan(request.price)
    assert request.decided_ms == closed.orders.close_ms == START_MS + 3_600_000


def test_a_fill_may_come_before_the_word_that_the_order_rests() -> None:
    session = Session(an_open_setup(enabled=0))
    orders = session.close(a_bar(100.0), says(code=LONG)).orders
    report = session.close(a_bar(100.0)).report
    desk = ExecutionDesk(["BTCUSDT"], 1)
    (request,) = desk.on_orders(orders)
    desk.on_report(report)
    desk.acknowledge_close(orders.close_ms)
    assert desk.orders[request.client_order_id].state == Filled(10_000, 1_000_000.0)
    assert desk.in_flight() == []


def test_a_position_is_protected_from_its_first_fill_and_its_stop_moves_with_it() -> None:
    session = Session(an_open_setup(enabled=0))
    session.close(a_bar(100.0), says(code=LONG, target_units=0.5, take_profit=0.5))
    session.close(a_bar(100.0), says(code=LONG, take_profit=0.5))
    stop = (0, "stop", -1, -5_000, 95.0)
    assert stop in set(resting_at_desk(session.execution))
    session.close(a_bar(110.0))
    protective = {x for x in resting_at_desk(session.execution) if x[1] != "market"}
    assert protective == {
        (0, "stop", -1, -10_000, 99.75),
        (0, "take_profit", -1, -10_000, 157.5),
    }
    session.close(a_bar(110.0, 110.0, 90.0, 95.0))
    assert not list(resting_at_desk(session.execution))
    states = {
        order.request.kind: type(order.state)
        for order in session.execution.orders.values()
        if order.request.lots == -10_000
    }
    assert states == {OrderKind.STOP: Filled, OrderKind.TAKE_PROFIT: Canceled}


def test_a_missing_bar_leaves_the_market_order_open() -> None:
    session = Session(an_open_setup(enabled=0))
    session.close(a_bar(100.0), says(code=LONG))
    session.close(no_bar())
    assert_in_line(session)
    assert [x[1] for x in resting_at_desk(session.execution)] == ["market"]


def test_denials_are_kept_for_the_record_and_send_nothing() -> None:
    intents = records(1, INTENT)
    intents["kind"], intents["sleeve"] = IntentKind.DENIED, 0
    intents["lots"], intents["reason"] = -1, Denial.MARGIN
    desk = ExecutionDesk(["BTCUSDT"], 1)
    assert desk.on_orders(OrderBatch(0, 99, intents, 1.0, 0.0, 0)) == []
    assert desk.denied == [(99, 0, -1, "margin")]


@pytest.mark.parametrize("strategies", [1, 2])
def test_the_netted_order_names_its_sleeve_only_when_it_is_one(strategies: int) -> None:
    session = Session(an_open_setup(1, strategies, enabled=0))
    closed = session.close(a_bar(100.0), says(strategies, code=LONG))
    (request,) = ExecutionDesk(["BTCUSDT"], strategies).on_orders(closed.orders)
    assert request.sleeve == (0 if strategies == 1 else -1)
    assert request.lots == 10_000 * strategies
