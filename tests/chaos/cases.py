"""Every way a session is made to suffer: one table for the tests and for the printed report."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from aster_ray import topology
from aster_ray.engine.failpoints import POINTS

ROLES = (*topology.PIPELINE, topology.LEDGER, topology.SUPERVISOR)
DAYS, SPEED = 10, 100.0  # 240 closes of three symbols, a hundred a second
CLOSES = 24 * DAYS
# Not before the supervisor has seen everybody, and early enough for the successor to trade.
_EARLIEST, _LATEST = 70, 170
_SEED = 20250201


@dataclass(frozen=True, slots=True)
class Case:
    """Who dies, and when.

    Attributes:
        name: of the case.
        failpoints: ROLE/POINT -> close at which the process kills itself there.
        kills: role -> close during which it gets SIGKILL; equal numbers mean the same moment.
        delay: seconds from the venue's first sight of that close to the kill.
    """

    name: str
    failpoints: Mapping[str, int] = field(default_factory=dict)
    kills: Mapping[str, int] = field(default_factory=dict)
    delay: float = 0.0

    @property
    def victims(self) -> set[str]:
        """Return the roles that die."""
        return {name.partition("/")[0] for name in self.failpoints} | set(self.kills)


def _cases() -> Iterator[Case]:
    draw = random.Random(_SEED)
    for role in ROLES:
        for point in POINTS[role]:
            close = draw.randint(_EARLIEST, _LATEST)
            yield Case(f"{role} at {point}", failpoints={f"{role}/{point}": close})
    for role in ROLES:
        for turn in ("first", "second"):
            close, delay = draw.randint(_EARLIEST, _LATEST), draw.uniform(0.0, 0.003)
            yield Case(f"{role} at random, {turn}", kills={role: close}, delay=delay)
    for pair in itertools.combinations(ROLES, 2):
        close, delay = draw.randint(_EARLIEST, _LATEST), draw.uniform(0.0, 0.003)
        yield Case(" and ".join(pair), kills=dict.fromkeys(pair, close), delay=delay)


CASES = tuple(_cases())
# Each takes as long as a session with an exchange and a Ray node of its own.
AT_EXCHANGE = tuple(case for case in CASES if case.failpoints)
