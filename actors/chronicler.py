"""The thread that keeps a session's history, on what the pipeline leaves of the processors."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import structlog

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
    """Follow the journals for as long as this process lives.

    Nobody waits for it: a database that is away is said once, and caught up with when it is back.
    """
    loop = asyncio.get_running_loop()
    history, failure = SessionHistory(session, store), ""
    with ThreadPoolExecutor(1, "history", _yield_to_others) as thread:
        while True:
            try:
                await loop.run_in_executor(thread, history.catch_up)
                if failure:
                    failure = ""
                    structlog.get_logger().info("history_goes_on")
                await asyncio.sleep(_PAUSE_S)
            except AsterError as error:
                if str(error) != failure:
                    failure = str(error)
                    structlog.get_logger().warning("history_not_written", reason=failure)
                if isinstance(error, JournalError):
                    history = SessionHistory(session, store)
                await asyncio.sleep(_AGAIN_S)
