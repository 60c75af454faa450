"""What every actor of a session is: a task that begins with the process, and its health.

``__init__`` does nothing that can fail: Ray gives an actor up for good when it raises during a
restart. Opening journals and folding them happens in the task, on a thread of its own, so that
health answers meanwhile ("recovering"); all other calls wait until the actor is ready.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import ray
import structlog
from ray.exceptions import RayTaskError

from actors.census import census
from actors.hops import HopMeter
from actors.link import Peer
from actors.options import CONTROL
from actors.place import placed
from actors.secrecy import keep_secrets
from aster_ray import log
from aster_ray.engine import failpoints
from aster_ray.engine.ports import OwnJournal
from aster_ray.research.session import LOGS, Session, load_session

_SWITCH_S = 0.0005


class Shell:
    """Base of the actors; a subclass opens its desk in ``open`` and lives in ``work``."""

    role = ""
    needs_journals = True  # to be of any use

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self.hops = HopMeter()
        self.stages = HopMeter()  # where the time goes between two hops
        self.ready = asyncio.Event()
        self.progress = -1  # last close time this actor is done with
        self.reached: failpoints.Reached = failpoints.pass_by
        self._journals: dict[str, OwnJournal] = {}
        self._failure = ""
        self._tasks: set[asyncio.Task[None]] = set()
        self.attend(self._live())

    async def _live(self) -> None:
        keep_secrets()
        log.configure_file(self._folder / LOGS / f"{self.role}.log")
        structlog.get_logger().info("actor_started", role=self.role, pid=os.getpid())
        self.session: Session = placed(load_session(self._folder), os.environ)
        self.reached = failpoints.armed(self.role, self.session.token)
        if self.needs_journals:
            await asyncio.to_thread(self.session.journals.reach)
        await asyncio.to_thread(self.open)
        for name, journal in self._journals.items():
            if journal.dropped.bytes:
                structlog.get_logger().warning(
                    "journal_torn", name=name, **journal.dropped._asdict()
                )
        structlog.get_logger().info(
            "actor_ready",
            role=self.role,
            pid=os.getpid(),
            progress=self.progress,
            recovered=self._recovered(),
        )
        # Health has a thread of its own: a close must not wait for it for the usual 5 ms.
        sys.setswitchinterval(_SWITCH_S)
        # What is there now stays: a collection that walks through it would stop a close for long.
        gc.collect()
        gc.freeze()
        self.ready.set()
        await self.work()

    def open(self) -> None:
        """Load what the session runs on and fold the journals, before anything is told.

        Runs beside the event loop, whose calls all wait for its end.
        """

    async def work(self) -> None:
        """Do what this actor is there for, until the process ends."""

    def peer(self, role: str) -> Peer:
        """Return the way to another actor of this session."""
        return Peer(role, self.session.token)

    def journal(self, name: str) -> OwnJournal:
        """Open one of the session's journals; this actor is its one writer."""
        journal = self._journals[name] = self.session.journals.writer(name)
        return journal

    def arrived(self, hop: str, seq: int, sent_ns: int) -> None:
        """Count a message; one that came before is said so, as its answer was never taken."""
        if not self.hops.arrived(hop, seq, sent_ns):
            structlog.get_logger().info("message_repeated", hop=hop, number=seq, sent_ns=sent_ns)

    def _recovered(self) -> int:
        return sum(journal.recovered for journal in self._journals.values())

    def _stage(self) -> str:
        if self._failure:
            return "failed"
        return "ready" if self.ready.is_set() else "recovering"

    def attend(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` beside everything else; if it fails, so has this actor."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            # What another actor raised arrives wrapped, with its whole traceback as text.
            told = error.cause if isinstance(error, RayTaskError) else error
            while isinstance(told, BaseExceptionGroup):  # of tasks that ended together
                told = told.exceptions[0]
            self._failure = log.redact_text(f"{type(told).__name__}: {told}")
            structlog.get_logger().error(
                "actor_failed", role=self.role, pid=os.getpid(), exc_info=error
            )

    @ray.method(concurrency_group=CONTROL)
    async def health(self) -> dict[str, Any]:
        """Return who this process is, how far it is, what it counted, and why it gave up."""
        return {
            "pid": os.getpid(),
            "state": self._stage(),
            "progress": self.progress,
            "recovered": self._recovered(),  # records of its journals folded so far
            "dropped": {
                name: tuple(journal.dropped)
                for name, journal in dict(self._journals).items()
                if journal.dropped.bytes
            },
            "failure": self._failure,
            "hops": self.hops.counts(),
            "crossings": self.hops.crossings(),
            "stages": self.stages.counts(),
            "says": self.says(),
        }

    @ray.method(concurrency_group=CONTROL)
    async def census(self) -> dict[str, int]:
        """Return path -> number of elements of every container this process holds."""
        return census(self)

    def says(self) -> dict[str, Any]:
        """Return what there is to tell of this actor's own work; asked from another thread."""
        return {}
