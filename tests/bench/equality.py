"""Before anything is timed: the same trades and the same money as vectorbt, where both can say it.

One symbol, market orders of a fixed size at the next open, fees and slippage on both sides; limits,
funding, stops and exit plans off. What is compared runs through the very calls that are timed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aster_ray.kernel.records import SignalColumns
from aster_ray.kernel.simulator import Outcome, Simulator
from aster_ray.research.fused import FusedSource
from aster_ray.research.sweep import sweep_sets
from aster_ray.strategies import registry
from aster_ray.strategies.contract import Panel
from tests.bench import peer
from tests.bench.studies import GRIDS, PLAIN_LOT, PLAIN_LOTS, Study, a_plain_study, sources

TOLERANCE = 1e-9


class Trades(NamedTuple):
    """Closed round trips in order of their entry; bars count from the first that may trade."""

    entry: np.ndarray  # i8[K]
    exit: np.ndarray  # i8[K]
    side: np.ndarray  # i8[K], +1 or -1
    pnl: np.ndarray  # f8[K], quote currency, fees of both fills taken off


class Equality(NamedTuple):
    """What was compared, and every difference that was found."""

    strategy: str
    source: str
    sets: int
    longs: int
    shorts: int
    differences: list[str]


def our_trades(fills: np.ndarray, first_ms: int, timeframe_ms: int) -> Trades:
    """Pair the market fills of one sleeve: an opening one (no exit reason), then its close."""
    plain = np.asarray(fills)
    opened = plain[plain["reason"] == 0]
    closed = plain[plain["reason"] != 0]
    opened = opened[: len(closed)]  # the last one may still be open
    return Trades(
        (opened["ms"] - first_ms) // timeframe_ms,
        (closed["ms"] - first_ms) // timeframe_ms,
        np.sign(opened["lots"]),
        closed["realized"] - opened["fee"] - closed["fee"],
    )


def their_trades(records: np.ndarray, column: int) -> Trades:
    """Return vectorbt's closed trades of one column."""
    own = records[(records["col"] == column) & (records["status"] == 1)]
    side = np.where(own["direction"] == 0, 1, -1)
    return Trades(own["entry_idx"], own["exit_idx"], side, own["pnl"])


def differences(ours: Trades, theirs: Trades) -> list[str]:
    """Return what differs between two lists of round trips."""
    if len(ours.entry) != len(theirs.entry):
        return [f"{len(ours.entry)} round trips against {len(theirs.entry)}"]
    found = []
    for name in ("entry", "exit", "side"):
        a, b = getattr(ours, name), getattr(theirs, name)
        if not np.array_equal(a, b):
            k = int(np.flatnonzero(a != b)[0])
            found.append(f"{name} of round trip {k}: {a[k]} against {b[k]}")
    apart = ~np.isclose(ours.pnl, theirs.pnl, rtol=TOLERANCE, atol=1e-6 * TOLERANCE)
    if apart.any():
        k = int(np.flatnonzero(apart)[0])
        found.append(f"PnL of round trip {k}: {ours.pnl[k]!r} against {theirs.pnl[k]!r}")
    return found


def measured_apart(ours: Outcome, theirs: peer.Measures, column: int) -> list[str]:
    """Return which figures of the fast way differ from vectorbt's."""
    found = []
    for name in ("total_return", "sharpe", "max_drawdown"):
        a, b = getattr(ours, name), getattr(theirs, name)[column]
        if a is None or not np.isclose(a, b, rtol=TOLERANCE, atol=1e-12):
            found.append(f"{name} {a!r} against {b!r}")
    return found


def compare(study: Study) -> Equality:
    """Compare every set of a plain study, trade for trade and figure for figure."""
    market = study.market
    simulator = Simulator(market, study.prepared.setup, study.prepared.capital)
    strategy = registry.load(study.strategy)
    source = FusedSource(strategy.fused, Panel.of(market), study.params)
    first_ms = int(market.open_ms[market.start])
    codes, trades = [], []
    for own in study.params:
        signals = SignalColumns(*(column[0] for column in source.columns([own])))
        _, trace = simulator.trace(signals)
        trades.append(our_trades(trace.fills, first_ms, market.timeframe_ms))
        codes.append(signals.code[market.start :, 0].copy())
    run = peer.portfolio(
        peer.terms_of(study, PLAIN_LOTS * PLAIN_LOT),
        codes,
        *peer.stops_of(study.strategy, study.params),
    )
    records, figures = run.trades.records.to_records(index=False), peer.measures(run)
    found = []
    for column, outcome in enumerate(sweep_sets(study.prepared, study.sets)):
        own = differences(trades[column], their_trades(records, column))
        own += measured_apart(outcome, figures, column)
        if outcome.round_trips != len(trades[column].entry):
            own.append(f"{outcome.round_trips} round trips in the sweep")
        found += [f"{study.params[column]}: {text}" for text in own]
    sides = np.concatenate([list_.side for list_ in trades])
    longs, shorts = int((sides > 0).sum()), int((sides < 0).sum())
    if not longs or not shorts:
        found.append(f"nothing to compare: {longs} long and {shorts} short round trips")
    return Equality(study.strategy, study.source, len(study.sets), longs, shorts, found)


def check(bars: int, count: int) -> list[Equality]:
    """Compare both strategies over every market there is."""
    return [
        compare(a_plain_study(strategy, source, bars, count))
        for source in sources()
        for strategy in GRIDS
    ]
