"""What others do to the account: left alone and named, or taken over; and everything closed."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import numpy as np
import pytest

from aster_ray.engine.adoption import shares_of
from aster_ray.engine.messages import SignalBatch, VenueReport
from aster_ray.engine.venue_account import VenueAccount
from aster_ray.engine.venue_orders import WITHHELD
from aster_ray.engine.wire import one_row
from aster_ray.kernel.records import MARK_CLOSE
from aster_ray.model.enums import ExitReason, FillKind, Side, TradingState, Working
from aster_ray.model.venue import OrderTicket, OrderType
from aster_ray.venues.live.dry import DryClient
from aster_ray.venues.live.trading import Trading
from aster_ray.venues.replay import ReplayFeed
from tests.aster_ray.venues.live.lives import CAPITAL, QUICK, Life, LiveScene
from tests.aster_ray.venues.live.test_trading import at_work, buy, play, rest

BTC = "BTCUSDT"


def by_hand(side: Side, qty: float, price: float | None = None) -> OrderTicket:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    known = f"by-hand-{side.name}-{qty}"
    return OrderTicket(
        symbol=BTC, client_order_id=known, side=side, type=kind, qty=qty, price=price
    )


async def settled(life: Life) -> None:
    """Let the exchange's word arrive, and a comparison pass."""
    life.client.pump()
    await life.trading.compare()
    await asyncio.sleep(0.05)


def conclude(scene: LiveScene, life: Life, report: VenueReport) -> None:
    """Let the desks see a close without a wish of any strategy."""
    batch = ReplayFeed(scene.market).batch(report.seq)
    row = one_row(scene.signals, scene.market.start + report.seq)
    quiet = row._replace(code=np.zeros_like(row.code))
    life.execution.desk.on_report(report)
    life.risk.desk.on_close(SignalBatch(batch, quiet, 0), report)


def begin_risk(scene: LiveScene, life: Life) -> None:
    conclude(scene, life, life.venue.report)


def same_books(life: Life) -> None:
    """Assert that risk desk and account came to the same bits."""
    ours, theirs = life.risk.desk.book, life.venue.account.book
    for field in ("lots", "entry_price", "entry_ms", "stop", "units", "unit_lots", "realized"):
        one, other = ours.sleeves[field], theirs.sleeves[field]
        assert one.tobytes() == other.tobytes(), (field, one, other)
    assert ours.positions["lots"].tolist() == theirs.positions["lots"].tolist()
    assert ours.account["wallet"][0] == theirs.account["wallet"][0]


def reborn(scene: LiveScene) -> VenueAccount:
    """Return the account as its log makes it."""
    account = VenueAccount(scene.setup, CAPITAL, "scene")
    account.warm_up(scene.market)
    for record in scene.disks[2].kept:
        account.apply(record)
    return account


def test_what_is_left_is_named_not_touched_and_its_symbol_not_traded() -> None:
    async def scenario(scene: LiveScene, life: Life) -> None:
        async with at_work(life):
            await life.client.place(by_hand(Side.BUY, 0.02))
            await life.client.place(by_hand(Side.BUY, 0.001, 98_000.0))
            await settled(life)
            for seq in (1, 2):
                report = life.venue.observe(ReplayFeed(scene.market).batch(seq))
                assert report.working.tolist() == [Working.IN_DOUBT, Working.NONE]
                assert len(report.fills) == 0
            await rest(life)
        assert life.trading.finding is not None
        assert dict(life.trading.finding.positions) == {BTC: 20}
        (resting,) = life.client.account.resting(BTC)
        assert resting.request.client_id.startswith("by-hand")
        assert life.client.account.position(BTC).lots == 20

    play(scenario)


def adopting(life: Life, after_s: float = 0.0) -> None:
    life.venue.others.adopts, life.venue.others.after_s = True, after_s


