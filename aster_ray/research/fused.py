"""The compiled way from parameters to signals: shared indicator columns, one pass per set."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np

from aster_ray._jit import bound
from aster_ray.kernel.records import SignalColumns
from aster_ray.research.request import Params
from aster_ray.strategies.contract import ColumnKey, Fused, Panel, Series, Strategy
from aster_ray.strategies.series import series_of

COLUMN_BYTES = 256 * 2**20  # what the indicator columns of one block may take
_FEWEST_COLUMNS = 8  # even where one column alone is larger than that


class FusedSource:
    """Signal columns of a fused strategy for many parameter sets over one panel.

    Columns that several sets share are computed once. Threads may ask at the same time: each has
    a buffer of its own.
    """

    def __init__(
        self, strategy: Strategy, fused: Fused, panel: Panel, params: Sequence[Params]
    ) -> None:
        self._fused = fused
        self._names = [parameter.name for parameter in strategy.parameters]
        self._rows = len(panel.open_ms)
        self._symbols = [series_of(panel, n) for n in range(len(panel.symbols))]
        keys = dict.fromkeys(key for own in params for key in fused.keys(own))
        self._place = {key: index for index, key in enumerate(keys)}
        self._columns = [_indicators(fused, tuple(keys), series) for series, _ in self._symbols]
        # Bound here, before threads ask for it together.
        nothing = (np.zeros((1, 1)), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int8))
        self._rule = bound(fused.rule, *nothing)
        self._local = threading.local()
        self._constant = np.ones((1, len(self._symbols)))
        self._no_ladder = np.full((1, len(self._symbols), 4), np.nan)

    def _code(self) -> np.ndarray:
        """Return this thread's code buffer, i1[N, T]."""
        if not hasattr(self._local, "code"):
            self._local.code = np.zeros((len(self._symbols), self._rows), np.int8)
        code: np.ndarray = self._local.code
        return code

    def columns(self, params: Params) -> SignalColumns:
        """Return the signals of one set; valid until this thread asks for the next."""
        index = np.array([self._place[key] for key in self._fused.keys(params)], np.int64)
        values = np.array([params[name] for name in self._names], np.float64)
        buffer = self._code()
        for n, (_, rows) in enumerate(self._symbols):
            if len(rows) == self._rows:
                self._rule(self._columns[n], index, values, buffer[n])
            else:
                code = np.zeros(len(rows), np.int8)
                self._rule(self._columns[n], index, values, code)
                buffer[n] = 0
                buffer[n, rows] = code
        confidence, stop_loss, take_profit = self._fused.constants(params)
        return SignalColumns(
            code=np.ascontiguousarray(buffer.T),
            confidence=self._constant * confidence,
            stop_loss=self._constant * stop_loss,
            take_profit=self._constant * take_profit,
            target_units=self._constant,
            ladder=self._no_ladder,
        )


def _indicators(fused: Fused, keys: tuple[ColumnKey, ...], series: Series) -> np.ndarray:
    """Return f8[U, R], one row per distinct indicator column."""
    columns = np.empty((len(keys), len(series.close)))
    for row, key in enumerate(keys):
        columns[row] = fused.column(key, series)
    return columns


def blocks(
    params: Sequence[Params], fused: Fused, values: int, limit: int = COLUMN_BYTES
) -> Iterator[tuple[int, int]]:
    """Cut ``params`` into ranges (begin, end) whose indicator columns fit in ``limit`` bytes.

    ``values`` is what one column holds over all symbols. Neighbours in a grid share most of their
    columns, so a cut costs little: what both sides need is computed again.
    """
    most = max(_FEWEST_COLUMNS, limit // (8 * max(1, values)))
    begin = 0
    keys: set[ColumnKey] = set()
    for position, own in enumerate(params):
        wanted = set(fused.keys(own))
        if len(keys | wanted) > most and position > begin:
            yield begin, position
            begin, keys = position, set()
        keys |= wanted
    if begin < len(params):
        yield begin, len(params)
