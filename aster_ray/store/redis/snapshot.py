"""The live snapshot of a session in Redis."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aster_ray.store.redis.connection import Connection


class RedisSnapshot:
    """One key with a time to live; satisfies ``SnapshotPort``."""

    def __init__(self, connection: Connection, session: str, ttl_s: float) -> None:
        self._connection, self._ttl_ms = connection, int(ttl_s * 1e3)
        self._key = f"aster:{{{session}}}:snapshot"

    def publish(self, status: Mapping[str, Any]) -> None:
        """Put ``status`` in the place of the last one; see ``SnapshotPort``."""
        text = json.dumps(status, allow_nan=False)
        with self._connection.client() as client:
            client.set(self._key, text, px=self._ttl_ms)

    def latest(self) -> dict[str, Any] | None:
        """Return what was published last; see ``SnapshotPort``."""
        with self._connection.client() as client:
            text = client.get(self._key)
        return None if text is None else dict(json.loads(text))
