"""Put what a session observed through the engine again and compare every order, bit for bit.

Nothing but the session's folder is read: bars, warm-up and contract rules come from its journal,
strategies and settings from its session.json. A session that has ended is a followed one of which
nothing more comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aster_ray.errors import BadInputError
from aster_ray.research.differences import Difference, order_of_rows
from aster_ray.research.pairing import Pairing
from aster_ray.research.session import EXECUTOR_JOURNAL, RISK_JOURNAL, Session, load_session
from aster_ray.research.tenure import HostRecord, Phase, read_host
from aster_ray.research.twin import Twin, Verdict, recorded_run

JOURNALS = (RISK_JOURNAL, EXECUTOR_JOURNAL)
_NAMED = 20


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """What came of a replay.

    Attributes:
        orders: how many orders the session recorded.
        closes: how many close times it recorded.
        differences: one row per field that was recorded otherwise than reproduced; empty = equal.
        dropped: journal -> bytes of a torn last record, which a crash leaves and nobody acted on.
        drift: how executions lay from what the paper venue makes of the same bars.
        unfinished: closes the risk desk concluded and whose end the executor did not record.
    """

    orders: int
    closes: int
    differences: list[Difference]
    dropped: dict[str, int]
    drift: dict[str, Any]
    unfinished: int = 0


class Replay:
    """A session put through the engine as far as it is recorded, and on as it goes on.

    Reads the journals and nothing else, takes no lock, and holds the orders that are not over.

    Attributes:
        closes: compared so far.
        close_ms: of the last of them; 0 before the first.
        fills: of them.
        differing: how many differences were found.
        differences: the first of them.
    """

    def __init__(self, session: Session) -> None:
        """Begin before the first record; there may be none yet."""
        self._tails = {name: session.journals.tail(name) for name in JOURNALS}
        self._session = session
        self._pairing = Pairing(*self._tails.values())
        self._twin: Twin | None = None
        self.closes = self.close_ms = self.fills = self.differing = 0
        self.differences: list[Difference] = []

    def new(self) -> Iterator[Verdict]:
        """Compare what was recorded since the last call, close by close.

        Raises:
            JournalError: a record is damaged, or a close is missing.
        """
        twin = self._started()
        if twin is not None:
            for pair in self._pairing.settled():
                yield self._counted(twin.take(pair))

    def rest(self, *, is_whole: bool) -> Iterator[Verdict]:
        """Compare what is left of a session that records nothing more.

        Args:
            is_whole: it ended in order; see ``Pairing.rest``.
        """
        twin = self._started()
        if twin is not None:
            for pair in self._pairing.rest(is_whole=is_whole):
                yield self._counted(twin.take(pair))
            yield self._counted(twin.rest(self._pairing.left_over()))

    def result(self, differences: list[Difference]) -> ReplayResult:
        """Return what came of it, with ``differences`` in order of time."""
        twin, rows = self._twin, sorted(differences, key=order_of_rows)
        if twin is None:
            raise BadInputError(f"session {self._session.folder} has recorded nothing yet")
        dropped, drift = self.dropped(), twin.meter.document()
        waiting = self._pairing.waiting
        return ReplayResult(twin.orders, self.closes, rows, dropped, drift, waiting)

    def dropped(self) -> dict[str, int]:
        """Return journal -> bytes behind its last whole record.

        Raises:
            JournalError: good records are behind them.
        """
        torn = {name: tail.torn().bytes for name, tail in self._tails.items()}
        return {name: size for name, size in torn.items() if size}

    def behind(self) -> int:
        """Return how many records wait to be read, and closes to be compared."""
        return sum(tail.behind() for tail in self._tails.values()) + self._pairing.waiting

    def document(self) -> dict[str, Any]:
        """Return how far it is and what was found, as plain values of bounded size."""
        twin = self._twin
        return {
            "session": self._session.folder.resolve().name,
            "closes": self.closes,
            "close_ms": self.close_ms or None,
            "orders": 0 if twin is None else twin.orders,
            "fills": self.fills,
            "differing": self.differing,
            "differences": list(self.differences),
            "drift": None if twin is None else twin.meter.document(),
            "recent": [] if twin is None else list(twin.meter.recent),
        }

    def _started(self) -> Twin | None:
        """Return the twin; None while the session has recorded nothing."""
        if self._twin is None and self._tails[RISK_JOURNAL].first_record() is not None:
            # What is there is read twice, so that its signals are asked for in one pass.
            scan = self._session.journals.scan(RISK_JOURNAL)
            self._twin = Twin(recorded_run(self._session, scan))
        return self._twin

    def _counted(self, verdict: Verdict) -> Verdict:
        if verdict.seq >= 0:
            self.closes, self.close_ms = verdict.seq + 1, verdict.close_ms
        self.fills += verdict.fills
        self.differing += len(verdict.differences)
        self.differences += verdict.differences[: _NAMED - len(self.differences)]
        return verdict


def ended_in_order(record: HostRecord | None) -> bool:
    """Return whether every close of a session was seen through, as far as its host says."""
    return record is None or (record.phase is Phase.ENDED and not record.failure)


def replay_session(path: Path) -> ReplayResult:
    """Replay the session in the folder ``path`` as far as it is recorded.

    Raises:
        BadInputError: ``path`` holds no session, or one that never reached its first close.
        JournalError: a journal is damaged.
    """
    replay = Replay(load_session(path))
    is_whole = ended_in_order(read_host(path))
    found = [row for verdict in replay.new() for row in verdict.differences]
    found += [row for verdict in replay.rest(is_whole=is_whole) for row in verdict.differences]
    dropped = replay.dropped()
    if not replay.closes:
        torn = dropped.get(RISK_JOURNAL)
        only = f" but a torn record of {torn} bytes in {RISK_JOURNAL}" if torn else " yet"
        raise BadInputError(
            f"session {path} has recorded no close{only}: there is nothing to replay"
        )
    return replay.result(found)
