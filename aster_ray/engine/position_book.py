"""What every sleeve holds, at what price and behind which stop, folded from fills and intents.

For whoever shows or keeps it; what decides has its own state in the kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aster_ray.model.enums import FillKind, IntentKind


class PositionBook:
    """Signed lots, average entry price, stop and take profit of S sleeves."""

    def __init__(self, count: int) -> None:
        """Begin flat."""
        self.lots = np.zeros(count, np.int64)
        self.entry = np.zeros(count)
        self.stop = np.full(count, np.nan)
        self.take_profit = np.full(count, np.nan)

    def book(self, fill: Any) -> None:
        """Take one FILL record; a settlement moves no position."""
        if int(fill["kind"]) == FillKind.FUNDING:
            return
        i = int(fill["sleeve"])
        before, lots = int(self.lots[i]), int(fill["lots"])
        after = before + lots
        if before * after <= 0:
            self.entry[i] = float(fill["price"])
        elif abs(after) > abs(before):
            self.entry[i] = (before * self.entry[i] + lots * float(fill["price"])) / after
        self.lots[i] = after
        # A ladder has a stop on either side; the one that protects what it holds counts.
        above = after < 0 and not np.isnan(fill["stop_high"])
        self.stop[i] = fill["stop_high"] if above else fill["stop"]
        self.take_profit[i] = fill["take_profit"]

    def follow(self, intent: Any) -> None:
        """Take one INTENT record: only a moved stop changes what is held."""
        if int(intent["kind"]) == IntentKind.MOVE_STOP:
            self.stop[int(intent["sleeve"])] = intent["stop"]
