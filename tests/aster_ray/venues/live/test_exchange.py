"""Desks, real ccxt client, real sockets and the simulated exchange: all but Ray."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from aster_ray.data.instruments import packaged_instruments
from aster_ray.engine.algos.config import ExecutionConfig
from aster_ray.engine.durable import DurableExecution
from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.engine.journal import FileJournal
from aster_ray.engine.messages import SignalBatch
from aster_ray.engine.risk_desk import RiskDesk
from aster_ray.engine.venue_account import VenueAccount
from aster_ray.engine.wire import one_row
from aster_ray.errors import BadInputError
from aster_ray.kernel.setup import build_setup
from aster_ray.model.enums import Side
from aster_ray.model.ids import MINUTE_MS
from aster_ray.model.venue import OrderTicket, OrderType
from aster_ray.venues.config import VenueConfig
from aster_ray.venues.live.exchange import LiveExchange, advance
from aster_ray.venues.live.parents import Manner
from aster_ray.venues.live.venue import LiveVenue
from aster_ray.venues.replay import ReplayFeed
from tests.aster_ray.venues.connected import OWN, config_of, trading
from tests.aster_ray.venues.live.lives import CAPITAL, NAMES, Disk, a_rough_market
from tests.aster_ray.venues.simulator.served import Venue, served
from tests.factories import a_config, random_signals

CLOSES = 20


async def trade(
    venue: Venue, folder: Path, seed: int = 5, manner: Manner | None = None
) -> tuple[LiveVenue, RiskDesk]:
    """Pass a session's closes over the wire; return both books."""
    market = a_rough_market(CLOSES, seed)
    instruments = [packaged_instruments()[name] for name in NAMES]
    setup = build_setup(instruments, a_config(), MINUTE_MS, 2)
    signals = random_signals(market, 2, seed, busy=0.5)
    risk = RiskDesk(setup, CAPITAL)
    risk.warm_up(market)
    account = VenueAccount(setup, CAPITAL, f"wire {seed}")
    account.warm_up(market)
    log, sent = FileJournal(folder / "venue"), FileJournal(folder / "sent")
    live = LiveVenue(account, instruments, log, manner)
    live.restore(log.recover())
    desk = ExecutionDesk(NAMES, 2, setup.rules["max_lots"].tolist(), at_venue=True)
    execution = DurableExecution(desk, live, sent, sent.recover())
    config = config_of(venue, control=f"{venue.http}/control")
    exchange = LiveExchange(live, config, OWN, int(market.open_ms[market.start]))
    await exchange.begin()
    work = asyncio.ensure_future(exchange.run())
    try:
        for batch in ReplayFeed(market).batches():
            await exchange.pass_to(batch.close_ms)
            report = execution.observe(batch)
            row = one_row(signals, market.start + batch.seq)
            execution.send(risk.on_close(SignalBatch(batch, row, 0), report))
            await asyncio.wait_for(exchange.quiet(), 30.0)
            assert not work.done() or work.result() is None
        if exchange.is_carrying:
            await exchange.leave()
        exchange.hold()
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        log.close()
        sent.close()
    return live, risk


PIECES = ExecutionConfig(
    algorithm="twap", reduce_algorithm="maker_first", slice_ms=10_000, deadline_ms=20_000
)


@pytest.mark.parametrize("manner", [None, Manner(PIECES)], ids=["whole", "in pieces"])
def test_a_session_over_the_wire_ends_with_the_venues_own_books(
    manner: Manner | None, tmp_path: Path
) -> None:
    async def run() -> None:
        async with served(a_rough_market(CLOSES, 5), speed=0.0, step_ms=15_000) as venue:
            live, _ = await trade(venue, tmp_path, manner=manner)
            there, here = venue.account, live.account
            assert len(there.fills) > 5
            booked = set(here.booked.trades)
            assert booked == {f"{fill.symbol}/{fill.trade_id}" for fill in there.fills}
            for n, name in enumerate(NAMES):
                lots = there.position(name).lots
                assert here.position(n) == lots
                stops = [order for order in there.resting(name) if order.request.kind.is_stop]
                assert [order.left for order in stops] == [abs(lots)] * bool(lots)
            assert not here.foreign
            assert not here.carried
            children = [known for known in here.finished if known not in here._asked]
            assert manner is None or len(children) > len(here._asked)

    asyncio.run(run())


