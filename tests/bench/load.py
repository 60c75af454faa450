"""Bar close to order sent while an exchange streams fifty contracts, real client on both sides.

Unlike ``latency``, nothing is laid out for the actors: bars, marks and books come over a socket,
bars are confirmed by REST, and orders leave through ccxt, all on the same processors as the
simulated exchange. The stamp is the same and the session's own: bar complete in the feed to orders
handed to the venue's port. Closes that the session catches up with at its start are not judged.

There are two floors. Bare actors, too, are slower where streams run beside them and closes are
seconds apart: the one that judges is of four that run beside the session, at nearly its pace, so
that in time they meet every moment between two closes, but the closes themselves: what runs into
work of ours is no floor and is left out. The other, as in ``latency``, is taken before and after,
at the pace of that bench and with nothing beside it.
"""

from __future__ import annotations

import math
import os
import secrets
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from unittest import mock

import numpy as np

from actors.launch import View, local_ray, run_session
from actors.warm import warm_all
from aster_ray.data.live.feed_log import releases_of
from aster_ray.engine.journal import Scan, read_journal
from aster_ray.model.ids import MINUTE_MS
from aster_ray.research.session import EXECUTOR_JOURNAL, FEED_JOURNAL, Session, create_session
from aster_ray.store.config import STATE_VARIABLE
from aster_ray.venues.credentials import AGENT_KEY, WALLET
from tests.aster_ray.venues.simulator.processes import Process
from tests.bench import floor
from tests.bench.latency import (
    INTERVAL_S,
    P50_MS,
    P99_MS,
    TIMES_FLOOR,
    a_load,
    machine_seconds,
    process_seconds,
)
from tests.bench.load_market import (
    SPEED,
    a_request,
    an_exchange,
    as_it_moves,
    exchange_ms,
    recorded,
)
from tests.bench.stamps import Stamps

CONTRACTS = 50
UPDATES_A_SECOND = 10.0  # of every contract, promised
# Of the closes after the start so many must be fit to be judged, or the figure is not of all.
_LEAST_JUDGED = 0.95
_LEAST_BARE = 0.8  # of as many bare ones: percentiles of few and of many do not compare
_FLOORS = 300  # bare closes before, and as many after; fewer in a small run
BARE_S = 0.965 * MINUTE_MS / 1e3 / SPEED  # between two bare closes beside a session
_APART_NS = 100_000_000  # a bare close that begins nearer to one of ours may wait for it
# Until a session is there, at most; and how much longer its closes may take than they should.
_START_S, _PATIENCE = 120.0, 1.2


class Rate(NamedTuple):
    """Updates a second and contract that the feed took: on average, and at least of each."""

    average: float
    least: float


