"""One order in pieces: when it is chosen, what protects it, what ends it, what a restart keeps."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from aster_ray.engine.algos.config import ExecutionConfig
from aster_ray.engine.messages import OrderBatch
from aster_ray.engine.venue_orders import Purpose
from aster_ray.errors import JournalError, RejectedError
from aster_ray.kernel.books import records
from aster_ray.kernel.records import INTENT
from aster_ray.model.enums import ExitReason, IntentKind, Side, TradingState
from aster_ray.model.ids import MINUTE_MS
from aster_ray.model.venue import OrderTicket, TimeInForce
from aster_ray.venues.live.pacing import Pacing
from aster_ray.venues.live.parents import CROSSED
from aster_ray.venues.replay import ReplayFeed
from tests.aster_ray.venues.live.lives import Life, LiveScene
from tests.aster_ray.venues.live.test_trading import at_work, rest
from tests.factories import a_request

Scenario = Callable[[LiveScene], Coroutine[Any, Any, None]]
TWAP = ExecutionConfig(
    algorithm="twap", reduce_algorithm="twap", slice_ms=5_000, deadline_ms=10_000, window=0.8
)
RESTS = ExecutionConfig(algorithm="maker_first", rest_ms=20_000, deadline_ms=10_000, window=0.9)


def play(scenario: Scenario, execution: ExecutionConfig = TWAP) -> None:
    """Run a scenario on a fresh account that has seen one close."""

    async def run() -> None:
        scene = LiveScene(7, 12, strategies=1, ladders=False, execution=execution)
        scene.exchange.advance(int(scene.market.close_ms[scene.market.start]))
        scene.life.venue.observe(ReplayFeed(scene.market).batch(0))
        scene.life.venue.commit()
        await scenario(scene)

    asyncio.run(run())


def decide(scene: LiveScene, lots: int, **how: Any) -> str:
    """Order lots for the first sleeve, as the risk desk would; return the order's id."""
    seq, venue = how.get("seq", 0), scene.life.venue
    intents = records(1, INTENT)
    intents["kind"], intents["lots"] = IntentKind.MARKET, lots
    intents["close_lots"], intents["reason"] = how.get("close", 0), how.get("reason", 0)
    intents["stop"], intents["take_profit"], intents["units"] = how.get("stop", 0.05), np.nan, 1.0
    close_ms = venue.report.close_ms
    state = int(how.get("state", TradingState.ACTIVE))
    orders = OrderBatch(seq, close_ms, intents, 0.0, 0.0, state)
    known = f"ar-test-{seq}"
    venue.submit(orders, [a_request(known, lots=lots, decided_ms=close_ms)])
    venue.commit()
    return known


async def pass_time(
    scene: LiveScene, seconds: int, check: Callable[[], None] | None = None
) -> None:
    """Let the market live, a second at a time, and everybody act on it."""
    life = scene.life
    for _ in range(seconds):
        scene.exchange.advance(scene.exchange.floor.now_ms + 1_000)
        life.client.pump()
        await asyncio.sleep(0)
        await life.pacing.look()
        await rest(life)
        if check is not None:
            check()


def held(scene: LiveScene) -> int:
    return scene.life.client.account.position("BTCUSDT").lots


def stops(scene: LiveScene) -> list[tuple[int, bool]]:
    """Return (signed lots, reduce only) of the stops at the venue."""
    return [
        (order.left * (1 if order.request.side is Side.BUY else -1), order.request.reduce_only)
        for order in scene.life.client.account.resting("BTCUSDT")
        if order.request.kind.is_stop
    ]


def protected(scene: LiveScene) -> None:
    """Fail unless the one stop covers exactly what is held."""
    lots = held(scene)
    assert stops(scene) == [(-lots, True)] * bool(lots)


def test_the_stop_covers_exactly_what_is_held_after_every_piece() -> None:
    async def scenario(scene: LiveScene) -> None:
        seen = set()

        def check() -> None:
            protected(scene)
            seen.add(held(scene))

        async with at_work(scene.life):
            decide(scene, 8)
            await pass_time(scene, 50, check)
            assert len(seen) > 4
            assert held(scene) == 8
            assert not scene.life.venue.account.carried
            scene.life.venue.observe(ReplayFeed(scene.market).batch(1))
            decide(scene, -12, seq=1, close=-8, reason=int(ExitReason.REVERSAL))
            await pass_time(scene, 50, check)
        assert held(scene) == -4
        assert {-1, 1} <= {np.sign(lots) for lots in seen}

    play(scenario)


@pytest.mark.parametrize(
    ("how", "pieces"),
    [
        ({"reason": int(ExitReason.REVERSAL)}, True),
        ({"reason": int(ExitReason.INVALIDATION)}, True),
        ({"reason": int(ExitReason.GIVE_BACK)}, False),
        ({"reason": int(ExitReason.HOLDING_LIMIT)}, False),
        ({"reason": int(ExitReason.OPERATOR), "state": TradingState.HALTED}, False),
        ({"reason": int(ExitReason.INVALIDATION), "state": TradingState.REDUCING}, False),
    ],
)
def test_whatever_reduces_a_risk_goes_at_once(how: dict[str, Any], pieces: bool) -> None:
    async def scenario(scene: LiveScene) -> None:
        async with at_work(scene.life):
            decide(scene, 6)
            await pass_time(scene, 50)
            scene.exchange.advance(int(scene.market.close_ms[scene.market.start + 1]))
            scene.life.venue.observe(ReplayFeed(scene.market).batch(1))
            decide(scene, -6, seq=1, close=-6, **how)
            await rest(scene.life)
            assert (held(scene) == 6) is pieces
            assert bool(scene.life.venue.account.carried) is pieces
            await pass_time(scene, 50)
            assert held(scene) == 0

    play(scenario)


