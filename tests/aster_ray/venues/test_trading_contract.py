"""What every account at a venue does, through Aster's own requests and through ccxt's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from aster_ray.errors import (
    AsterError,
    BadInputError,
    OutcomeUnknownError,
    RejectedError,
    RetryableError,
)
from aster_ray.model.enums import Side
from aster_ray.model.venue import (
    FundingPayment,
    OrderStatus,
    OrderTicket,
    OrderType,
    TimeInForce,
    VenueOrder,
)
from aster_ray.venues.aster.dialect import WEEK_MS
from tests.aster_ray.venues.connected import trading, trading_generic
from tests.aster_ray.venues.simulator.scenes import START_MS, a_market
from tests.aster_ray.venues.simulator.served import Venue

CLIENTS = {"aster": trading, "generic": trading_generic}
Scenario = Callable[..., Coroutine[Any, Any, None]]


@pytest.fixture(params=list(CLIENTS))
def play(request: pytest.FixtureRequest) -> Callable[..., None]:
    def play(scenario: Scenario, **how: Any) -> None:
        async def run() -> None:
            async with CLIENTS[request.param](**how) as (venue, client):
                await scenario(venue, client)

        asyncio.run(run())

    return play


def a_ticket(name: str, side: Side = Side.BUY, qty: float = 0.05, **fields: Any) -> OrderTicket:
    fields = {"type": OrderType.MARKET, **fields}
    return OrderTicket(symbol="BTCUSDT", client_order_id=name, side=side, qty=qty, **fields)


def a_limit(name: str, price: float = 99_000.0, **fields: Any) -> OrderTicket:
    return a_ticket(name, type=OrderType.LIMIT, price=price, **fields)


async def settled(client: Any, name: str) -> VenueOrder:
    """Return an order once it has ended."""
    for _ in range(200):
        found: VenueOrder | None = await client.order("BTCUSDT", name)
        if found is not None and found.status.is_final:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"order {name} is still open")


async def fails(act: Coroutine[Any, Any, Any]) -> AsterError:
    with pytest.raises(AsterError) as raised:
        await act
    return raised.value


def test_an_order_lives_and_is_told_of(play: Any) -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        placed = await client.place(a_limit("rest", time_in_force=TimeInForce.GTX))
        assert (placed.status, placed.qty, placed.price) == (OrderStatus.NEW, 0.05, 99_000.0)
        (resting,) = await client.open_orders()
        assert resting == await client.order("BTCUSDT", "rest")
        assert resting.client_order_id == "rest"
        assert resting.venue_order_id == placed.venue_order_id
        assert (resting.side, resting.type) == (Side.BUY, OrderType.LIMIT)
        assert (resting.average_price, resting.trigger_price) == (None, None)
        gone = await client.cancel("BTCUSDT", "rest")
        assert gone.status is OrderStatus.CANCELED
        assert await client.cancel("BTCUSDT", "rest") is None
        assert await client.open_orders() == []
        assert await client.order("BTCUSDT", "never") is None
        assert await client.cancel("BTCUSDT", "never") is None

    play(scenario)


def test_a_fill_is_seen_in_orders_trades_positions_and_balance(play: Any) -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.set_leverage("BTCUSDT", 10)
        await client.set_leverage("BTCUSDT", 10)
        for isolated in (True, True, False, False):
            await client.set_margin_mode("BTCUSDT", isolated=isolated)
            assert ("BTCUSDT" in venue.account.isolated) is isolated
        before = await client.balance()
        assert (before.asset, before.wallet, before.available) == ("USDT", 10_000.0, 10_000.0)
        taken = await client.place(a_ticket("buy"))
        done = await settled(client, "buy")
        assert (done.status, done.filled_qty) == (OrderStatus.FILLED, 0.05)
        assert done.venue_order_id == taken.venue_order_id
        (position,) = await client.positions()
        assert (position.symbol, position.qty, position.leverage) == ("BTCUSDT", 0.05, 10.0)
        assert position.entry_price == pytest.approx(done.average_price)
        assert not position.isolated
        trades = await client.trades("BTCUSDT", 0)
        assert sum(trade.qty for trade in trades) == pytest.approx(0.05)
        assert {trade.venue_order_id for trade in trades} == {done.venue_order_id}
        assert all(trade.fee > 0.0 and trade.fee_asset == "USDT" for trade in trades)
        paid = sum(fill.commission for fill in venue.account.fills) / 1e8
        assert sum(trade.fee for trade in trades) == pytest.approx(paid)
        after = await client.balance()
        assert after.wallet == pytest.approx(10_000.0 - paid)
        assert after.equity == pytest.approx(after.wallet + position.unrealized, abs=2.0)
        assert after.available < after.wallet
        await client.place(a_ticket("sell", Side.SELL, reduce_only=True))
        await settled(client, "sell")
        assert await client.positions() == []

    play(scenario)


STOPS = [
    (OrderType.STOP_MARKET, Side.SELL, {"trigger_price": 99_000.0, "reduce_only": True}),
    (OrderType.TAKE_PROFIT_MARKET, Side.SELL, {"trigger_price": 101_000.0, "reduce_only": True}),
    (
        OrderType.STOP,
        Side.SELL,
        {"trigger_price": 99_000.0, "price": 98_900.0, "reduce_only": True},
    ),
    (OrderType.STOP_MARKET, Side.BUY, {"trigger_price": 101_000.0}),
]


def test_conditional_orders_rest_until_their_price(play: Any) -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.place(a_ticket("open", qty=0.1))
        await settled(client, "open")
        for number, (kind, side, fields) in enumerate(STOPS):
            name = f"stop-{number}"
            ticket = a_ticket(name, side, 0.02, type=kind, on_mark=number % 2 == 0, **fields)
            assert (await client.place(ticket)).status is OrderStatus.NEW
            found = await client.order("BTCUSDT", name)
            assert (found.type, found.side, found.qty) == (kind, side, 0.02)
            assert (found.trigger_price, found.price) == (ticket.trigger_price, ticket.price)
            assert found.reduce_only == ticket.reduce_only
        resting = venue.account.resting()
        assert [order.request.kind.value for order in resting] == [
            kind.name for kind, _, _ in STOPS
        ]
        assert [order.request.working.value == "MARK_PRICE" for order in resting] == [
            True, False, True, False,
        ]  # fmt: skip
        assert (await client.cancel("BTCUSDT", "stop-0")).status is OrderStatus.CANCELED

    play(scenario)


def test_trades_are_paged_without_loss_or_repetition(play: Any) -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        client._dialect.page = 3
        for number in range(8):
            side = Side.BUY if number % 2 == 0 else Side.SELL
            await client.place(a_ticket(f"t{number}", side, 0.01))
            await settled(client, f"t{number}")
        every = [fill.trade_id for fill in venue.account.fills]
        assert len(every) >= 8
        found = await client.trades("BTCUSDT", 0)
        assert [int(trade.trade_id) for trade in found] == every
        middle = venue.account.fills[4].ms
        later = await client.trades("BTCUSDT", middle)
        assert [int(trade.trade_id) for trade in later] == [
            fill.trade_id for fill in venue.account.fills if fill.ms >= middle
        ]
        assert await client.trades("BTCUSDT", venue.account.fills[-1].ms + 1) == []

    play(scenario)


def test_a_page_of_trades_that_repeats_is_said(play: Any) -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.place(a_ticket("once"))
        await settled(client, "once")
        page = await client._dialect.trades(await client._listings.market("BTCUSDT"), 0, None)

        async def same(*_: Any) -> Any:
            return page

        client._dialect.page, client._dialect.trades = len(page), same
        with capture_logs() as told:
            assert len(await client.trades("BTCUSDT", 0)) == len(venue.account.fills)
        assert [(row["event"], row["what"]) for row in told] == [
            ("page_repeats", "trades of BTCUSDT")
        ]

    play(scenario)


def settlement(number: int, ts_ms: int) -> FundingPayment:
    return FundingPayment(
        symbol="BTCUSDT", payment_id=str(number), amount=1.0, asset="USDT", ts_ms=ts_ms
    )


def test_settlements_are_asked_for_page_by_page_and_a_page_that_repeats_is_said(play: Any) -> None:
    async def scenario(_: Venue, client: Any) -> None:
        every = [settlement(n, 100 + n // 2) for n in range(9)]

        async def page(since_ms: int) -> list[FundingPayment]:
            return [paid for paid in every if paid.ts_ms >= since_ms][:3]

        client._dialect.page, client._dialect.payments = 3, page
        with capture_logs() as told:
            assert await client.funding_payments(101) == every[2:]
        assert not told
        every = [settlement(n, 100) for n in range(9)]
        with capture_logs() as told:
            assert await client.funding_payments(100) == every[:3]
        assert [(row["event"], row["what"]) for row in told] == [
            ("page_repeats", "funding payments")
        ]

    play(scenario)


def test_funding_that_was_paid_is_listed(play: Any) -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.place(a_ticket("long", qty=0.1))
        await settled(client, "long")
        for _ in range(200):
            found = await client.funding_payments(0)
            if found:
                break
            await asyncio.sleep(0.02)
        (payment,) = found
        (row,) = [row for row in venue.account.income if row.kind.value == "FUNDING_FEE"]
        assert payment.symbol == "BTCUSDT"
        assert payment.amount == pytest.approx(-row.amount / 1e8)
        assert payment.amount > 0.0
        assert payment.ts_ms == row.ms
        assert await client.funding_payments(row.ms + 1) == []

    market = a_market(minutes=200, funding=0.001)
    play(scenario, market=market, speed=2000.0, step_ms=60_000, config={"timeout_s": 5.0})


def test_quantities_and_prices_go_out_as_exact_text(play: Any) -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        for number in range(1, 30):
            qty = number * 0.001  # 0.029 is 0.028999999999999998 as a float
            await client.place(a_limit(f"x{number}", 99_000.0 + number * 0.1, qty=qty))
        sent = [
            row.params
            for row in venue.desk.requests
            if row.method == "POST" and row.path.endswith("/order")
        ]
        for number, params in enumerate(sent, 1):
            assert Decimal(params["quantity"]) == number * Decimal("0.001")
            assert Decimal(params["price"]) == 99_000 + number * Decimal("0.1")
        assert len(sent) == 29

    play(scenario)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"qty": 5.0}, "-2019"),
    ({"qty": 0.0}, "quantity"),
    ({"qty": 0.0005}, "quantity"),
    ({"qty": 0.0015}, "quantity"),
    ({"type": OrderType.LIMIT}, "price"),
    ({"type": OrderType.STOP_MARKET}, "trigger_price"),
    ({"type": OrderType.LIMIT, "price": 103_000.0}, "-4016"),
    ({"side": Side.SELL, "reduce_only": True}, "-2022"),
    ({"type": OrderType.STOP_MARKET, "trigger_price": 99_000.0}, "-2021"),
    ({"type": OrderType.TRAILING_STOP_MARKET, "trigger_price": 99_000.0}, "type"),
]


def test_what_is_refused_is_refused_with_the_venues_code(play: Any) -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        for number, (fields, code) in enumerate(REFUSED):
            error = await fails(client.place(a_ticket(f"no{number}", **fields)))
            assert isinstance(error, RejectedError), (fields, error)
            assert error.code == code, (fields, error)
            assert f"no{number}" in str(error)
        assert venue.account.orders == {}

    play(scenario)


UNKNOWN, AGAIN, NO, PERSON = OutcomeUnknownError, RetryableError, RejectedError, BadInputError
# kind, fields -> what it means for an order, a cancel and a question.
FAULTS: list[tuple[str, dict[str, Any], tuple[type[AsterError], ...]]] = [
    ("json", {"status": 429, "code": -1003}, (AGAIN, AGAIN, AGAIN)),
    ("json", {"status": 418, "code": -1003}, (AGAIN, AGAIN, AGAIN)),
    ("json", {"status": 429, "code": -1015}, (AGAIN, AGAIN, AGAIN)),
    ("json", {"status": 503, "code": -1000}, (UNKNOWN, UNKNOWN, AGAIN)),
    ("json", {"status": 400, "code": -1001}, (UNKNOWN, UNKNOWN, AGAIN)),
    ("json", {"status": 500, "code": -1006}, (UNKNOWN, UNKNOWN, AGAIN)),
    ("json", {"status": 400, "code": -1007}, (UNKNOWN, UNKNOWN, AGAIN)),
    ("json", {"status": 500, "code": -9999}, (UNKNOWN, UNKNOWN, AGAIN)),
    ("json", {"status": 400, "code": -2015}, (PERSON, PERSON, PERSON)),
    ("json", {"status": 401, "code": -1022}, (PERSON, PERSON, PERSON)),
    ("json", {"status": 400, "code": -2025}, (NO, NO, NO)),
    ("json", {"status": 400, "code": -4045}, (NO, NO, NO)),
    ("json", {"status": 400, "code": -1102}, (NO, NO, NO)),
    ("json", {"status": 400, "code": -4225}, (UNKNOWN, UNKNOWN, AGAIN)),
    ("html", {"status": 502}, (UNKNOWN, UNKNOWN, AGAIN)),
    ("html", {"status": 504}, (UNKNOWN, UNKNOWN, AGAIN)),
    ("html", {"status": 403}, (AGAIN, AGAIN, AGAIN)),
    ("html", {"status": 418}, (AGAIN, AGAIN, AGAIN)),
    ("html", {"status": 200}, (UNKNOWN, UNKNOWN, AGAIN)),
    ("reset", {"count": 2}, (UNKNOWN, UNKNOWN, AGAIN)),
    ("lost_ack", {"count": 2}, (UNKNOWN, UNKNOWN, AGAIN)),
    ("slow", {"seconds": 0.8}, (UNKNOWN, UNKNOWN, AGAIN)),
    ("slow_ack", {"seconds": 0.8}, (UNKNOWN, UNKNOWN, AGAIN)),
]


def test_a_fault_is_named_by_what_it_leaves_to_do(play: Any) -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        exchange = client._gateway.exchange
        budget = exchange.wire._turnstile.budget
        for number, (kind, fields, families) in enumerate(FAULTS):
            there, new = f"there-{number}", f"new-{number}"
            exchange.timeout = 10_000
            await client.place(a_limit(there, qty=0.001))
            exchange.timeout = 400 if kind.startswith("slow") else 10_000
            acts = (
                ("POST", partial(client.place, a_limit(new, 99_001.0, qty=0.001)), new),
                ("DELETE", partial(client.cancel, "BTCUSDT", there), there),
                ("GET", partial(client.order, "BTCUSDT", there), there),
            )
            for (method, act, name), family in zip(acts, families, strict=True):
                await venue.fault(kind, "/order", method=method, **fields)
                error = await fails(act())
                assert type(error) is family, (kind, fields, method, error)
                assert name in str(error)
                await venue.control("DELETE", "faults")
                budget.pardon()
        ids = [order.request.client_id for order in venue.account.orders.values()]
        assert len(ids) == len(set(ids))  # nothing was sent twice

    play(scenario)


@pytest.mark.parametrize(
    "fault", [{"kind": "lost_ack"}, {"kind": "slow_ack", "seconds": 1.0}], ids=lambda f: f["kind"]
)
def test_an_order_whose_answer_is_lost_is_found_by_its_id(play: Any, fault: Any) -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.open_orders()
        exchange, fields = client._gateway.exchange, dict(fault)
        await venue.fault(fields.pop("kind"), "/order", method="POST", **fields)
        ticket = a_limit("once")
        exchange.timeout = 500
        assert type(await fails(client.place(ticket))) is OutcomeUnknownError
        exchange.timeout = 10_000
        found = await client.order("BTCUSDT", "once")
        assert found.status is OrderStatus.NEW
        # Sent again all the same, the order that is there answers.
        assert (await client.place(ticket)).venue_order_id == found.venue_order_id
        assert len(venue.account.orders) == 1

    play(scenario)


def test_an_id_that_exists_but_cannot_be_asked_for_stays_unknown(play: Any) -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.place(a_limit("once"))
        await venue.fault("html", "/order", method="GET", status=502)
        error = await fails(client.place(a_limit("once")))
        assert type(error) is OutcomeUnknownError
        assert "-4116" in str(error)

    play(scenario)


def test_a_clock_that_is_wrong_is_blamed(play: Any) -> None:
    async def scenario(venue: Venue, client: Any) -> None:
        await client.balance()
        for skew, way in ((30_000, "30.0 s behind"), (-30_000, "30.0 s ahead of")):
            await venue.control("POST", "clock", {"skew_ms": skew})
            for act in (client.balance(), client.place(a_limit("late"))):
                error = await fails(act)
                assert type(error) is BadInputError
                assert "clock" in str(error)
                assert way.split()[2] in str(error)
        assert venue.account.orders == {}

    play(scenario)


def test_the_dead_mans_switch_can_be_set_and_called_off() -> None:
    async def scenario() -> None:
        async with trading() as (venue, client):
            await client.place(a_limit("held"))
            await client.cancel_all_after("BTCUSDT", 60_000)
            assert list(venue.desk.deadlines)
            await client.cancel_all_after("BTCUSDT", 0)
            assert not list(venue.desk.deadlines)

    asyncio.run(scenario())


def test_an_account_in_hedge_mode_is_refused() -> None:
    async def scenario() -> None:
        async with trading() as (_venue, client):
            exchange = client._gateway.exchange  # type: ignore[attr-defined]
            await exchange.set_position_mode(True)
            order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
            await exchange.fapiPrivatePostV3Order({**order, "positionSide": "LONG"})
            await asyncio.sleep(0.05)
            error = await fails(client.positions())
            assert type(error) is BadInputError
            assert "one-way mode" in str(error)

    asyncio.run(scenario())


def test_half_a_year_is_searched_for_trades_and_no_more() -> None:
    async def scenario() -> None:
        async with trading() as (venue, client):
            await client.balance()
            count = len(venue.desk.requests)
            assert await client.trades("BTCUSDT", 0) == []
            assert len(venue.desk.requests) - count <= 29  # rules, and 26 weeks
            await client.place(a_ticket("late"))
            await settled(client, "late")
            # The venue looks at one week from a time on.
            dialect = client._dialect  # type: ignore[attr-defined]
            ask = dialect._exchange.fapiPrivateGetV3UserTrades

            async def one_week(params: Any) -> Any:
                if "startTime" in params:
                    params = {**params, "endTime": params["startTime"] + WEEK_MS - 1}
                return await ask(params)

            dialect._exchange.fapiPrivateGetV3UserTrades = one_week
            for since_ms in (0, START_MS - 3 * WEEK_MS, START_MS):
                assert len(await client.trades("BTCUSDT", since_ms)) == len(venue.account.fills)

    asyncio.run(scenario())
