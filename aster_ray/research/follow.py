"""The live twin: a running session put through the engine close by close, as it records.

It reads the session's journals and writes one file beside them, ``drift.json``; it takes no lock
and asks no actor, so nothing the session does ever waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from aster_ray import clock
from aster_ray.errors import BadInputError, JournalError
from aster_ray.research.drift_file import write_drift
from aster_ray.research.replay import Replay, ended_in_order
from aster_ray.research.session import RISK_JOURNAL, load_session
from aster_ray.research.tenure import is_running, read_host
from aster_ray.research.twin import Verdict

_LOOK_S = 0.1
_PUBLISH_NS = 1_000_000_000
_LAG_NS = 250_000_000


class Lag(NamedTuple):
    """How far a twin is behind.

    Attributes:
        records: that are on disk and were not compared yet.
        ms: since the newest record was written, if it was compared; None while others wait.
    """

    records: int
    ms: float | None


class Follow:
    """Compare a session from its first close to its end, and say so where others can read it."""

    def __init__(self, folder: Path) -> None:
        """Name the session.

        Raises:
            BadInputError: there is none.
        """
        self._folder = folder
        self._session = load_session(folder)
        self.replay = Replay(self._session)
        self.state = "following"  # following, ended, interrupted or failed
        self.failure = ""
        self.unwritable = ""  # why drift.json could not be written
        self._lag, self._lag_ns, self._published_ns = Lag(0, None), 0, 0

    def verdicts(self, *, once: bool = False) -> Iterator[tuple[Verdict, Lag]]:
        """Yield every close as it is compared, until the session ends; ``once`` = until now.

        Raises:
            BadInputError: it ended without a close.
            JournalError: a journal is damaged.
        """
        try:
            yield from self._verdicts(once=once)
        except (JournalError, BadInputError) as error:
            self.state, self.failure = "failed", str(error)
            # A session that never began leaves nothing behind; one whose journal is damaged does.
            if self.replay.closes or isinstance(error, JournalError):
                self.publish()
            raise

    def _verdicts(self, *, once: bool) -> Iterator[tuple[Verdict, Lag]]:
        while True:
            # Asked first: what a session writes before its end is there when its end is known.
            record = read_host(self._folder)
            seen = self.replay.closes
            for verdict in self.replay.new():
                yield verdict, self._look()
                self._publish_now_and_then()
            if not is_running(record):
                break
            if once:
                self.publish()
                return
            if self.replay.closes == seen:
                self.replay.dropped()  # what looks torn may be damaged, and would never be read
            self._publish_now_and_then()
            clock.wait(_LOOK_S)
        for verdict in self.replay.rest(is_whole=ended_in_order(record)):
            yield verdict, self._look()
        if not self.replay.closes:
            raise BadInputError(f"session {self._folder} ended without a close: nothing to compare")
        self.state = "ended"
        self.publish()

    def interrupt(self) -> None:
        """Note that somebody wants no more of it."""
        self.state = "interrupted"
        self.publish()

    def document(self) -> dict[str, Any]:
        """Return how far it is and what it found, as plain values."""
        self._lag_ns = 0
        return {
            "state": self.state,
            "failure": self.failure,
            "at_ms": clock.LiveClock().now_ms(),
            **self.replay.document(),
            "lag": self._look()._asdict(),
        }

    def publish(self) -> None:
        """Write ``drift.json``; a folder that takes no file is said once, and nothing stops."""
        self._published_ns = clock.monotonic_ns()
        try:
            write_drift(self._folder, self.document())
        except OSError as error:
            if not self.unwritable:
                self.unwritable = error.strerror or str(error)
                structlog.get_logger().warning("drift_not_written", reason=self.unwritable)

    def _publish_now_and_then(self) -> None:
        if clock.monotonic_ns() - self._published_ns > _PUBLISH_NS:
            self.publish()

    def _look(self) -> Lag:
        """Return how far behind it is, a quarter of a second old at most."""
        now_ns = clock.monotonic_ns()
        if now_ns - self._lag_ns > _LAG_NS:
            self._lag_ns = now_ns
            behind = self.replay.behind()
            written_ns = self._session.journals.written_ns(RISK_JOURNAL) or clock.wall_ns()
            age_ms = max(0.0, (clock.wall_ns() - written_ns) / 1e6)
            self._lag = Lag(behind, None if behind else age_ms)
        return self._lag