def test_what_is_adopted_is_protected_and_both_desks_book_it_alike() -> None:
    async def scenario(scene: LiveScene, life: Life) -> None:
        begin_risk(scene, life)
        adopting(life)
        async with at_work(life):
            await life.client.place(by_hand(Side.BUY, 0.02))
            await life.client.place(by_hand(Side.BUY, 0.001, 98_000.0))
            await settled(life)
            batch = ReplayFeed(scene.market).batch(1)
            report = life.venue.observe(batch)
            assert report.working.tolist() == [Working.ENDED, Working.NONE]
            (fill,) = report.fills
            price = batch.bars[0, MARK_CLOSE]
            assert (fill["kind"], fill["lots"], fill["price"]) == (FillKind.MARKET, 20, price)
            assert (fill["fee"], fill["ms"]) == (0.0, batch.close_ms)
            conclude(scene, life, report)
            same_books(life)
            sleeve = life.risk.desk.book.sleeves[0]
            risk = scene.setup.limits[0]["max_position_risk"]
            assert sleeve["stop"] == pytest.approx(price * (1.0 - risk), abs=0.1)
            assert sleeve["entry_ms"] == batch.close_ms  # the holding limit counts from here
            await rest(life)
            (stop,) = life.client.account.resting(BTC)  # the order by hand is withdrawn
            assert (stop.left, stop.request.reduce_only, stop.request.side) == (20, True, Side.SELL)
            again = life.venue.observe(ReplayFeed(scene.market).batch(2))
            assert (len(again.fills), again.is_empty) == (0, True)
            life.venue.commit()
        orders = [order.request.kind.value for order in life.execution.desk.orders.values()]
        assert "market" in orders
        again_there = reborn(scene)
        assert again_there.position(0) == 20
        sleeves = life.venue.account.book.sleeves
        assert again_there.book.sleeves.tobytes() == sleeves.tobytes()

    play(scenario)


def test_a_position_that_somebody_else_closes_is_closed_for_us_too() -> None:
    async def scenario(scene: LiveScene, life: Life) -> None:
        adopting(life)
        async with at_work(life):
            buy(life, 5)
            await rest(life)
            life.venue.observe(ReplayFeed(scene.market).batch(1))
            await life.client.place(by_hand(Side.SELL, 0.008))
            await settled(life)
            report = life.venue.observe(ReplayFeed(scene.market).batch(2))
            closing, opening = report.fills
            assert (closing["lots"], closing["reason"]) == (-5, ExitReason.OPERATOR)
            assert (opening["lots"], opening["reason"]) == (-3, 0)
            assert opening["stop"] > opening["price"]
            await rest(life)
            (stop,) = life.client.account.resting(BTC)
            assert (stop.left, stop.request.side) == (3, Side.BUY)
        assert life.venue.account.position(0) == -3

    play(scenario)


def test_nothing_is_adopted_before_its_time_or_beside_orders_under_way() -> None:
    async def scenario(scene: LiveScene, life: Life) -> None:
        adopting(life, after_s=3600.0)
        async with at_work(life):
            await life.client.place(by_hand(Side.SELL, 0.02))
            await settled(life)
            report = life.venue.observe(ReplayFeed(scene.market).batch(1))
            assert report.working[0] == Working.IN_DOUBT
            life.venue.others.after_s = 0.0
            life.venue.account.ended.add(0)
            report = life.venue.observe(ReplayFeed(scene.market).batch(2))
            assert report.working[0] == Working.IN_DOUBT
            batch = ReplayFeed(scene.market).batch(3)
            batch.bars[0] = math.nan  # no bar: the last mark counts
            report = life.venue.observe(batch)
            assert report.fills["lots"].tolist() == [-20]

    play(scenario)


def test_who_takes_over_follows_from_what_is_held() -> None:
    scene = LiveScene(3, 6, strategies=3)
    book = scene.life.risk.desk.book
    book.sleeves["lots"][:3] = [5, -2, 4]
    assert shares_of(book, scene.setup, 0, -6) == [(0, -5, 0), (2, -1, 0)]
    assert shares_of(book, scene.setup, 0, -9) == [(0, -5, -2), (2, -2, 0)]
    assert shares_of(book, scene.setup, 0, 3) == [(0, 0, 3)]
    book.sleeves["spacing"][:3] = 0.01  # ladders all: none may hold what it did not place
    assert shares_of(book, scene.setup, 0, 3) == ()
    assert shares_of(book, scene.setup, 0, -1) == [(0, -1, 0)]


