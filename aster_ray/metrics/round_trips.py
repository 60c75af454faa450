"""Round trips: fills paired flat to flat per sleeve, and per level where a ladder trades.

A sleeve's ordinary fills build one leg; every ladder level builds a leg of its own. A fill without
a level that meets level legs (a ladder's stop, a liquidation) closes them. Price, fee and
slippage of a fill and every funding payment are shared out without remainder, so the trips add
up to the account: net of all trips, open ones at mark, is the change of equity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from aster_ray.metrics.facts import RunFacts
from aster_ray.metrics.marks import last_marks
from aster_ray.model.enums import ExitReason, FillKind, label

NO_LEVEL = -1


class RoundTrip(NamedTuple):
    """One life of a position; an open one ends at the last mark and is ``is_open``.

    ``side`` is +1 or -1; quantities are in base asset, prices and cash in quote currency.
    ``price_pnl`` is at the fills' own prices, so after slippage, where the waterfall's ``gross`` is
    before it; ``net = price_pnl - fees - funding``.
    """

    symbol: str
    strategy: str
    sleeve: int
    level: int  # -1 unless a ladder level
    side: int
    is_open: bool
    entry_ms: int
    exit_ms: int
    holding_ms: int
    lots: int  # entered in total, absolute
    open_lots: int  # signed; what is still held
    qty: float
    entry_price: float
    exit_price: float
    notional: float  # at entry
    price_pnl: float
    fees: float
    funding: float
    slippage: float
    net: float
    net_return: float  # net over notional, fraction
    fills: int
    reason: str  # label of the ExitReason of the last closing fill


@dataclass(slots=True)
class _Leg:
    """A position being built and unwound; ``cash`` is what all its fills moved."""

    sleeve: int
    level: int
    side: int
    entry_ms: int
    exit_ms: int = 0
    lots: int = 0
    entered: int = 0
    left: int = 0
    entry_value: float = 0.0
    exit_value: float = 0.0
    fees: float = 0.0
    funding: float = 0.0
    slippage: float = 0.0
    fills: int = 0
    reason: int = 0


class _Part(NamedTuple):
    """The part of a fill one leg takes."""

    ms: int
    lots: int
    price: float
    fee: float
    slippage: float
    reason: int


def _part(fill: np.void, lots: int, weight: float) -> _Part:
    return _Part(
        ms=int(fill["ms"]),
        lots=lots,
        price=float(fill["price"]),
        fee=float(fill["fee"]) * weight,
        slippage=float(fill["slippage"]) * weight,
        reason=int(fill["reason"]),
    )


def _book(leg: _Leg, part: _Part) -> None:
    """Add a part that opens or reduces the leg, never crosses it."""
    if part.lots * leg.side > 0:
        leg.entered += abs(part.lots)
        leg.entry_value += abs(part.lots) * part.price
    else:
        leg.left += abs(part.lots)
        leg.exit_value += abs(part.lots) * part.price
        leg.reason = part.reason
        leg.exit_ms = part.ms
    leg.lots += part.lots
    leg.fees += part.fee
    leg.slippage += part.slippage
    leg.fills += 1


@dataclass(slots=True)
class _Sleeve:
    """The legs of one sleeve, in order of opening."""

    index: int
    legs: dict[int, _Leg] = field(default_factory=dict)
    closed: list[_Leg] = field(default_factory=list)

    def take(self, fill: np.void) -> None:
        if fill["kind"] == FillKind.FUNDING:
            self._fund(float(fill["fee"]))
            return
        for level, part in self._split(fill):
            self._add(level, part)

    def _split(self, fill: np.void) -> Iterator[tuple[int, _Part]]:
        """Divide a fill over the legs it touches; the parts add up to the fill."""
        lots, level = int(fill["lots"]), int(fill["level"])
        if level != NO_LEVEL:
            shares = self._own_shares(level, lots)
        elif lots + sum(leg.lots for leg in self.legs.values()) == 0:
            # Everything goes flat: opposite levels close too, at the same price.
            shares = [(key, -leg.lots) for key, leg in self.legs.items()]
        else:
            shares = self._oldest_first(lots)
        touched = sum(abs(share) for _, share in shares)
        for key, share in shares:
            yield key, _part(fill, share, abs(share) / touched)

    def _own_shares(self, level: int, lots: int) -> list[tuple[int, int]]:
        """Return what closes the leg and what reverses it, if the fill crosses zero."""
        leg = self.legs.get(level)
        if leg is None or leg.lots * lots > 0 or abs(lots) <= abs(leg.lots):
            return [(level, lots)]
        return [(level, -leg.lots), (level, lots + leg.lots)]

    def _oldest_first(self, lots: int) -> list[tuple[int, int]]:
        """Return what closes opposite legs in order of opening; the rest is the sleeve's own."""
        shares, rest = [], lots
        for key, leg in self.legs.items():
            if rest != 0 and leg.lots * rest < 0:
                closing = -leg.lots if abs(leg.lots) <= abs(rest) else rest
                shares.append((key, closing))
                rest -= closing
        if rest != 0:
            shares.append((NO_LEVEL, rest))
        return shares

    def _add(self, level: int, part: _Part) -> None:
        leg = self.legs.get(level)
        if leg is None:
            leg = _Leg(self.index, level, 1 if part.lots > 0 else -1, part.ms)
            self.legs[level] = leg
        _book(leg, part)
        if leg.lots == 0:
            self.closed.append(self.legs.pop(level))

    def _fund(self, payment: float) -> None:
        """Share a payment by signed lots: a short level next to a long one receives."""
        held = sum(leg.lots for leg in self.legs.values())
        if held != 0:
            for leg in self.legs.values():
                leg.funding += payment * (leg.lots / held)
            return
        # Settled on the bar that closed the position: it belongs to the trip that held it.
        candidates = [*self.legs.values()] or self.closed
        if not candidates:
            raise ValueError(f"funding of sleeve {self.index} settles on a position never opened")
        candidates[-1].funding += payment


