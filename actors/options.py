"""How the actors are placed and kept alive: one table, and the times they are given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from aster_ray import topology

# Health, stop and snapshots answer while a method of the actor's own work is busy.
CONTROL = "ctl"


class Times(NamedTuple):
    """Waits in seconds."""

    heartbeat: float = 0.5
    silence: float = 3.0  # without an answer an actor counts as dead
    restart: float = 90.0  # dead for so long, it is given up
    start: float = 300.0  # from creation to the first answer that says ready
    answer: float = 5.0  # then the same is asked again
    again: float = 0.05  # between two attempts
    tail: float = 0.2  # between two looks at the journals
    goodbye: float = 10.0


TIMES = Times()

# Orders move through these actors: a call must never be repeated by Ray itself, only by number.
_TRADING: Mapping[str, Any] = {
    "num_cpus": 0,
    "max_restarts": -1,
    "max_task_retries": 0,
    "concurrency_groups": {CONTROL: 4},
    "enable_task_events": False,
}
ACTOR_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    topology.FEED: _TRADING,
    topology.STRATEGY: _TRADING,
    topology.RISK: _TRADING,
    topology.EXECUTOR: _TRADING,
    topology.LEDGER: _TRADING,
    topology.SUPERVISOR: _TRADING,
}

# role -> where its class lives; imported by whoever creates it.
ACTOR_CLASSES: Mapping[str, str] = {
    topology.FEED: "actors.feed:FeedActor",
    topology.STRATEGY: "actors.strategy:StrategyActor",
    topology.RISK: "actors.risk:RiskActor",
    topology.EXECUTOR: "actors.executor:ExecutorActor",
    topology.LEDGER: "actors.ledger:LedgerActor",
    topology.SUPERVISOR: "actors.supervisor:SupervisorActor",
}