def test_a_lease_that_changed_hands_lets_nothing_leave_before_a_comparison() -> None:
    async def scenario(_scene: LiveScene, life: Life) -> None:
        patient = replace(QUICK, market_s=20.0)
        life.trading = Trading(life.venue, life.client, 0, patience=patient)
        async with at_work(life):
            life.client.wire.is_down = True
            life.trading.distrust()
            buy(life, 5)
            await asyncio.sleep(0.1)
            assert life.client.account.orders == {}
            assert life.trading.silence
            life.client.wire.is_down = False
            await rest(life)
            assert life.trading.silence == ""
        assert life.venue.account.position(0) == 5

    play(scenario)


def test_everything_is_closed_at_once_and_nothing_opens_before_it_is_resumed() -> None:
    async def scenario(scene: LiveScene, life: Life) -> None:
        async with at_work(life):
            buy(life, 5, take_profit=0.01)
            await rest(life)
            assert len(life.client.account.resting(BTC)) == 2
            life.venue.flatten()
            await rest(life)
            assert life.client.account.resting(BTC) == []
            assert life.client.account.position(BTC).lots == 0
            report = life.venue.observe(ReplayFeed(scene.market).batch(1))
            closing = report.fills[report.fills["lots"] < 0]
            assert closing["lots"].sum() == -5
            assert set(closing["reason"]) == {ExitReason.OPERATOR}  # no stop was hit
            known = buy(life, 5, seq=1)  # decided before the risk desk heard of it
            await rest(life)
            assert "all is being closed" in life.venue.account.finished[known]
            life.venue.hear_state(TradingState.ACTIVE)
            assert life.venue.account.flattening  # it has not halted yet
            life.venue.hear_state(TradingState.HALTED)
            assert reborn(scene).flattening
            life.venue.hear_state(TradingState.ACTIVE)
            life.venue.observe(ReplayFeed(scene.market).batch(2))
            buy(life, 5, seq=2)
            await rest(life)
        assert life.venue.account.position(0) == 5

    play(scenario)


def test_a_dry_account_is_asked_and_never_changed() -> None:
    async def scenario(scene: LiveScene, life: Life) -> None:
        client = DryClient(life.client)
        life.trading = Trading(life.venue, client, 0, patience=QUICK)
        asked: list[str] = []
        ask = life.client._ask

        async def overheard(operation: str) -> str:
            asked.append(operation)
            return await ask(operation)

        life.client._ask = overheard  # type: ignore[method-assign]
        async with at_work(life):
            known = buy(life, 5)
            await rest(life)
            assert life.venue.account.finished[known] == WITHHELD
            await client.set_leverage(BTC, 5)
            await client.set_margin_mode(BTC, isolated=True)
            await client.cancel_all_after(BTC, 1_000)
            assert await client.cancel(BTC, "some") is None
            assert await client.order(BTC, "some") is None
            assert (await client.balance()).asset == "USDT"
            assert await client.trades(BTC, 0) == []
        await client.close()
        assert not [one for one in asked if one.startswith(("place", "cancel", "leverage"))]
        assert "margin mode" not in asked
        assert life.client.account.orders == {}

    play(scenario)


def test_at_the_end_only_the_stop_is_left() -> None:
    async def scenario(_scene: LiveScene, life: Life) -> None:
        async with at_work(life):
            buy(life, 5, take_profit=0.01)
            await rest(life)
            assert len(life.client.account.resting(BTC)) == 2
            await life.trading.stand_down(10.0)
            (stop,) = life.client.account.resting(BTC)
            assert stop.request.reduce_only
            life.client.wire.is_down = True
            life.trading.workers[0].stir()
            life.venue.account.orders.clear()  # then a stop is missing, and cannot be placed
            life.trading.workers[0].stir()
            await asyncio.wait_for(life.trading.stand_down(0.05), 5.0)

    play(scenario)


def test_an_order_on_an_old_close_is_not_sent() -> None:
    async def scenario(_scene: LiveScene, life: Life) -> None:
        life.trading = Trading(life.venue, life.client, 0, patience=replace(QUICK, late_s=60.0))
        async with at_work(life):
            known = buy(life, 5)  # the market's closes are of years ago
            await rest(life)
        assert life.venue.account.finished[known].startswith("too late: decided ")
        assert life.client.account.orders == {}

    play(scenario)
