"""How one actor reaches another: by name and numbered, asked again until the answer is there.

What is on its way to the venue is asked for by who needs it next, before it is there: the question
waits, and an answer crosses in about half the time of a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import ray
import structlog
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayError, RayTaskError

from actors.options import TIMES
from aster_ray import clock, topology
from aster_ray.engine.failpoints import Reached, pass_by

Position = Callable[[], tuple[int, ...]]
# An answer that was returned has left the process by then.
_LEAVES_S = 0.005


class Watermark:
    """The highest number for which something is done; waiters wake as it rises."""

    def __init__(self, value: int = -1) -> None:
        self.value = value
        self._changed = asyncio.Event()

    def raise_to(self, value: int) -> None:
        """Move up to ``value``; never down."""
        if value > self.value:
            self.value = value
            self.stir()

    def stir(self) -> None:
        """Wake everybody who waits, to look again."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def reach(self, value: int) -> None:
        """Return once everything up to ``value`` is done."""
        while self.value < value:
            await self._changed.wait()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return once ``condition`` holds; it is tried whenever something changes."""
        while not condition():
            await self._changed.wait()


class Latest:
    """The last message of one actor to another, which asks for it and waits until it is there.

    Args:
        reached: what this process does at its failpoints.
        sent: the failpoint once a message has left.
    """

    def __init__(self, reached: Reached = pass_by, sent: str = "") -> None:
        self._reached, self._sent = reached, sent
        self._mark = Watermark()
        self._data = b""

    def put(self, seq: int, data: bytes) -> None:
        """Have something to say; ``seq`` rises from one message to the next."""
        self._data = data
        self._mark.raise_to(seq)

    async def since(self, seq: int) -> tuple[bytes, int]:
        """Return (message, time of sending) once there is one with number ``seq`` or later."""
        await self._mark.reach(seq)
        if self._sent:
            said = self._mark.value
            asyncio.get_running_loop().call_later(_LEAVES_S, self._reached, self._sent, said)
        return self._data, clock.wall_ns()


class Peer:
    """Another actor of the session; outlives that actor's restarts and its absence."""

    def __init__(self, role: str, token: str) -> None:
        self._role = role
        self._name = topology.actor_name(role, token)
        self._known: Any = None

    async def handle(self) -> Any:
        """Return the actor's handle, waiting until there is such an actor."""
        while self._known is None:
            try:
                self._known = ray.get_actor(self._name, namespace=topology.NAMESPACE)
            except ValueError:
                await asyncio.sleep(TIMES.again)
        return self._known

    async def ask(self, method: str) -> Any:
        """Call until an answer comes.

        The outcome of an unanswered call is unknown, so every method reached this way must make
        a repetition harmless. ActorDiedError rises: that actor will not come back.
        """
        is_away = False
        while True:
            handle = await self.handle()
            call = getattr(handle, method).remote()
            try:
                async with asyncio.timeout(TIMES.answer):
                    return await call
            except (ActorUnavailableError, TimeoutError) as error:
                if not is_away:
                    self._unanswered(method, error)
                is_away = True
                await asyncio.sleep(TIMES.again)

    def _unanswered(self, method: str, error: Exception) -> None:
        """Say so once: the question is asked until there is an answer."""
        structlog.get_logger().warning(
            "question_unanswered", to=self._role, method=method, error=type(error).__name__
        )

    async def follow(self, reader: str, position: Position) -> AsyncIterator[Any]:
        """Yield what an actor has to say, close after close without end; ``position`` says which.

        Args:
            reader: role of who reads.
            position: called for every close: the one wanted next, and what else the actor asks of
                its readers.
        """
        is_away = False
        while True:
            try:
                item = await (await self.handle()).next.remote(reader, *position())
            except (ActorDiedError, RayTaskError):
                raise
            except RayError as error:
                if not is_away:
                    self._unanswered("next", error)
                is_away = True
                await asyncio.sleep(TIMES.again)
                continue
            is_away = False
            if item is None:
                # It has nothing for now: the end of the data, or a stop.
                await asyncio.sleep(TIMES.tail)
            else:
                yield item