def test_a_simulator_that_is_not_there_is_named() -> None:
    with pytest.raises(BadInputError, match=r"control http://127\.0\.0\.1:9 does not answer"):
        asyncio.run(advance("http://127.0.0.1:9", 0))


def test_time_that_runs_by_itself_is_not_moved() -> None:
    async def run() -> None:
        async with served(speed=60.0) as venue:
            with pytest.raises(BadInputError, match="advance refuses"):
                await advance(f"{venue.http}/control", 1)

    asyncio.run(run())


def test_a_venue_that_lives_by_itself_is_not_waited_for(tmp_path: Path) -> None:
    async def run() -> None:
        setup = build_setup([packaged_instruments()["BTCUSDT"]], a_config(), MINUTE_MS, 1)
        log = FileJournal(tmp_path / "venue")
        live = LiveVenue(
            VenueAccount(setup, CAPITAL, "alone"), [packaged_instruments()["BTCUSDT"]], log
        )
        exchange = LiveExchange(live, VenueConfig(), OWN, 0)
        await exchange.pass_to(0)
        await exchange.quiet()
        assert await exchange._agrees()
        with pytest.raises(ValueError, match="begin comes before run"):
            await exchange.run()

    asyncio.run(run())


def an_exchange(config: VenueConfig) -> LiveExchange:
    instruments = [packaged_instruments()["BTCUSDT"]]
    setup = build_setup(instruments, a_config(), MINUTE_MS, 1)
    live = LiveVenue(VenueAccount(setup, CAPITAL, "alone"), instruments, Disk())
    return LiveExchange(live, config, OWN, 0)


def test_before_it_begins_it_knows_nothing_and_has_nothing_to_leave() -> None:
    async def run() -> None:
        exchange = an_exchange(VenueConfig())
        exchange.distrust()
        await exchange.leave()
        assert (exchange.status(), await exchange.stand_down()) == ({}, {})

    asyncio.run(run())


def test_a_dry_one_stands_down_without_a_word_to_the_venue() -> None:
    async def run() -> None:
        async with trading(speed=1.0) as (venue, client):
            await client.place(
                OrderTicket(
                    symbol="BTCUSDT", client_order_id="by-hand", side=Side.BUY, qty=0.01,
                    type=OrderType.LIMIT, price=90_000.0,
                )
            )  # fmt: skip
            exchange = an_exchange(config_of(venue))
            exchange.dry = True
            await exchange.begin()
            asked = len(venue.desk.requests)
            left = await exchange.stand_down()
            assert [row.method for row in list(venue.desk.requests)[asked:]] == ["GET", "GET"]
            assert [(row["id"], row["ours"]) for row in left["orders"]] == [("by-hand", False)]
            assert left["positions"] == {}
            assert exchange.status()["dry"]
            await exchange._leave()

    asyncio.run(run())


def test_a_venue_that_does_not_tell_positions_is_not_agreed_with() -> None:
    async def run() -> None:
        async with served(speed=1.0) as venue:
            exchange = an_exchange(config_of(venue, timeout_s=2.0, max_wait_s=1.0))
            await exchange.begin()
            assert await exchange._agrees()
            await venue.fault("html", "positionRisk", count=50)
            with capture_logs() as told:
                assert not await exchange._agrees()
            assert [row["step"] for row in told if row["event"] == "venue_unavailable"] == [
                "positions"
            ]
            await exchange._leave()

    asyncio.run(run())
