"""Messages and latency of each hop, counted where they arrive.

Latencies fall into bins 5 % wide, so that the counts of several processes, and of a process and
its successor, simply add up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from aster_ray import clock

_FLOOR_NS = 1_000.0
_WIDTH = math.log(1.05)
_BINS = 400  # up to 5 minutes
Counts = dict[str, list[int]]


class HopMeter:
    """Count the messages that arrive in one process."""

    def __init__(self) -> None:
        self._counts: Counts = {}

    def arrived(self, hop: str, sent_ns: int) -> None:
        """Note a message of ``hop`` that was sent at ``sent_ns`` (wall clock)."""
        self._counts.setdefault(hop, [0] * _BINS)[_bin(clock.wall_ns() - sent_ns)] += 1

    def counts(self) -> Counts:
        """Return hop -> number of messages by bin."""
        return {hop: list(bins) for hop, bins in list(self._counts.items())}


class HopStatistics(NamedTuple):
    """What a report says about a hop."""

    messages: int
    p50_ms: float | None
    p99_ms: float | None


def add_up(parts: Iterable[Mapping[str, list[int]]]) -> dict[str, HopStatistics]:
    """Join the counts of several processes."""
    total: Counts = {}
    for part in parts:
        for hop, bins in part.items():
            known = total.setdefault(hop, [0] * _BINS)
            total[hop] = [one + other for one, other in zip(known, bins, strict=True)]
    return {
        hop: HopStatistics(sum(bins), _quantile(bins, 0.50), _quantile(bins, 0.99))
        for hop, bins in total.items()
    }


def _bin(nanoseconds: int) -> int:
    if nanoseconds <= _FLOOR_NS:
        return 0
    return min(_BINS - 1, 1 + int(math.log(nanoseconds / _FLOOR_NS) / _WIDTH))


def _quantile(bins: list[int], share: float) -> float | None:
    """Return the middle of the bin below which ``share`` of the messages lie, in milliseconds."""
    total, seen = sum(bins), 0
    for index, count in enumerate(bins):
        seen += count
        if count and seen >= share * total:
            return _FLOOR_NS * math.exp((index - 0.5) * _WIDTH) / 1e6
    return None
