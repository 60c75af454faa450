"""``aster live`` as a person runs it: real client, served exchange, Ctrl-C, and on again."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aster_ray.engine.journal import Scan
from aster_ray.engine.venue_orders import WITHHELD
from aster_ray.research.replay import replay_session
from aster_ray.research.session import VENUE_JOURNAL
from aster_ray.research.standing import read_ledger
from tests.actors.test_live_session import Stage
from tests.aster_ray.cli.live_account import LENIENT, examined, orders_or_settings
from tests.aster_ray.doctor.patients import AGENT_KEY, approve
from tests.aster_ray.venues.simulator.served import WALLET, Venue

PATIENCE_S = 420.0
# Flat for one minute in 24, BTC and ETH in turn: a day allows 20 opening fills, and what closes
# while the actors come up is traded, too.
STRATEGY = """
import numpy as np
from aster_ray.strategies.contract import Signals

class InAndOut:
    name = "in_and_out"
    parameters = ()

    def warmup(self, params):
        return 60

    def signals(self, panel, params):
        minute = panel.open_ms // 60_000
        is_on = np.stack([minute % 24 != 0, minute % 24 != 12], axis=1)
        return Signals(direction=is_on.astype(np.int8), confidence=0.9, stop_loss=0.02,
                       exit_long=~is_on)
"""


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Serve an exchange with an account that passed the doctor; stand in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASTER_STATE_DIR", str(tmp_path / "state"))
    opened = Stage()
    try:
        asyncio.run(approve(opened.venue))
        examined(opened.venue, tmp_path)
        (tmp_path / "in_and_out.py").write_text(STRATEGY)
        yield opened
    finally:
        opened.close()


def begin(venue: Venue, *arguments: str) -> subprocess.Popen[bytes]:
    """Start ``aster live``."""
    settings = (*LENIENT, "feed.order_notional=0", "feed.deadline_s=60", "feed.again_s=0.05")
    settings += ("venue.late_s=1e12",)  # the exchange plays a day of the past
    command = [sys.executable, "-m", "aster_ray.cli", "live", "--json", *arguments]
    command += [part for one in settings for part in ("--set", one)]
    environment = {
        **os.environ,
        "ASTER_WALLET": WALLET,
        "ASTER_AGENT_KEY": AGENT_KEY,
        "ASTER__VENUE__REST": venue.http,
        "ASTER__VENUE__STREAM": venue.socket,
        "RAY_AUTH_MODE": "token",
    }
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=sys.stderr)


WHAT = ("--symbols", "BTC,ETH", "--timeframe", "1m", "--strategy", "in_and_out.py:InAndOut")


def interrupted(process: subprocess.Popen[bytes], when: Callable[[], bool]) -> dict[str, Any]:
    """Press Ctrl-C once ``when`` says so; return the report."""
    end = time.monotonic() + PATIENCE_S
    while not when() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.25)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    report: dict[str, Any] = json.loads(output)
    return report


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def closes(folder: Path) -> int:
    """Return how many closes a session has recorded."""
    return int(read_ledger(folder).get("closes", 0)) if (folder / "session.json").exists() else 0


def positions(venue: Venue) -> dict[str, int]:
    return {held.symbol: held.lots for held in venue.account.held()}


def assert_protected(stage: Stage, session: dict[str, Any]) -> None:
    """Assert that nothing but stops rests, one for all that is held of each symbol."""
    left = session["left_at_venue"]
    account = stage.venue.account
    assert positions(stage.venue)
    for symbol, lots in positions(stage.venue).items():
        (stop,) = account.resting(symbol)
        assert (stop.request.kind.value, stop.request.reduce_only) == ("STOP_MARKET", True)
        assert stop.left == abs(lots)
    assert set(left) == set(positions(stage.venue))
    assert all(row["stop"] for row in left.values())


@pytest.mark.slow
@pytest.mark.parametrize("kept", ["file", pytest.param("sql", marks=pytest.mark.long)])
def test_a_live_session_trades_stops_with_its_stops_resting_and_goes_on(
    stage: Stage, kept: str
) -> None:
    folder, venue = Path("session"), stage.venue
    confirmed = ("--confirm", WALLET)
    how = ("--set", f"store.journal={kept}", "--out", str(folder))  # said once: it goes on so
    first = begin(venue, *WHAT, *confirmed, *how)
    told = interrupted(first, lambda: closes(folder) >= 5 and bool(positions(venue)))
    live = told["session"]["live"]
    assert_protected(stage, told["session"])
    assert (live["dry"], live["silence"], live["external_positions"]) == (False, "", "")
    second = begin(venue, "--resume", str(folder), *confirmed)
    before = closes(folder)
    told = interrupted(second, lambda: closes(folder) >= before + 8 and bool(positions(venue)))
    assert_protected(stage, told["session"])
    assert told["session"]["live"]["epoch"] > live["epoch"]
    ids = [order.request.client_id for order in venue.account.orders.values()]
    assert len(ids) == len(set(ids)) > 6
    assert {known[:3] for known in ids} == {"ar-"}
    assert replay_session(folder).differences == []
    assert (folder / "journal.sqlite").exists() == (kept == "sql")
    assert bool(list(folder.glob("*.journal"))) == (kept == "file")


@pytest.mark.slow
@pytest.mark.long
def test_a_dry_session_does_everything_but_send(stage: Stage) -> None:
    folder, venue = Path("session"), stage.venue
    venue.desk.requests.clear()
    process = begin(venue, *WHAT, "--dry", "--out", str(folder))
    told = interrupted(process, lambda: closes(folder) >= 8)
    live = told["session"]["live"]
    assert orders_or_settings(venue) == []
    assert {row.path for row in venue.desk.requests} >= {"/fapi/v3/openOrders"}
    assert live["dry"] is True
    assert live["withheld"] > 0
    refusals = [
        record
        for record in Scan(folder / VENUE_JOURNAL)
        if record["kind"] == "rejected" and record["code"] == WITHHELD
    ]
    assert len(refusals) == live["withheld"]
    lines = _lines(folder / "logs" / "executor.log")
    shown = [line for line in lines if line["event"] == "order_withheld"]
    assert len(shown) == len(refusals)
    assert {"symbol", "side", "type", "qty"} <= shown[0].keys()
    assert replay_session(folder).differences == []
