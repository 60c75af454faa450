"""What a live feed released, on disk before anybody saw it: a successor hands out the same bits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from aster_ray.engine.journal import decode, encode
from aster_ray.engine.messages import BarBatch
from aster_ray.engine.ports import OwnJournal
from aster_ray.errors import JournalError
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import CLOSE

_F8, _I8 = np.dtype("f8"), np.dtype("i8")


class Release(NamedTuple):
    """One close as it went out.

    Attributes:
        batch: all symbols of one close time.
        source: name of the venue its bars are from.
        born_ns: wall clock of the release, the same for every reader.
        missing: symbol -> why it has no bar.
    """

    batch: BarBatch
    source: str
    born_ns: int
    missing: Mapping[str, str]


def write_anchor(journal: OwnJournal, history: Market) -> None:
    """Begin a feed's log with the bars before the session; a log that is there stays."""
    if next(iter(journal.recover()), None) is None:
        journal.append(
            {
                "kind": "anchor",
                "symbols": list(history.symbols),
                "timeframe_ms": history.timeframe_ms,
                "open_ms": encode(history.open_ms),
                "bars": encode(history.bars),
                "volume": encode(history.volume),
                "funding_rate": encode(history.funding_rate),
                "missing": list(history.missing),
            }
        )
    journal.close()


def release_record(release: Release) -> dict[str, object]:
    """Return a release as a record of the log."""
    batch = release.batch
    return {
        "kind": "bars",
        "seq": batch.seq,
        "open_ms": batch.open_ms,
        "close_ms": batch.close_ms,
        "bars": encode(batch.bars),
        "volume": encode(batch.volume),
        "funding_rate": encode(batch.funding_rate),
        "source": release.source,
        "born_ns": release.born_ns,
        "missing": dict(release.missing),
    }


def read_release(record: Mapping[str, Any]) -> Release:
    """Return what ``release_record`` was given."""
    arrays = (decode(record[name], _F8) for name in ("bars", "volume", "funding_rate"))
    numbers = (int(record[name]) for name in ("seq", "open_ms", "close_ms"))
    seq, open_ms, close_ms = numbers
    batch = BarBatch(seq, open_ms, close_ms, *arrays)
    return Release(batch, record["source"], int(record["born_ns"]), record["missing"])


def read_market(records: Iterable[Mapping[str, Any]]) -> Market:
    """Return all a log holds: the bars before the session, then every close released so far.

    Args:
        records: of the log, from its first.

    Raises:
        JournalError: it does not begin with its anchor, or a close is missing or doubled.
    """
    scan = iter(records)
    history = _anchor(next(scan, None))
    releases = list(releases_of(scan))
    if not releases:
        return history
    batches = [release.batch for release in releases]
    return Market(
        symbols=history.symbols,
        timeframe_ms=history.timeframe_ms,
        open_ms=np.concatenate([history.open_ms, [batch.open_ms for batch in batches]]),
        bars=np.concatenate([history.bars, [batch.bars for batch in batches]]),
        volume=np.concatenate([history.volume, [batch.volume for batch in batches]]),
        funding_rate=np.concatenate(
            [history.funding_rate, [batch.funding_rate for batch in batches]]
        ),
        start=history.start,
        missing=history.missing,
    )


def releases_of(records: Iterator[Mapping[str, Any]]) -> Iterator[Release]:
    """Yield the closes of a log in order, insisting that none is missing or doubled."""
    expected = 0
    for record in records:
        if record["kind"] != "bars":
            continue
        if record["seq"] != expected:
            raise JournalError(
                f"the feed's log holds close {record['seq']} where {expected} belongs: restore it "
                "from a copy or start a new session"
            )
        expected += 1
        yield read_release(record)


def _anchor(record: Mapping[str, Any] | None) -> Market:
    if record is None or record.get("kind") != "anchor":
        raise JournalError("the feed's log does not begin with its anchor: start a new session")
    open_ms = decode(record["open_ms"], _I8)
    return Market(
        symbols=tuple(record["symbols"]),
        timeframe_ms=record["timeframe_ms"],
        open_ms=open_ms,
        bars=decode(record["bars"], _F8),
        volume=decode(record["volume"], _F8),
        funding_rate=decode(record["funding_rate"], _F8),
        start=len(open_ms),
        missing=tuple(record["missing"]),
    )


class FeedLog:
    """The writer of a feed's log: one per session, ever.

    Attributes:
        history: the bars before the session.
        closes: how many were released.
        unpaid_ms: per symbol, from when on funding has not been paid: the end of its last bar.
    """

    def __init__(self, journal: OwnJournal, kept: int = 64) -> None:
        """Recover ``journal``; the newest ``kept`` closes stay at hand, the others on disk."""
        records = iter(journal.recover())
        self.history = _anchor(next(records, None))
        self._journal = journal
        self._kept = kept
        self._recent: dict[int, Release] = {}
        self.closes = 0
        ends = self.history.close_ms[-1]
        self.unpaid_ms = [int(ends)] * len(self.history.symbols)
        for n in range(len(self.history.symbols)):
            there = np.flatnonzero(~np.isnan(self.history.bars[:, n, CLOSE]))
            if len(there):
                self.unpaid_ms[n] = int(self.history.close_ms[there[-1]])
        for release in releases_of(records):
            self._remember(release)

    @property
    def next_open_ms(self) -> int:
        """Return when the bar opens that has not been released."""
        history = self.history
        return int(history.close_ms[-1]) + self.closes * history.timeframe_ms

    def append(self, release: Release) -> None:
        """Put the next close on disk."""
        batch = release.batch
        if batch.seq != self.closes or batch.open_ms != self.next_open_ms:
            raise JournalError(
                f"close {batch.seq} from {batch.open_ms} came where {self.closes} from "
                f"{self.next_open_ms} belongs"
            )
        self._journal.append(release_record(release))
        self._journal.commit()
        self._remember(release)

    def note(self, record: dict[str, object]) -> None:
        """Put a finding beside the bars, e.g. a change of venue."""
        self._journal.append(record)
        self._journal.commit()

    def release(self, seq: int) -> Release:
        """Return a close that was released; an old one is looked up on disk."""
        found = self._recent.get(seq)
        if found is None:
            records = (record for record in self._journal.scan() if record.get("seq") == seq)
            found = read_release(next(records))
        return found

    def _remember(self, release: Release) -> None:
        batch = release.batch
        self.closes = batch.seq + 1
        self._recent[batch.seq] = release
        self._recent.pop(batch.seq - self._kept, None)
        for n in np.flatnonzero(~np.isnan(batch.bars[:, CLOSE])).tolist():
            self.unpaid_ms[n] = batch.close_ms
