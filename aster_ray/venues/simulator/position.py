"""A position: signed lots, and exactly what they cost."""

from __future__ import annotations

from dataclasses import dataclass

from aster_ray.venues.simulator.amounts import divide
from aster_ray.venues.simulator.order import PositionSide


@dataclass(slots=True)
class Position:
    """What an account holds of one contract on one position side.

    Attributes:
        lots: signed; negative is short.
        cost: signed notional at which the lots were opened, in units. It is kept instead of an
            average price, so that no rounding ever creates or destroys money.
        isolated: margin set aside for it alone, in units; 0 in cross mode.
        realized: profit taken so far, before fees, in units.
        updated_ms: last change.
    """

    symbol: str
    side: PositionSide
    lots: int = 0
    cost: int = 0
    isolated: int = 0
    realized: int = 0
    updated_ms: int = 0

    def trade(self, lots: int, notional: int) -> int:
        """Book signed ``lots`` that were worth signed ``notional`` and return the profit taken.

        What is closed takes its share of the cost along, rounded; the last lot takes all of the
        rest. What goes beyond flat opens on the other side at its own cost.
        """
        if self.lots * lots >= 0:
            self.lots += lots
            self.cost += notional
            return 0
        closed = min(abs(lots), abs(self.lots))
        cost = divide(self.cost * closed, abs(self.lots))
        closed_notional = divide(notional * closed, abs(lots))
        profit = -closed_notional - cost
        self.lots += lots
        self.cost += notional - closed_notional - cost
        self.realized += profit
        return profit

    def release(self, closed: int, before: int) -> int:
        """Give back the isolated margin of ``closed`` out of ``before`` lots and return it."""
        share = divide(self.isolated * closed, before)
        self.isolated -= share
        return share
