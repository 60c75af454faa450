"""An account at a served venue that is fit to trade, unless a test makes it otherwise."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from aster_ray.clock import Clock, LiveClock
from aster_ray.config import Secret
from aster_ray.data.instruments import packaged_instruments
from aster_ray.doctor.config import DoctorConfig
from aster_ray.doctor.examine import Patient, examine
from aster_ray.doctor.finding import Finding, Level
from aster_ray.store.config import Places, RedisConfig, StoreConfig
from aster_ray.venues.config import VenueConfig
from aster_ray.venues.credentials import Credentials
from tests.aster_ray.venues.simulator.served import WALLET, Venue, served

AGENT_KEY = "0x" + "22" * 32
AGENT = "0x1563915e194d8cfba1943570603f7606a3115508"
FAR = 4_102_444_800_000
# Lenient about the machine the tests run on; the tests of the machine are apart.
LENIENT = DoctorConfig(max_skew_ms=5_000.0, min_disk_gb=0.0, min_memory_gb=0.0)


def patient_of(venue: Venue, folder: Path, **changes: Any) -> Patient:
    """Return who is examined: an agent of the wallet, on the addresses of a served venue."""
    usual = Patient(
        venue=VenueConfig(rest=venue.http, stream=venue.socket, timeout_s=2.0),
        credentials=Credentials(wallet=WALLET, key=Secret(AGENT_KEY)),
        places=Places(StoreConfig(), RedisConfig()),
        config=LENIENT,
        leverage={"BTCUSDT": 20.0, "ETHUSDT": 20.0},
        packaged=packaged_instruments(),
        folder=folder,
        environ={},
    )
    return replace(usual, **changes)


async def approve(venue: Venue, **words: Any) -> None:
    """Let the agent sign for the wallet, as the words say."""
    usual = {"user": WALLET, "agent": AGENT, "expired": FAR, "ipWhitelist": "127.0.0.1"}
    assert await venue.control("POST", "agents", {**usual, **words}) == {"done": True}


@contextlib.asynccontextmanager
async def clinic(**how: Any) -> AsyncIterator[Venue]:
    """Serve a venue where the agent is approved for perpetuals only."""
    async with served(**how) as venue:
        await approve(venue)
        yield venue


async def findings(patient: Patient, clock: Clock | None = None) -> dict[str, Finding]:
    """Return what was found by name; the worst of a name."""
    found, _ = await examine(patient, clock or LiveClock())
    order = [Level.OK, Level.WARN, Level.FAIL]
    ranked = sorted(found, key=lambda finding: order.index(finding.level))
    return {finding.name: finding for finding in ranked}