def test_an_order_goes_no_further_once_its_stop_was_hit() -> None:
    async def scenario(scene: LiveScene) -> None:
        async with at_work(scene.life):
            decide(scene, 8, stop=0.000_001)
            await pass_time(scene, 50)
        kinds = [record for record in scene.disks[2].kept if record["kind"].startswith("algo")]
        assert kinds[-1]["kind"] == "algo_end"
        assert kinds[-1]["why"] == CROSSED
        assert 0 < abs(kinds[-1]["filled"]) < 8
        assert held(scene) == 0
        assert scene.life.client.account.resting("BTCUSDT") == []

    play(scenario)


def test_a_restart_keeps_what_is_left_and_until_when() -> None:
    async def scenario(scene: LiveScene) -> None:
        async with at_work(scene.life):
            known = decide(scene, 8)
            await pass_time(scene, 12)
        before = scene.life.venue.parents.orders.states[known]
        assert 0 < held(scene) < 8
        scene.life = scene._begin()
        after = scene.life.venue.parents.orders.states[known]
        assert after.parent == before.parent
        assert (after.filled, after.table) == (before.filled, before.table)
        async with at_work(scene.life):
            await pass_time(scene, 40)
        assert held(scene) == 8
        ids = [order.request.client_id for order in scene.life.client.account.orders.values()]
        assert len(ids) == len(set(ids))
        with pytest.raises(JournalError, match="which no algorithm carries out"):
            scene.life.venue.account.apply({"kind": "algo_end", "parent_id": known})

    play(scenario)


def test_what_has_not_traded_at_the_deadline_is_withdrawn_and_decided_anew() -> None:
    async def scenario(scene: LiveScene) -> None:
        async with at_work(scene.life):
            decide(scene, 8)
            scene.wire.rates["unreachable"] = 1.0
            await scene.life.pacing.look()  # the market cannot be seen either
            await asyncio.sleep(0.02)
            deadline = scene.life.venue.report.close_ms + 50_000
            scene.exchange.advance(deadline + 1_000)
            await scene.life.pacing.look()
            scene.wire.heal()
            await rest(scene.life)
            report = scene.life.venue.observe(ReplayFeed(scene.market).batch(1))
        assert held(scene) == 0
        assert report.working.tolist() == [2, 0]  # ended: not in doubt, free to decide

    play(scenario)


def test_a_piece_rests_at_the_best_price_and_takes_when_its_time_is_over() -> None:
    tickets: list[OrderTicket] = []

    async def scenario(scene: LiveScene) -> None:
        client, place = scene.life.client, scene.life.client.place

        async def noted(ticket: OrderTicket) -> Any:
            tickets.append(ticket)
            if len(tickets) == 1:
                raise RejectedError("-5022 would take", "-5022")
            return await place(ticket)

        client.place = noted  # type: ignore[method-assign]
        async with at_work(scene.life):
            decide(scene, 8)
            await pass_time(scene, 50)
        assert held(scene) == 8

    play(scenario, RESTS)
    forces = [ticket.time_in_force for ticket in tickets if ticket.price is not None]
    assert forces[:2] == [TimeInForce.GTX, TimeInForce.GTX]


def test_an_operator_stops_what_opens_and_not_what_reduces() -> None:
    async def scenario(scene: LiveScene) -> None:
        venue = scene.life.venue
        async with at_work(scene.life):
            decide(scene, 8)
            await pass_time(scene, 12)
            venue.parents.stop("operator", opening=True)
            await rest(scene.life)
            assert not venue.account.carried
            lots = held(scene)
            assert 0 < lots < 8
            protected(scene)
            scene.exchange.advance(int(scene.market.close_ms[scene.market.start + 1]))
            venue.observe(ReplayFeed(scene.market).batch(1))
            decide(scene, -lots, seq=1, close=-lots, reason=int(ExitReason.INVALIDATION))
            await scene.life.pacing.look()
            venue.parents.stop("operator", opening=True)
            assert venue.parents.status()["BTCUSDT"]["lots"] == -lots
            await pass_time(scene, 50)
        assert held(scene) == 0

    play(scenario)


def test_quotes_are_asked_for_only_while_something_is_at_work() -> None:
    async def scenario(scene: LiveScene) -> None:
        venue = scene.life.venue
        pacing = Pacing(venue, scene.life.pacing._market, lambda: venue.report.close_ms, 0.001)
        work = asyncio.ensure_future(pacing.run())
        await asyncio.sleep(0.02)
        assert not scene.wire.struck
        assert venue.parents.next_ms() is None
        decide(scene, 8)
        assert venue.parents.next_ms() == venue.report.close_ms  # at once
        await asyncio.sleep(0.05)
        assert [one.placed.number for one in _children(scene.life)] == [0]
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work

    play(scenario)


def test_public_volume_is_asked_for_by_what_follows_it() -> None:
    async def scenario(scene: LiveScene) -> None:
        decide(scene, 8)
        await scene.life.pacing.look()
        assert scene.life.venue.parents.needs_volume("BTCUSDT")
        assert not scene.life.venue.parents.needs_volume("ETHUSDT")
        scene.exchange.advance(scene.exchange.floor.now_ms + MINUTE_MS // 2)
        await scene.life.pacing.look()
        (state,) = scene.life.venue.parents.orders.states.values()
        assert state.volume > 0.0

    play(scenario, ExecutionConfig(algorithm="pov", participation=0.001))


def _children(life: Life) -> tuple[Any, ...]:
    (state,) = life.venue.parents.orders.states.values()
    planned = [o for o in life.venue.account.orders.values() if o.slot.purpose is Purpose.CHILD]
    assert len(planned) == len(state.children)
    return state.children
