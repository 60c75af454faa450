"""What keeps a session's history and shows it to others, on what the pipeline leaves over."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import structlog

from aster_ray.engine.sharing import SnapshotPort
from aster_ray.errors import AsterError, JournalError
from aster_ray.research.history import SessionHistory
from aster_ray.research.session import Session
from aster_ray.store.config import StoreConfig

_PAUSE_S = 0.5  # the most the history is behind, beside what writing takes
_AGAIN_S = 5.0  # after a failure
_NICENESS = 10


def _yield_to_others() -> None:
    """Let everything else on the machine go first; on Linux a thread has a priority of its own."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


async def keep_history(session: Session, store: StoreConfig) -> None:
    """Follow the journals for as long as this process lives."""
    history = SessionHistory(session, store)

    def catch_up() -> None:
        nonlocal history
        try:
            history.catch_up()
        except JournalError:
            history = SessionHistory(session, store)
            raise

    await _repeat("history", lambda: catch_up)


async def publish_live(snapshot: SnapshotPort, view: Callable[[], Mapping[str, Any]]) -> None:
    """Put what ``view`` returns where onlookers find it, for as long as this process lives."""
    await _repeat("snapshot", lambda: partial(snapshot.publish, view()))


async def _repeat(name: str, prepare: Callable[[], Callable[[], None]]) -> None:
    """Do again and again, on a thread of its own, what ``prepare`` returns here; nobody waits.

    A place that is away is said once, and work goes on when it is back.
    """
    loop, failure = asyncio.get_running_loop(), ""
    with ThreadPoolExecutor(1, name, _yield_to_others) as thread:
        while True:
            try:
                await loop.run_in_executor(thread, prepare())
                if failure:
                    failure = ""
                    structlog.get_logger().info(f"{name}_goes_on")
                await asyncio.sleep(_PAUSE_S)
            except (AsterError, OSError, ValueError) as error:
                if str(error) != failure:
                    failure = str(error)
                    structlog.get_logger().warning(f"{name}_not_written", reason=failure)
                await asyncio.sleep(_AGAIN_S)
