"""One order at a time: what is done about it, and what is said when something is not ours."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from aster_ray.engine.journal import encode
from aster_ray.engine.messages import OrderBatch
from aster_ray.engine.venue_account import VenueAccount
from aster_ray.engine.venue_orders import Purpose, Slot
from aster_ray.errors import HaltedError, JournalError, RejectedError
from aster_ray.kernel.books import records
from aster_ray.kernel.records import INTENT
from aster_ray.model.enums import IntentKind, Side, Working
from aster_ray.model.order import OrderKind
from aster_ray.model.venue import FundingPayment, OrderTicket, OrderType, VenueTrade
from aster_ray.venues.live.reconcile import reconcile
from aster_ray.venues.live.trading import Trading
from aster_ray.venues.replay import ReplayFeed
from tests.aster_ray.venues.live.lives import QUICK, Life, LiveScene
from tests.factories import a_request

Scenario = Callable[[LiveScene, Life], Coroutine[Any, Any, None]]


def play(scenario: Scenario, **how: Any) -> None:
    """Run a scenario on a fresh account that has seen one close."""

    async def run() -> None:
        scene = LiveScene(7, 12, strategies=1, ladders=False, **how)
        life = scene.life
        scene.exchange.advance(int(scene.market.close_ms[scene.market.start]))
        life.venue.observe(ReplayFeed(scene.market).batch(0))
        life.venue.commit()
        await scenario(scene, life)

    asyncio.run(run())


@contextlib.asynccontextmanager
async def at_work(life: Life) -> AsyncIterator[asyncio.Future[None]]:
    """Let the workers run for the time of the block."""
    await life.trading.begin()
    work = asyncio.ensure_future(life.trading.run())
    try:
        yield work
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError, BaseExceptionGroup):
            await work


async def rest(life: Life) -> None:
    """Wait until nothing is left to do."""
    await asyncio.wait_for(life.trading.quiet(), 20.0)


def buy(
    life: Life,
    lots: int,
    *,
    stop: float = 0.05,
    seq: int = 0,
    close: int = 0,
    take_profit: float = np.nan,
) -> str:
    """Order lots for the first sleeve, as the risk desk would; return the order's id."""
    intents = records(1, INTENT)
    intents["kind"], intents["lots"], intents["close_lots"] = IntentKind.MARKET, lots, close
    intents["stop"], intents["take_profit"], intents["units"] = stop, take_profit, 1.0
    close_ms = life.venue.report.close_ms
    known = f"ar-test-{seq}"
    orders = OrderBatch(seq, close_ms, intents, 0.0, 0.0, 0)
    life.venue.submit(orders, [a_request(known, lots=lots, decided_ms=close_ms)])
    life.venue.commit()
    return known


def test_a_position_gets_its_stop_and_loses_it_with_the_position() -> None:
    async def scenario(scene: LiveScene, life: Life) -> None:
        async with at_work(life):
            buy(life, 5)
            await rest(life)
            (stop,) = life.client.account.resting("BTCUSDT")
            assert (stop.left, stop.request.reduce_only, stop.request.side) == (5, True, Side.SELL)
            life.venue.observe(ReplayFeed(scene.market).batch(1))
            buy(life, -5, seq=1, close=-5)
            await rest(life)
            assert life.client.account.resting("BTCUSDT") == []
        assert life.venue.account.position(0) == 0

    play(scenario)


def test_what_no_stop_can_protect_is_closed_at_market() -> None:
    """The stop's level lies where the price is already."""

    async def scenario(_scene: LiveScene, life: Life) -> None:
        async with at_work(life):
            buy(life, 5, stop=0.0)
            await rest(life)
        assert life.client.account.position("BTCUSDT").lots == 0
        ended = life.venue.account.finished.values()
        assert any("-2021" in how for how in ended)
        kinds = [order.request.kind.value for order in life.client.account.orders.values()]
        assert kinds == ["MARKET", "MARKET"]

    play(scenario)


def test_a_venue_that_takes_neither_stop_nor_close_is_asked_again_in_time_not_at_once() -> None:
    """As where the price leapt beyond the stop and too far from the mark for a market order."""

    async def scenario(scene: LiveScene, life: Life) -> None:
        place, asked = life.client.place, []

        async def closed(ticket: OrderTicket) -> Any:
            if ticket.type is OrderType.MARKET and ticket.reduce_only and len(asked) < 6:
                asked.append(ticket)
                raise RejectedError("-4131 too far from the mark", "percent price")
            return await place(ticket)

        life.client.place = closed  # type: ignore[method-assign]
        async with at_work(life):
            buy(life, 5, stop=0.0)
            await rest(life)  # where time stands still nobody waits for what only time can change
            assert len(asked) < 6
            assert life.client.account.position("BTCUSDT").lots == 5
            for _ in range(1000):
                if not life.client.account.position("BTCUSDT").lots:
                    break
                await asyncio.sleep(0.01)
        assert len(asked) == 6
        assert life.client.account.position("BTCUSDT").lots == 0

    play(scenario)


