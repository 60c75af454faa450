"""How one actor reaches another: by name, numbered, sent again until it is acknowledged."""

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

Position = Callable[[], tuple[int, int]]


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


class Peer:
    """Another actor of the session; outlives that actor's restarts and its absence."""

    def __init__(self, role: str, token: str, reached: Reached = pass_by) -> None:
        self._role = role
        self._name = topology.actor_name(role, token)
        self._reached = reached
        self._known: Any = None

    async def handle(self) -> Any:
        """Return the actor's handle, waiting until there is such an actor."""
        while self._known is None:
            try:
                self._known = ray.get_actor(self._name, namespace=topology.NAMESPACE)
            except ValueError:
                await asyncio.sleep(TIMES.again)
        return self._known

    async def ask(self, method: str, *arguments: object, number: int = -1, sent: str = "") -> Any:
        """Call until an answer comes, with the same arguments and the time of sending.

        The outcome of an unanswered call is unknown, so every method reached this way must make
        a repetition harmless. ActorDiedError rises: that actor will not come back.

        Args:
            method: of the actor.
            *arguments: sent again unchanged.
            number: of the close that the message is about; -1 for none.
            sent: failpoint between sending and taking the answer; "" for none.
        """
        first_ns = 0
        while True:
            handle = await self.handle()
            sent_ns = clock.wall_ns()
            call = getattr(handle, method).remote(*arguments, sent_ns)
            if sent:
                self._reached(sent, number)
            try:
                async with asyncio.timeout(TIMES.answer):
                    return await call
            except (ActorUnavailableError, TimeoutError) as error:
                if not first_ns:
                    first_ns = sent_ns
                    structlog.get_logger().warning(
                        "message_unacknowledged",
                        to=self._role,
                        method=method,
                        number=number,
                        sent_ns=first_ns,
                        error=type(error).__name__,
                    )
                await asyncio.sleep(TIMES.again)

    async def follow(self, reader: str, position: Position) -> AsyncIterator[Any]:
        """Yield what a feed has, one close after another without end; ``position`` says which.

        Args:
            reader: role of who reads.
            position: called for every close: the one wanted next, and the last one the reader
                knows the executor to be done with (-1 for none).
        """
        while True:
            try:
                item = await (await self.handle()).next.remote(reader, *position())
            except (ActorDiedError, RayTaskError):
                raise
            except RayError:
                await asyncio.sleep(TIMES.again)
                continue
            if item is None:
                # It has nothing for now: the end of the data, or a stop.
                await asyncio.sleep(TIMES.tail)
            else:
                yield item
