"""The two journals of a session, brought together close by close while they are being written.

The executor's evidence is on disk before the risk desk concludes on it, and its orders are on disk
before the next close is; but the two files are read one after the other. A close is given out once
everything the executor owes it is there, so what is compared does not depend on when one looks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from aster_ray.engine.chronicle import Close, CloseReader

Record = Mapping[str, Any]


class Tail(Protocol):
    """A journal that somebody else is writing."""

    def new_records(self) -> Iterator[dict[str, Any]]:
        """Yield the complete records that appeared since the last call."""
        ...


class Pair(NamedTuple):
    """A close as the risk desk recorded it, and what the executor wrote until it was done."""

    close: Close
    sent: list[Record]


class Pairing:
    """Read two journals and give out what belongs together; holds a close or two at a time."""

    def __init__(self, risk: Tail, sent: Tail) -> None:
        """Begin at the head of both."""
        self._risk, self._sent = risk, sent
        self._reader = CloseReader()
        self._waiting: Close | None = None
        self._held: deque[Record] = deque()

    @property
    def waiting(self) -> int:
        """Return how many closes are read and wait for the executor."""
        return int(self._waiting is not None)

    def settled(self) -> Iterator[Pair]:
        """Yield what can be compared now, in order."""
        sent = self._sent.new_records()
        for close in self._closes():
            if not self._is_whole(close, sent):
                self._waiting = close
                return
            yield Pair(close, self._until(close.orders.seq))

    def rest(self, *, is_whole: bool) -> Iterator[Pair]:
        """Yield what is left once nothing more will be written.

        Args:
            is_whole: the session ended in order: its executor owes nothing any more. Otherwise a
                last close that it never answered stays open, and is not given out.
        """
        self._held += self._sent.new_records()
        closes = self._closes()
        close = next(closes, None)
        while close is not None:
            after = next(closes, None)
            if after is None and not is_whole and not self._is_whole(close, iter(())):
                self._waiting = close
                return
            yield Pair(close, self._until(close.orders.seq))
            close = after

    def left_over(self) -> list[Record]:
        """Return what the executor wrote about closes that the risk desk never recorded."""
        return list(self._held)

    def _closes(self) -> Iterator[Close]:
        if self._waiting is not None:
            close, self._waiting = self._waiting, None
            yield close
        for record in self._risk.new_records():
            found = self._reader.take(record)
            if found is not None:
                yield found

    def _is_whole(self, close: Close, sent: Iterator[Record]) -> bool:
        """Return whether the executor wrote all it owes ``close``, reading on as far as needed."""
        owed = set()
        if not close.report.is_empty:
            owed.add("report")
        if len(close.orders.intents):
            owed |= {"orders", "accepted"}
        seq = close.orders.seq
        for record in self._held:
            owed = _paid(owed, record, seq)
        while owed:
            found = next(sent, None)
            if found is None:
                return False
            self._held.append(found)
            owed = _paid(owed, found, seq)
        return True

    def _until(self, seq: int) -> list[Record]:
        found = []
        while self._held and int(self._held[0]["seq"]) <= seq:
            found.append(self._held.popleft())
        return found


def _paid(owed: set[str], record: Record, seq: int) -> set[str]:
    """Return what is still owed to close ``seq`` after a record; a later one ends the waiting."""
    if int(record["seq"]) > seq:
        return set()
    return owed - {record["kind"]} if int(record["seq"]) == seq else owed
