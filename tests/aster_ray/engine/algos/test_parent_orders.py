from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from aster_ray.engine.algos.child import Cancel, Place, Style
from aster_ray.engine.algos.config import ExecutionConfig
from aster_ray.engine.algos.observe import ChildUpdate, Evidence
from aster_ray.engine.algos.parent import parent_of
from aster_ray.engine.algos.parent_orders import ParentOrders
from aster_ray.engine.algos.shortfall import shortfall_from
from aster_ray.engine.algos.volume_tally import VolumeTally
from aster_ray.engine.netting import Part, net_requests
from aster_ray.errors import JournalError
from aster_ray.model.enums import Side
from aster_ray.model.market import Bar, Quote
from aster_ray.model.venue import (
    BarUpdate,
    BookUpdate,
    Interrupted,
    OrderStatus,
    OrderType,
    QuoteUpdate,
    VenueOrder,
)
from tests.aster_ray.engine.algos.venue import a_parent, at
from tests.factories import START_MS, an_instrument

RULES = {f"{base}USDT": an_instrument(base) for base in ("BTC", "ETH")}


def some_orders(records: Any = (), **config: Any) -> ParentOrders:
    return ParentOrders(RULES, ExecutionConfig(**config), records)


def an_order(orders: ParentOrders, place: Place, seconds: float, **fields: Any) -> VenueOrder:
    ticket = orders.ticket(place)
    known: dict[str, Any] = {
        "symbol": ticket.symbol,
        "client_order_id": ticket.client_order_id,
        "venue_order_id": "1",
        "status": OrderStatus.FILLED,
        "side": ticket.side,
        "type": OrderType.MARKET,
        "qty": ticket.qty,
        "filled_qty": ticket.qty,
        "average_price": 100.5,
        "price": None,
        "trigger_price": None,
        "reduce_only": False,
        "updated_ms": at(seconds),
    }
    return VenueOrder(**{**known, **fields})


