"""Restarts of one whose own records are gone: it must notice, and a new session takes over.

What the others still hold tells that something is missing; what a disk has lost nobody can make up.
So the session refuses to go on, before anything is sent, and its positions keep the stops that rest
at the venue, until somebody begins a new session there.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aster_ray import topology
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import Setup
from aster_ray.model.instrument import Instrument
from tests.aster_ray.venues.live.lives import Disk
from tests.chaos.exchange.cast import Account

Records = list[dict[str, Any]]
LOG, JOURNALS, DECISIONS, HOST = "venue's log", "executor's journals", "risk journal", "whole host"
# What is lost -> at whose death.
KINDS: Mapping[str, tuple[str, ...]] = {
    LOG: (topology.EXECUTOR,),
    JOURNALS: (topology.EXECUTOR,),
    DECISIONS: (topology.RISK,),
    HOST: (topology.EXECUTOR, topology.RISK),
}
REFUSED, IDLE = "refused, taken over by a new session", "went on: nothing had been sent"


class Session:
    """One session of the account: what it trades from close ``first`` on, and its disks."""

    def __init__(
        self, name: str, setup: Setup, market: Market, instruments: list[Instrument], first: int
    ) -> None:
        self.first = first
        self.market = replace(market, start=market.start + first)
        self.account = Account(name, setup, self.market, instruments)
        self.risk_disk = Disk()
        self.lost: tuple[Records, ...] = ()  # what nobody but the test still knows of

    def lose(self, kind: str) -> None:
        """Lose what the disks of this kind hold."""
        log, journal = self.account.disks
        self.lost = (copy.deepcopy(log.kept),)
        gone = {LOG: [log], JOURNALS: [log, journal], DECISIONS: [self.risk_disk]}
        for disk in gone.get(kind, [log, journal, self.risk_disk]):
            disk.forget()
            disk.kept.clear()

    @property
    def log(self) -> Records:
        """Return all that its executors ever wrote of the venue."""
        return [*(self.lost[0] if self.lost else ()), *self.account.disks[0].kept]


class Cold:
    """Decides which death is followed by a cold restart, and counts what came of it."""

    def __init__(self, kind: str, seed: int, latest: int) -> None:
        self.draw = draw = random.Random(f"cold {seed}")
        self.kind = kind
        self.victim = draw.choice(KINDS[kind]) if kind else ""
        self._spared = draw.choice((0, 0, 1))
        self._latest_s = latest * 60.0
        self.is_due = bool(kind)
        self.is_refused = False

    def strikes(self, actor: str, now: float) -> bool:
        """Return whether this one comes back without what it wrote."""
        if not self.is_due or actor != self.victim or now > self._latest_s:
            return False
        self._spared -= 1
        self.is_due = self._spared >= 0
        return not self.is_due

    def insists(self, close: int) -> bool:
        """Return whether the victim must die now, as nothing else has killed it so far."""
        if not self.is_due or close * 60.0 < self._latest_s - 60.0:
            return False
        self._spared = 0
        return True

    @property
    def restarts(self) -> Counter[tuple[str, str]]:
        """Return what was lost and what came of it, once it has happened."""
        if not self.kind or self.is_due:
            return Counter()
        return Counter({(self.kind, REFUSED if self.is_refused else IDLE): 1})
