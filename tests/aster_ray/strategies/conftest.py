"""Markets the strategy tests share: seeded random walks, hand-made closes, recorded bars."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st

from aster_ray.kernel.market import simple_market
from aster_ray.strategies.contract import Panel, Params, Strategy
from aster_ray.strategies.registry import load, names
from aster_ray.strategies.template import write_template

HOUR_MS = 3_600_000
RECORDED = Path(os.environ.get("ASTER_DATA", Path(__file__).parents[3] / "../shared/data"))

WalkMaker = Callable[..., Panel]
Box = Callable[[Strategy], st.SearchStrategy[Params]]


def panel_of(prices: np.ndarray) -> Panel:
    """Build a panel from f8[T, N, 4] open/high/low/close."""
    return Panel.of(simple_market(prices))


@pytest.fixture(scope="session")
def walk() -> WalkMaker:
    """Make a seeded random walk; ``gaps`` is the share of bars that are missing."""

    def make(bars: int, symbols: int = 2, seed: int = 0, gaps: float = 0.0) -> Panel:
        random = np.random.default_rng(seed)
        steps = random.standard_t(4, (bars, symbols)) * 0.006
        close = 100.0 * np.exp(np.cumsum(steps, axis=0))
        first = np.vstack([np.full((1, symbols), 100.0), close[:-1]]) if bars else close
        wick = np.abs(random.normal(0.0, 0.002, (2, bars, symbols)))
        high = np.maximum(first, close) * (1.0 + wick[0])
        low = np.minimum(first, close) * (1.0 - wick[1])
        prices = np.stack([first, high, low, close], axis=2)
        prices[random.random((bars, symbols)) < gaps] = np.nan
        return panel_of(prices)

    return make


def listed_late(panel: Panel, first: int, last: int) -> Panel:
    """Take the bars before ``first`` from symbol 0 and those after ``last`` from the final one."""
    columns = {}
    for name in ("open", "high", "low", "close", "volume", "mark", "funding_rate"):
        values = getattr(panel, name).copy()
        values[:first, 0] = np.nan
        values[last + 1 :, -1] = np.nan
        columns[name] = values
    return replace(panel, **columns)


@pytest.fixture(scope="session")
def markets(walk: WalkMaker) -> st.SearchStrategy[Panel]:
    """Draw whole walks, walks with holes, and markets whose symbols come late and leave early."""

    def build(kind: str, seed: int) -> Panel:
        panel = walk(700, 3, seed, gaps=0.0 if kind == "whole" else 0.1)
        return listed_late(panel, 150 + seed % 200, 500) if kind == "late" else panel

    return st.builds(build, st.sampled_from(["whole", "holes", "late"]), st.integers(0, 10_000))


@pytest.fixture(scope="session")
def box() -> Box:
    """Draw parameter sets from everywhere within a strategy's bounds, edges included."""

    def draw(strategy: Strategy) -> st.SearchStrategy[Params]:
        sides: dict[str, st.SearchStrategy[float]] = {}
        for parameter in strategy.parameters:
            low, high = parameter.low, parameter.high
            if parameter.integer:
                # Half of them small, so that a market of 700 bars is past their warm-up.
                small = st.integers(int(low), int(min(high, low + 30)))
                sides[parameter.name] = (small | st.integers(int(low), int(high))).map(float)
            else:
                sides[parameter.name] = st.floats(low, high) | st.just(float(parameter.default))
        fits = getattr(strategy, "problems", lambda _: ())
        return st.fixed_dictionaries(sides).filter(lambda params: not fits(params))

    return draw


@pytest.fixture(scope="session", params=[*names(), "template"])
def strategy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Strategy:
    """Return each registered strategy, then the one ``aster strategy new`` writes."""
    if request.param != "template":
        return load(request.param)
    return load(str(write_template("my_idea", tmp_path_factory.mktemp("template"))))


@pytest.fixture
def closes() -> Callable[[np.ndarray], Panel]:
    """Make a panel of one symbol from its closes; each bar opens at the close before."""

    def make(close: np.ndarray) -> Panel:
        first = np.concatenate([close[:1], close[:-1]])
        high, low = np.maximum(first, close) * 1.001, np.minimum(first, close) * 0.999
        return panel_of(np.stack([first, high, low, close], axis=1)[:, None, :])

    return make


@pytest.fixture(scope="session")
def recorded() -> Panel:
    """Return BTC, ETH and SOL by the hour over 2023, with three months before it."""
    symbols = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    files = [RECORDED / f"binance_um_{symbol}_1h.parquet" for symbol in symbols]
    if not all(file.is_file() for file in files):
        pytest.skip("recorded market data is absent")
    begin, end = 1_664_582_400_000, 1_704_067_200_000  # 2022-10-01, 2024-01-01
    prices = np.full(((end - begin) // HOUR_MS, len(symbols), 4), np.nan)
    for n, file in enumerate(files):
        table = pq.read_table(file, columns=["ts", "open", "high", "low", "close"])
        ms = table["ts"].to_numpy()
        inside = (ms >= begin) & (ms < end)
        rows = (ms[inside] - begin) // HOUR_MS
        for index, name in enumerate(("open", "high", "low", "close")):
            prices[rows, n, index] = table[name].to_numpy()[inside]
    return panel_of(prices)


YEAR_START = 92 * 24  # row of 2023-01-01 in ``recorded``
