"""WebSockets: who listens to what, and everything that may go wrong on the way."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from aster_ray.clock import Clock
from aster_ray.venues.simulator.floor import Payload

MOST_STREAMS, MOST_MESSAGES = 200, 10  # streams a socket; messages from a client a second
_MOST_WAITING = 20_000  # a reader this far behind is dropped
_PING_SECONDS = 300.0
_LIFE_SECONDS = 86_400.0


@dataclass(slots=True)
class Interference:
    """Faults of every socket, until they are taken back.

    Attributes:
        stall: nothing arrives any more, not even answers to pings, on connections that stay open.
        duplicate: everything arrives twice.
        reorder: of two messages the second arrives first.
    """

    stall: bool = False
    duplicate: bool = False
    reorder: bool = False


class Socket:
    """One connection.

    Attributes:
        wrapped: messages carry the name of their stream around them.
        streams: what it listens to; a listen key is a stream too.
    """

    def __init__(self, response: web.WebSocketResponse, request: web.Request) -> None:
        self.response = response
        self.request = request
        self.wrapped = request.path.endswith("/stream")
        self.streams: set[str] = set()
        self.said: deque[int] = deque(maxlen=MOST_MESSAGES + 1)
        self._waiting: deque[str] = deque()
        self._wake = asyncio.Event()
        self.idle = asyncio.Event()  # everything that was queued is on its way
        self.idle.set()

    def send(self, text: str) -> None:
        """Queue a message; a reader that does not keep up loses the connection."""
        self._waiting.append(text)
        self.idle.clear()
        self._wake.set()
        if len(self._waiting) > _MOST_WAITING:
            self.abort()

    def abort(self) -> None:
        """Cut the connection without a goodbye."""
        if self.request.transport is not None:
            self.request.transport.abort()

    async def pump(self, interference: Interference) -> None:
        """Send what is queued, as long as the connection lives."""
        held: str | None = None
        while not self.response.closed:
            if not self._waiting:
                self.idle.set()
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                text = self._waiting.popleft()
                if interference.stall:
                    continue
                if interference.reorder and held is None:
                    held = text
                    continue
                batch = [text] if held is None else [text, held]
                held = None
                for one in batch * 2 if interference.duplicate else batch:
                    await self.response.send_str(one)


class Hub:
    """All connections.

    Args:
        clock: for the limit of messages a second.
        is_stream: whether a name may be listened to.
    """

    def __init__(self, clock: Clock, is_stream: Callable[[str], bool]) -> None:
        self._clock = clock
        self._is_stream = is_stream
        self._listeners: defaultdict[str, set[Socket]] = defaultdict(set)
        self.sockets: set[Socket] = set()
        self.interference = Interference()

    def wanted(self) -> list[str]:
        """Return the streams somebody listens to."""
        return [name for name, sockets in self._listeners.items() if sockets]

    def size(self) -> int:
        """Return how many streams are remembered, listened to or not."""
        return len(self._listeners)

    def publish(self, stream: str, payload: Payload | list[Payload]) -> None:
        """Send a message to whoever listens to its stream."""
        sockets = self._listeners.get(stream)
        if not sockets:
            return
        bare = json.dumps(payload, separators=(",", ":"))
        wrapped = f'{{"stream":"{stream}","data":{bare}}}'
        for socket in list(sockets):
            socket.send(wrapped if socket.wrapped else bare)

    def forget(self, stream: str) -> None:
        """Let nobody listen to a stream any more; the connections stay."""
        for socket in self._listeners.pop(stream, set()):
            socket.streams.discard(stream)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection until it ends."""
        response = web.WebSocketResponse(autoping=False)
        await response.prepare(request)
        socket = Socket(response, request)
        self.sockets.add(socket)
        for name in _named(request):
            self._listen(socket, name)
        loop = asyncio.get_running_loop()
        pump = loop.create_task(socket.pump(self.interference))
        pings = loop.create_task(self._ping(socket))
        end = loop.call_later(_LIFE_SECONDS, socket.abort)
        try:
            with suppress(ConnectionError):  # it went before it was answered
                async for message in response:
                    if not await self._hear(socket, message):
                        break
        finally:
            end.cancel()
            socket.idle.set()
            for task in (pump, pings):
                task.cancel()
                with suppress(asyncio.CancelledError, ConnectionError):
                    await task
            self._leave(socket)
        return response

    async def flush(self, seconds: float) -> None:
        """Wait until everybody was sent what is queued; who does not take it in time is cut off."""
        for socket in list(self.sockets):
            try:
                await asyncio.wait_for(socket.idle.wait(), seconds)
            except TimeoutError:
                socket.abort()

    async def close(self, *, abort: bool = False) -> None:
        """End every connection, with a goodbye or without."""
        for socket in list(self.sockets):
            if abort:
                socket.abort()
            else:
                await socket.response.close(code=WSCloseCode.GOING_AWAY)

    async def _ping(self, socket: Socket) -> None:
        while True:
            await asyncio.sleep(_PING_SECONDS)
            if not self.interference.stall:
                await socket.response.ping()

    async def _hear(self, socket: Socket, message: WSMessage) -> bool:
        """Act on what a client says; return whether the connection goes on."""
        now = self._clock.now_ms()
        socket.said.append(now)
        if len(socket.said) > MOST_MESSAGES and now - socket.said[0] < 1000:
            return False
        if message.type is WSMsgType.PING:
            if not self.interference.stall:
                await socket.response.pong(message.data)
        elif message.type is WSMsgType.TEXT:
            self._command(socket, message.data)
        return True

    def _command(self, socket: Socket, text: str) -> None:
        try:
            command = json.loads(text)
            method, names = command["method"], command.get("params", [])
            number = command.get("id")
        except (ValueError, KeyError, TypeError, AttributeError):
            socket.send(json.dumps({"code": 3, "msg": "Invalid JSON: expected a command"}))
            return
        answer: dict[str, Any] = {"result": None, "id": number}
        if method == "SUBSCRIBE":
            unknown = [name for name in names if not self._is_stream(name)]
            if unknown or len(socket.streams | set(names)) > MOST_STREAMS:
                answer = {"code": 2, "msg": f"Invalid request: {unknown}", "id": number}
            else:
                for name in names:
                    self._listen(socket, name)
        elif method == "UNSUBSCRIBE":
            for name in names:
                socket.streams.discard(name)
                self._listeners.get(name, set()).discard(socket)
        elif method == "LIST_SUBSCRIPTIONS":
            answer["result"] = sorted(socket.streams)
        else:
            answer = {"code": 2, "msg": f"Invalid request: unknown method {method}", "id": number}
        socket.send(json.dumps(answer))

    def _listen(self, socket: Socket, name: str) -> None:
        if self._is_stream(name):
            socket.streams.add(name)
            self._listeners[name].add(socket)

    def _leave(self, socket: Socket) -> None:
        self.sockets.discard(socket)
        for name in socket.streams:
            self._listeners[name].discard(socket)
            if not self._listeners[name]:
                del self._listeners[name]


def _named(request: web.Request) -> list[str]:
    """Return the streams an address names: ``/ws/<name>`` or ``/stream?streams=a/b``."""
    name = request.match_info.get("name", "")
    several = request.query.get("streams", "")
    return [found for found in (name, *several.split("/")) if found]
