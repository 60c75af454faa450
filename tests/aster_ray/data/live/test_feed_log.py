"""What was released is handed out again bit for bit, whoever asks, after whatever end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from aster_ray.data.live.feed_log import FeedLog, Release, read_market, write_anchor
from aster_ray.engine.journal import FileJournal, Scan
from aster_ray.engine.messages import BarBatch
from aster_ray.errors import JournalError
from aster_ray.kernel.market import Market, simple_market

HOUR = 3_600_000
Opened = Callable[[Path], FeedLog]


def a_history() -> Market:
    prices = 100.0 + np.random.default_rng(3).random((5, 2, 4))
    prices[3:, 1] = np.nan
    return simple_market(prices)


def a_release(seq: int, missing: int = -1) -> Release:
    rng = np.random.default_rng(seq)
    bars = rng.random((2, 8))
    if missing >= 0:
        bars[missing] = np.nan
    open_ms = (5 + seq) * HOUR
    batch = BarBatch(seq, open_ms, open_ms + HOUR, bars, rng.random(2), rng.random(2))
    return Release(batch, "aster", 17 + seq, {"S1USDT": "no trade"} if missing == 1 else {})


@pytest.fixture
def opened() -> Iterator[Callable[[Path], FeedLog]]:
    """Return a way to open a log as a process does; the files are closed in the end."""
    journals: list[FileJournal] = []

    def open_log(path: Path) -> FeedLog:
        journals.append(FileJournal(path))
        return FeedLog(journals[-1], 3)

    yield open_log
    for journal in journals:
        journal.close()


def assert_same(one: Release, other: Release) -> None:
    for a, b in zip(one.batch, other.batch, strict=True):
        if isinstance(a, np.ndarray):
            assert a.tobytes() == b.tobytes()
        else:
            assert a == b
    assert one[1:] == other[1:]


def test_a_successor_hands_out_the_same_bits(tmp_path: Path, opened: Opened) -> None:
    path = tmp_path / "feed.journal"
    write_anchor(FileJournal(path), a_history())
    write_anchor(FileJournal(path), simple_market(np.ones((9, 2, 4))))  # there is one: it stays
    log = opened(path)
    assert log.unpaid_ms == [5 * HOUR, 3 * HOUR]  # the second symbol's last bar ended earlier
    released = [a_release(seq, missing=1 if seq == 2 else -1) for seq in range(8)]
    for release in released:
        log.append(release)
    log.note({"kind": "switch", "before": "aster", "after": "binanceusdm"})
    with path.open("ab") as file:
        file.write(b'0000 {"kind":"bars","se')  # died while writing
    successor = opened(path)
    assert successor.closes == 8
    assert successor.next_open_ms == 13 * HOUR
    assert successor.unpaid_ms == [13 * HOUR] * 2
    for seq in (0, 2, 7):  # from the file and from memory
        assert_same(successor.release(seq), released[seq])
    successor.append(a_release(8))
    assert read_market(Scan(path)).bars[-1].tobytes() == a_release(8).batch.bars.tobytes()


def test_a_log_is_a_market(tmp_path: Path, opened: Opened) -> None:
    path = tmp_path / "feed.journal"
    write_anchor(FileJournal(path), a_history())
    assert (len(read_market(Scan(path))), read_market(Scan(path)).start) == (5, 5)
    log = opened(path)
    log.append(a_release(0))
    market = read_market(Scan(path))
    assert (len(market), market.start) == (6, 5)
    assert market.rows(0, 5).digest() == read_market(Scan(path)).rows(0, 5).digest()
    assert market.open_ms.dtype == np.int64
    assert market.open_ms[-1] == 5 * HOUR


def test_only_the_next_close_may_follow(tmp_path: Path, opened: Opened) -> None:
    path = tmp_path / "feed.journal"
    write_anchor(FileJournal(path), a_history())
    log = opened(path)
    with pytest.raises(JournalError, match=r"close 1 from \d+ came where 0"):
        log.append(a_release(1))
    log.append(a_release(0))
    with pytest.raises(JournalError, match="close 0"):
        log.append(a_release(0))


def test_a_log_without_its_anchor_is_refused(tmp_path: Path, opened: Opened) -> None:
    with pytest.raises(JournalError, match="does not begin with its anchor"):
        read_market(Scan(tmp_path / "feed.journal"))
    with pytest.raises(JournalError, match="does not begin with its anchor"):
        opened(tmp_path / "feed.journal")


def test_a_log_with_a_missing_close_is_refused(tmp_path: Path, opened: Opened) -> None:
    path = tmp_path / "feed.journal"
    write_anchor(FileJournal(path), a_history())
    log = opened(path)
    for seq in range(3):
        log.append(a_release(seq))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join((*lines[:2], *lines[3:])))
    with pytest.raises(JournalError, match="holds close 2 where 1 belongs"):
        read_market(Scan(path))
