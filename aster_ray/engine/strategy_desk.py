"""Bars in, signals out: asks the strategies about each close as it comes.

The anchor is the first warm-up bar of the session. Indicators that never forget make a signal a
function of (anchor, bars since), so every host, and every restart, starts from the same bar.
"""

from __future__ import annotations

from collections.abc import Sequence

from aster_ray.engine.bar_store import BarStore, row_of
from aster_ray.engine.messages import BarBatch, SignalBatch
from aster_ray.errors import StrategyError
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import SignalColumns
from aster_ray.strategies.contract import Panel, Params, Signals, Strategy
from aster_ray.strategies.encode import ask, encode, signal_columns
from aster_ray.strategies.series import cut
from aster_ray.strategies.stepwise import Steps, newest_row, stepwise_of

_OURS = "aster_ray."
_VERIFIED_ROWS = 256


class StrategyDesk:
    """Answer each batch of bars with the signals of all strategies.

    Strategies that offer ``stepwise`` cost the same at every close, and without any other no bar
    is kept. The others are asked about all bars since the anchor, of which the newest row counts.
    """

    def __init__(self, strategies: Sequence[tuple[Strategy, Params]], history: Market) -> None:
        """Start from ``history``: the bars since the anchor, warm-up included."""
        self._strategies = tuple(strategies)
        self._names = [strategy.name for strategy, _ in strategies]
        self._symbols, self._timeframe_ms = history.symbols, history.timeframe_ms
        self._last_ms = int(history.open_ms[-1]) if len(history) else None
        known = Panel.of(history)
        self._stepwise = [stepwise_of(strategy) is not None for strategy, _ in strategies]
        for (strategy, params), quick in zip(strategies, self._stepwise, strict=True):
            if quick and not type(strategy).__module__.startswith(_OURS):
                _verify(strategy, params, known)
        self._steps = Steps(strategies, known)
        self._store = None if all(self._stepwise) else BarStore(known)
        self._checked = False

    def on_bars(self, batch: BarBatch) -> SignalBatch:
        """Take one close time and return what the strategies say about it."""
        if self._last_ms is not None and batch.open_ms <= self._last_ms:
            raise ValueError(f"bars of {batch.open_ms} came after {self._last_ms}")
        self._last_ms = batch.open_ms
        row = row_of(batch, self._symbols, self._timeframe_ms)
        steps = iter(self._steps.add(row))
        others = iter(self._recomputed(row))
        answers = [next(steps if quick else others) for quick in self._stepwise]
        return SignalBatch(batch, encode(answers, row, self._names), 0)

    def _recomputed(self, row: Panel) -> list[Signals]:
        """Return the newest word of each strategy that wants all bars."""
        if self._store is None:
            return []
        panel = self._store.add(row)
        answers = []
        for (strategy, params), quick in zip(self._strategies, self._stepwise, strict=True):
            if quick:
                continue
            answer = ask(strategy, panel, params)
            if not self._checked:  # the rows before the first close are looked at once
                encode([answer], panel, [strategy.name])
            answers.append(newest_row(answer, panel, strategy.name))
        self._checked = True
        return answers


def _verify(strategy: Strategy, params: Params, known: Panel) -> None:
    """Hold a person's own ``stepwise`` against ``signals`` over the newest of the known bars.

    Raises:
        StrategyError: a bit differs; a session would trade another rule than the backtest.
    """
    names, end = [strategy.name], len(known.open_ms)
    begin = max(0, end - _VERIFIED_ROWS)
    whole = encode([ask(strategy, known, params)], known, names)
    steps = Steps([(strategy, params)], cut(known, begin))
    for t in range(begin, end):
        row = cut(known, t + 1, t)
        said = encode(steps.add(row), row, names)
        for field, one, many in zip(said._fields, said, whole, strict=True):
            if one[0].tobytes() != many[min(t, len(many) - 1)].tobytes():
                raise StrategyError(
                    f"strategy {strategy.name}: stepwise and signals() disagree about {field} at "
                    f"row {t} of {end}: enlarge stepwise's memory or leave stepwise out"
                )


class PreparedSignals:
    """The same answers from one pass over a market that is known in full: causality allows it."""

    def __init__(self, strategies: Sequence[tuple[Strategy, Params]], market: Market) -> None:
        self._start = market.start
        self.columns: SignalColumns = signal_columns(strategies, Panel.of(market))

    def on_bars(self, batch: BarBatch) -> SignalBatch:
        """Return what the strategies say about close time ``batch.seq``."""
        return SignalBatch(batch, self.columns, self._start + batch.seq)


class GrowingSignals:
    """Answer closes that are known at the start from one pass, and later ones as they come.

    Attributes:
        latest: the last answer.
    """

    def __init__(self, strategies: Sequence[tuple[Strategy, Params]], market: Market) -> None:
        """Begin with ``market``: warm-up, then every close that is known."""
        self._strategies = tuple(strategies)
        self._market: Market | None = market
        self._known = len(market) - market.start
        self._source: PreparedSignals | StrategyDesk | None = None
        if self._known:
            self._source = PreparedSignals(self._strategies, market)
        self.latest: SignalBatch | None = None

    def on_bars(self, batch: BarBatch) -> SignalBatch:
        """Take the next close time and return what the strategies say about it."""
        if self._market is not None and batch.seq == self._known:
            self._source = StrategyDesk(self._strategies, self._market)
            self._market = None  # the desk keeps what it needs
        if self._source is None:
            raise ValueError(f"close {batch.seq} came where {self._known} belongs")
        self.latest = self._source.on_bars(batch)
        return self.latest
