"""Configuration of the examination before real money trades."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from aster_ray.config import not_among, outside


def _aside(default: Any) -> Any:
    return field(default=default, metadata={"identity": False})


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorConfig:
    """What ``aster doctor`` demands, and for how long what it found is good.

    Attributes:
        min_balance: least equity of the account, in the margin asset.
        margin: margin mode of every symbol: cross or isolated.
        max_skew_ms: clocks further apart are a failure; Aster's signatures are good for 10 s.
        min_disk_gb: least free space where journals are written.
        min_memory_gb: least memory that is free.
        fresh_hours: a record older than this no longer lets live trading start.
    """

    min_balance: float = _aside(100.0)
    margin: str = _aside("cross")
    max_skew_ms: float = _aside(2_000.0)
    min_disk_gb: float = _aside(2.0)
    min_memory_gb: float = _aside(1.0)
    fresh_hours: float = _aside(24.0)

    def problems(self) -> list[str]:
        """Return what is out of range."""
        return [
            *not_among(self, "margin", ("cross", "isolated")),
            *outside(self, 0.0, math.inf, "min_balance", "min_disk_gb", "min_memory_gb"),
            *outside(self, 10.0, 9_000.0, "max_skew_ms"),
            *outside(self, 0.1, 168.0, "fresh_hours"),
        ]
