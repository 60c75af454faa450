"""A new session at an account where an earlier one, whose records are gone, left what it had."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from aster_ray.kernel.records import MARK_CLOSE
from aster_ray.model.enums import Side, Working
from aster_ray.model.ids import OURS
from aster_ray.model.venue import OrderTicket, OrderType, VenueOrder
from aster_ray.venues.replay import ReplayFeed
from tests.aster_ray.venues.live.lives import Life, LiveScene
from tests.aster_ray.venues.live.test_external import conclude, same_books
from tests.aster_ray.venues.live.test_trading import at_work, rest

BTC = "BTCUSDT"
Scenario = Callable[[LiveScene, Life], Coroutine[Any, Any, None]]


def play(scenario: Scenario) -> None:
    """Run a scenario on a fresh account: no close was seen, nothing is on its disks."""

    async def run() -> None:
        scene = LiveScene(7, 12, strategies=1, ladders=False)
        scene.exchange.advance(int(scene.market.open_ms[scene.market.start]) + 15_000)
        await scenario(scene, scene.life)

    asyncio.run(run())


def ticket(known: str, side: Side, kind: OrderType, **fields: Any) -> OrderTicket:
    return OrderTicket(symbol=BTC, client_order_id=known, side=side, type=kind, qty=0.02, **fields)


async def left_behind(life: Life) -> None:
    """Leave a position, its stop, and two limits that would open more: ours, and somebody's."""
    await life.client.place(ticket(f"{OURS}opened", Side.BUY, OrderType.MARKET))
    for known, kind, fields in (
        (f"{OURS}stop", OrderType.STOP_MARKET, {"trigger_price": 95_000.0, "reduce_only": True}),
        (f"{OURS}entry", OrderType.LIMIT, {"price": 98_100.0}),
        ("by-hand", OrderType.LIMIT, {"price": 98_200.0}),
    ):
        side = Side.SELL if fields.get("reduce_only") else Side.BUY
        await life.client.place(ticket(known, side, kind, **fields))
    life.client._queue = asyncio.Queue()  # told to one who is gone


def resting(life: Life) -> dict[str, int]:
    return {o.request.client_id: o.left for o in life.client.account.resting(BTC)}


def test_what_is_taken_over_has_a_stop_of_ours_at_once_and_the_old_one_goes_after_it() -> None:
    async def scenario(scene: LiveScene, life: Life) -> None:
        await left_behind(life)
        life.venue.others.adopts = True
        cancel, at_cancel = life.client.cancel, dict[str, set[str]]()

        async def overheard(symbol: str, known: str) -> VenueOrder | None:
            at_cancel[known] = set(resting(life))
            return await cancel(symbol, known)

        life.client.cancel = overheard  # type: ignore[method-assign]
        async with at_work(life):
            assert life.venue.account.position(0) == 20
            mark = float(life.venue.account.book.positions["entry_price"][0])
            await rest(life)
            await life.trading.compare()
            await rest(life)
            ((stop, lots),) = resting(life).items()
            assert lots == 20
            assert set(at_cancel) == {f"{OURS}stop", f"{OURS}entry", "by-hand"}
            assert stop in at_cancel[f"{OURS}stop"]
            # The first close tells the risk desk, and both come to the same bits.
            batch = ReplayFeed(scene.market).batch(0)
            scene.exchange.advance(batch.close_ms)
            life.client.pump()
            report = life.venue.observe(batch)
            (fill,) = report.fills
            assert (fill["lots"], fill["price"], fill["fee"]) == (20, mark, 0.0)
            assert report.working.tolist() == [Working.ENDED, Working.NONE]
            conclude(scene, life, report)
            same_books(life)

    play(scenario)


def test_without_a_mark_of_the_venue_the_last_one_known_counts() -> None:
    async def scenario(scene: LiveScene, life: Life) -> None:
        await left_behind(life)
        account = life.venue.account
        account.foreign[0] = 20
        assert list(life.venue.others.at_first({}, 1)) == []  # left alone is the usual
        life.venue.others.adopts = True
        (record,) = life.venue.others.at_first({}, 1)
        before = scene.market.bars[scene.market.start - 1, 0, MARK_CLOSE]
        assert (record["price"], record["lots"], record["ms"]) == (before, 20, 1)
        account.observed = 0
        assert list(life.venue.others.at_first({}, 1)) == []  # from then on at a close

    play(scenario)


def test_what_is_left_alone_keeps_its_stop_but_not_what_our_earlier_self_might_open() -> None:
    async def scenario(scene: LiveScene, life: Life) -> None:
        await left_behind(life)
        async with at_work(life):
            await rest(life)
            await life.trading.compare()
            assert resting(life) == {f"{OURS}stop": 20, "by-hand": 20}
            report = life.venue.observe(ReplayFeed(scene.market).batch(0))
            assert (report.working[0], len(report.fills)) == (Working.IN_DOUBT, 0)

    play(scenario)


def test_who_only_looks_withdraws_nothing() -> None:
    async def scenario(_scene: LiveScene, life: Life) -> None:
        await left_behind(life)
        life.venue.others.tidies = False
        async with at_work(life):
            await life.trading.compare()
        assert resting(life) == {f"{OURS}stop": 20, f"{OURS}entry": 20, "by-hand": 20}

    play(scenario)
