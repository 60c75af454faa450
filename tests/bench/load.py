"""Fifty contracts streamed by a simulated exchange, orders sent back to it through the real client.

Unlike ``latency``, nothing is laid out for the actors: bars come over sockets and are confirmed by
REST, and orders leave through ccxt. The stamp is the same: bar complete in the feed to orders
handed to the venue's port.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import secrets
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import aiohttp
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from actors.executor import CLOSE_TO_VENUE
from actors.launch import local_ray, run_session
from actors.warm import warm_all
from aster_ray import clock, settings
from aster_ray.config import read_assignments
from aster_ray.engine.config import VENUE
from aster_ray.model.ids import MINUTE_MS
from aster_ray.research.prepare import Prepared, prepare
from aster_ray.research.request import RunRequest, build_request
from aster_ray.research.session import create_session
from aster_ray.venues.credentials import AGENT_KEY, WALLET
from tests.aster_ray.venues.simulator.processes import Process, simulator
from tests.bench import floor
from tests.bench.latency import P50_MS, P99_MS, TIMES_FLOOR, Watch, a_load

CONTRACTS, UPDATES_A_SECOND = 50, 10
SPEED = 30.0  # a one-minute bar closes every two seconds of ours
_EPOCH_MS = 1_735_689_600_000
_WARMUP = 400


class Row(NamedTuple):
    """What was measured; times in milliseconds, frames a second and contract."""

    contracts: int
    closes: int
    orders: int
    fills: int
    frames: float
    p50: float
    p99: float
    floor_p50: float
    floor_p99: float
    machine_busy: float
    session_busy: float
    exchange_busy: float

    @property
    def times_floor(self) -> float:
        """Return how many floors a close takes, by the medians."""
        return self.p50 / self.floor_p50

    @property
    def held(self) -> bool:
        """Return whether the exchange kept its pace and every bar was reached."""
        paced = self.frames >= UPDATES_A_SECOND * 0.95
        return paced and self.p99 <= P99_MS


def write_minutes(folder: Path, contracts: int, minutes: int) -> None:
    """Write one-minute bars of a seeded walk for each contract."""
    folder.mkdir()
    random = np.random.default_rng(11)
    times = _EPOCH_MS + MINUTE_MS * np.arange(minutes)
    for n in range(contracts):
        close = (10.0 + n) * np.exp(np.cumsum(random.standard_t(4, minutes) * 0.002))
        first = np.concatenate([close[:1], close[:-1]])
        wick = np.abs(random.normal(0.0, 0.001, (2, minutes)))
        columns = {
            "ts": times,
            "open": first,
            "high": np.maximum(first, close) * (1.0 + wick[0]),
            "low": np.minimum(first, close) * (1.0 - wick[1]),
            "close": close,
            "volume": np.full(minutes, 1e6),
        }
        table = pa.table({name: np.round(values, 3) for name, values in columns.items()})
        pq.write_table(table, folder / f"bench_um_L{n:02d}USDT_1m.parquet")


def a_request(process: Process, contracts: int, closes: int) -> RunRequest:
    """Return a session of momentum on live minutes, whose orders go to the simulator."""
    options = (
        f"data.symbols={','.join(f'L{n:02d}USDT' for n in range(contracts))}",
        "data.timeframe=1m",
        "session.capital=1000000",
        "session.feed=live",
        f"session.closes={closes}",
        f"venue.rest={process.http}",
        f"venue.stream={process.socket}",
        "venue.weight_per_minute=1000000",
        "venue.orders_per_minute=1000000",
        "feed.order_notional=0",
        f"feed.settled_s={30 * SPEED}",
    )
    request = build_request(settings.load(None, {}, read_assignments(options)), ["momentum"])
    session = dataclasses.replace(request.settings.session, orders=VENUE)
    changed: Any = dataclasses.replace(request.settings, session=session)
    return RunRequest(changed, request.strategies)


def _recorded(folder: Path, contracts: int) -> Prepared:
    """Return the same contracts as a replay, whose messages and records are as large."""
    names = ",".join(f"L{n:02d}USDT" for n in range(contracts))
    start = time.strftime("%Y-%m-%d", time.gmtime(_EPOCH_MS / 1000))
    options = (
        f"data.path={folder}",
        f"data.symbols={names}",
        "data.timeframe=1m",
        f"data.start={start}T{_WARMUP // 60}:00",
    )
    return prepare(build_request(settings.load(None, {}, read_assignments(options)), ["momentum"]))


class Listener:
    """Listens to every contract's book on a thread of its own, and counts."""

    def __init__(self, process: Process, contracts: int) -> None:
        names = (f"l{n:02d}usdt@depth20@100ms" for n in range(contracts))
        self._address = f"{process.socket}/stream?streams={'/'.join(names)}"
        self._contracts = contracts
        self._frames, self._began_ns = 0, 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()), daemon=True)
        self._thread.start()

    async def _listen(self) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(self._address, max_msg_size=0) as stream,
        ):
            self._began_ns = clock.monotonic_ns()
            while not self._over.is_set():
                await stream.receive()
                self._frames += 1

    def close(self) -> float:
        """Stop and return the frames a second and contract."""
        seconds = (clock.monotonic_ns() - self._began_ns) / 1e9
        self._over.set()
        self._thread.join(10)
        return self._frames / seconds / self._contracts


