"""What a commit and a check cost: ``python -m tests.bench.storage [--redis URL] [--postgres URL]``.

Journals as a session writes them (one record of a close with 50 symbols a commit), and the check of
the account's lease before a send. All take turns in small blocks, so that a busy machine is busy
for each of them; medians and 99th percentiles over all blocks, in milliseconds.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from aster_ray.config import Secret
from aster_ray.engine.ports import JournalPort
from aster_ray.engine.sharing import LeasePort
from aster_ray.store.epoch import EpochFile
from aster_ray.store.file_lease import FileLease
from aster_ray.store.journals import JOURNALS, FileJournals, Journals
from aster_ray.store.redis.connection import Connection
from aster_ray.store.redis.lease import RedisLease
from aster_ray.store.sql.journals import SqlJournals
from tests.bench.timing import machine

_BYTES = 15_000  # a close of 50 symbols in the risk journal
_BLOCK = 20
_NAME = "risk.journal"
Work = Callable[[], None]


def _committing(journal: JournalPort) -> Work:
    record: dict[str, object] = {"kind": "close", "bars": "A" * _BYTES}

    def work() -> None:
        journal.append(record)
        journal.commit()

    return work


def _sql(url: Secret, folder: Path, ends: ExitStack) -> Work:
    journals = SqlJournals(folder / JOURNALS, f"bench-{uuid.uuid4().hex}", url)
    journals.create((_NAME,))
    ends.callback(journals.discard, (_NAME,))
    return _writing(journals, ends)


def _writing(journals: Journals, ends: ExitStack) -> Work:
    journal = journals.writer(_NAME)
    assert not list(journal.recover())
    ends.callback(journal.close)
    return _committing(journal)


def _checking(lease: LeasePort, ends: ExitStack) -> Work:
    lease.acquire()
    ends.callback(lease.release)
    return lease.check


def works(folder: Path, ends: ExitStack, redis: str = "", postgres: str = "") -> dict[str, Work]:
    """Return name -> what is to be timed; servers only where one is named."""
    found = {
        "commit: file, one fsync": _writing(FileJournals(folder), ends),
        "commit: SQLite, WAL, FULL": _sql(Secret(), folder, ends),
        "check: lease by file": _checking(FileLease(folder, "account", "bench", 60.0), ends),
    }
    if postgres:
        found["commit: PostgreSQL"] = _sql(Secret(postgres), folder, ends)
    if redis:
        floor, name = EpochFile(folder / "epoch"), uuid.uuid4().hex
        connection = Connection(Secret(redis))
        ends.callback(connection.close)
        lease = RedisLease(connection, name, "bench", floor, 60.0)
        found["check: lease in Redis"] = _checking(lease, ends)
    return found


def measure(found: dict[str, Work], blocks: int) -> dict[str, tuple[float, float]]:
    """Return name -> (p50, p99) in milliseconds."""
    times: dict[str, list[int]] = {name: [] for name in found}
    for _ in range(blocks):
        for name, work in found.items():
            for _ in range(_BLOCK):
                began = time.perf_counter_ns()
                work()
                times[name].append(time.perf_counter_ns() - began)
    return {
        name: (float(np.percentile(one, 50)) / 1e6, float(np.percentile(one, 99)) / 1e6)
        for name, one in times.items()
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.storage", description=__doc__)
    parser.add_argument("--redis", default="", help="URL of a server to measure too")
    parser.add_argument("--postgres", default="", help="URL of a database to measure too")
    parser.add_argument("--blocks", type=int, default=50, help=f"of {_BLOCK} commits each")
    parser.add_argument("--dir", default=None, help="where to write; the disk that is measured")
    chosen = parser.parse_args(arguments)
    table = Table("what", "p50 ms", "p99 ms", box=None)
    before = machine()["load_average"]
    with tempfile.TemporaryDirectory(dir=chosen.dir) as folder, ExitStack() as ends:
        found = works(Path(folder), ends, chosen.redis, chosen.postgres)
        for name, (p50, p99) in measure(found, chosen.blocks).items():
            table.add_row(name, f"{p50:.3f}", f"{p99:.3f}")
    console = Console(width=100)
    console.print(table)
    console.print(f"load average before {before}, after {machine()['load_average']}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
