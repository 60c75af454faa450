"""What every request passes before it is read as a question: its bearer token and its size."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from aster_ray.config import Secret
from aster_ray.errors import ConfigError

TOKEN, TOKEN_FILE = "ASTER_API_TOKEN", "ASTER_API_TOKEN_FILE"
LEAST_TOKEN = 16
MOST_BYTES = 2 * 1024 * 1024
# Whatever is not listed here needs the token, wherever the application is mounted.
_OPEN = frozenset({"/healthz", "/readyz", "/openapi.json"})


def read_token(environ: Mapping[str, str]) -> Secret:
    """Return the token callers must send, from the environment or the file it names.

    Raises:
        ConfigError: there is none, or it is so short that it could be guessed.
    """
    token = environ.get(TOKEN, "")
    file = environ.get(TOKEN_FILE, "")
    if not token and file:
        try:
            token = Path(file).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError([f"{TOKEN_FILE}: cannot read {file}: {error.strerror}"]) from None
    if len(token) < LEAST_TOKEN:
        raise ConfigError(
            [f"{TOKEN}, or the file {TOKEN_FILE} names, must hold {LEAST_TOKEN} characters or more"]
        )
    return Secret(token)


class Gate:
    """ASGI middleware: 401 without the token, 413 beyond the limit; health needs no token.

    The list says what is open, not what is closed: a route somebody adds, or a prefix the
    application is mounted at, never becomes open by being overlooked.
    """

    def __init__(self, app: ASGIApp, token: Secret, most_bytes: int = MOST_BYTES) -> None:
        self._app = app
        self._expected = f"Bearer {token.value}".encode()
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it here."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        guarded = _route(scope) not in _OPEN
        # Compared in constant time: how much of a guess was right must not be measurable.
        if guarded and not hmac.compare_digest(headers.get(b"authorization", b""), self._expected):
            await _refuse(send, 401, "send the header Authorization: Bearer TOKEN")
            return
        body = await self._body(headers, receive)
        if body is None:
            await _refuse(send, 413, f"the request is larger than {self._most_bytes} bytes")
            return
        await self._app(scope, _once(body, receive), send)

    async def _body(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes | None:
        """Return the whole body; None as soon as it is known to be too large."""
        declared = headers.get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._most_bytes:
            return None
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self._most_bytes:
                return None
            if message["type"] != "http.request" or not message.get("more_body", False):
                return bytes(body)


def _route(scope: Scope) -> str:
    """Return the path below the place the application is mounted at, as its router reads it."""
    path, root = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path


def _once(body: bytes, receive: Receive) -> Receive:
    """Return a channel that gives the body, and then whatever comes after it."""
    left = [body]

    async def read() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return read


async def _refuse(send: Send, status: int, error: str) -> None:
    headers: list[tuple[bytes, bytes]] = [(b"content-type", b"application/json")]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    start: dict[str, Any] = {"type": "http.response.start", "status": status, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": json.dumps({"error": error}).encode()})
