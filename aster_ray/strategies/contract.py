"""What a strategy is: a pure, causal function from closed bars to signals.

A strategy sees a ``Panel`` (all bars from a fixed anchor to now) and answers ``Signals``, one row
per bar. Row ``t`` may depend on rows ``<= t`` only; a test poisons the future and compares bits.
It never sees positions, equity or orders: those belong to the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np

from aster_ray.kernel.market import Market
from aster_ray.kernel.records import CLOSE, HIGH, LOW, MARK_CLOSE, OPEN

Column = np.ndarray | float
Params = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A bounded, typed number of a strategy; ``integer`` ones are whole."""

    name: str
    default: float
    low: float
    high: float
    integer: bool = False
    doc: str = ""


def _read_only(values: np.ndarray) -> np.ndarray:
    """Return a view that a strategy cannot change under the next one, or under the kernel."""
    view = values.view()
    view.flags.writeable = False
    return view


@dataclass(frozen=True, slots=True)
class Panel:
    """T rows of closed bars for N symbols; every column is f8[T, N], NaN where a bar is missing."""

    symbols: tuple[str, ...]
    timeframe_ms: int
    open_ms: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    mark: np.ndarray
    funding_rate: np.ndarray

    @classmethod
    def of(cls, market: Market) -> Panel:
        """Show a market to a strategy; prices are contiguous copies per field, all is read-only."""

        def column(index: int) -> np.ndarray:
            return _read_only(np.ascontiguousarray(market.bars[:, :, index]))

        return cls(
            symbols=market.symbols,
            timeframe_ms=market.timeframe_ms,
            open_ms=_read_only(market.open_ms),
            open=column(OPEN),
            high=column(HIGH),
            low=column(LOW),
            close=column(CLOSE),
            volume=_read_only(market.volume),
            mark=column(MARK_CLOSE),
            funding_rate=_read_only(market.funding_rate),
        )


@dataclass(frozen=True, slots=True)
class Series:
    """The bars of one symbol without holes: every column is contiguous f8[R]."""

    open_ms: np.ndarray
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    timeframe_ms: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """A grid around ``centre``: ``levels`` limits each side, ``spacing`` apart (fraction).

    ``size`` is the fraction of a full position that all levels of one side hold together.
    A new centre is adopted only when the kernel's re-centre rule allows it.
    """

    centre: np.ndarray  # f8[T, N]; NaN = no ladder at this row
    spacing: np.ndarray  # f8[T, N]
    levels: Column
    size: Column = 1.0


@dataclass(frozen=True, slots=True)
class Signals:
    """One opinion per bar and symbol; a constant column may be a scalar.

    Attributes:
        direction: i1[T, N], +1 wants to be long, -1 short, 0 says nothing (keep what there is).
        confidence: 0..1.
        stop_loss, take_profit: fractions of the entry price; NaN = none.
        exit_long, exit_short: the reason for holding is gone (invalidation).
        target_units: fraction of full size, may step up while the direction stands (pyramiding).
        ladder: a grid instead of a direction.
    """

    direction: np.ndarray
    confidence: Column = 1.0
    stop_loss: Column = float("nan")
    take_profit: Column = float("nan")
    exit_long: np.ndarray | bool = False
    exit_short: np.ndarray | bool = False
    target_units: Column = 1.0
    ladder: Ladder | None = None


ColumnKey = tuple[str, tuple[float, ...]]


class Condition(NamedTuple):
    """One column of signal bits, by what it depends on."""

    name: str
    arguments: tuple[float, ...]
    inputs: tuple[ColumnKey, ...]  # the indicator columns it is worked out from


@dataclass(frozen=True, slots=True)
class Fused:
    """The same rule as ``signals`` for sweeps: shared condition columns plus one compiled pass.

    Attributes:
        conditions: params -> the conditions this parameter set combines, in the rule's order.
        column: (key, series) -> f8[R], an indicator; once per sweep for every distinct key.
        condition: (condition, its inputs f8[R]...) -> i1[R] of signal bits; likewise once.
        rule: compiled ``rule(conditions i1[U, R], index i8[K], code i1[R]) -> None``; ``index[k]``
            is the row of ``conditions`` that holds ``conditions(params)[k]``; it must write every
            element of ``code``.
        constants: params -> (confidence, stop_loss, take_profit).
    """

    conditions: Callable[[Params], tuple[Condition, ...]]
    column: Callable[[ColumnKey, Series], np.ndarray]
    condition: Callable[[Condition, Sequence[np.ndarray]], np.ndarray]
    rule: Callable[[np.ndarray, np.ndarray, np.ndarray], Any]
    constants: Callable[[Params], tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Stepwise:
    """The same rule as ``signals`` for sessions: a close costs the same however long they last.

    A strategy may offer it as ``stepwise``; without it, a session asks ``signals`` about all bars
    since the anchor at every close. ``strategies.stepwise`` says how both uses stay one rule.

    Attributes:
        keys: params -> the columns of ``strategies.indicators`` that the rule reads.
        memory: params -> how many of a symbol's newest bars the newest opinion depends on.
        opinion: (columns, params) -> Signals; ``columns`` are f8[R, N] in the order of ``keys``,
            R bars of N symbols, oldest first. A row holds bars of one age, not of one time; before
            a symbol's first bar there is NaN.
    """

    keys: Callable[[Params], tuple[ColumnKey, ...]]
    memory: Callable[[Params], int]
    opinion: Callable[[Sequence[np.ndarray], Params], Signals]


@runtime_checkable
class Strategy(Protocol):
    """What a strategy file must offer; see ``aster strategy new``."""

    name: ClassVar[str]
    parameters: ClassVar[tuple[Parameter, ...]]

    def warmup(self, params: Params) -> int:
        """Return how many bars must pass before the first signal can be trusted."""
        ...

    def signals(self, panel: Panel, params: Params) -> Signals:
        """Return one row of opinion per row of ``panel``, causally."""
        ...


def offered(strategy: Strategy, form: str) -> Any | None:
    """Return another form of the rule that a strategy offers (``fused``, ``stepwise``), if any.

    A class that inherits it and writes ``signals`` anew offers none: it would be another rule.
    """
    for kind in type(strategy).__mro__:
        if form in vars(kind):
            return vars(kind)[form]
        if "signals" in vars(kind):
            break
    return None
