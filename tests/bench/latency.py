"""From bar close to order sent through the four actors, beside bare actors in the same run.

A close is complete in the feed; its stamp ends where its orders are handed to the venue's port.
The floor, three bare actor calls and one fsync, is measured before and after, at the same pace,
with messages and records of the same size.
"""

from __future__ import annotations

import os
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from actors.executor import CLOSE_TO_VENUE
from actors.launch import View, local_ray, run_session
from actors.warm import warm_all
from aster_ray import settings
from aster_ray.config import read_assignments
from aster_ray.engine.chronicle import Close, close_record
from aster_ray.engine.journal import frame, read_journal
from aster_ray.engine.messages import OrderBatch, SignalBatch, VenueReport
from aster_ray.engine.strategy_desk import StrategyDesk
from aster_ray.engine.wire import pack_bars, pack_orders, pack_signals
from aster_ray.kernel.records import INTENT
from aster_ray.model.ids import HOUR_MS
from aster_ray.research.prepare import Prepared
from aster_ray.research.request import RunRequest, build_request
from aster_ray.research.session import (
    EXECUTOR_JOURNAL,
    create_session,
)
from aster_ray.venues.replay import ReplayFeed
from tests.bench import floor

P50_MS, P99_MS, TIMES_FLOOR = 5.0, 25.0, 2.0
JUDGED = 50  # symbols for which the bars are promised
INTERVAL_S = 0.025
_WARMUP = 400  # bars; more than the strategy wants
_EPOCH_MS = 1_735_689_600_000


class Memory(NamedTuple):
    """One process, in MiB: resident, of which shared with others, and its fair part of those."""

    role: str
    resident: float
    shared: float
    proportional: float


class Row(NamedTuple):
    """One size; times in milliseconds."""

    symbols: int
    closes: int
    with_orders: int
    p50: float
    p99: float
    floor_p50: float
    floor_p99: float
    fsync_p50: float
    machine_busy: float  # cores in use by all processes of the machine meanwhile
    session_busy: float  # of which by the session's own
    stolen: float  # cores that the host gave to others while they were wanted here
    hops: Mapping[str, Mapping[str, Any]]
    stages: Mapping[str, Mapping[str, Any]]
    load: floor.Load
    memory: tuple[Memory, ...]

    @property
    def times_floor(self) -> float:
        """Return how many floors a close takes, by the medians."""
        return self.p50 / self.floor_p50

    @property
    def held(self) -> bool:
        """Return whether every bar was reached."""
        return self.p50 <= P50_MS and self.p99 <= P99_MS and self.times_floor <= TIMES_FLOOR

    def plain(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        nested = {"load": self.load._asdict(), "memory": [one._asdict() for one in self.memory]}
        judged = {"times_floor": self.times_floor, "held": self.held}
        return self._asdict() | nested | judged


def write_market(folder: Path, symbols: int, bars: int) -> None:
    """Write hourly bars of a seeded walk for each symbol; moves of a percent or so an hour."""
    folder.mkdir()
    random = np.random.default_rng(7)
    times = _EPOCH_MS + HOUR_MS * np.arange(bars)
    for n in range(symbols):
        steps = random.standard_t(4, bars) * 0.006
        close = (1.0 + n) * np.exp(np.cumsum(steps))
        wick = np.abs(random.normal(0.0, 0.002, (2, bars)))
        write_bars(folder / f"bench_um_S{n:03d}USDT_1h.parquet", times, close, wick)


def write_bars(
    path: Path, times: np.ndarray, close: np.ndarray, wick: np.ndarray, decimals: int = 6
) -> None:
    """Write bars without gaps: times i8[N], closes f8[N], wicks f8[2, N] as fractions."""
    first = np.concatenate([close[:1], close[:-1]])
    columns = {
        "ts": times,
        "open": first,
        "high": np.maximum(first, close) * (1.0 + wick[0]),
        "low": np.minimum(first, close) * (1.0 - wick[1]),
        "close": close,
        "volume": np.full(len(times), 1e6),
    }
    table = pa.table({name: np.round(values, decimals) for name, values in columns.items()})
    pq.write_table(table, path)


def a_request(folder: Path, closes: int, interval_s: float) -> RunRequest:
    """Return a paper run of momentum over all symbols of ``folder``, lock-step off."""
    start = time.strftime("%Y-%m-%d", time.gmtime(_EPOCH_MS / 1000 + _WARMUP * 3600 + 86_400))
    options = (
        f"data.path={folder}",
        f"data.symbols={','.join(sorted(p.name.split('_')[2] for p in folder.iterdir()))}",
        "data.timeframe=1h",
        f"data.start={start}",
        "session.capital=1000000",
        f"session.speed={1.0 / interval_s}",
        "session.lock_step=false",
    )
    return build_request(settings.load(None, {}, read_assignments(options)), ["momentum"])


class Watch:
    """Look at the session's processes once, late in its life."""

    def __init__(self, closes: int) -> None:
        self._closes = closes
        self.pids: dict[str, int] = {}
        self.memory: tuple[Memory, ...] = ()
        self._first: tuple[float, float, float, float] | None = None
        self.machine_busy = self.session_busy = self.stolen = 0.0

    def __call__(self, view: View) -> None:
        """Take one look."""
        if view.state != "running":
            return
        self.pids = {role: row["pid"] for role, row in view.facts["actors"].items() if row["pid"]}
        spent = sum(map(process_seconds, self.pids.values()))
        now = time.monotonic(), *machine_seconds(), spent
        if self._first is None:
            self._first = now
        elif now[0] > self._first[0]:
            wall = now[0] - self._first[0]
            self.machine_busy = (now[1] - self._first[1]) / wall
            self.stolen = (now[2] - self._first[2]) / wall
            self.session_busy = (now[3] - self._first[3]) / wall
        if not self.memory and view.facts["closes"] >= 0.8 * self._closes:
            self.memory = tuple(memory_of(role, pid) for role, pid in self.pids.items())


def machine_seconds() -> tuple[float, float]:
    """Return processor seconds that this machine's processes have used, and were kept from using.

    A virtual machine waits for its host where others are at work there.
    """
    user, nice, system, _, _, irq, soft, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    ticks = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + soft) / ticks, steal / ticks


