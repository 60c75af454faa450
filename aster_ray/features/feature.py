"""What a feature is: a named column whose every value depends on a fixed number of bars."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aster_ray.features.bars import SymbolBars


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A column over the closed bars of one symbol.

    Its value at a row is a function of the ``lookback`` bars that end there and of nothing else,
    to the last bit, wherever the series begins: no future, no memory of older bars.

    Attributes:
        name: lower-case words; numbers in it are bars.
        group: what it is about.
        lookback: closed bars it needs, the current one included.
        formula: how it is worked out; part of its definition.
        source: who described it.
        column: (bars, begin) -> f8[R]; NaN before ``begin`` and before there are enough bars.
        revision: raised whenever the numbers change while the text above does not.
    """

    name: str
    group: str
    lookback: int
    formula: str
    source: str
    column: Callable[[SymbolBars, int], np.ndarray]
    revision: int = 1

    @property
    def definition(self) -> str:
        """Return the text that changes whenever the numbers do."""
        return f"{self.name} r{self.revision} [{self.lookback}]: {self.formula}"


def empty(bars: SymbolBars) -> np.ndarray:
    """Return f8[R] of NaN, to be filled from the first defined row on."""
    return np.full(len(bars), np.nan)
