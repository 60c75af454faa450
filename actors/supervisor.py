"""SupervisorActor: starts the others, listens for their hearts, and knows when it is over."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import ray
import structlog
from ray.exceptions import ActorDiedError, RayError

from actors.create import create
from actors.hops import EXECUTOR_TO_FEED, add_up
from actors.options import CONTROL, TIMES
from actors.pulse import READY, STOP, Pulse, load, losses, save, told
from actors.shell import Shell
from aster_ray import clock, topology
from aster_ray.engine.failpoints import AFTER_JOURNAL, BEFORE_JOURNAL

WATCHED = (*topology.PIPELINE, topology.LEDGER)
# Whoever must have seen the last close before a session is over.
_THROUGH = (topology.STRATEGY, topology.RISK, topology.EXECUTOR)


class SupervisorActor(Shell):
    """Keep a session alive and end it in order; after a restart, take up where it was."""

    role = topology.SUPERVISOR
    needs_journals = False  # it says who waits for them

    def open(self) -> None:
        """Begin with what a predecessor wrote down, if there was one."""
        pulses, course = load(self._folder)
        self._own = pulses.pop(topology.SUPERVISOR, Pulse())
        for pulse in pulses.values():
            pulse.state = ""  # it was so when a predecessor heard of it; it may fail to come back
        self._pulses = pulses
        now = clock.wall_ns()
        self._began_ns: int = course.get("began_ns", now)
        self._trading_ns: int = course.get("trading_ns", 0)  # 0 = not yet
        self._ended_ns = 0
        self._stopping = (self._folder / STOP).exists()
        self._state = "running" if self._trading_ns else "starting"
        self._final = False
        self._last: int | None = None
        self._drain_to: int | None = None
        self._live_on()

    async def work(self) -> None:
        """Start the actors in order, then watch them until the last close is through."""
        for role in WATCHED:
            pulse = self._pulses.setdefault(role, Pulse())
            pulse.handle = create(role, self.session.token, str(self._folder))
            pulse.heard_ns = pulse.heard_ns or clock.wall_ns()
        while self._state not in ("finished", "failed"):
            await asyncio.gather(*(self._listen(role) for role in WATCHED))
            self._judge()
            self._write_down()
            if self._state in ("running", "draining") or (
                self._stopping and self._state == "starting"
            ):
                await self._steer()
            if self._state not in ("finished", "failed"):
                # At the start often: an actor may die young.
                is_new = self._state == "starting"
                await asyncio.sleep(TIMES.tail if is_new else TIMES.heartbeat)
        await self._hear_everybody_out()
        self._write_down()
        self._final = True

    async def _hear_everybody_out(self) -> None:
        """Learn what was counted while the last close went through, and who died meanwhile.

        The end waits for no feed that was told of it, nor for the ledger; the report tells of their
        deaths all the same, so a process that is silent now is given the time to come back that it
        always has.
        """
        while self._state == "finished":  # one that failed says why, whoever answers now
            await asyncio.gather(*(self._listen(role) for role in WATCHED))
            if not any(one.silent_ns and not one.failure for one in self._pulses.values()):
                return
            await asyncio.sleep(TIMES.tail)

    def _live_on(self) -> None:
        """Count this process among its own predecessors."""
        health = {"pid": os.getpid(), "state": READY, "progress": -1, "failure": ""}
        self._own.heard(
            {**health, "hops": {}, "crossings": {}, "stages": {}, "dropped": {}}, clock.wall_ns()
        )

    def _write_down(self) -> None:
        """Put on disk what a successor needs for the report: counts of processes that are gone."""
        closes = max((pulse.progress for pulse in self._pulses.values()), default=-1)
        self.reached(BEFORE_JOURNAL, closes)
        self._live_on()
        course = {"began_ns": self._began_ns, "trading_ns": self._trading_ns}
        save(self._folder, {**self._pulses, topology.SUPERVISOR: self._own}, course)
        self.reached(AFTER_JOURNAL, closes)

    async def _listen(self, role: str) -> None:
        """Ask one actor how it is; silence and its end are findings, not errors."""
        pulse = self._pulses[role]
        try:
            health = await asyncio.wait_for(pulse.handle.health.remote(), TIMES.silence)
        except ActorDiedError as error:
            pulse.failure = f"ray gave it up: {error}"
        except (RayError, TimeoutError):
            patience = TIMES.restart if pulse.pids else TIMES.start
            if not pulse.silent_ns:
                structlog.get_logger().warning("actor_silent", role=role)
            pulse.missed(clock.wall_ns())
            if clock.wall_ns() - pulse.heard_ns > patience * 1e9:
                pulse.failure = f"no sign of life for {patience:g} s"
        else:
            before = len(pulse.recoveries)
            pulse.heard(health, clock.wall_ns())
            if len(pulse.recoveries) > before:
                structlog.get_logger().warning("actor_restarted", role=role, pid=health["pid"])

    def _judge(self) -> None:
        """Move from one state to the next."""
        if any(pulse.failure for pulse in self._pulses.values()):
            self._state = "failed"
            self._ended_ns = clock.wall_ns()
        elif self._state == "starting" and all(pulse.ready for pulse in self._pulses.values()):
            self._state = "running"
            self._trading_ns = clock.wall_ns()
        elif self._last is not None and self._is_through(self._last):
            self._state = "finished"
            self._ended_ns = clock.wall_ns()

    def _is_through(self, seq: int) -> bool:
        """Return whether everybody is done with a close, and the feed was told so."""
        told = self._pulses[topology.FEED].crossed(EXECUTOR_TO_FEED)
        return told >= seq and all(
            pulse.ready and pulse.progress >= seq
            for pulse in (self._pulses[role] for role in _THROUGH)
        )

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
        """Let the close under way finish, then end the session; asking twice changes nothing.

        A successor knows of it too: it finds the file.
        """
        (self._folder / STOP).touch()
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
        now = clock.wall_ns()
        own: dict[str, Any] = {"pid": os.getpid(), "ready": True, "progress": -1, "messages": 0}
        found = {
            role: {
                "pid": pulse.pids[-1] if pulse.pids else None,
                "ready": pulse.ready,
                "progress": pulse.progress,
                "restarts": len(pulse.recoveries),
                "messages": _messages(pulse),
                "heard_ms": (now - pulse.heard_ns) / 1e6,
                "failure": pulse.failure,
                **({"says": pulse.says} if pulse.says else {}),
            }
            for role, pulse in dict(self._pulses).items()
        }
        own |= {"restarts": len(self._own.recoveries), "heard_ms": 0.0, "failure": self._failure}
        return {self.role: own, **found}

    def _shown_state(self) -> str:
        return "draining" if self._state == "finished" and not self._final else self._state

    def _facts(self) -> dict[str, Any]:
        pulses = dict(self._pulses)
        hops = add_up(
            (counts for pulse in pulses.values() for counts in pulse.counts.values()),
            (crossed for pulse in pulses.values() for crossed in pulse.crossings.values()),
        )
        stages = add_up(counts for pulse in pulses.values() for counts in pulse.stages.values())
        now = clock.wall_ns()
        closes = 1 + max((pulse.progress for pulse in pulses.values()), default=-1)
        traded_s = max((self._ended_ns or now) - (self._trading_ns or now), 0) / 1e9
        return {
            "hops": {hop: numbers._asdict() for hop, numbers in hops.items()},
            "stages": {name: numbers._asdict() for name, numbers in sorted(stages.items())},
            "actors": {role: pulse.facts() for role, pulse in pulses.items()},
            "supervisor": self._own.facts(),
            "recoveries": told({**pulses, topology.SUPERVISOR: self._own}),
            "dropped": losses(pulses),
            "processes": len({pulse.pids[-1] for pulse in pulses.values() if pulse.pids}),
            "closes": closes,
            "closes_per_second": closes / traded_s if traded_s > 0.0 else None,
            "start_ms": ((self._trading_ns or now) - self._began_ns) / 1e6,
            "wall_ms": traded_s * 1e3,
            "stopped": self._stopping,
            **_of_feed(pulses.get(topology.FEED)),
        }


def _of_feed(pulse: Pulse | None) -> dict[str, Any]:
    """Return how a live feed stands, for the report; nothing of a replay."""
    return {"feed": pulse.says} if pulse is not None and pulse.says else {}


def _messages(pulse: Pulse) -> int:
    """Return how many messages arrived at one actor, all its processes together."""
    hops = add_up(pulse.counts.values(), pulse.crossings.values())
    # A span of several hops ("bar close to venue") is timed like one, and is no message.
    return sum(hop.messages for name, hop in hops.items() if " -> " in name)
