"""One way to reach Redis: short patience, no retries of its own, and errors of ours."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from aster_ray.config import Secret
from aster_ray.errors import BadInputError, RetryableError

_PATIENCE_S = 1.0


def place_of(url: str) -> str:
    """Return where a URL points, without what is secret in it."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname or 'localhost'}{port}{parts.path}"
    except ValueError:
        return "a URL that cannot be read"


class Connection:
    """A Redis server and what to say when it does not answer."""

    def __init__(self, url: Secret, patience_s: float = _PATIENCE_S) -> None:
        """Prepare to reach the server; nothing is sent yet.

        Raises:
            BadInputError: redis-py is not installed, or the URL is none.
        """
        try:
            import redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise BadInputError(
                "redis.url is set, but redis-py is not installed: pip install 'aster-ray[cluster]'"
            ) from error
        self.place = place_of(url.value)
        try:
            self._client: Any = redis.Redis.from_url(
                url.value,
                socket_timeout=patience_s,
                socket_connect_timeout=patience_s,
                # A script that ran and whose answer was lost must be told from one that did not.
                retry=Retry(NoBackoff(), 0),
                decode_responses=True,
            )
        except ValueError:
            raise BadInputError(
                "redis.url must read redis://[user:password@]host:port/0 (rediss:// with TLS)"
            ) from None
        # redis-py counts these among the connection's errors.
        self._denied: tuple[type[Exception], ...] = (
            redis.exceptions.AuthenticationError,
            redis.exceptions.AuthorizationError,
        )
        self._lost: tuple[type[Exception], ...] = (
            redis.exceptions.ConnectionError,
            redis.exceptions.TimeoutError,
            redis.exceptions.BusyLoadingError,
            redis.exceptions.ReadOnlyError,
        )
        self._refused: type[Exception] = redis.exceptions.RedisError

    @contextlib.contextmanager
    def client(self) -> Iterator[Any]:
        """Yield the client; a failure inside the block is one of ours.

        Raises:
            RetryableError: the server does not answer, or is not ready.
            BadInputError: it answers that it will not: password, rights, memory.
        """
        try:
            yield self._client
        except self._denied as error:
            raise self._refusal(error) from error
        except self._lost as error:
            raise RetryableError(f"Redis at {self.place} does not answer: {error}") from error
        except self._refused as error:
            raise self._refusal(error) from error

    def _refusal(self, error: Exception) -> BadInputError:
        return BadInputError(
            f"Redis at {self.place} refuses: {error}; check redis.url and the server's rights"
        )

    def close(self) -> None:
        """Close every connection."""
        self._client.close()
