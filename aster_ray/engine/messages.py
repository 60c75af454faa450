"""What desks, venues and actors say to each other. Plain tuples of arrays; numbered, never reused.

``seq`` counts close times of a session from 0; warm-up bars are not numbered.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aster_ray.kernel.records import SignalColumns


class BarBatch(NamedTuple):
    """All symbols' bars of one close time."""

    seq: int
    open_ms: int
    close_ms: int
    bars: np.ndarray  # f8[N, 8]
    volume: np.ndarray  # f8[N]
    funding_rate: np.ndarray  # f8[N]


class SignalBatch(NamedTuple):
    """What all strategies said at one close time, with the bars they saw."""

    batch: BarBatch
    signals: SignalColumns
    at: int  # row of ``signals`` that belongs to the batch


# A venue that fills every order as it was asked has nothing to add to its fills.
NOTHING_WORKING = np.zeros(0, np.int8)


class VenueReport(NamedTuple):
    """What the venue did until one close time: evidence, in order."""

    seq: int
    close_ms: int
    fills: np.ndarray  # FILL[F]
    working: np.ndarray = NOTHING_WORKING  # i1[N] of Working; i1[0] = NONE for all

    @property
    def is_empty(self) -> bool:
        """Return whether it holds no evidence at all."""
        return not len(self.fills) and not self.working.any()


class OrderBatch(NamedTuple):
    """What the risk desk wants done after one close time."""

    seq: int
    close_ms: int
    intents: np.ndarray  # INTENT[I]
    equity: float
    gross: float
    state: int  # TradingState
