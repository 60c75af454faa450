"""What goes wrong while a session runs, over the real client: it stays safe and says so.

Aster is a served simulator; its time runs, so nothing here waits for a close.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest

from aster_ray.config import Secret
from aster_ray.data.instruments import packaged_instruments
from aster_ray.engine.messages import BarBatch
from aster_ray.engine.venue_account import VenueAccount
from aster_ray.errors import BadInputError, LeaseHeldError
from aster_ray.kernel.setup import build_setup
from aster_ray.model.ids import MINUTE_MS
from aster_ray.venues.credentials import Credentials
from aster_ray.venues.live.exchange import LiveExchange
from aster_ray.venues.live.venue import LiveVenue
from tests.aster_ray.doctor.patients import AGENT_KEY, approve
from tests.aster_ray.venues.connected import config_of
from tests.aster_ray.venues.live.lives import CAPITAL, Disk
from tests.aster_ray.venues.live.test_trading import buy
from tests.aster_ray.venues.simulator.served import WALLET, Venue, served
from tests.factories import a_config

BTC = "BTCUSDT"
AGENT_KEYS = Credentials(wallet=WALLET, key=Secret(AGENT_KEY))


class Running:
    """An account at a served venue with everything that runs beside an executor."""

    def __init__(self, venue: Venue, exchange: LiveExchange, live: LiveVenue) -> None:
        self.there, self.exchange, self.venue = venue, exchange, live
        self.work: asyncio.Future[None]

    @property
    def silence(self) -> str:
        return str(self.exchange.status()["silence"])

    def buy(self, lots: int, **how: Any) -> str:
        return buy(self, lots, **how)  # type: ignore[arg-type]

    def close(self) -> None:
        """Let an interval end, so that orders of a new one may come."""
        seq, now = self.venue.account.observed + 1, int(time.time() * 1e3)
        bars = np.full((1, 8), 100_000.0)
        batch = BarBatch(seq, now - MINUTE_MS, now, bars, np.ones(1), np.zeros(1))
        self.venue.observe(batch)
        self.venue.commit()

    async def until(self, true: Callable[[], bool], seconds: float = 20.0) -> None:
        async with asyncio.timeout(seconds):
            while not true():
                if self.work.done():
                    self.work.result()
                await asyncio.sleep(0.02)


def running(scenario: Callable[[Running], Awaitable[None]], **config: Any) -> None:
    """Run a scenario with an agent's keys on a venue whose prices stand near 100,000."""

    async def run() -> None:
        async with served(speed=1.0) as venue:
            await approve(venue)
            instruments = [packaged_instruments()[BTC]]
            setup = build_setup(instruments, a_config(), MINUTE_MS, 1)
            live = LiveVenue(VenueAccount(setup, CAPITAL, "fail"), instruments, Disk())
            fields = {"timeout_s": 2.0, "max_wait_s": 2.0, **config}
            exchange = LiveExchange(live, config_of(venue, **fields), AGENT_KEYS, 0)
            found = Running(venue, exchange, live)
            await exchange.begin()
            found.close()
            found.work = asyncio.ensure_future(exchange.run())
            try:
                await scenario(found)
            finally:
                found.work.cancel()
                with contextlib.suppress(asyncio.CancelledError, BaseExceptionGroup):
                    await found.work

    asyncio.run(run())


def resting(run: Running) -> list[str]:
    return [order.request.kind.value for order in run.there.account.resting(BTC)]


async def held(run: Running, lots: int = 5) -> None:
    """Hold something, with its stop at the venue."""
    run.buy(lots)
    await run.until(lambda: resting(run) == ["STOP_MARKET"])


def test_keys_that_are_revoked_stop_all_sending_and_the_stop_rests_on() -> None:
    async def scenario(run: Running) -> None:
        await held(run)
        await approve(run.there, approved=False)
        run.close()
        known = run.buy(3, seq=1)
        run.exchange.distrust()
        await run.until(lambda: "does not accept the keys" in run.silence)
        assert resting(run) == ["STOP_MARKET"]
        assert run.venue.account.position(0) == 5
        assert known not in {o.request.client_id for o in run.there.account.orders.values()}
        await approve(run.there)
        run.exchange.distrust()
        await run.until(lambda: run.silence == "")

    running(scenario)


