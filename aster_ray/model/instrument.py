"""A tradable contract and its rules.

Quantities are integer lots and prices integer ticks wherever they are compared; ``Decimal``
appears only as wire text, and floats only value things.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from typing import NamedTuple

from aster_ray.errors import BadInputError
from aster_ray.model.ids import HOUR_MS

# A quantity that is a whole number of lots may arrive a rounding error short of it.
_LOT_SLACK, _RELATIVE_SLACK = 1e-9, 4e-16


class Bracket(NamedTuple):
    """One step of the maintenance-margin table; margin = notional x rate - deduction."""

    floor: float  # notional in quote currency from which it applies
    rate: float  # maintenance margin as a fraction of notional
    deduction: float  # keeps the margin continuous at the floor
    leverage: float  # highest leverage allowed


def continuous_brackets(steps: list[tuple[Decimal, Decimal, int]]) -> tuple[Bracket, ...]:
    """Build a table from (floor, rate, leverage) steps, deriving the deductions exactly."""
    brackets: list[Bracket] = []
    deduction, before = Decimal(0), Decimal(0)
    for floor, rate, leverage in steps:
        deduction += floor * (rate - before)
        before = rate
        brackets.append(Bracket(float(floor), float(rate), float(deduction), float(leverage)))
    return tuple(brackets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A perpetual contract: what may be ordered, what it costs and what margin it needs.

    Attributes:
        symbol: venue id, ``BTCUSDT``.
        tick: smallest price step, in quote currency.
        lot: smallest quantity step, in base asset.
        min_lots, max_lots: bounds of one market order.
        min_notional: smallest order value in quote currency; reduce-only orders are exempt.
        maker_fee, taker_fee, half_spread, liquidation_fee: fractions of notional.
        source, as_of: where the rules come from and the ISO date they were read.
    """

    symbol: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    min_lots: int
    max_lots: int
    min_notional: float
    brackets: tuple[Bracket, ...]
    funding_interval_ms: int = 8 * HOUR_MS
    maker_fee: float = 0.0002
    taker_fee: float = 0.0006
    half_spread: float = 0.0001
    liquidation_fee: float = 0.025
    source: str = ""
    as_of: str = ""

    def __post_init__(self) -> None:
        problems = [*self._number_problems(), *_bracket_problems(self.brackets)]
        if problems:
            raise BadInputError(f"instrument {self.symbol}: {'; '.join(problems)}")

    def _number_problems(self) -> list[str]:
        problems = []
        if self.symbol != f"{self.base}{self.quote}":
            problems.append(f"symbol must be base + quote, {self.base}{self.quote}")
        for name, step in (("tick", self.tick), ("lot", self.lot)):
            if not (step.is_finite() and step > 0):
                problems.append(f"{name} must be a positive decimal, was {step}")
        if not 1 <= self.min_lots <= self.max_lots:
            problems.append(
                f"lots must satisfy 1 <= min <= max, were {self.min_lots}..{self.max_lots}"
            )
        if not (math.isfinite(self.min_notional) and self.min_notional >= 0.0):
            problems.append(f"min_notional must not be negative, was {self.min_notional}")
        if self.funding_interval_ms <= 0:
            problems.append(f"funding_interval_ms must be positive, was {self.funding_interval_ms}")
        for name in ("taker_fee", "half_spread", "liquidation_fee"):
            value = getattr(self, name)
            if not 0.0 <= value < 0.1:
                problems.append(f"{name} must be a fraction in [0, 0.1), was {value}")
        if not -0.01 < self.maker_fee < 0.1:  # market makers may be paid
            problems.append(f"maker_fee must be a fraction in (-0.01, 0.1), was {self.maker_fee}")
        return problems

    def to_lots(self, qty: float) -> int:
        """Round a signed base quantity toward zero: sizing may shrink an order, never grow it."""
        exact = abs(qty) / float(self.lot)
        lots = int(exact + _LOT_SLACK + exact * _RELATIVE_SLACK)
        return lots if qty >= 0.0 else -lots

    def to_qty(self, lots: int) -> float:
        """Return signed lots as base quantity, exact to the nearest float."""
        return float(lots * self.lot)

    def to_ticks(self, price: float) -> int:
        """Return the nearest whole number of ticks."""
        ticks = Decimal(repr(float(price))) / self.tick
        return int(ticks.to_integral_value(rounding=ROUND_HALF_EVEN))

    def qty_text(self, lots: int) -> str:
        """Return the unsigned quantity as the venue wants to read it."""
        return format(abs(lots) * self.lot, "f")

    def price_text(self, price: float) -> str:
        """Return the price, rounded to the tick, as the venue wants to read it."""
        return format(self.to_ticks(price) * self.tick, "f")

    def maintenance_margin(self, notional: float) -> float:
        """Return the quote currency needed to keep a position of this absolute notional."""
        held = abs(notional)
        bracket = self.brackets[0]
        for step in self.brackets:
            if held >= step.floor:
                bracket = step
        return held * bracket.rate - bracket.deduction


def _bracket_problems(brackets: tuple[Bracket, ...]) -> list[str]:
    if not brackets or brackets[0].floor != 0.0:
        return ["the first bracket must start at notional 0"]
    problems = []
    if brackets[0].deduction != 0.0:
        problems.append("the first bracket must deduct nothing")
    for index, step in enumerate(brackets):
        if not (0.0 < step.rate < 1.0 and step.leverage >= 1.0):
            problems.append(
                f"bracket {index} needs a rate in (0, 1) and leverage >= 1, was {step.rate}, "
                f"{step.leverage}"
            )
    for index, (before, step) in enumerate(pairwise(brackets), start=1):
        if not (step.floor > before.floor and step.rate >= before.rate):
            problems.append(f"bracket {index} must rise in floor and rate")
        jump = step.floor * (step.rate - before.rate) - (step.deduction - before.deduction)
        if abs(jump) > 1e-9 * max(1.0, step.floor):
            problems.append(f"bracket {index} makes maintenance margin jump by {jump:g}")
    return problems
