"""A new session at an account where an earlier one, whose records are gone, left what it had."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from structlog.testing import capture_logs

from aster_ray.engine.venue_orders import Purpose, Stage
from aster_ray.errors import BadInputError
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


def test_an_entry_that_fills_while_it_is_withdrawn_is_taken_over_with_the_rest() -> None:
    async def scenario(_scene: LiveScene, life: Life) -> None:
        await left_behind(life)
        life.venue.others.adopts = True
        cancel = life.client.cancel

        async def too_late(symbol: str, known: str) -> VenueOrder | None:
            if known == f"{OURS}entry":
                await life.client.place(ticket(f"{OURS}filled", Side.BUY, OrderType.MARKET))
            return await cancel(symbol, known)

        life.client.cancel = too_late  # type: ignore[method-assign]
        async with at_work(life):
            assert life.venue.account.position(0) == 40
            await rest(life)
            assert 40 in resting(life).values()

    play(scenario)


def test_what_an_earlier_life_had_noted_is_adopted_too() -> None:
    async def scenario(scene: LiveScene, life: Life) -> None:
        await left_behind(life)
        others, batches = life.venue.others, ReplayFeed(scene.market)
        life.venue.observe(batches.batch(0))  # it is no beginning any more
        life.venue.foreign(0, 20)
        others._since.clear()  # which the process that noted it had in memory only
        others.adopts, others.after_s = True, 0.01
        life.venue.observe(batches.batch(1))
        assert life.venue.account.position(0) == 0
        await asyncio.sleep(0.02)
        life.venue.observe(batches.batch(2))
        assert life.venue.account.position(0) == 20

    play(scenario)


def test_a_stop_of_others_stays_until_ours_is_large_enough_and_nothing_is_under_way() -> None:
    async def scenario(_scene: LiveScene, life: Life) -> None:
        await left_behind(life)
        life.venue.others.adopts = True
        async with at_work(life):
            await rest(life)
            account = life.venue.account
            (theirs,) = [
                order for order in await life.client.open_orders() if order.reduce_only
                and order.client_order_id not in account.orders
            ] or [None]  # fmt: skip
            if theirs is None:  # it went already, as it should: ours rests for all of it
                placed = ticket("their-stop", Side.SELL, OrderType.STOP_MARKET)
                placed = replace(placed, trigger_price=95_000.0, reduce_only=True)
                theirs = await life.client.place(placed)
            assert life.venue.others.is_in_the_way(0, theirs)
            (stop,) = [o for o in account.orders.values() if o.slot.purpose is Purpose.STOP]
            whole, stop.want = stop.want, stop.want._replace(lots=stop.want.lots + 3)
            assert not life.venue.others.is_in_the_way(0, theirs)
            stop.want, stop.stage = whole, Stage.UNKNOWN
            assert not life.venue.others.is_in_the_way(0, theirs)
            stop.stage = Stage.OPEN

    play(scenario)


def test_keys_that_may_read_but_not_cancel_end_nothing() -> None:
    async def scenario(_scene: LiveScene, life: Life) -> None:
        await left_behind(life)

        async def refused(_symbol: str, _known: str) -> VenueOrder | None:
            raise BadInputError("the key may not trade")

        life.client.cancel = refused  # type: ignore[method-assign]
        with capture_logs() as told:
            async with at_work(life):
                await life.trading.compare()
        assert {row["id"] for row in told if row["event"] == "not_withdrawn"} == {f"{OURS}entry"}
        assert life.trading.silence == ""

    play(scenario)