@contextmanager
def an_exchange(folder: Path, contracts: int, minutes: int) -> Iterator[Process]:
    """Serve seeded minutes at speed, with quotas nobody reaches."""
    write_minutes(folder, contracts, minutes)
    start = _EPOCH_MS + (_WARMUP + 10) * MINUTE_MS
    at = np.datetime64(start, "ms").astype("datetime64[m]").item().strftime("%Y-%m-%dT%H:%M")
    arguments = ("--replay", str(folder), "--speed", str(SPEED), "--from", at)
    with simulator(*arguments, "--deposit", "1000000") as process:
        yield process


def measure(contracts: int, closes: int, folder: Path) -> Row:
    """Run the exchange and a session beside it; floor before and after."""
    environment = {AGENT_KEY: "0x" + secrets.token_hex(32), WALLET: ""}
    with (
        an_exchange(folder / "market", contracts, _WARMUP + closes + 600) as process,
        mock.patch.dict(os.environ, environment),
    ):
        request = a_request(process, contracts, closes)
        session = create_session(request, folder / "session", uuid.uuid4().hex[:8])
        prepared = session.prepare()
        warm_all(prepared)
        load, watch = a_load(_recorded(folder / "market", contracts)), Watch(closes)
        bare = [floor.measure(folder, load, 300, 0.025)]
        listener = Listener(process, contracts)
        began = process.cpu_seconds(), clock.monotonic_ns()
        result = run_session(session, watch, lambda: False)
        wall = (clock.monotonic_ns() - began[1]) / 1e9
        exchange_busy = (process.cpu_seconds() - began[0]) / wall
        frames = listener.close()
        bare.append(floor.measure(folder, load, 300, 0.025))
    hop: Mapping[str, Any] = result.report["session"]["hops"][CLOSE_TO_VENUE]
    floors = np.concatenate(bare)
    return Row(
        contracts=contracts,
        closes=hop["messages"],
        orders=len(result.facts.orders["client_order_id"]),
        fills=len(result.fills),
        frames=frames,
        p50=hop["p50_ms"],
        p99=hop["p99_ms"],
        floor_p50=float(np.quantile(floors, 0.50)),
        floor_p99=float(np.quantile(floors, 0.99)),
        machine_busy=watch.machine_busy,
        session_busy=watch.session_busy,
        exchange_busy=exchange_busy,
    )


def run(closes: int) -> Row:
    """Measure on one local Ray node."""
    with tempfile.TemporaryDirectory(prefix="load-") as name, local_ray():
        return measure(CONTRACTS, closes, Path(name))


def show(console: Console, row: Row) -> None:
    """Print it beside its bars."""
    table = Table(title="live streams to orders at a simulated exchange, real client")
    table.add_column("")
    table.add_column(f"{row.contracts} contracts", justify="right", no_wrap=True)
    lines = {
        "closes / orders / fills": f"{row.closes:,} / {row.orders:,} / {row.fills:,}",
        "book updates a second and contract": f"{row.frames:.1f}",
        "bar close to order sent, p50 / p99 ms": f"{row.p50:.2f} / {row.p99:.2f}",
        "floor p50 / p99 ms": f"{row.floor_p50:.2f} / {row.floor_p99:.2f}",
        "floors": f"{row.times_floor:.2f} (bar {TIMES_FLOOR:g} without streams)",
        "cores busy: machine / session / exchange": (
            f"{row.machine_busy:.2f} / {row.session_busy:.2f} / {row.exchange_busy:.2f}"
        ),
    }
    for name, cell in lines.items():
        table.add_row(name, cell)
    verdict = "[green]held[/green]" if row.held else "[red]MISSED[/red]"
    table.add_row(f"p99 <= {P99_MS:g} (p50 bar {P50_MS:g}: see latency)", verdict)
    console.print(table)