def through_json(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [json.loads(json.dumps(record, allow_nan=False)) for record in records]


def test_parents_are_carried_out_side_by_side_and_told_apart() -> None:
    orders = some_orders()
    (btc,) = orders.start(a_parent(1_000), at(0))
    (eth,) = orders.start(a_parent(-50, parent_id="ar-2", symbol="ETHUSDT"), at(0))
    assert isinstance(btc, Place)
    assert isinstance(eth, Place)
    assert orders.ticket(eth).side is Side.SELL
    assert (orders.at_work("BTCUSDT"), orders.at_work("ETHUSDT")) == (1_000, -50)
    assert orders.owns(btc.child_id)
    assert not orders.owns("ar-parent")
    partly = an_order(orders, btc, 0.1, status=OrderStatus.PARTIALLY_FILLED, filled_qty=0.4)
    assert not orders.heard(partly, fee=0.02)
    assert (orders.at_work("BTCUSDT"), orders.unfilled("BTCUSDT")) == (600, 600)
    orders.heard(an_order(orders, eth, 0.1))
    assert list(orders.states) == ["ar-parent"]
    orders.heard(an_order(orders, btc, 0.2), fee=0.05)
    assert not orders.states
    eth_cost, btc_cost = orders.finished()
    assert (eth_cost.symbol, btc_cost.symbol, btc_cost.fees) == ("ETHUSDT", "BTCUSDT", 0.05)
    assert btc_cost.total == pytest.approx(0.5 + 0.05)
    assert orders.finished() == []


def test_a_decision_that_is_repeated_is_not_carried_out_twice() -> None:
    orders = some_orders()
    (place,) = orders.start(a_parent(), at(0))
    assert orders.start(a_parent(), at(1)) == []
    orders.heard(an_order(orders, place, 1))
    assert orders.start(a_parent(), at(2)) == []
    again = some_orders(through_json(orders.records()))
    assert again.start(a_parent(), at(3)) == []
    assert again.heard(an_order(orders, place, 1) if orders.states else _foreign()) == []


def _foreign() -> VenueOrder:
    orders = some_orders()
    (place,) = orders.start(a_parent(parent_id="ar-foreign"), at(0))
    return an_order(orders, place, 1)


def test_after_a_crash_the_children_in_doubt_are_the_ones_to_ask_about() -> None:
    orders = some_orders(algorithm="twap", slice_ms=10_000)
    parent = a_parent(900, seconds=60)
    first = orders.start(parent, at(0)) + orders.tick(at(11))
    assert len(first) == 2
    orders.heard(an_order(orders, first[0], 11.5))
    records = through_json(orders.records())
    again = some_orders(records, algorithm="market")  # a live parent keeps its parameters
    assert again.in_doubt() == [("BTCUSDT", first[1].child_id)]
    assert again.at_work("BTCUSDT") == orders.at_work("BTCUSDT") == 300
    again.heard(an_order(again, first[1], 12))
    orders.heard(an_order(orders, first[1], 12))
    assert again.tick(at(25)) == orders.tick(at(25))
    assert [child.placed.number for child in again.states["ar-parent"].children] == [0, 1, 2]


def test_what_was_decided_and_not_written_comes_again_under_the_same_id() -> None:
    orders = some_orders(algorithm="twap", slice_ms=10_000)
    orders.start(a_parent(900), at(0))
    before = through_json(orders.records())
    (lost,) = orders.tick(at(11))
    (again,) = some_orders(before).tick(at(14))
    assert again.child_id == lost.child_id
    assert again.ms == at(14)


def test_quotes_bars_and_the_rest_of_the_stream_are_taken_as_they_come() -> None:
    orders = some_orders(algorithm="pov", participation=0.1, slice_ms=1_000)
    assert orders.start(a_parent(100_000), at(0)) == []
    bar = BarUpdate("BTCUSDT", 60_000, Bar(START_MS, 100, 101, 99, 100, 20.0), at(5))
    (place,) = orders.market(bar)
    assert (place.lots, place.mid) == (2_000, 0.0)  # a tenth of 20,000 lots
    assert orders.market(bar) == []
    longer = BarUpdate("BTCUSDT", 3_600_000, Bar(START_MS, 100, 101, 99, 100, 900.0), at(5))
    old = BarUpdate("BTCUSDT", 60_000, Bar(at(-60), 100, 101, 99, 100, 500.0), at(5))
    other = BarUpdate("ETHUSDT", 60_000, Bar(START_MS, 100, 101, 99, 100, 500.0), at(5))
    unknown = BarUpdate("XYZUSDT", 60_000, Bar(START_MS, 100, 101, 99, 100, 500.0), at(5))
    for event in (longer, old, other, unknown, Interrupted(at(5), "gap")):
        assert orders.market(event) == []
    quote = QuoteUpdate("BTCUSDT", Quote(at(6), 99.9, 3.0, 100.1, 4.0))
    assert orders.market(quote) == []
    more = BarUpdate("BTCUSDT", 60_000, Bar(START_MS, 100, 101, 99, 100, 30.0), at(7))
    (place,) = orders.market(more)
    assert (place.lots, place.mid) == (1_000, 100.0)
    assert place.half_spread == pytest.approx(0.1)


def test_the_usual_spread_is_that_of_the_quotes_before() -> None:
    orders = some_orders(algorithm="adaptive")
    orders.start(a_parent(1_000), at(0))
    rules = RULES["BTCUSDT"]

    def spread_of(seconds: float, half: float) -> float:
        sides = ((100 - half, 50.0),), ((100 + half, 50.0),)
        orders.market(BookUpdate(symbol="BTCUSDT", bids=sides[0], asks=sides[1], ts_ms=at(seconds)))
        book = orders.states["ar-parent"].book
        assert book is not None
        return book.usual_spread

    assert spread_of(0, 0.05) == 2 * rules.half_spread
    first = spread_of(10, 5.0)  # 0.1 % stood for ten seconds, which count a 61st
    assert first == pytest.approx(0.0002 + (0.001 - 0.0002) / 61)
    assert spread_of(20, 0.05) == pytest.approx(first + (0.1 - first) / 61)


def test_stopping_one_symbol_leaves_the_others() -> None:
    orders = some_orders(maker_first=True)
    for base, name in (("BTC", "ar-1"), ("ETH", "ar-2")):
        quote = QuoteUpdate(f"{base}USDT", Quote(at(0), 99.9, 3.0, 100.1, 4.0))
        orders.market(quote)
        (rest,) = orders.start(a_parent(parent_id=name, symbol=f"{base}USDT"), at(0))
        assert rest.style is Style.REST
    (cancel,) = orders.stop(at(1), "pause", "BTCUSDT")
    assert isinstance(cancel, Cancel)
    assert orders.stop(at(1), "pause", "BTCUSDT") == []
    records = through_json(orders.records())
    again = some_orders(records)
    assert again.states["ar-1"].stopped == "pause"
    assert not again.states["ar-2"].stopped
    gone = ChildUpdate(child_id=cancel.child_id, ms=at(2), evidence=Evidence.DONE)
    assert again.update(gone) == []
    assert list(again.states) == ["ar-2"]
    (end,) = [record for record in again.records() if record["kind"] == "algo_end"]
    (cost,) = again.finished()
    del end["kind"]
    assert shortfall_from(end) == cost
    assert cost.why == "pause"


def test_a_netted_order_that_was_cut_is_one_parent_again() -> None:
    requests = net_requests("BTCUSDT", 0, [Part(0, -25, 0)], START_MS, 10)
    parent = parent_of(requests, "BTCUSDT", decision_price=100.0, deadline_ms=at(10))
    assert (parent.lots, parent.parent_id) == (-25, requests[0].client_order_id)
    cross = net_requests("BTCUSDT", 0, [Part(0, 5, 0), Part(1, -5, 0)], START_MS, 10)
    with pytest.raises(ValueError, match="no netted market order"):
        parent_of(cross, "BTCUSDT", decision_price=100.0, deadline_ms=at(10))


def test_a_parent_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="lots must not be 0; decision_price must be positive"):
        a_parent(0, decision_price=float("nan"))
    with pytest.raises(ValueError, match="deadline_ms must lie after"):
        a_parent(seconds=0)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda records: records[1:], "never began"),
        (lambda records: [records[0], records[2], records[1]], "contradicts the journal"),
        (lambda records: [{**records[0], "lots": 0}], "cannot be read"),
        (lambda records: [{**records[0], "symbol": "XUSDT"}], "no instrument"),
        (lambda records: [records[0], {**records[1], "style": "odd"}], "cannot be read"),
    ],
)
def test_a_journal_that_contradicts_itself_is_refused(damage: Any, message: str) -> None:
    orders = some_orders()
    (place,) = orders.start(a_parent(), at(0))
    orders.update(ChildUpdate(child_id=place.child_id, ms=at(1), evidence=Evidence.OPEN))
    records = through_json(orders.records())
    with pytest.raises(JournalError, match=message):
        some_orders(damage([*records, {"kind": "orders"}][:3]))


