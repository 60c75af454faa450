"""One WebSocket that comes back.

ccxt.pro is not used here: an exception in its handlers ends its read loop without a word, a
half-open socket shows after 90 seconds, and a gap while nobody awaits it is never told.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Protocol

import aiohttp
import structlog

from aster_ray.errors import RejectedError, RetryableError

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
# A connection that lived so long was a good one: the next pause is short again.
_LIVED_S = 1.0
_GOODBYE_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """When a line is given up.

    Attributes:
        connect_s: for a connection to come about.
        heartbeat_s: pause between pings; without an answer the line is dead half a pause later.
        silence_s: without any message; None where silence is normal.
    """

    connect_s: float
    heartbeat_s: float
    silence_s: float | None = None


class Listener(Protocol):
    """Who reads a line."""

    async def address(self) -> str:
        """Return where to connect.

        Raises:
            RetryableError, RejectedError: not now; it is tried again.
        """
        ...

    async def joined(self, why: str) -> None:
        """Learn that the line stands; ``why`` says what was wrong before, empty the first time."""
        ...

    def hear(self, text: str) -> str:
        """Take a message; return why the line must be made anew, else an empty text."""
        ...


class Line:
    """Keeps one connection up until it is canceled.

    Args:
        name: what it is for, in logs.
        session: for connections.
        listener: who reads.
        patience: when it is given up.
    """

    def __init__(
        self,
        name: str,
        session: aiohttp.ClientSession,
        listener: Listener,
        patience: Patience,
    ) -> None:
        self._name = name
        self._session = session
        self._listener = listener
        self._patience = patience
        self._deadline: asyncio.Timeout | None = None
        self._cut = ""
        self._random = random.Random()

    def cut(self, why: str) -> None:
        """Give the connection up now and make it anew."""
        if self._deadline is not None and not self._cut:
            self._cut = why
            self._deadline.reschedule(asyncio.get_running_loop().time())

    async def run(self) -> None:
        """Connect, listen, and connect again, for ever.

        Raises:
            BadInputError: the venue does not accept the keys, or the clock.
        """
        loop = asyncio.get_running_loop()
        why, failures = "", 0
        while True:
            began = loop.time()
            try:
                lost = await self._connection(why)
            except (aiohttp.ClientError, OSError, RetryableError, RejectedError) as error:
                lost = f"{type(error).__name__}: {error}".removesuffix(": ")
            why = lost
            failures = 0 if loop.time() - began > _LIVED_S else failures + 1
            structlog.get_logger().warning("line_lost", line=self._name, why=lost)
            pause = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(failures - 1, 10))
            await asyncio.sleep(pause * self._random.uniform(0.5, 1.0))

    async def _connection(self, why: str) -> str:
        """Return why a connection ended."""
        address = await self._listener.address()
        connect = self._session.ws_connect(
            address,
            heartbeat=self._patience.heartbeat_s,
            timeout=aiohttp.ClientWSTimeout(ws_close=_GOODBYE_S),
            max_msg_size=0,
        )
        async with asyncio.timeout(self._patience.connect_s):
            socket = await connect
        try:
            await self._listener.joined(why)
            return await self._listen(socket)
        finally:
            await socket.close()

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        loop = asyncio.get_running_loop()
        silence = self._patience.silence_s
        self._cut = ""
        try:
            async with asyncio.timeout(silence) as self._deadline:
                async for message in socket:
                    if message.type is not aiohttp.WSMsgType.TEXT:
                        continue
                    if why := self._listener.hear(message.data):
                        return why
                    if silence is not None and not self._cut:
                        self._deadline.reschedule(loop.time() + silence)
        except TimeoutError:
            return self._cut or f"nothing was heard for {silence:g} s"
        finally:
            self._deadline = None
        error = socket.exception()
        return f"closed by the venue ({socket.close_code}{f', {error}' if error else ''})"
