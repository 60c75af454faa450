"""Every feature by name, and the matrix of those a model asks for."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import numpy as np

from aster_ray.errors import ModelError
from aster_ray.features import calendar, momentum, trend, volatility, volume
from aster_ray.features.bars import SymbolBars
from aster_ray.features.feature import Feature

FEATURES: Mapping[str, Feature] = {
    feature.name: feature
    for module in (momentum, trend, volatility, volume, calendar)
    for feature in module.FEATURES
}
NAMES = tuple(FEATURES)


def select(names: Sequence[str]) -> tuple[Feature, ...]:
    """Return features by name, in the order asked for.

    Raises:
        ModelError: a name is unknown or comes twice, or there is none.
    """
    unknown = [name for name in names if name not in FEATURES]
    if unknown:
        close = difflib.get_close_matches(unknown[0], NAMES, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(NAMES)}"
        raise ModelError(f"unknown feature {', '.join(unknown)}: {hint}")
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice or not names:
        raise ModelError(f"features must be named once each: {', '.join(twice) or 'none given'}")
    return tuple(FEATURES[name] for name in names)


def definitions(names: Sequence[str]) -> tuple[str, ...]:
    """Return the definition of each feature: what a model's input digest is made of."""
    return tuple(feature.definition for feature in select(names))


def lookback(names: Sequence[str]) -> int:
    """Return how many closed bars every one of them needs, the current one included."""
    return max(feature.lookback for feature in select(names))


def matrix(bars: SymbolBars, names: Sequence[str], begin: int = 0) -> np.ndarray:
    """Return f8[R, F], NaN before ``begin`` and wherever bars are too few.

    The last row alone, ``begin = R - 1``, has the bits it has in the whole matrix.
    """
    columns = [feature.column(bars, begin) for feature in select(names)]
    return np.ascontiguousarray(np.stack(columns, axis=1))
