"""From what strategies said to the columns the kernel reads, refusing what breaks the contract.

A number that is not finite is not refused: it becomes NaN and the kernel denies the entry. One bad
live row must never take a session down; a wrong shape or a stop of 300 % is a programming error.
"""

from __future__ import annotations

from collections.abc import Sequence

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


def _refuse(name: str, panel: Panel, must: str, bad: np.ndarray, values: np.ndarray) -> None:
    """Raise ``must``, which was promised, for the first true element of ``bad``, if there is one.

    ``bad`` is bool[T, N], or a scalar for a column that never changes; ``values`` is like it.
    """
    if not bad.any():
        return
    if bad.ndim == 0:
        place, value = "every row", values
    else:
        row, n = (int(index) for index in np.argwhere(bad)[0])
        place, value = f"row {row} of {panel.symbols[n]}", values[row, n]
    raise StrategyError(f"strategy {name}: {must}, was {value:g} at {place}")


def _numbers(name: str, panel: Panel, field: str, column: Column) -> np.ndarray:
    """Return a checked f8 scalar or f8[T, N] in which whatever is not finite is NaN."""
    try:
        values = np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise StrategyError(f"strategy {name}: {field} must be numbers, {error}") from error
    if values.ndim and values.shape != panel.close.shape:
        raise StrategyError(
            f"strategy {name}: {field} must be a number or have shape {panel.close.shape} "
            f"(bars, symbols), had {values.shape}"
        )
    low, low_allowed, high, high_allowed, promise = _BOUNDS[field]
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        below = values < low if low_allowed else values <= low
        above = values > high if high_allowed else values >= high
    bad = np.asarray(finite & (below | above))
    _refuse(name, panel, f"{field} must be {promise}", bad, values)
    return values if finite.all() else np.where(finite, values, np.nan)


def _flags(name: str, panel: Panel, field: str, column: np.ndarray | bool) -> np.ndarray:
    flags = np.asarray(column)
    if flags.dtype != np.bool_ or (flags.ndim and flags.shape != panel.close.shape):
        raise StrategyError(
            f"strategy {name}: {field} must be True, False or bool of shape {panel.close.shape} "
            f"(bars, symbols), was {flags.dtype} of shape {flags.shape}"
        )
    return flags


def _code(name: str, panel: Panel, signals: Signals) -> np.ndarray:
    """Return i1[T, N] of signal bits; a row without a bar says nothing."""
    direction = np.asarray(signals.direction)
    if not np.issubdtype(direction.dtype, np.integer) or direction.shape != panel.close.shape:
        raise StrategyError(
            f"strategy {name}: direction must be integers of shape {panel.close.shape} "
            f"(bars, symbols), was {direction.dtype} of shape {direction.shape}; "
            "use .astype(np.int8)"
        )
    bad = (direction < -1) | (direction > 1)
    _refuse(name, panel, "direction must be -1, 0 or 1", bad, direction)
    code = (direction > 0) * np.int8(LONG) + (direction < 0) * np.int8(SHORT)
    code += _flags(name, panel, "exit_long", signals.exit_long) * np.int8(EXIT_LONG)
    code += _flags(name, panel, "exit_short", signals.exit_short) * np.int8(EXIT_SHORT)
    code[np.isnan(panel.close)] = 0
    return code


def _ladder(name: str, panel: Panel, ladder: Ladder) -> np.ndarray:
    """Return f8[T, N, 4]; where anything is NaN there is no ladder."""
    if not isinstance(ladder, Ladder):
        raise StrategyError(
            f"strategy {name}: ladder must be a Ladder or None, was {type(ladder).__name__}"
        )
    fields = ("centre", "spacing", "levels", "size")
    columns = [_numbers(name, panel, f"ladder.{f}", getattr(ladder, f)) for f in fields]
    _, spacing, levels, _ = columns
    broken = np.asarray((levels != np.floor(levels)) & ~np.isnan(levels))
    _refuse(name, panel, "ladder.levels must be whole numbers", broken, levels)
    deepest = np.asarray(spacing * (levels + 1.0))
    must = "(ladder.levels + 1) x ladder.spacing must stay below 1 so that every level and its stop"
    _refuse(name, panel, f"{must} are above 0", np.asarray(deepest >= 1.0), deepest)
    result = np.empty((*panel.close.shape, len(fields)))
    missing = np.isnan(panel.close)
    for index, values in enumerate(columns):
        result[:, :, index] = values
        missing = missing | np.isnan(values)
    result[missing, 0] = np.nan
    return result


def _joined(columns: Sequence[np.ndarray], panel: Panel) -> np.ndarray:
    """Return f8[1, S] when every strategy gave a constant, else f8[T, S]."""
    rows, symbols = panel.close.shape
    varies = any(column.ndim for column in columns)
    result = np.empty((rows if varies else 1, symbols * len(columns)))
    for k, column in enumerate(columns):
        result[:, k :: len(columns)] = column
    return result


def encode(signals: Sequence[Signals], panel: Panel, names: Sequence[str]) -> SignalColumns:
    """Turn the answers of K strategies into columns of S = symbols x K sleeves.

    Sleeve ``symbol * K + strategy`` is the order of decisions. ``names`` appear in errors.
    """
    rows, symbols = panel.close.shape
    count = len(signals)
    code = np.empty((rows, symbols * count), dtype=np.int8)
    for k, (one, name) in enumerate(zip(signals, names, strict=True)):
        code[:, k::count] = _code(name, panel, one)

    def joined(field: str) -> np.ndarray:
        columns = [
            _numbers(name, panel, field, getattr(one, field))
            for one, name in zip(signals, names, strict=True)
        ]
        return _joined(columns, panel)

    has_ladder = any(one.ladder is not None for one in signals)
    ladder = np.full((rows if has_ladder else 1, symbols * count, 4), np.nan)
    for k, (one, name) in enumerate(zip(signals, names, strict=True)):
        if one.ladder is not None:
            ladder[:, k::count] = _ladder(name, panel, one.ladder)
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
    return encode(answers, panel, [strategy.name for strategy, _ in strategies])
