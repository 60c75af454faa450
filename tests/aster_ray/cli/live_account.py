"""An account at a served venue that may trade live, and ``aster live`` on it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aster_ray.clock import LiveClock
from aster_ray.doctor.examine import examine
from aster_ray.doctor.finding import Level
from tests.aster_ray.data.download.exchange import in_background
from tests.aster_ray.doctor.patients import AGENT_KEY, approve, patient_of
from tests.aster_ray.venues.simulator.served import WALLET, Venue

LENIENT = ("doctor.max_skew_ms=5000", "doctor.min_disk_gb=0", "doctor.min_memory_gb=0")
LEVERAGE = {"BTCUSDT": 1.0, "ETHUSDT": 1.0}


def examined(venue: Venue, folder: Path, **changes: Any) -> None:
    """Leave the record of a passed ``aster doctor``."""

    async def run() -> None:
        patient = patient_of(venue, folder, **{"leverage": LEVERAGE, **changes})
        found, record = await examine(patient, LiveClock())
        assert [one for one in found if one.level is Level.FAIL] == []
        assert record is not None

    asyncio.run(run())


def orders_or_settings(venue: Venue) -> list[tuple[str, str]]:
    """Return the requests that changed, or could have changed, orders or settings."""
    return [
        (row.method, row.path)
        for row in venue.desk.requests
        if row.method != "GET" and "listenKey" not in row.path
    ]


@pytest.fixture(scope="module")
def exchange() -> Iterator[Venue]:
    """Serve an exchange to all tests of a file; the agent is approved for perpetuals only."""
    with in_background() as venue:
        asyncio.run(approve(venue))
        yield venue


@pytest.fixture
def able(exchange: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Venue:
    """Stand in an empty folder with keys and addresses in the environment."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "ASTER_STATE_DIR": str(tmp_path / "state"),
        "ASTER_WALLET": WALLET,
        "ASTER_AGENT_KEY": AGENT_KEY,
        "ASTER__VENUE__REST": exchange.http,
        "ASTER__VENUE__STREAM": exchange.socket,
    }.items():
        monkeypatch.setenv(name, value)
    exchange.desk.requests.clear()
    return exchange
