"""The live snapshot of a session as a file in its folder."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aster_ray import clock


class FileSnapshot:
    """One file that is replaced in one step; satisfies ``SnapshotPort``.

    Not synced: what it says is worth nothing after a crash of the machine.
    """

    def __init__(self, path: Path, ttl_s: float, now_ns: Callable[[], int] = clock.boot_ns) -> None:
        self._path, self._ttl_ns, self._now_ns = path, int(ttl_s * 1e9), now_ns

    def publish(self, status: Mapping[str, Any]) -> None:
        """Put ``status`` in the place of the last one; see ``SnapshotPort``."""
        partial = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        text = json.dumps({"at_ns": self._now_ns(), "status": status}, allow_nan=False)
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(self._path)
        except OSError:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise

    def latest(self) -> dict[str, Any] | None:
        """Return what was published last; see ``SnapshotPort``."""
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            age_ns = self._now_ns() - int(content["at_ns"])
            status = dict(content["status"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        # From before the machine's last start it may seem to come from the future.
        return status if 0 <= age_ns < self._ttl_ns else None