def process_seconds(pid: int) -> float:
    """Return processor seconds of one process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(role: str, pid: int) -> Memory:
    """Return what a process takes."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kb = {line.split(":")[0]: int(line.split()[1]) for line in text}
    shared = kb["Shared_Clean"] + kb["Shared_Dirty"]
    return Memory(role, kb["Rss"] / 1024, shared / 1024, kb["Pss"] / 1024)


def a_load(prepared: Prepared) -> floor.Load:
    """Return the sizes of a session's messages and of the record it syncs for a close."""
    feed, risk = ReplayFeed(prepared.market), prepared.risk_desk()
    batch = feed.batch(0)
    signals: SignalBatch = StrategyDesk(prepared.strategies, feed.history).on_bars(batch)
    report = VenueReport(batch.seq, batch.close_ms, risk.book.fills[:0])
    # A few intents, as on a usual close.
    intents = np.zeros(4, INTENT).view(np.recarray)
    orders = OrderBatch(batch.seq, batch.close_ms, intents, 0.0, 0.0, 0)
    record = len(frame(close_record(Close(signals, report, orders))))
    messages = len(pack_bars(batch)), len(pack_signals(signals)), len(pack_orders(orders))
    return floor.Load(messages, record)


def measure(symbols: int, closes: int, folder: Path) -> Row:
    """Run one size: floor, session, floor."""
    data = folder / f"market-{symbols}"
    write_market(data, symbols, _WARMUP + 24 + closes)
    request = a_request(data, closes, INTERVAL_S)
    session = create_session(request, folder / f"session-{symbols}", uuid.uuid4().hex[:8])
    prepared = session.prepare()
    warm_all(prepared)
    load, watch, half = a_load(prepared), Watch(closes), max(100, closes // 2)
    before = floor.measure(folder, load, half, INTERVAL_S)
    result = run_session(session, watch, lambda: False)
    bare = np.concatenate([before, floor.measure(folder, load, half, INTERVAL_S)])
    facts = result.report["session"]
    whole = facts["hops"][CLOSE_TO_VENUE]
    orders = read_journal(session.folder / EXECUTOR_JOURNAL).records
    return Row(
        symbols=symbols,
        closes=whole["messages"],
        with_orders=sum(record["kind"] == "orders" for record in orders),
        p50=whole["p50_ms"],
        p99=whole["p99_ms"],
        floor_p50=float(np.quantile(bare, 0.50)),
        floor_p99=float(np.quantile(bare, 0.99)),
        fsync_p50=float(np.median(floor.fsync_alone(folder, load.record))),
        machine_busy=watch.machine_busy,
        session_busy=watch.session_busy,
        stolen=watch.stolen,
        hops=facts["hops"],
        stages=facts["stages"],
        load=load,
        memory=watch.memory,
    )


def run(sizes: tuple[int, ...], closes: int) -> list[Row]:
    """Measure every size on one local Ray node."""
    with tempfile.TemporaryDirectory(prefix="latency-") as name, local_ray():
        return [measure(symbols, closes, Path(name)) for symbols in sizes]
