"""The event engine on one symbol: every order, fill and ledger entry, beside backtesting.py.

Both run momentum with a stop and a take profit, deciding at each close and trading at the next
open. The statistics either side computes after its last bar are shown apart.
"""

from __future__ import annotations

import contextlib
import importlib
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import backtesting
import numpy as np
import pandas as pd

from aster_ray.kernel.records import CLOSE, HIGH, LOW, OPEN
from aster_ray.research.backtest import run_prepared
from aster_ray.research.prepare import Prepared, prepare
from aster_ray.strategies.contract import Panel, Params
from aster_ray.strategies.indicators import column
from aster_ray.strategies.series import series_of
from tests.bench.studies import RECORDED, a_request, last_bars, sources
from tests.bench.timing import interleaved, timed_part

BAR = 60_000.0  # bars/s


class Row(NamedTuple):
    """Bars per second; ``full`` is with the report, or the statistics, at the end."""

    source: str
    bars: int
    ours: float
    ours_full: float
    backtesting: float
    backtesting_full: float
    trips: int
    peer_trips: int

    @property
    def ratio(self) -> float:
        """Return how many times as fast ours is."""
        return self.ours / self.backtesting

    @property
    def held(self) -> bool:
        """Return whether the bar was reached."""
        return self.ours >= BAR


def a_run(source: str, bars: int) -> Prepared:
    """Return momentum with its default parameters on 1h bars (built-in: 1m)."""
    timeframe = "1h" if source == RECORDED else "1m"
    prepared = prepare(a_request("momentum", source, timeframe, ()))
    return prepare(prepared.request, last_bars(prepared.market, bars))


def peer_strategy(prepared: Prepared) -> type[backtesting.Strategy]:
    """Return momentum as backtesting.py writes it: indicators ahead, one ``next`` a bar."""
    ((_, params),) = prepared.strategies
    series, _ = series_of(Panel.of(prepared.market), 0)
    start = prepared.market.start

    def indicator(name: str, period: str) -> np.ndarray:
        return column((name, (params[period],)), series)[start:]

    class Momentum(backtesting.Strategy):
        def init(self) -> None:
            self.fast = self.I(indicator, "ema", "fast", plot=False)
            self.slow = self.I(indicator, "ema", "slow", plot=False)
            self.strength = self.I(indicator, "adx", "adx_period", plot=False)

        def next(self) -> None:
            _decide(self, params)

    return Momentum


def _decide(own: Any, params: Params) -> None:
    """Close on the opposite cross; open on a cross with a strong ADX."""
    before, now = own.fast[-2] - own.slow[-2], own.fast[-1] - own.slow[-1]
    up, down = before <= 0.0 < now, before >= 0.0 > now
    if not (up or down):
        return
    if own.position and own.position.is_long == down:
        own.position.close()
    if own.strength[-1] < params["adx_min"] or (own.position and own.position.is_long == up):
        return
    side = 1.0 if up else -1.0
    close = own.data.Close[-1]
    stop, goal = params["stop_loss"], params["take_profit"]
    levels = {"sl": close * (1.0 - side * stop), "tp": close * (1.0 + side * goal)}
    (own.buy if up else own.sell)(size=0.1, **levels)


def a_peer(prepared: Prepared) -> backtesting.Backtest:
    """Return the backtest of the peer on the same tradable bars, with the same costs."""
    market, rules = prepared.market, prepared.setup.rules[0]
    rows = market.bars[market.start :, 0]
    names = {"Open": OPEN, "High": HIGH, "Low": LOW, "Close": CLOSE}
    frame = pd.DataFrame(
        {name: rows[:, place] for name, place in names.items()},
        index=pd.to_datetime(market.open_ms[market.start :], unit="ms"),
    )
    return backtesting.Backtest(
        frame,
        peer_strategy(prepared),
        cash=prepared.capital * 1_000,  # its sizes are whole units: enough to trade fractions
        commission=float(rules["taker_fee"]),
        spread=float(rules["half_spread"] + rules["slippage"]),
        finalize_trades=False,
    )


@contextlib.contextmanager
def without_progress() -> Iterator[None]:
    """Let backtesting.py draw no progress bar, which would cost it time."""
    owner = importlib.import_module("backtesting.backtesting")
    original = owner._tqdm
    owner._tqdm = lambda bars, **_: bars
    try:
        yield
    finally:
        owner._tqdm = original


def run(bars: int, repeats: int) -> Row:
    """Measure both sides in turn on the best market there is."""
    source = sources()[0]
    prepared = a_run(source, bars)
    count = len(prepared.market) - prepared.market.start
    after: dict[str, list[float]] = {"ours": [], "peer": []}
    with contextlib.ExitStack() as stack:
        stack.enter_context(without_progress())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        peer = a_peer(prepared)
        report = stack.enter_context(timed_part("aster_ray.research.backtest", "finish"))
        statistics = stack.enter_context(timed_part("backtesting.backtesting", "compute_stats"))
        result, found = run_prepared(prepared), peer.run()
        report.take(), statistics.take()

        def ours() -> float:
            run_prepared(prepared)
            after["ours"].append(report.take())
            return 0.0

        def theirs() -> float:
            peer.run()
            after["peer"].append(statistics.take())
            return 0.0

        spent = interleaved({"ours": ours, "peer": theirs}, repeats)
    mine, other = spent["ours"].wall, spent["peer"].wall
    return Row(
        source,
        count,
        count / (mine - float(np.median(after["ours"]))),
        count / mine,
        count / (other - float(np.median(after["peer"]))),
        count / other,
        result.report["round_trips"]["all"]["round_trips"],
        int(found["# Trades"]),
    )
