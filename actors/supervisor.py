"""SupervisorActor: starts the others, listens for their hearts, and knows when it is over."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ray
import structlog
from ray.exceptions import ActorDiedError, RayError

from actors.create import create
from actors.hops import Counts, add_up
from actors.options import CONTROL, TIMES
from actors.shell import Shell
from aster_ray import clock, topology

WATCHED = (*topology.PIPELINE, topology.LEDGER)
# Whoever must have seen the last close before a session is over.
_THROUGH = (topology.STRATEGY, topology.RISK, topology.EXECUTOR)


@dataclass(slots=True)
class Pulse:
    """What is known of one actor."""

    handle: Any
    pids: list[int] = field(default_factory=list)
    ready: bool = False
    progress: int = -1
    failure: str = ""
    counts: dict[int, Counts] = field(default_factory=dict)  # by pid
    stages: dict[int, Counts] = field(default_factory=dict)
    heard_ns: int = 0
    downtime_ns: int = 0  # of all its restarts, from the last sign of life to the next

    @property
    def restarts(self) -> int:
        """Return how often another process took over."""
        return max(0, len(self.pids) - 1)

    def heard(self, health: Mapping[str, Any], now_ns: int) -> None:
        """Take an answer."""
        pid = health["pid"]
        if pid not in self.pids:
            if self.pids:
                self.downtime_ns += now_ns - self.heard_ns
            self.pids.append(pid)
        self.heard_ns = now_ns
        self.ready, self.failure = health["ready"], health["failure"]
        self.progress = max(self.progress, health["progress"]) if self.ready else self.progress
        self.counts[pid], self.stages[pid] = health["hops"], health["stages"]


class SupervisorActor(Shell):
    """Keep a session alive and end it in order."""

    role = topology.SUPERVISOR

    def open(self) -> None:
        """Begin with nothing known."""
        self._pulses: dict[str, Pulse] = {}
        self._state = "starting"
        self._stopping = False
        self._final = False
        self._last: int | None = None
        self._drain_to: int | None = None
        self._began_ns = self._trading_ns = self._ended_ns = clock.monotonic_ns()

    async def work(self) -> None:
        """Start the actors in order, then watch them until the last close is through."""
        for role in WATCHED:
            handle = create(role, self.session.token, str(self._folder))
            self._pulses[role] = Pulse(handle, heard_ns=clock.monotonic_ns())
        while self._state not in ("finished", "failed"):
            await asyncio.gather(*(self._listen(role) for role in WATCHED))
            self._judge()
            if self._state in ("running", "draining") or (
                self._stopping and self._state == "starting"
            ):
                await self._steer()
            if self._state not in ("finished", "failed"):
                await asyncio.sleep(TIMES.heartbeat)
        # Once more: what was counted while the last close went through.
        await asyncio.gather(*(self._listen(role) for role in WATCHED))
        self._final = True

    async def _listen(self, role: str) -> None:
        """Ask one actor how it is; silence and its end are findings, not errors."""
        pulse = self._pulses[role]
        try:
            health = await asyncio.wait_for(pulse.handle.health.remote(), TIMES.silence)
        except ActorDiedError as error:
            pulse.failure = f"ray gave it up: {error}"
        except (RayError, TimeoutError):
            patience = TIMES.restart if pulse.pids else TIMES.start
            if clock.monotonic_ns() - pulse.heard_ns > patience * 1e9:
                pulse.failure = f"no sign of life for {patience:g} s"
            structlog.get_logger().warning("actor_silent", role=role)
        else:
            before = pulse.restarts
            pulse.heard(health, clock.monotonic_ns())
            if pulse.restarts > before:
                structlog.get_logger().warning("actor_restarted", role=role, pid=health["pid"])

    def _judge(self) -> None:
        """Move from one state to the next."""
        if any(pulse.failure for pulse in self._pulses.values()):
            self._state = "failed"
            self._ended_ns = clock.monotonic_ns()
        elif self._state == "starting" and all(pulse.ready for pulse in self._pulses.values()):
            self._state = "running"
            self._trading_ns = clock.monotonic_ns()
        elif self._last is not None and all(
            self._pulses[role].progress >= self._last for role in _THROUGH
        ):
            self._state = "finished"
            self._ended_ns = clock.monotonic_ns()

    async def _steer(self) -> None:
        """Learn where the end is; on a stop, move it to the close that is under way."""
        feed = self._pulses[topology.FEED].handle
        now = clock.wall_ns()
        if self._stopping:
            self._state = "draining"
            if self._drain_to is None:
                self._drain_to = 1 + max(pulse.progress for pulse in self._pulses.values())
            call = feed.finish.remote(self._drain_to, now)
        elif self._last is None:
            call = feed.end.remote(now)
        else:
            return
        try:
            self._last = await asyncio.wait_for(call, TIMES.silence)
            if self._drain_to is not None:
                self._drain_to = self._last
        except (RayError, TimeoutError):
            structlog.get_logger().warning("feed_silent")

    @ray.method(concurrency_group=CONTROL)
    async def stop(self) -> None:
        """Let the close under way finish, then end the session; asking twice changes nothing."""
        self._stopping = True

    @ray.method(concurrency_group=CONTROL)
    async def status(self) -> dict[str, Any]:
        """Return state, failure, and the ``session`` section of the report so far."""
        if not self.ready.is_set():
            return {
                "state": "starting",
                "failure": self._failure,
                "last": None,
                "facts": {},
                "pulses": {},
            }
        failures = {role: pulse.failure for role, pulse in self._pulses.items() if pulse.failure}
        told = "; ".join(f"{role}: {failure}" for role, failure in failures.items())
        return {
            "state": "failed" if self._failure else self._shown_state(),
            "failure": self._failure or told,
            "last": self._last,
            "facts": self._facts(),
            "pulses": self._beats(),
        }

    def _beats(self) -> dict[str, Any]:
        """Return every actor's sign of life, the supervisor's own among them."""
        now = clock.monotonic_ns()
        own = {"pid": os.getpid(), "ready": True, "progress": -1, "restarts": 0, "messages": 0}
        found = {
            role: {
                "pid": pulse.pids[-1] if pulse.pids else None,
                "ready": pulse.ready,
                "progress": pulse.progress,
                "restarts": pulse.restarts,
                "messages": _messages(pulse),
                "heard_ms": (now - pulse.heard_ns) / 1e6,
                "failure": pulse.failure,
            }
            for role, pulse in dict(self._pulses).items()
        }
        return {self.role: {**own, "heard_ms": 0.0, "failure": self._failure}, **found}

    def _shown_state(self) -> str:
        return "draining" if self._state == "finished" and not self._final else self._state

    def _facts(self) -> dict[str, Any]:
        pulses = dict(self._pulses)
        hops = add_up(counts for pulse in pulses.values() for counts in pulse.counts.values())
        stages = add_up(counts for pulse in pulses.values() for counts in pulse.stages.values())
        end_ns = self._ended_ns if self._state in ("finished", "failed") else clock.monotonic_ns()
        closes = 1 + max((pulse.progress for pulse in pulses.values()), default=-1)
        traded_s = max(end_ns - self._trading_ns, 1) / 1e9 if self._state != "starting" else 0.0
        return {
            "hops": {hop: numbers._asdict() for hop, numbers in hops.items()},
            "stages": {name: numbers._asdict() for name, numbers in sorted(stages.items())},
            "actors": {
                role: {
                    "pid": pulse.pids[-1] if pulse.pids else None,
                    "restarts": pulse.restarts,
                    "downtime_ms": pulse.downtime_ns / 1e6,
                }
                for role, pulse in pulses.items()
            },
            "processes": len({pulse.pids[-1] for pulse in pulses.values() if pulse.pids}),
            "closes": closes,
            "closes_per_second": closes / traded_s if traded_s > 0.0 else None,
            "start_ms": (self._trading_ns - self._began_ns) / 1e6,
            "wall_ms": traded_s * 1e3,
            "stopped": self._stopping,
        }


def _messages(pulse: Pulse) -> int:
    """Return how many messages arrived at one actor, all its processes together."""
    hops = add_up(pulse.counts.values())
    # A span of several hops ("bar close to venue") is timed like one, and is no message.
    return sum(hop.messages for name, hop in hops.items() if " -> " in name)
