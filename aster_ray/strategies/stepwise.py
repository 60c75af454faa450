"""One rule, two uses: over all bars at once, and over the newest ones as a session goes on.

Both give the rule the same columns, each symbol's own bars without holes, and take from its answer
the rows they need. What differs is where the columns come from: computed over everything since the
anchor, or carried on bar by bar. TA-Lib promises the same bits either way, and tests hold it to it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from aster_ray.errors import StrategyError
from aster_ray.strategies.blame import attempt
from aster_ray.strategies.contract import (
    ColumnKey,
    Ladder,
    Panel,
    Params,
    Signals,
    Stepwise,
    Strategy,
    offered,
)
from aster_ray.strategies.indicators import carried, column, inputs_of
from aster_ray.strategies.series import has_bar, series_of

# What a column holds where a symbol has no bar, unless it is NaN.
_SILENCE = {"direction": 0, "exit_long": False, "exit_short": False, "target_units": 1.0}

Rebuild = Callable[[str, np.ndarray], np.ndarray]


def silence(name: str) -> float:
    """Return what column ``name`` holds where a symbol has no bar."""
    return _SILENCE.get(name, float("nan"))


def _rebuilt(signals: Signals, rebuild: Rebuild) -> Signals:
    """Return ``signals`` with every column that varies replaced by ``rebuild(name, column)``."""

    def columns(owner: Signals | Ladder) -> dict[str, Any]:
        found = {field.name: getattr(owner, field.name) for field in fields(owner)}
        return {
            name: rebuild(name, values)
            for name, values in found.items()
            if isinstance(values, np.ndarray) and values.ndim
        }

    ladder = signals.ladder
    if ladder is not None:
        ladder = replace(ladder, **columns(ladder))
    return replace(signals, **columns(signals), ladder=ladder)


def _part(signals: Signals, name: str) -> np.ndarray:
    """Return a column of the signals or of their ladder; no name occurs in both."""
    owner = signals if hasattr(signals, name) else signals.ladder
    found: np.ndarray = getattr(owner, name)
    return found


def newest_row(signals: Signals, panel: Panel, name: str) -> Signals:
    """Return what was said on the newest bar, as columns of one row.

    Raises:
        StrategyError: a column has the wrong shape.
    """

    def newest(field: str, values: np.ndarray) -> np.ndarray:
        if values.shape != panel.close.shape:
            raise StrategyError(
                f"strategy {name}: {field} must have shape {panel.close.shape} "
                f"(bars, symbols), had {values.shape}"
            )
        return values[-1:]

    return _rebuilt(signals, newest)


def opinions(panel: Panel, stepwise: Stepwise, params: Params) -> Signals:
    """Return the rule's word on every row of a panel, symbol by symbol."""
    answers, places = [], []
    for n in range(len(panel.symbols)):
        series, rows = series_of(panel, n)
        columns = [column(key, series)[:, None] for key in stepwise.keys(params)]
        answers.append(stepwise.opinion(columns, params))
        places.append(rows)

    def spread_out(name: str, values: np.ndarray) -> np.ndarray:
        result = np.full(panel.close.shape, silence(name), values.dtype)
        for n, (answer, rows) in enumerate(zip(answers, places, strict=True)):
            result[rows, n] = _part(answer, name)[:, 0]
        return result

    return _rebuilt(answers[0], spread_out)


class CarriedColumns:
    """The newest rows of indicator columns for N symbols, carried on from bar to bar."""

    def __init__(self, memory: dict[ColumnKey, int], history: Panel) -> None:
        """Start at the end of ``history``; ``memory`` is column -> rows to keep."""
        count = len(history.symbols)
        self._inputs = {key: inputs_of(key) for key in memory}
        self._newest = {key: np.full((rows, count), np.nan) for key, rows in memory.items()}
        self._update: dict[ColumnKey, list[Callable[..., float]]] = {key: [] for key in memory}
        for n in range(count):
            series, _ = series_of(history, n)
            for key, rows in memory.items():
                last = column(key, series)[-rows:]
                self._newest[key][rows - len(last) :, n] = last
                self._update[key].append(carried(key, series))

    def add(self, bar: Panel) -> np.ndarray:
        """Take one row of bars; return bool[N], which symbols have one."""
        prices = {name: getattr(bar, name)[0] for name in ("open", "high", "low", "close")}
        there = has_bar(*prices.values())
        lists = {name: values.tolist() for name, values in prices.items()}
        who = np.flatnonzero(there).tolist()
        for key, newest in self._newest.items():
            updates, inputs = self._update[key], [lists[name] for name in self._inputs[key]]
            values = [updates[n](*[prices[n] for prices in inputs]) for n in who]
            if len(who) == len(updates):
                newest[:-1] = newest[1:]
                newest[-1] = values
            else:
                newest[:-1, there] = newest[1:, there]
                newest[-1, there] = values
        return there

    def newest(self, key: ColumnKey, rows: int) -> np.ndarray:
        """Return f8[rows, N], the newest values of a column; NaN before a symbol's first bar."""
        kept = self._newest[key]
        return kept[len(kept) - rows :]


class Steps:
    """Several strategies that offer ``stepwise``, asked about one close after another."""

    def __init__(self, strategies: Sequence[tuple[Strategy, Params]], history: Panel) -> None:
        """Start at the end of ``history``: the bars since the anchor."""
        self._asked = [
            (strategy, rule, rule.keys(params), rule.memory(params), params)
            for strategy, params in strategies
            if (rule := stepwise_of(strategy)) is not None
        ]
        memory: dict[ColumnKey, int] = {}
        for _, _, keys, rows, _ in self._asked:
            memory |= {key: max(rows, memory.get(key, 1)) for key in keys}
        self._columns = CarriedColumns(memory, history)

    def add(self, bar: Panel) -> list[Signals]:
        """Take one row of bars; return each strategy's word on it, columns of one row."""
        there = self._columns.add(bar)
        whole = bool(there.all())

        def newest(name: str, values: np.ndarray) -> np.ndarray:
            row = values[-1:]
            return row if whole else np.where(there, row, row.dtype.type(silence(name)))

        answers = []
        for strategy, rule, keys, rows, params in self._asked:
            columns = [self._columns.newest(key, rows) for key in keys]
            answer = attempt(strategy, "stepwise.opinion", rule.opinion, columns, params)
            answers.append(_rebuilt(answer, newest))
        return answers


def stepwise_of(strategy: Strategy) -> Stepwise | None:
    """Return the step-wise form of a strategy, if it offers one."""
    found: Stepwise | None = offered(strategy, "stepwise")
    return found
