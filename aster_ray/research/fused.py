"""The compiled way from parameters to signals: shared condition columns, one pass per set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np

from aster_ray._jit import bound
from aster_ray.kernel.records import SignalColumns
from aster_ray.research.request import Params
from aster_ray.strategies.contract import ColumnKey, Condition, Fused, Panel, Series
from aster_ray.strategies.series import series_of

COLUMN_BYTES = 256 * 2**20  # what the conditions of one block may take
_FEWEST = 8  # conditions of a block, even where one alone is larger than that
_INDICATORS = 16  # kept while conditions are worked out; neighbours in a grid share most


class FusedSource:
    """Signal columns of a fused strategy for many parameter sets over one panel.

    Conditions that several sets share are worked out once. Nothing changes afterwards: threads may
    ask at the same time.
    """

    def __init__(self, fused: Fused, panel: Panel, params: Sequence[Params]) -> None:
        self._fused = fused
        self._rows = len(panel.open_ms)
        self._symbols = [series_of(panel, n) for n in range(len(panel.symbols))]
        wanted = tuple(dict.fromkeys(c for own in params for c in fused.conditions(own)))
        self._place = {condition: index for index, condition in enumerate(wanted)}
        self._conditions = [worked_out(fused, wanted, series) for series, _ in self._symbols]
        # Bound here, before threads ask for it together.
        nothing = (np.zeros((1, 1), np.int8), np.zeros(1, np.int64), np.zeros(1, np.int8))
        self._rule = bound(fused.rule, *nothing)

    def columns(self, params: Sequence[Params]) -> SignalColumns:
        """Return the signals of B sets as ``simulate_block`` reads them: one more axis in front."""
        count, symbols = len(params), len(self._symbols)
        code = np.zeros((count, self._rows, symbols), np.int8)
        for b, own in enumerate(params):
            self._write(own, code[b])
        constants = np.array([self._fused.constants(own) for own in params], np.float64)
        wide = np.ones((1, 1, symbols))
        return SignalColumns(
            code=code,
            confidence=constants[:, 0, None, None] * wide,
            stop_loss=constants[:, 1, None, None] * wide,
            take_profit=constants[:, 2, None, None] * wide,
            target_units=np.ones((count, 1, symbols)),
            ladder=np.full((count, 1, symbols, 4), np.nan),
        )

    def _write(self, params: Params, code: np.ndarray) -> None:
        """Write the bits of one set to ``code``, i1[T, N] of zeros."""
        index = np.array([self._place[c] for c in self._fused.conditions(params)], np.int64)
        for n, (_, rows) in enumerate(self._symbols):
            whole = len(rows) == self._rows
            column = code.reshape(-1) if whole and code.shape[1] == 1 else np.empty(len(rows), "i1")
            self._rule(self._conditions[n], index, column)
            if column.base is None:
                code[rows, n] = column


def worked_out(fused: Fused, wanted: Sequence[Condition], series: Series) -> np.ndarray:
    """Return i1[U, R], one row per distinct condition."""
    kept: Callable[[ColumnKey], np.ndarray] = lru_cache(_INDICATORS)(
        lambda key: fused.column(key, series)
    )
    conditions = np.empty((len(wanted), len(series.close)), np.int8)
    # Those that read the same indicators follow each other.
    for row in sorted(range(len(wanted)), key=lambda row: wanted[row].inputs):
        condition = wanted[row]
        conditions[row] = fused.condition(condition, [kept(key) for key in condition.inputs])
    return conditions


def blocks(
    params: Sequence[Params], fused: Fused, values: int, limit: int = COLUMN_BYTES
) -> Iterator[tuple[int, int]]:
    """Cut ``params`` into ranges (begin, end) whose conditions fit in ``limit`` bytes.

    ``values`` is what one column holds over all symbols. Neighbours in a grid share most of their
    conditions, so a cut costs little: what both sides need is worked out again.
    """
    most = max(_FEWEST, limit // max(1, values))
    begin = 0
    held: set[Condition] = set()
    for position, own in enumerate(params):
        wanted = set(fused.conditions(own))
        if len(held | wanted) > most and position > begin:
            yield begin, position
            begin, held = position, set()
        held |= wanted
    if begin < len(params):
        yield begin, len(params)
