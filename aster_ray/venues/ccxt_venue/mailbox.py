"""What was heard and not yet read."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

import aiohttp

E = TypeVar("E")


class Mailbox(Generic[E]):
    """Events in order; what is put under a key replaces what still waits under it.

    Args:
        most: so many may wait; one more and all of them give way to what ``overflow`` returns.
        overflow: makes the event that says so.
    """

    def __init__(self, most: int, overflow: Callable[[], E]) -> None:
        self._most = most
        self._overflow = overflow
        self._waiting: OrderedDict[Hashable, E] = OrderedDict()
        self._number = 0
        self._wake = asyncio.Event()
        self._closed = False
        self._failure: BaseException | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, event: E, key: Hashable = None) -> None:
        """Add an event, or replace the one of its key."""
        if key is None:
            self._number += 1
            key = self._number
        self._waiting[key] = event
        if len(self._waiting) > self._most:
            self._waiting.clear()
            self._waiting[0] = self._overflow()
        self._wake.set()

    def close(self, failure: BaseException | None = None) -> None:
        """Let readers stop, or fail, once they have read what waits."""
        self._closed = True
        self._failure = self._failure or failure
        self._wake.set()

    async def get(self) -> E | None:
        """Return the oldest event; None once closed and empty.

        Raises:
            BaseException: what the mailbox was closed with.
        """
        while not self._waiting:
            if self._closed:
                if self._failure is not None:
                    raise self._failure
                return None
            self._wake.clear()
            await self._wake.wait()
        return self._waiting.popitem(last=False)[1]


class Outlet(Generic[E]):
    """A mailbox and the tasks that fill it; if one fails, so does the reader.

    Args:
        mailbox: where the tasks put what they hear.

    Attributes:
        session: for the connections of the tasks.
    """

    def __init__(self, mailbox: Mailbox[E]) -> None:
        self.mailbox = mailbox
        self.session = aiohttp.ClientSession()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a task until closed."""
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.mailbox.close(task.exception())

    async def close(self) -> None:
        """End the tasks, and the reader after what it has not read."""
        self.mailbox.close()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.session.close()
