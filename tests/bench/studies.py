"""What is measured: markets, parameter grids and configurations, written out."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aster_ray import settings
from aster_ray.config import read_assignments
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import CLOSE, FUNDING, HIGH, LOW, MARK_CLOSE, MARK_HIGH, MARK_LOW
from aster_ray.research.prepare import Prepared, prepare
from aster_ray.research.request import Params, RunRequest, build_request
from aster_ray.research.sweep import Sets, combinations_of, widest_request

RECORDED = "recorded BTC"
BUILT_IN = "built-in BTC"

# 1,000 sets each, over the ranges a person would search on bars of a few minutes.
GRIDS: Mapping[str, Mapping[str, Sequence[float]]] = {
    "momentum": {
        "fast": (8, 12, 16, 21, 26),
        "slow": (50, 84, 120, 168, 240),
        "adx_period": (14, 21),
        "adx_min": (15, 20, 25, 30, 35),
        "stop_loss": (0.01, 0.02),
        "take_profit": (0.03, 0.06),
    },
    "mean_reversion": {
        "window": (20, 30, 48, 72, 96),
        "width": (1.5, 2.0, 2.5, 3.0),
        "rsi_period": (7, 14, 21, 28, 35),
        "oversold": (25, 30, 35, 40, 45),
        "stop_loss": (0.01, 0.02),
    },
}

# Only what both sides can say: market orders of one size, no stop, no limit, no exit plan.
PLAIN = (
    "session.capital=1000000",
    "risk.profile=off",
    "sizing.mode=fixed",
    "sizing.fixed_fraction=1.0",
    "exits.holding_hours=0",
    "exits.give_back=0",
    "exits.tier_gains=1000,2000,3000",
    "costs.half_spread=0.0001",
)
PLAIN_LOTS, PLAIN_LOT = 10_000_000, 1e-8  # 0.1 BTC in lots too small to round anything


@dataclass(frozen=True, slots=True)
class Study:
    """One strategy over one market with many parameter sets."""

    strategy: str
    source: str
    prepared: Prepared
    sets: tuple[Sets, ...]

    @property
    def market(self) -> Market:
        """Return the warm-up and the bars that count."""
        return self.prepared.market

    @property
    def bars(self) -> int:
        """Return how many bars may trade."""
        return len(self.market) - self.market.start

    @property
    def params(self) -> list[Params]:
        """Return the parameters of the only strategy, set by set."""
        return [own[0] for own in self.sets]

    def of(self, sets: Sequence[Sets]) -> Study:
        """Return the same market with other sets."""
        return dataclasses.replace(self, sets=tuple(sets))


def recorded_folder() -> Path | None:
    """Return the folder of recorded market data, if there is one."""
    default = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("ASTER_DATA", default))
    return folder if folder.is_dir() else None


def sources() -> list[str]:
    """Return which markets this machine has, the better one first."""
    return [RECORDED, BUILT_IN] if recorded_folder() is not None else [BUILT_IN]


def a_request(strategy: str, source: str, timeframe: str, options: Sequence[str]) -> RunRequest:
    """Return a run of one strategy on BTC."""
    path = f"data.path={recorded_folder()}" if source == RECORDED else "data.path="
    where = (path, "data.symbols=BTC", f"data.timeframe={timeframe}")
    loaded = settings.load(None, {}, read_assignments([*where, *options]))
    return build_request(loaded, [strategy])


def last_bars(market: Market, bars: int) -> Market:
    """Return the last ``bars`` tradable rows behind as much warm-up as before."""
    begin = max(0, len(market) - bars - market.start)
    rows = market.rows(begin, len(market))
    return dataclasses.replace(rows, start=market.start)


def a_study(strategy: str, source: str, bars: int, options: Sequence[str] = ()) -> Study:
    """Return the whole grid of ``strategy`` over the last ``bars`` bars of a market."""
    timeframe = "5m" if source == RECORDED else "1m"
    request = a_request(strategy, source, timeframe, options)
    _, found = combinations_of(request, GRIDS[strategy])
    sets = tuple(own for _, own in found)
    prepared = prepare(widest_request(request, sets))
    prepared = prepare(prepared.request, last_bars(prepared.market, bars))
    return Study(strategy, source, prepared, sets)


def a_plain_study(strategy: str, source: str, bars: int, count: int) -> Study:
    """Return ``count`` sets, spread over the grid, in terms that both sides share.

    Stops are left out: vectorbt first looks at them one bar after the entry, and lets them win
    over a signal that trades at that bar's open.
    """
    study = a_study(strategy, source, bars, PLAIN)
    chosen = np.random.default_rng(7).permutation(len(study.sets))[:count]
    sets = [({**study.sets[k][0], "stop_loss": 0.0, "take_profit": 0.0},) for k in chosen]
    market = study.market
    rows = market.bars.copy()
    rows[:, :, [MARK_HIGH, MARK_LOW, MARK_CLOSE]] = rows[:, :, [HIGH, LOW, CLOSE]]
    rows[:, :, FUNDING] = 0.0
    free = dataclasses.replace(market, bars=rows, funding_rate=np.zeros_like(market.funding_rate))
    rules = study.prepared.setup.rules.copy()
    rules["tick"], rules["lot"], rules["max_lots"] = 0.0, PLAIN_LOT, PLAIN_LOTS
    rules["min_lots"], rules["min_notional"] = 1, 0.0
    setup = study.prepared.setup._replace(rules=rules)
    prepared = dataclasses.replace(study.prepared, market=free, setup=setup)
    return dataclasses.replace(study, prepared=prepared).of(sets)