def test_a_clock_that_goes_wrong_is_named_and_nothing_leaves() -> None:
    async def scenario(run: Running) -> None:
        await held(run)
        await run.there.control("POST", "clock", {"skew_ms": 30_000})
        run.exchange.distrust()
        await run.until(lambda: "clock is" in run.silence)
        assert "synchronise it (NTP)" in run.silence
        assert resting(run) == ["STOP_MARKET"]
        await run.there.control("POST", "clock", {"skew_ms": 0})
        run.exchange.distrust()
        await run.until(lambda: run.silence == "")

    running(scenario)


def test_an_order_beyond_the_margin_is_over_with_the_venues_reason() -> None:
    async def scenario(run: Running) -> None:
        await held(run)
        run.close()
        known = run.buy(50_000, seq=1)
        await run.until(lambda: known in run.venue.account.finished)
        assert "-2019" in run.venue.account.finished[known]
        assert resting(run) == ["STOP_MARKET"]
        assert run.silence == ""

    running(scenario)


@pytest.mark.parametrize(
    ("status", "code", "text"),
    [
        (400, -4164, "Order's notional must be no smaller than 5.0"),
        (400, -1111, "Precision is over the maximum defined for this asset."),
        (400, -1121, "Invalid symbol."),
    ],
    ids=["too small", "too precise", "unknown symbol"],
)
def test_an_order_that_breaks_the_venues_rules_is_over_with_its_reason(
    status: int, code: int, text: str
) -> None:
    async def scenario(run: Running) -> None:
        await held(run)
        fault = {"method": "POST", "status": status, "code": code, "text": text}
        await run.there.fault("json", "/order", **fault)
        run.close()
        known = run.buy(3, seq=1)
        await run.until(lambda: known in run.venue.account.finished)
        assert text in run.venue.account.finished[known]
        assert str(code) in run.venue.account.finished[known]
        run.close()
        assert run.venue.report.working.tolist() == [2]  # over; nothing was executed
        assert resting(run) == ["STOP_MARKET"]

    running(scenario)


def test_a_venue_that_cannot_be_reached_is_said_and_what_waited_too_long_is_not_sent() -> None:
    async def scenario(run: Running) -> None:
        await held(run)
        await run.there.fault("reset", "", count=10_000)
        run.close()
        run.exchange.distrust()
        await run.until(lambda: run.silence != "")
        assert not run.work.done()
        await run.there.control("DELETE", "faults")
        await run.until(lambda: run.silence == "")
        assert run.venue.account.position(0) == 5
        assert resting(run) == ["STOP_MARKET"]

    running(scenario)


def test_who_lost_the_account_to_another_ends() -> None:
    async def scenario(run: Running) -> None:
        def lost() -> None:
            raise LeaseHeldError("account is traded by another")

        assert run.exchange._trading is not None
        run.exchange._trading._permit = lost
        run.buy(5)
        with pytest.raises(ExceptionGroup) as raised:
            await asyncio.wait_for(run.work, 10.0)
        assert raised.group_contains(LeaseHeldError)
        assert run.there.account.orders == {}

    running(scenario)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (Credentials(wallet=WALLET, key=Secret("0x" + "33" * 32)), "does not accept the keys"),
    ],
)
def test_a_start_with_bad_keys_ends_at_once(keys: Credentials, words: str) -> None:
    async def run() -> None:
        async with served(speed=1.0) as venue:
            instruments = [packaged_instruments()[BTC]]
            setup = build_setup(instruments, a_config(), MINUTE_MS, 1)
            live = LiveVenue(VenueAccount(setup, CAPITAL, "bad"), instruments, Disk())
            exchange = LiveExchange(live, config_of(venue), keys, 0)
            await exchange.begin()

    with pytest.raises(BadInputError, match=words):
        asyncio.run(run())


def test_the_end_says_what_the_venue_says_is_left() -> None:
    async def scenario(run: Running) -> None:
        await held(run)
        left = await run.exchange.stand_down()
        assert left["positions"] == {BTC: 0.005}
        (stop,) = left["orders"]
        assert (stop["type"], stop["ours"], stop["side"]) == ("stop_market", True, "sell")
        assert stop["trigger_price"] > 0.0

    running(scenario)