class Row(NamedTuple):
    """What was measured; times in milliseconds."""

    contracts: int
    wanted: int  # closes
    seconds: float  # from the start to the end
    at_start: int  # closes that were not judged: the session caught up with them
    together: int  # nor these: the pipeline was not idle when they were complete
    closes: int  # judged
    with_orders: int
    orders: int  # of the whole session
    fills: int
    left_out: int  # bars of single contracts, since the start
    rates: Mapping[str, Rate]  # by kind of update
    p50: float
    p99: float
    later_p99: float  # of all closes since the start, judged or not
    confirmed_p50: float  # from a bar's end at the exchange to its completion: not in the stamp
    confirmed_p99: float
    bare: int  # closes of bare actors beside the session, clear of its own
    bare_p50: float
    bare_p99: float
    floor_p50: float  # of bare actors with nothing beside them
    floor_p99: float
    busy: Mapping[str, float]  # cores in use, by process
    hops: Mapping[str, Mapping[str, Any]] = MappingProxyType({})  # of all closes, the start's too
    stages: Mapping[str, Mapping[str, Any]] = MappingProxyType({})

    @property
    def floors_p50(self) -> float:
        """Return how many floors a close takes by the medians, both beside the streams."""
        return self.p50 / self.bare_p50 if self.bare else math.inf

    @property
    def floors_p99(self) -> float:
        """Return the same by the tails."""
        return self.p99 / self.bare_p99 if self.bare else math.inf

    @property
    def updates(self) -> Rate:
        """Return the updates of all kinds."""
        kinds = self.rates.values()
        return Rate(sum(one.average for one in kinds), sum(one.least for one in kinds))

    @property
    def paced(self) -> bool:
        """Return whether every contract was streamed as often as promised."""
        return self.updates.least >= UPDATES_A_SECOND

    @property
    def told(self) -> bool:
        """Return whether nearly all closes that were wanted could be judged, and were whole."""
        later = self.closes + self.together
        enough = self.closes >= _LEAST_JUDGED * max(later, self.wanted)
        left_out = self.left_out / (self.contracts * max(1, later))
        return self.closes > 0 and enough and left_out <= 1.0 - _LEAST_JUDGED

    @property
    def held_p99(self) -> bool:
        """Return whether the tail was held, at the pace promised."""
        return self.paced and self.told and self.p99 <= P99_MS

    @property
    def held_p50(self) -> bool:
        """Return whether the median was held, at the pace promised."""
        return self.paced and self.told and self.p50 <= P50_MS

    @property
    def held_floors(self) -> bool:
        """Return whether median and tail were no more than so many floors, at the pace promised."""
        enough = self.bare >= _LEAST_BARE * self.closes
        held = max(self.floors_p50, self.floors_p99) <= TIMES_FLOOR
        return self.paced and self.told and enough and held

    def plain(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        nested = {
            "rates": {kind: rate._asdict() for kind, rate in self.rates.items()},
            "busy": dict(self.busy),
            "hops": dict(self.hops),
            "stages": dict(self.stages),
        }
        judged = ("floors_p50", "floors_p99", "paced", "told", "held_p99", "held_p50")
        verdicts = {name: getattr(self, name) for name in (*judged, "held_floors")}
        return self._asdict() | nested | {"updates": self.updates._asdict()} | verdicts


class Moment(NamedTuple):
    """What a look at a running session finds."""

    at_s: float
    feed: Mapping[str, Any]
    seconds: Mapping[str, float]  # of processor time, by process


class Watch:
    """Looks at a session until enough closes came after its start.

    Args:
        session: which.
        exchange: that streams.
        closes: how many are wanted.
    """

    def __init__(self, session: Session, exchange: Process, closes: int) -> None:
        self._exchange = exchange
        self.wanted = closes
        self._until = time.monotonic() + longest_s(closes)
        self.stamps = Stamps(session.folder)
        self.first: Moment | None = None
        self.last: Moment | None = None
        self.clocks = 0, 0  # the wall's, in nanoseconds, and the exchange's at the same moment

    def __call__(self, view: View) -> None:
        """Take one look."""
        if view.state != "running":
            return
        self.stamps.look()
        if self.stamps.at_start is None:
            return
        if self.first is None:
            self.clocks = as_it_moves(partial(exchange_ms, self._exchange))
            self.first = self._moment(view)
        self.last = self._moment(view)

    def stopped(self) -> bool:
        """Return whether enough was seen."""
        return self.stamps.later >= self.wanted or time.monotonic() > self._until

    def _moment(self, view: View) -> Moment:
        actors = {role: row["pid"] for role, row in view.facts["actors"].items() if row["pid"]}
        pids = {**actors, "supervisor": view.facts["supervisor"]["pid"], "bench": os.getpid()}
        seconds = {role: process_seconds(pid) for role, pid in pids.items()}
        machine, stolen = machine_seconds()
        seconds |= {"exchange": self._exchange.cpu_seconds(), "machine": machine}
        seconds["stolen by the host"] = stolen
        return Moment(time.monotonic(), view.facts["feed"], seconds)


def longest_s(closes: int) -> float:
    """Return how long a session may take for so many closes."""
    return _START_S + _PATIENCE * closes * MINUTE_MS / 1e3 / SPEED


def measure(contracts: int, closes: int, folder: Path) -> Row:
    """Run an exchange, and beside it a session and bare actors; these alone before and after."""
    # An account nobody else has, and a place for its lease that goes when we do.
    mine = {
        AGENT_KEY: "0x" + secrets.token_hex(32),
        WALLET: "",
        STATE_VARIABLE: str(folder / "state"),
    }
    market = folder / "market"
    with (
        # It is there first: while Ray starts, floors are taken and code is compiled.
        an_exchange(market, contracts, longest_s(closes) + 2 * _START_S) as process,
        mock.patch.dict(os.environ, mine),  # before Ray, whose processes inherit it
        local_ray(),
    ):
        load, half = a_load(recorded(market, contracts)), min(_FLOORS, max(100, 4 * closes))
        idle = [floor.measure(folder, load, half, INTERVAL_S)]
        session = create_session(
            a_request(process, contracts), folder / "session", uuid.uuid4().hex[:8]
        )
        warm_all(session.prepare())
        watch = Watch(session, process, closes)
        with floor.chain(folder, load) as chain:
            chain.send(int(longest_s(closes) / BARE_S), BARE_S)
            result = run_session(session, watch, watch.stopped)
            beside = chain.taken()
        idle.append(floor.measure(folder, load, half, INTERVAL_S))
    facts = result.report["session"]
    orders, fills = len(result.facts.orders["client_order_id"]), len(result.fills)
    counts = contracts, orders, fills
    row = _row(session, watch, counts, (beside, np.concatenate(idle)))
    return row._replace(hops=facts["hops"], stages=facts["stages"])


def _row(
    session: Session,
    watch: Watch,
    counts: tuple[int, int, int],
    floors: tuple[np.ndarray, np.ndarray],
) -> Row:
    watch.stamps.look()
    records = Scan(session.folder / FEED_JOURNAL)
    releases = list(releases_of(record for record in records if record["kind"] == "bars"))
    judged = watch.stamps.judge([release.born_ns for release in releases])
    if watch.first is None or watch.last is None or judged.counted is None or judged.later is None:
        raise RuntimeError(f"no close could be judged: {judged}")
    wall_ns, venue_ms = watch.clocks
    confirmed = [
        (release.born_ns - wall_ns) / 1e6 - (release.batch.close_ms - venue_ms) / SPEED
        for release in (releases[seq] for seq in judged.alone)
    ]
    first, last = watch.first, watch.last
    seconds, alone = last.at_s - first.at_s, set(judged.alone)
    bare = clear_of(floors[0], [release.born_ns for release in releases[judged.at_start :]])
    sent = read_journal(session.folder / EXECUTOR_JOURNAL).records
    with_orders = {one["seq"] for one in sent if one["kind"] == "orders" and one["requests"]}
    return Row(
        contracts=counts[0],
        wanted=watch.wanted,
        seconds=seconds,
        at_start=judged.at_start,
        together=judged.together,
        closes=len(alone),
        with_orders=len(alone & with_orders),
        orders=counts[1],
        fills=counts[2],
        left_out=sum(len(release.missing) for release in releases[judged.at_start :]),
        rates=rates(first.feed, last.feed, counts[0]),
        p50=judged.counted.p50_ms or 0.0,
        p99=judged.counted.p99_ms or 0.0,
        later_p99=judged.later.p99_ms or 0.0,
        confirmed_p50=_quantile(confirmed, 0.50),
        confirmed_p99=_quantile(confirmed, 0.99),
        bare=len(bare),
        bare_p50=_quantile(bare, 0.50),
        bare_p99=_quantile(bare, 0.99),
        floor_p50=_quantile(floors[1], 0.50),
        floor_p99=_quantile(floors[1], 0.99),
        busy={
            name: (last.seconds[name] - spent) / seconds
            for name, spent in first.seconds.items()
            if name in last.seconds
        },
    )


def clear_of(bare: np.ndarray, born_ns: Sequence[int]) -> np.ndarray:
    """Return f8[K]: milliseconds of the bare closes that no close of ours can have held up.

    Args:
        bare: i8[N, 2], first send (Unix ns) and duration (ns); only those count that began between
            our first close and our last.
        born_ns: when our closes were complete, ascending; at least one.
    """
    ours, began = np.asarray(born_ns, np.int64), bare[:, 0]
    within = (began > ours[0]) & (began < ours[-1])
    after = np.searchsorted(ours, began[within])  # 1 ... len(ours) - 1
    apart = np.minimum(began[within] - ours[after - 1], ours[after] - began[within])
    return bare[within][apart >= _APART_NS, 1] / 1e6


def _quantile(values: Sequence[float] | np.ndarray, share: float) -> float:
    return float(np.quantile(values, share)) if len(values) else 0.0


def rates(first: Mapping[str, Any], last: Mapping[str, Any], contracts: int) -> dict[str, Rate]:
    """Return what a feed took between two accounts of itself, by kind of update.

    Its ``least`` is sure for every contract: its count at the end is no less than the least then,
    and was no more than the most in the beginning.
    """
    seconds = (last["at_ms"] - first["at_ms"]) / 1e3
    if seconds <= 0.0:
        return {}
    found = {}
    before, after = first["heard"], last["heard"]
    for kind in (name.removesuffix("_most") for name in after if name.endswith("_most")):
        average = (after[kind] - before[kind]) / contracts / seconds
        least = max(0, after[f"{kind}_least"] - before[f"{kind}_most"])
        found[kind] = Rate(average, least / seconds)
    return found


def run(contracts: int, closes: int) -> Row:
    """Measure on a local Ray node of its own, which must not be there yet."""
    with tempfile.TemporaryDirectory(prefix="load-") as name:
        return measure(contracts, closes, Path(name))