def pair_fills(facts: RunFacts) -> list[RoundTrip]:
    """Return every round trip in order of closing; those still open follow, in order of opening."""
    sleeves: dict[int, _Sleeve] = {}
    closed: list[_Leg] = []
    for fill in facts.fills:
        index = int(fill["sleeve"])
        sleeve = sleeves.setdefault(index, _Sleeve(index))
        before = len(sleeve.closed)
        sleeve.take(fill)
        closed += sleeve.closed[before:]
    marks = last_marks(facts)
    trips = [_trip(facts, leg, float("nan")) for leg in closed]
    left = [leg for index in sorted(sleeves) for leg in sleeves[index].legs.values()]
    left.sort(key=lambda leg: (leg.entry_ms, leg.sleeve, leg.level))
    trips += [_trip(facts, leg, marks[facts.sleeves[leg.sleeve][1]]) for leg in left]
    return trips


def _trip(facts: RunFacts, leg: _Leg, mark: float) -> RoundTrip:
    lot = float(facts.lots[facts.sleeves[leg.sleeve][1]])
    is_open = leg.lots != 0
    end = int(facts.close_ms[-1]) if is_open and len(facts.close_ms) else leg.exit_ms
    exit_value = leg.exit_value + (abs(leg.lots) * mark if is_open else 0.0)
    price_pnl = leg.side * lot * (exit_value - leg.entry_value)
    notional = lot * leg.entry_value
    net = price_pnl - leg.fees - leg.funding
    return RoundTrip(
        symbol=facts.symbol_of(leg.sleeve),
        strategy=facts.strategy_of(leg.sleeve),
        sleeve=leg.sleeve,
        level=leg.level,
        side=leg.side,
        is_open=is_open,
        entry_ms=leg.entry_ms,
        exit_ms=end,
        holding_ms=end - leg.entry_ms,
        lots=leg.entered,
        open_lots=leg.lots,
        qty=leg.entered * lot,
        entry_price=leg.entry_value / leg.entered,
        exit_price=exit_value / leg.entered,
        notional=notional,
        price_pnl=price_pnl,
        fees=leg.fees,
        funding=leg.funding,
        slippage=leg.slippage,
        net=net,
        net_return=net / notional,
        fills=leg.fills,
        reason=label(ExitReason(leg.reason)),
    )
