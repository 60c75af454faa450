"""Random runs for the parity suite: a market, signals and a setup from one seed and a few draws."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aster_ray.kernel.market import Market
from aster_ray.kernel.records import FILL, Setup, SignalColumns
from aster_ray.kernel.simulator import Simulator
from tests.factories import CAPITAL, Session, a_config, a_market, a_setup, random_signals

# Each regime makes some branches likely that a standard account hardly ever reaches.
REGIMES = (
    "standard",
    "costly",
    "levered",
    "free",
    "tight",
    "halting",
    "risk_bound",
    "gross_bound",
    "cluster_bound",
    "kelly",
    "volatility",
)


class Scenario(NamedTuple):
    """One run that every host must agree on."""

    setup: Setup
    market: Market
    signals: SignalColumns


class Outcome(NamedTuple):
    """What a host says happened: FILL[F], equity and exposure f8[T], denials, what is held."""

    fills: np.ndarray
    equity: np.ndarray
    gross: np.ndarray
    denials: np.ndarray
    sleeves: np.ndarray
    account: np.ndarray


def setup_for(regime: str, symbols: int, strategies: int) -> Setup:
    """Return the setup of a regime."""
    costs = {"maker_fee": 0.0002, "taker_fee": 0.0006, "slippage": 0.0005, "half_spread": 0.0001}
    sizing: dict[str, object] = {}
    fields: dict[str, object] = {}
    if regime == "costly":
        costs |= {"taker_fee": 0.004, "slippage": 0.003}
    elif regime == "levered":
        fields = {
            "leverage": 20.0, "max_symbol": 40.0, "max_asset": 40.0, "max_gross": 40.0,
            "max_cluster": 1e6, "max_var": 1e6, "max_position_risk": 1e6, "soft_drawdown": 2.0,
            "hard_drawdown": 2.0, "daily_loss": 2.0, "max_daily_opens": 10_000,
            "sizing": 0, "fixed_fraction": 12.0, "liquidation_fee": 0.0125,
        }  # fmt: skip
    elif regime == "free":
        fields = {"enabled": 0, "sizing": 0, "fixed_fraction": 0.3}
    elif regime == "tight":
        fields = {
            "max_daily_opens": 2, "max_daily_ladder_opens": 3, "max_symbol": 0.08,
            "max_asset": 0.1, "max_gross": 0.2, "max_cluster": 0.12, "max_var": 0.01,
            "max_position_risk": 0.008, "daily_loss": 0.001, "min_notional": 40.0,
        }  # fmt: skip
    elif regime == "halting":
        fields = {"soft_drawdown": 0.02, "hard_drawdown": 0.03, "daily_loss": 2.0}
    elif regime == "risk_bound":
        fields = {"max_position_risk": 1e-6}
    elif regime == "gross_bound":
        fields = {"max_gross": 0.05}
    elif regime == "cluster_bound":
        fields = {"max_cluster": 0.05, "cluster_correlation": 0.0}
    elif regime in ("kelly", "volatility"):
        sizing = {"mode": regime, "kelly_trips": 4}
    config = a_config(costs=costs, sizing=sizing)
    return a_setup(symbols, strategies, config=config, **fields)


def a_scenario(
    seed: int, regime: str, shape: tuple[int, int], *, ladders: bool, rows: int = 260
) -> Scenario:
    """Return a run of ``shape`` = (symbols, strategies)."""
    symbols, strategies = shape
    volatility = 0.03 if regime == "levered" else 0.012
    market = a_market(rows, symbols, seed, volatility=volatility)
    signals = random_signals(market, strategies, seed, ladders=ladders)
    signals.confidence[::29] = np.nan
    return Scenario(setup_for(regime, symbols, strategies), market, signals)


def by_simulate(scenario: Scenario) -> Outcome:
    """Run the compiled host as a sweep does, with every short way that is open to it."""
    book, trace = Simulator(scenario.market, scenario.setup, CAPITAL).trace(scenario.signals)
    start = scenario.market.start
    return Outcome(
        np.asarray(trace.fills),
        trace.equity[start:],
        trace.gross[start:],
        book.denials,
        np.asarray(book.sleeves),
        np.asarray(book.account),
    )


def by_engine(scenario: Scenario, distort: float = 0.0) -> Outcome:
    """Run the event engine over the paper venue; ``distort`` alters the venue's prices."""
    session = Session(scenario.setup, CAPITAL, timeframe_ms=scenario.market.timeframe_ms)
    if distort:
        rules = scenario.setup.rules.copy()
        rules["taker_fee"] *= 1.0 + distort
        session.venue._setup = scenario.setup._replace(rules=rules)
    closes = session.run(scenario.market, scenario.signals)
    parts = [np.asarray(closed.fills) for closed in closes if len(closed.fills)]
    book = session.book
    return Outcome(
        np.concatenate(parts) if parts else np.zeros(0, FILL),
        np.array([closed.orders.equity for closed in closes]),
        np.array([closed.orders.gross for closed in closes]),
        book.denials,
        np.asarray(book.sleeves),
        np.asarray(book.account),
    )


# Bookkeeping of one close, not state that a decision reads.
_OF_ONE_CLOSE = ("fill_count", "intent_count")


def differences(one: Outcome, other: Outcome) -> list[str]:
    """Return what differs between two hosts, bit for bit; empty means parity."""
    found = []
    if len(one.fills) != len(other.fills):
        found.append(f"{len(one.fills)} fills against {len(other.fills)}")
    for table in ("fills", "sleeves", "account"):
        a, b = getattr(one, table), getattr(other, table)
        count = min(len(a), len(b))
        found += [
            f"{table}.{name}"
            for name in a.dtype.names
            if name not in _OF_ONE_CLOSE and not _same(a[name][:count], b[name][:count])
        ]
    columns = ("equity", "gross", "denials")
    return found + [name for name in columns if not _same(getattr(one, name), getattr(other, name))]


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    """Return whether two columns hold the same values; NaN equals NaN, 0.0 equals -0.0."""
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
