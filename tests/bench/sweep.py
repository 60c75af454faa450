"""The fixed sweep: 1,000 parameter sets over 100,000 bars of one symbol, ours beside vectorbt.

Ours: indicators, signals, simulation and metrics with fees, slippage, funding, stops, exit plans
and every risk limit, one account a set. vectorbt: the same indicators and signals, fees, slippage,
stops and the same metrics; it has no funding, no margin and no limits to compute. It runs twice:
in one process, as a call of it does, and in a process per core; the bar is set against the latter.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

from aster_ray.research.sweep import sweep_sets
from tests.bench import peer
from tests.bench.studies import GRIDS, Study, a_study, sources
from tests.bench.timing import cores, interleaved

BAR = 50.0  # times vectorbt
LEAST_PEER = 2.4  # M bar-sets/s; a slower vectorbt was not given what it needs
SHARE = 0.1  # of the capital in one vectorbt position, as ours at middling confidence


class Row(NamedTuple):
    """One strategy's figures; speeds in million bar-sets per second."""

    strategy: str
    source: str
    sets: int
    bars: int
    ours: float
    vectorbt: float  # a process per core
    single: float  # vectorbt in one process
    ratio: float
    cpu_ratio: float  # of processor time: what remains when other programs take cores
    trips: float  # closed round trips of a set, ours
    peer_trips: float

    @property
    def held(self) -> bool:
        """Return whether the bar was reached."""
        return self.ratio >= BAR

    @property
    def sandbagged(self) -> bool:
        """Return whether vectorbt ran slower than it is known to run."""
        return self.vectorbt < LEAST_PEER


def measure(study: Study, repeats: int) -> Row:
    """Time one sweep on both sides, in turn."""
    last = float(study.market.bars[-1, 0, 3])
    size = SHARE * study.prepared.capital / last

    def ours() -> float:
        sweep_sets(study.prepared, study.sets)
        return 0.0

    def theirs_of(other: peer.Peer) -> Callable[[], float]:
        return lambda: other.run()[1]

    with (
        closing(peer.Peer(study, size, cores())) as every,
        closing(peer.Peer(study, size, 1)) as single,
    ):
        outcomes = sweep_sets(study.prepared, study.sets)  # all once before any clock runs
        found, _ = every.run()
        single.run()
        runs = {"ours": ours, "vectorbt": theirs_of(every), "single": theirs_of(single)}
        spent = interleaved(runs, repeats)
    work = len(study.sets) * study.bars / 1e6
    mine, theirs = spent["ours"], spent["vectorbt"]
    return Row(
        study.strategy,
        study.source,
        len(study.sets),
        study.bars,
        work / mine.wall,
        work / theirs.wall,
        work / spent["single"].wall,
        theirs.wall / mine.wall,
        theirs.cpu / mine.cpu,
        sum(outcome.round_trips for outcome in outcomes) / len(outcomes),
        sum(float(part.trades.sum()) for part in found) / len(outcomes),
    )


def run(bars: int, count: int, repeats: int) -> list[Row]:
    """Measure both strategies on the best market there is, with every ``1000 / count``-th set."""
    rows = []
    for strategy in GRIDS:
        study = a_study(strategy, sources()[0], bars)
        step = max(1, len(study.sets) // count)
        rows.append(measure(study.of(study.sets[::step][:count]), repeats))
    return rows
