"""``aster flatten`` against a served exchange: what it says, what it does, how it ends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aster_ray import cli
from aster_ray.cli import flatten
from aster_ray.config import Secret
from aster_ray.errors import AsterError
from aster_ray.model.enums import Side
from aster_ray.model.venue import OrderTicket, OrderType
from aster_ray.store.config import Places, RedisConfig, StoreConfig
from aster_ray.store.custody import account_lease, live_account
from aster_ray.venues.connect import connect
from tests.aster_ray.data.download.exchange import in_background
from tests.aster_ray.store.servers import RedisServer
from tests.aster_ray.venues.connected import OWN, config_of
from tests.aster_ray.venues.simulator.served import KEY, WALLET, Venue

Answer = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def exchange() -> Iterator[Venue]:
    """Serve an exchange to all tests of this file."""
    with in_background() as venue:
        yield venue


@pytest.fixture(autouse=True)
def connected(exchange: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command meet the served exchange, with an account."""
    monkeypatch.setenv("ASTER__VENUE__REST", exchange.http)
    monkeypatch.setenv("ASTER__VENUE__STREAM", exchange.socket)
    monkeypatch.setenv("ASTER_AGENT_KEY", KEY)


async def _buy(exchange: Venue) -> None:
    market, client = connect(config_of(exchange, timeout_s=20.0), OWN)
    try:
        ticket = OrderTicket(
            symbol="ETHUSDT",
            client_order_id="before",
            side=Side.BUY,
            type=OrderType.MARKET,
            qty=0.5,
        )
        await client.place(ticket)
        for _ in range(400):
            if await client.positions():
                break
            await asyncio.sleep(0.05)
    finally:
        await client.close()
        await market.close()


def test_nothing_is_done_before_it_is_said(exchange: Venue, answer: Answer) -> None:
    asyncio.run(_buy(exchange))
    shown = answer("flatten")
    assert shown["before"]["positions"] == {"ETHUSDT": 0.5}
    assert (shown["done"], shown["flat"]) == (False, False)
    assert answer("flatten", "--symbols", "BTC", "--yes")["flat"]
    closed = answer("flatten", "--yes")
    assert closed["flat"]
    assert closed["before"]["positions"] == {"ETHUSDT": 0.5}
    assert closed["left"] == {"orders": [], "positions": {}}
    assert any("close 0.5 of ETHUSDT" in line for line in closed["steps"])
    assert answer("flatten")["flat"]


def a_session_closes(_folder: Path) -> dict[str, Any]:
    """Stand for a session that says it closes everything, and leaves it to be closed."""
    return {"session": "live-1", "state": "halted", "closes": True}


def a_session_is_silent(_folder: Path) -> dict[str, Any]:
    raise AsterError("risk does not answer")


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("a_session_closes", "session live-1 is halted and closes everything"),
        ("a_session_is_silent", "does not answer, closing without it: risk does not answer"),
    ],
)
def test_a_session_that_trades_the_account_is_told_first(
    host: str,
    said: str,
    exchange: Venue,
    answer: Answer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("ASTER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(flatten, "HOST", f"{__name__}:{host}")
    monkeypatch.setattr(flatten, "_LOOKS", 2)
    places = Places(StoreConfig(), RedisConfig())
    lease = account_lease(places, live_account("aster", WALLET), f"session {tmp_path}")
    lease.acquire()
    try:
        asyncio.run(_buy(exchange))
        closed = answer("flatten", "--yes")
    finally:
        lease.release()
    assert any(said in step for step in closed["steps"])
    assert closed["flat"]


def test_one_on_another_machine_is_named_and_what_cannot_be_known_is_said(
    exchange: Venue,
    answer: Answer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    redis_server: RedisServer,
) -> None:
    monkeypatch.setenv("ASTER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("ASTER__REDIS__URL", redis_server.url)
    places = Places(StoreConfig(), RedisConfig(url=Secret(redis_server.url), lease_ttl=60.0))
    lease = account_lease(places, live_account("aster", WALLET), f"session {tmp_path}/live-7")
    with monkeypatch.context() as patch:
        patch.setattr(socket, "gethostname", lambda: "far-away")
        lease.acquire()
    try:
        asyncio.run(_buy(exchange))
        closed = answer("flatten", "--yes")
    finally:
        lease.release()
    assert closed["flat"]
    assert "on far-away" in closed["steps"][0]
    assert f"run aster halt {tmp_path}/live-7 on far-away" in closed["steps"][1]
    monkeypatch.setenv("ASTER__REDIS__URL", "redis://127.0.0.1:1")
    asyncio.run(_buy(exchange))
    closed = answer("flatten", "--yes")
    assert closed["flat"]
    assert "whether a session trades the account cannot be known" in closed["steps"][0]


def test_without_keys_it_says_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ASTER_AGENT_KEY")
    assert cli.main(["flatten"]) == 2
    assert "flatten needs the keys" in capsys.readouterr().err


def test_a_person_reads_what_to_say(exchange: Venue, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(_buy(exchange))
    assert cli.main(["flatten"]) == 0
    shown = capsys.readouterr().out
    assert "held       0.5 ETHUSDT" in shown
    assert "say --yes" in shown
    assert cli.main(["flatten", "--yes"]) == 0
    assert "flat: no order rests, nothing is held" in capsys.readouterr().out