def test_what_says_nothing_new_or_cannot_be_leaves_no_record() -> None:
    orders = some_orders()
    (place,) = orders.start(a_parent(), at(0))
    orders.records()
    partly = an_order(orders, place, 0.1, status=OrderStatus.PARTIALLY_FILLED, filled_qty=0.4)
    orders.heard(partly, fee=0.02)
    assert [record["kind"] for record in orders.records()] == ["algo_update"]
    orders.heard(replace(partly, updated_ms=at(0.5)), fee=0.02)
    assert orders.records() == []
    with pytest.raises(ValueError, match="2000 lots filled exceed"):
        orders.heard(an_order(orders, place, 0.2, filled_qty=2.0))
    assert orders.records() == []
    assert orders.unfilled("BTCUSDT") == 600


def test_a_parent_that_comes_after_its_deadline_ends_without_a_child() -> None:
    orders = some_orders()
    assert orders.start(a_parent(seconds=60), at(60)) == []
    (found,) = orders.finished()
    assert (found.why, found.filled, found.children) == ("deadline", 0, 0)
    assert [record["kind"] for record in orders.records()] == ["algo_parent", "algo_end"]


def test_an_end_that_was_not_written_comes_with_the_next_tick() -> None:
    orders = some_orders()
    (place,) = orders.start(a_parent(), at(0))
    orders.heard(an_order(orders, place, 1))
    records = through_json(orders.records())
    assert records[-1]["kind"] == "algo_end"
    again = some_orders(records[:-1])
    assert list(again.states) == ["ar-parent"]
    assert again.tick(at(2)) == []
    assert (again.states, again.finished()[0].filled) == ({}, 1_000)


def test_a_rejection_and_an_overdue_answer_are_told_as_such() -> None:
    orders = some_orders()
    (place,) = orders.start(a_parent(), at(0))
    orders.update(ChildUpdate(child_id=place.child_id, ms=at(1), evidence=Evidence.UNKNOWN))
    assert orders.in_doubt() == [("BTCUSDT", place.child_id)]
    refused = an_order(orders, place, 2, status=OrderStatus.REJECTED, filled_qty=0.0)
    orders.heard(refused)
    assert orders.in_doubt() == []
    (again,) = orders.tick(at(3))
    expired = an_order(orders, again, 4, status=OrderStatus.EXPIRED, filled_qty=0.25)
    (third,) = orders.heard(expired)
    assert (third.number, third.lots) == (2, 750)


def test_what_is_kept_of_the_past_is_bounded() -> None:
    """A thousand ended parents, a day of minutes."""
    orders = some_orders()
    for number in range(1_001):
        orders.start(a_parent(parent_id=f"ar-{number}", seconds=60), at(60))
    assert orders.start(a_parent(parent_id="ar-1"), at(0)) == []
    (again,) = orders.start(a_parent(parent_id="ar-0"), at(0))  # forgotten; the host knows it
    assert isinstance(again, Place)
    tally = VolumeTally()
    for minute in range(1_501):
        bar = Bar(minute * 60_000, 1.0, 1.0, 1.0, 1.0, 2.0)
        tally.see(BarUpdate("BTCUSDT", 60_000, bar, minute * 60_000))
    assert tally.since(0) == 3_000.0


def test_a_one_sided_book_says_nothing_about_the_spread() -> None:
    orders = some_orders(algorithm="adaptive")
    orders.start(a_parent(), at(0))
    bids = ((99.9, 5.0),)
    orders.market(BookUpdate(symbol="BTCUSDT", bids=bids, asks=(), ts_ms=at(1)))
    orders.market(BookUpdate(symbol="BTCUSDT", bids=bids, asks=((100.1, 5.0),), ts_ms=at(2)))
    book = orders.states["ar-parent"].book
    assert book is not None
    assert book.usual_spread == 2 * RULES["BTCUSDT"].half_spread
