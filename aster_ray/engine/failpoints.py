"""Named places in the life of a message where a process can be made to die: tests prove it may.

Off in every ordinary process. Two keys must turn at once: the environment variable
``ASTER_FAILPOINTS`` names a folder when the process begins, and that folder holds a plan for this
very session, ``TOKEN.json``: ``{"executor/after-journal": 120}``. The process then sends itself
SIGKILL the first time it passes that place at close 120 or later: nothing is flushed, closed or
said. Each place fires once in a session, however often the process comes back.

The feed and the strategies keep no journal, so for them nothing lies between deciding and sending.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from aster_ray import clock, topology
from aster_ray.errors import BadInputError

VARIABLE = "ASTER_FAILPOINTS"

BEFORE_JOURNAL = "before-journal"  # decided, not on disk
AFTER_JOURNAL = "after-journal"  # on disk, not sent
BEFORE_SEND = "before-send"  # decided by one who keeps no journal, not sent
AFTER_SEND = "after-send"  # sent, the answer not taken
AFTER_ACK = "after-ack"  # answered, not passed on
# The executor has a second stream beside orders: what the venue did, on its way to the risk desk.
EVIDENCE_BEFORE_JOURNAL = "evidence-before-journal"
EVIDENCE_AFTER_JOURNAL = "evidence-after-journal"
EVIDENCE_AFTER_SEND = "evidence-after-send"
# The venue took orders and dies with the executor's process before its own log has them.
VENUE_BEFORE_LOG = "venue-before-log"

# A piece of an order that an algorithm carries out, on its way to the venue and back.
CHILD_BEFORE_SEND = "child-before-send"
CHILD_AFTER_SEND = "child-after-send"

POINTS: Mapping[str, tuple[str, ...]] = {
    topology.FEED: (BEFORE_SEND, AFTER_SEND, AFTER_ACK),
    topology.STRATEGY: (BEFORE_SEND, AFTER_SEND, AFTER_ACK),
    topology.RISK: (BEFORE_JOURNAL, AFTER_JOURNAL, AFTER_SEND, AFTER_ACK),
    topology.EXECUTOR: (
        BEFORE_JOURNAL,
        AFTER_JOURNAL,
        VENUE_BEFORE_LOG,
        AFTER_SEND,
        AFTER_ACK,
        EVIDENCE_BEFORE_JOURNAL,
        EVIDENCE_AFTER_JOURNAL,
        EVIDENCE_AFTER_SEND,
    ),
    topology.LEDGER: (BEFORE_SEND,),
    topology.SUPERVISOR: (BEFORE_JOURNAL, AFTER_JOURNAL),
}

# Reached only where an algorithm carries orders out at a venue.
CARRYING: Mapping[str, tuple[str, ...]] = {
    topology.EXECUTOR: (CHILD_BEFORE_SEND, CHILD_AFTER_SEND),
}

# Called with the place and the number of the close that passes it.
Reached = Callable[[str, int], None]
# A message handed to the network stack leaves within this time, while its answer waits.
_ON_ITS_WAY_S = 0.02


def pass_by(_point: str, _seq: int) -> None:
    """Do nothing: what every process does that was not made to die."""


def armed(role: str, token: str) -> Reached:
    """Return what this process does at its failpoints.

    Raises:
        BadInputError: the plan names a place that there is not.
    """
    place = os.environ.get(VARIABLE)
    plan = Path(place) / f"{token}.json" if place else None
    if plan is None or not plan.is_file():
        return pass_by
    mine: dict[str, int] = {}
    for name, seq in json.loads(plan.read_text(encoding="utf-8")).items():
        owner, _, point = name.partition("/")
        if point not in (*POINTS.get(owner, ()), *CARRYING.get(owner, ())):
            raise BadInputError(f"{plan.name} names the failpoint {name!r}: there is none")
        if owner == role:
            mine[point] = seq
    return _Charge(plan.with_suffix(""), role, mine).reached if mine else pass_by


def marker(plan: Path, role: str, point: str) -> Path:
    """Return the file that a process leaves as it dies; ``plan`` without its suffix."""
    return plan.with_name(f"{plan.name}.{role}.{point}")


class _Charge:
    """The places where one process is to die."""

    def __init__(self, plan: Path, role: str, places: dict[str, int]) -> None:
        self._plan = plan
        self._role = role
        self._places = places

    def reached(self, point: str, seq: int) -> None:
        wanted = self._places.get(point)
        if wanted is None or seq < wanted:
            return
        del self._places[point]
        if point in (AFTER_SEND, EVIDENCE_AFTER_SEND):
            clock.wait(_ON_ITS_WAY_S)
        told = {"role": self._role, "point": point, "seq": seq, "pid": os.getpid()}
        try:
            with marker(self._plan, self._role, point).open("x", encoding="utf-8") as file:
                file.write(json.dumps({**told, "wall_ns": clock.wall_ns()}))
        except FileExistsError:
            return  # a predecessor died here
        os.kill(os.getpid(), signal.SIGKILL)
