"""Hold a venue's timeframes against each other: long bars must be what the finest make."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aster_ray.data.columns import BAR_NAMES, VOLUME, BarTable
from aster_ray.data.library import SeriesKey
from aster_ray.data.resample import resample
from aster_ray.model.instrument import Instrument

# Volumes are sums of decimals that each were rounded to a float.
_VOLUME_SLACK = 1e-6


class CrossCheck(NamedTuple):
    """Bars of one timeframe beside the same made of finer ones.

    ``compared`` counts those of which every finer bar is there; ``first_ms`` and ``example`` tell
    of the first that differs, -1 and empty without any.
    """

    key: SeriesKey
    finest: str
    compared: int
    differing: int
    first_ms: int
    example: str


def compare_timeframes(
    fine: BarTable, coarse: BarTable, key: SeriesKey, rules: Instrument
) -> CrossCheck:
    """Compare bars with those that finer ones make, by more than a tick of price or a lot."""
    made = resample(fine, coarse.timeframe_ms)
    common, left, right = np.intersect1d(
        made.open_ms, coarse.open_ms, assume_unique=True, return_indices=True
    )
    ours, theirs = made.values[left], coarse.values[right]
    allowed = np.full(ours.shape, float(rules.tick) * (1.0 + 1e-9))
    allowed[:, VOLUME] = float(rules.lot) + _VOLUME_SLACK * theirs[:, VOLUME]
    differs = np.abs(ours - theirs) > allowed
    rows = np.flatnonzero(differs.any(axis=1))
    first_ms, example = -1, ""
    if len(rows):
        row = int(rows[0])
        column = int(np.argmax(differs[row]))
        first_ms = int(common[row])
        example = (
            f"{BAR_NAMES[column]} {theirs[row, column]:.10g}, from {fine.origin} "
            f"{ours[row, column]:.10g}"
        )
    return CrossCheck(key, fine.origin, len(common), len(rows), first_ms, example)