@pytest.mark.parametrize(("away", "resting"), [(0.01, 2), (0.03, 1)])
def test_a_limit_beyond_the_venues_band_waits_for_the_price(away: float, resting: int) -> None:
    async def scenario(scene: LiveScene, life: Life) -> None:
        async with at_work(life):
            buy(life, 5, take_profit=away)
            await rest(life)
            assert len(life.client.account.resting("BTCUSDT")) == resting
            goal = float(life.venue.account.book.sleeves[0]["take_profit"])
            batch = ReplayFeed(scene.market).batch(1)
            batch.bars[0, :7] = goal * 0.99  # the price came nearer
            scene.exchange.floor.listings["BTCUSDT"].mark = int(goal * 0.99 * 1e8)
            life.venue.observe(batch)
            await rest(life)
            assert len(life.client.account.resting("BTCUSDT")) == 2
        assert not [how for how in life.venue.account.finished.values() if "-40" in how]

    play(scenario)


def test_an_order_that_does_not_fit_is_over_and_the_risk_desk_hears_of_it() -> None:
    async def scenario(scene: LiveScene, life: Life) -> None:
        async with at_work(life):
            known = buy(life, 50_000)  # beyond all margin
            await rest(life)
        assert "-2019" in life.venue.account.finished[known]
        report = life.venue.observe(ReplayFeed(scene.market).batch(1))
        assert report.working.tolist() == [Working.ENDED, Working.NONE]
        assert len(report.fills) == 0

    play(scenario)


def test_an_order_under_way_at_the_next_close_is_in_doubt() -> None:
    async def scenario(scene: LiveScene, life: Life) -> None:
        known = buy(life, 5)
        report = life.venue.observe(ReplayFeed(scene.market).batch(1))
        assert report.working.tolist() == [Working.IN_DOUBT, Working.NONE]
        with pytest.raises(JournalError, match="while its last ones are at the venue"):
            buy(life, 5, seq=1)
        async with at_work(life):
            await rest(life)
        assert life.venue.account.finished[known].startswith("too late")
        assert life.client.account.orders == {}

    play(scenario)


def test_orders_meant_for_a_position_that_its_stop_closed_do_not_open_another() -> None:
    async def scenario(scene: LiveScene, life: Life) -> None:
        async with at_work(life):
            buy(life, 5)
            await rest(life)
            lots = life.client.account.position("BTCUSDT").lots
            assert lots == 5
            ticket = OrderTicket(
                symbol="BTCUSDT",
                client_order_id=next(iter(life.venue.account.orders)) + "x",
                side=Side.SELL,
                type=OrderType.MARKET,
                qty=0.005,
            )
            # Somebody else closes it: the books differ until a person looks.
            await life.client.place(ticket)
            life.client.pump()
            await asyncio.sleep(0.1)
        assert life.venue.account.foreign == {0: -5}
        report = life.venue.observe(ReplayFeed(scene.market).batch(1))
        assert report.working[0] == Working.IN_DOUBT

    play(scenario)


def test_what_others_placed_is_found_and_left() -> None:
    async def scenario(_scene: LiveScene, life: Life) -> None:
        ticket = OrderTicket(
            symbol="BTCUSDT",
            client_order_id="by-hand",
            side=Side.BUY,
            type=OrderType.LIMIT,
            qty=0.001,
            price=98_000.0,
        )
        await life.client.place(ticket)
        found = await reconcile(life.venue, life.client, 0)
        assert [order.client_order_id for order in found.external] == ["by-hand"]
        assert not found.is_clean

    play(scenario)


def test_who_may_not_send_does_not() -> None:
    async def scenario(_scene: LiveScene, life: Life) -> None:
        def forbidden() -> None:
            raise HaltedError("another executor has the account")

        life.trading = Trading(life.venue, life.client, 0, patience=QUICK, permit=forbidden)
        async with at_work(life) as work:
            buy(life, 5)
            with pytest.raises(ExceptionGroup) as raised:
                await asyncio.wait_for(work, 5.0)
        assert raised.group_contains(HaltedError)
        assert life.client.account.orders == {}

    play(scenario)


