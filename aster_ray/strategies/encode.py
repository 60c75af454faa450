"""From what strategies said to the columns the kernel reads, refusing what breaks the contract.

Before a run over bars that are known, an undefined number is refused where it would be traded on:
on a row that wants something, once the symbol has had its warm-up. Anywhere else, and in a session
under way, it becomes NaN, which nobody reads or the kernel denies: indicators are undefined for a
while after a symbol is listed, and one bad live row must never take a session down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from aster_ray.errors import StrategyError
from aster_ray.kernel.records import (
    EXIT_LONG,
    EXIT_SHORT,
    LONG,
    MAX_LEVELS,
    SHORT,
    SignalColumns,
)
from aster_ray.strategies.blame import call
from aster_ray.strategies.contract import Column, Ladder, Panel, Params, Signals, Strategy
from aster_ray.strategies.parameters import warmup_of

# Field -> (low, low allowed, high, high allowed, what it must be).
_BOUNDS = {
    "confidence": (0.0, True, 1.0, True, "within 0..1"),
    "stop_loss": (0.0, False, 1.0, False, "a fraction above 0 and below 1"),
    "take_profit": (0.0, False, np.inf, False, "a fraction above 0"),
    "target_units": (0.0, True, 1.0, True, "within 0..1"),
    "ladder.centre": (0.0, False, np.inf, False, "a price above 0"),
    "ladder.spacing": (0.0, False, 1.0, False, "a fraction above 0 and below 1"),
    "ladder.levels": (1.0, True, float(MAX_LEVELS), True, f"within 1..{MAX_LEVELS}"),
    "ladder.size": (0.0, False, 1.0, True, "above 0 and at most 1"),
}


# Where NaN says "none"; a confidence or a size that is not known is neither.
_NONE_IS_NAN = frozenset({"stop_loss", "take_profit", *(f for f in _BOUNDS if "." in f)})


@dataclass(frozen=True, slots=True)
class _Answer:
    """One strategy's answer while it is checked; ``warmup`` None lets undefined numbers pass."""

    name: str
    panel: Panel
    signals: Signals
    warmup: int | None

    @property
    def settled(self) -> np.ndarray:
        """Return bool[T, N], where a symbol has a bar and had ``warmup`` of them before it."""
        there = ~np.isnan(self.panel.close)
        if self.warmup is None:
            return np.zeros(there.shape, dtype=np.bool_)
        settled: np.ndarray = there & (np.cumsum(there, axis=0) > self.warmup)
        return settled

    def refuse(self, must: str, bad: np.ndarray, values: np.ndarray) -> None:
        """Raise ``must``, which was promised, for the first true element of ``bad``, if any.

        ``bad`` is bool[T, N], or a scalar for a column that never changes; ``values`` too.
        """
        if not bad.any():
            return
        if bad.ndim == 0:
            place, value = "every row", values
        else:
            row, n = (int(index) for index in np.argwhere(bad)[0])
            moment = datetime.fromtimestamp(self.panel.open_ms[row] / 1000, UTC)
            place = f"row {row} of {self.panel.symbols[n]} (the bar of {moment:%Y-%m-%d %H:%M})"
            value = np.broadcast_to(values, bad.shape)[row, n]
        raise StrategyError(f"strategy {self.name}: {must}, was {value:g} at {place}")

    def numbers(self, field: str, column: Column, asks: np.ndarray) -> np.ndarray:
        """Return a checked f8 scalar or f8[T, N] in which whatever is not finite is NaN.

        ``asks`` is bool[T, N]: the rows on which the number would be acted on.
        """
        shape = self.panel.close.shape
        try:
            values = np.asarray(column, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise StrategyError(
                f"strategy {self.name}: {field} must be numbers, {error}"
            ) from error
        if values.ndim and values.shape != shape:
            raise StrategyError(
                f"strategy {self.name}: {field} must be a number or have shape {shape} "
                f"(bars, symbols), had {values.shape}"
            )
        low, low_allowed, high, high_allowed, promise = _BOUNDS[field]
        finite = np.isfinite(values)
        with np.errstate(invalid="ignore"):
            below = values < low if low_allowed else values <= low
            above = values > high if high_allowed else values >= high
        must = f"{field} must be {promise}"
        self.refuse(must, np.asarray(finite & (below | above)), values)
        if finite.all():
            return values
        undefined = np.asarray(~finite)
        if field in _NONE_IS_NAN:
            undefined &= ~np.isnan(values)
            must += ", or NaN for none"
        if undefined.any():  # a constant is undefined everywhere: nothing to wait for
            self.refuse(must, undefined & asks & self.settled if values.ndim else undefined, values)
        return np.where(finite, values, np.nan)

    def flags(self, field: str, column: np.ndarray | bool) -> np.ndarray:
        """Return a bool scalar or bool[T, N]."""
        flags, shape = np.asarray(column), self.panel.close.shape
        if flags.dtype != np.bool_ or (flags.ndim and flags.shape != shape):
            raise StrategyError(
                f"strategy {self.name}: {field} must be True, False or bool of shape {shape} "
                f"(bars, symbols), was {flags.dtype} of shape {flags.shape}"
            )
        return flags

    def code(self) -> np.ndarray:
        """Return i1[T, N] of signal bits; a row without a bar says nothing."""
        direction, shape = np.asarray(self.signals.direction), self.panel.close.shape
        if not np.issubdtype(direction.dtype, np.integer) or direction.shape != shape:
            raise StrategyError(
                f"strategy {self.name}: direction must be integers of shape {shape} "
                f"(bars, symbols), was {direction.dtype} of shape {direction.shape}; "
                "use .astype(np.int8)"
            )
        bad = (direction < -1) | (direction > 1)
        self.refuse("direction must be -1, 0 or 1", bad, direction)
        code = (direction > 0) * np.int8(LONG) + (direction < 0) * np.int8(SHORT)
        code += self.flags("exit_long", self.signals.exit_long) * np.int8(EXIT_LONG)
        code += self.flags("exit_short", self.signals.exit_short) * np.int8(EXIT_SHORT)
        code[np.isnan(self.panel.close)] = 0
        return code

    def ladder(self) -> np.ndarray:
        """Return f8[T, N, 4]; where anything is NaN there is no ladder."""
        ladder = self.signals.ladder
        if not isinstance(ladder, Ladder):
            raise StrategyError(
                f"strategy {self.name}: ladder must be a Ladder or None, "
                f"was {type(ladder).__name__}"
            )
        fields = ("centre", "spacing", "levels", "size")
        everywhere = np.ones(self.panel.close.shape, dtype=np.bool_)
        columns = [self.numbers(f"ladder.{f}", getattr(ladder, f), everywhere) for f in fields]
        _, spacing, levels, _ = columns
        broken = np.asarray((levels != np.floor(levels)) & ~np.isnan(levels))
        self.refuse("ladder.levels must be whole numbers", broken, levels)
        deepest = np.asarray(spacing * (levels + 1.0))
        must = "(ladder.levels + 1) x ladder.spacing must stay below 1 so that every level"
        self.refuse(f"{must} and its stop are above 0", np.asarray(deepest >= 1.0), deepest)
        result = np.empty((*self.panel.close.shape, len(fields)))
        missing = np.isnan(self.panel.close)
        for index, values in enumerate(columns):
            result[:, :, index] = values
            missing = missing | np.isnan(values)
        result[missing, 0] = np.nan
        return result

    def either(self, code: np.ndarray, ladder: np.ndarray) -> None:
        """Refuse a symbol on which it answers a direction on some rows and a ladder on others."""
        wishes = (code & (LONG | SHORT)) != 0
        both = wishes & ~np.isnan(ladder[:, :, 0]).all(axis=0)
        must = "a symbol has a direction or a ladder, never both: with a ladder direction must be 0"
        self.refuse(must, both, np.asarray(self.signals.direction))


def _joined(columns: Sequence[np.ndarray], panel: Panel) -> np.ndarray:
    """Return f8[1, S] when every strategy gave a constant, else f8[T, S]."""
    rows, symbols = panel.close.shape
    varies = any(column.ndim for column in columns)
    result = np.empty((rows if varies else 1, symbols * len(columns)))
    for k, column in enumerate(columns):
        result[:, k :: len(columns)] = column
    return result


def encode(
    signals: Sequence[Signals],
    panel: Panel,
    names: Sequence[str],
    warmups: Sequence[int] | None = None,
) -> SignalColumns:
    """Turn the answers of K strategies into columns of S = symbols x K sleeves.

    Sleeve ``symbol * K + strategy`` is the order of decisions. ``names`` appear in errors;
    ``warmups`` are the bars of a symbol each strategy may be undefined on; None = any.

    Raises:
        StrategyError: an answer breaks the contract.
    """
    rows, symbols = panel.close.shape
    count = len(signals)
    answers = [
        _Answer(name, panel, one, warmup)
        for name, one, warmup in zip(names, signals, warmups or (None,) * count, strict=True)
    ]
    code = np.empty((rows, symbols * count), dtype=np.int8)
    has_ladder = any(one.ladder is not None for one in signals)
    ladder = np.full((rows if has_ladder else 1, symbols * count, 4), np.nan)
    asks = []
    for k, answer in enumerate(answers):
        mine = code[:, k::count] = answer.code()
        wishes = (mine & (LONG | SHORT)) != 0
        if answer.signals.ladder is not None:
            ladder[:, k::count] = answer.ladder()
            answer.either(mine, ladder[:, k::count])
            wishes = wishes | ~np.isnan(ladder[:, k::count, 0])
        asks.append(wishes)

    def joined(field: str) -> np.ndarray:
        columns = [
            answer.numbers(field, getattr(answer.signals, field), wishes)
            for answer, wishes in zip(answers, asks, strict=True)
        ]
        return _joined(columns, panel)

    return SignalColumns(
        code=code,
        confidence=joined("confidence"),
        stop_loss=joined("stop_loss"),
        take_profit=joined("take_profit"),
        target_units=joined("target_units"),
        ladder=ladder,
    )


def ask(strategy: Strategy, panel: Panel, params: Params) -> Signals:
    """Call a strategy; whatever it raises becomes one clear message."""
    answer = call(strategy, "signals", panel, params)
    if not isinstance(answer, Signals):
        raise StrategyError(
            f"strategy {strategy.name}: signals() must return Signals, "
            f"returned {type(answer).__name__}"
        )
    return answer


def signal_columns(strategies: Sequence[tuple[Strategy, Params]], panel: Panel) -> SignalColumns:
    """Ask every strategy about every row of ``panel``."""
    answers = [ask(strategy, panel, params) for strategy, params in strategies]
    warmups = [warmup_of(strategy, params) for strategy, params in strategies]
    return encode(answers, panel, [strategy.name for strategy, _ in strategies], warmups)