def test_funding_counts_once() -> None:
    async def scenario(_scene: LiveScene, life: Life) -> None:
        payment = FundingPayment(
            symbol="BTCUSDT", payment_id="1", amount=1.5, asset="USDT", ts_ms=1
        )
        life.venue.hear_funding(payment)
        life.venue.hear_funding(payment)
        life.venue.foreign(1, 0)
        assert life.venue.account.book.account["funding"][0] == 1.5

    play(scenario)


def test_an_id_is_used_once() -> None:
    async def scenario(_scene: LiveScene, life: Life) -> None:
        known = buy(life, 5)
        intents = records(1, INTENT)
        again = OrderBatch(1, 0, intents, 0.0, 0.0, 0)
        with pytest.raises(RejectedError, match=known):
            life.venue.submit(again, [a_request(known)])
        life.venue.submit(again._replace(seq=0), [])  # taken before: ignored
        assert life.venue.accepted == 0

    play(scenario)


def test_crossing_sleeves_need_no_venue() -> None:
    async def scenario(scene: LiveScene, life: Life) -> None:
        account = VenueAccount(scene.setup, 10_000.0, "cross")
        account.book.positions["last"] = 100.0
        account.book.sleeves["lots"][0] = 5
        account.book.positions["lots"][0] = 5
        intents = records(1, INTENT)
        intents["kind"], intents["lots"], intents["close_lots"] = IntentKind.MARKET, -9, -9
        life.venue.account = account
        orders = OrderBatch(0, 0, intents, 0.0, 0.0, 0)
        life.venue.submit(orders, [a_request("ar-c", lots=-9, kind=OrderKind.CROSS)])
        # Only what is held can be closed; without an order at the venue nothing was.
        assert account.position(0) == 5
        assert account.parents == {}

    play(scenario)


def test_a_record_of_another_kind_is_refused() -> None:
    async def scenario(_scene: LiveScene, life: Life) -> None:
        with pytest.raises(JournalError, match="record of kind 'weather'"):
            life.venue.account.apply({"kind": "weather"})
        with pytest.raises(JournalError, match="venue saw close 0, then 7"):
            life.venue.account.apply(
                {"kind": "bars", "seq": 7, "open_ms": 0, "close_ms": 0, "bars": encode(np.zeros(2))}
            )

    play(scenario)


def test_ids_differ_between_sessions_and_slots() -> None:
    scene = LiveScene(1, 6)
    one, other = (VenueAccount(scene.setup, 1.0, name) for name in ("one", "other"))
    slots = [Slot(Purpose.STOP, 0), Slot(Purpose.STOP, 1), Slot(Purpose.ENTRY, 0, 0, 3)]
    ids = {account.next_id(slot)[0] for account in (one, other) for slot in slots}
    assert len(ids) >= 4


def test_the_port_takes_what_comes_twice_and_refuses_what_comes_out_of_turn() -> None:
    async def scenario(scene: LiveScene, life: Life) -> None:
        batches = ReplayFeed(scene.market)
        report = life.venue.observe(batches.batch(1))
        assert life.venue.observe(batches.batch(1)) is report
        with pytest.raises(JournalError, match="venue saw close 1, then 3"):
            life.venue.observe(batches.batch(3))
        nothing = OrderBatch(1, report.close_ms, records(0, INTENT), 0.0, 0.0, 0)
        known = len(life.venue.account.orders)
        for _ in range(2):
            life.venue.submit(nothing)
        assert life.venue.accepted == 1
        assert len(life.venue.account.orders) == known

    play(scenario)


def test_an_execution_of_another_contract_or_nobodys_order_is_not_ours() -> None:
    def traded(**fields: Any) -> VenueTrade:
        given = {
            "symbol": "BTCUSDT", "trade_id": "9", "venue_order_id": "77", "client_order_id": "",
            "side": Side.BUY, "qty": 0.005, "price": 100_000.0, "fee": 0.1, "fee_asset": "USDT",
            "maker": False, "ts_ms": 1, **fields,
        }  # fmt: skip
        return VenueTrade(**given)

    async def scenario(_scene: LiveScene, life: Life) -> None:
        known = buy(life, 5)
        assert not life.venue.hear_trade(traded(symbol="SHIBUSDT"))
        assert not life.venue.hear_trade(traded())
        life.venue.hear_funding(
            FundingPayment(
                symbol="SHIBUSDT", payment_id="1", amount=1.0, asset="USDT", ts_ms=1
            )
        )  # fmt: skip
        assert not life.venue.account.booked.trades
        with capture_logs() as told:
            assert life.venue.hear_trade(traded(client_order_id=known, fee_asset="BNB"))
        assert [row["asset"] for row in told if row["event"] == "fee_in_other_asset"] == ["BNB"]

    play(scenario)
