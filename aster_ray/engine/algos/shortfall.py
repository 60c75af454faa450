"""What carrying out an order cost against the price it was decided at, and why.

A. Perold, "The implementation shortfall: paper versus reality", Journal of Portfolio Management 14
(1988): the difference between a portfolio that traded everything at the decision price for nothing
and the real one. The parts sum to it exactly; positive is a cost.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from aster_ray.engine.algos.child import Child, Style
from aster_ray.engine.algos.state import AlgoState

PARTS = ("delay", "spread", "impact", "fees", "opportunity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """The implementation shortfall of one parent, in quote currency.

    Attributes:
        lots, filled: signed.
        average_price: None while nothing traded.
        arrival_mid: middle of the quotes when the first child was placed; None where none were.
        maker: share of what traded that had rested.
        final_price: at which what was not traded is valued.
        notional: of the whole parent at its decision price; what basis points refer to.
        delay: the price moved between the decision and the placing of the children.
        spread: half of the quoted spread, paid by takes and earned by what rested.
        impact: the rest: levels the takes went through, and moves while children rested. Where no
            quotes were seen it holds delay and spread too.
        fees: as the venue told them; at the instrument's rates for children whose it did not.
        opportunity: the move that what did not trade has missed.
    """

    parent_id: str
    symbol: str
    algorithm: str
    decided_ms: int
    ended_ms: int
    why: str
    children: int
    lots: int
    filled: int
    decision_price: float
    average_price: float | None
    arrival_mid: float | None
    maker: float
    final_price: float
    notional: float
    delay: float
    spread: float
    impact: float
    fees: float
    opportunity: float

    @property
    def total(self) -> float:
        """Return the whole shortfall."""
        return math.fsum(getattr(self, part) for part in PARTS)

    def bps(self, part: str = "total") -> float:
        """Return a part in basis points of the parent's notional."""
        return 1e4 * float(getattr(self, part)) / self.notional


def shortfall(state: AlgoState, final_price: float | None = None) -> Shortfall:
    """Return what a parent has cost so far.

    Args:
        state: of the parent.
        final_price: values what did not trade; without it the last price seen does: the middle of
            the latest quotes, else of what traded last, else the decision price.
    """
    parent, side = state.parent, int(state.parent.side)
    lot, decision = float(state.instrument.lot), parent.decision_price
    traded = [child for child in state.children if child.filled]
    final = final_price if final_price is not None else _last_price(state, traded)
    delay, spread, impact = [], [], []
    for child in traded:
        placed = child.placed
        mid = placed.mid or decision
        half = -placed.half_spread if placed.style is Style.REST else placed.half_spread
        delay.append(side * child.filled * (mid - decision))
        spread.append(child.filled * half)
        impact.append(side * (child.cost - child.filled * mid) - child.filled * half)
    cost = math.fsum(child.cost for child in traded)
    made = sum(child.filled for child in traded if child.placed.style is Style.REST)
    return Shortfall(
        parent_id=parent.parent_id,
        symbol=parent.symbol,
        algorithm=str(state.params.algorithm),
        decided_ms=parent.decided_ms,
        ended_ms=state.ms,
        why=state.why if state.is_done else "",
        children=len(state.children),
        lots=parent.lots,
        filled=side * state.filled,
        decision_price=decision,
        average_price=cost / state.filled if state.filled else None,
        arrival_mid=(state.children[0].placed.mid or None) if state.children else None,
        maker=made / state.filled if state.filled else 0.0,
        final_price=final,
        notional=parent.total * decision * lot,
        delay=math.fsum(delay) * lot,
        spread=math.fsum(spread) * lot,
        impact=math.fsum(impact) * lot,
        fees=math.fsum(_fee(state, child) for child in traded),
        opportunity=side * (parent.total - state.filled) * (final - decision) * lot,
    )


def _fee(state: AlgoState, child: Child) -> float:
    if child.fee is not None:
        return child.fee
    rules = state.instrument
    rate = rules.maker_fee if child.placed.style is Style.REST else rules.taker_fee
    return rate * child.cost * float(rules.lot)


def _last_price(state: AlgoState, traded: list[Child]) -> float:
    if state.book is not None and state.book.is_whole:
        return state.book.mid
    return traded[-1].cost / traded[-1].filled if traded else state.parent.decision_price


def shortfall_record(found: Shortfall) -> dict[str, Any]:
    """Return a shortfall as JSON."""
    return dataclasses.asdict(found)


def shortfall_from(record: Mapping[str, Any]) -> Shortfall:
    """Return what ``shortfall_record`` was given."""
    return Shortfall(**record)


HEADER = (
    "symbol",
    "algorithm",
    "orders",
    "children",
    "notional",
    "filled",
    *(f"{part}_bps" for part in PARTS),
    "total_bps",
    "total",
    "maker",
    "mean_bps",
    "mean_low_bps",
    "mean_high_bps",
)
Row = tuple[str | int | float | None, ...]
_RESAMPLES, _FEWEST = 1_000, 5


def shortfall_table(found: Iterable[Shortfall]) -> list[Row]:
    """Return one row per symbol and algorithm and a last one over all, in the columns of HEADER.

    Basis points are of the notional that was to be traded, ``filled`` is the share of it that was,
    ``total`` is money, ``maker`` the share of what traded that had rested. ``mean_bps`` is the mean
    over orders, all alike; its 95 % interval (bootstrap of the orders, as if they were independent)
    is None for fewer than five. Nothing to show gives no rows.
    """
    every = list(found)
    groups: dict[tuple[str, str], list[Shortfall]] = {}
    for one in every:
        groups.setdefault((one.symbol, one.algorithm), []).append(one)
    rows = [_row(name, group) for name, group in sorted(groups.items())]
    return [*rows, _row(("all", "all"), every)] if every else []


def _row(name: tuple[str, str], group: list[Shortfall]) -> Row:
    notional = math.fsum(one.notional for one in group)
    done = math.fsum(one.notional * abs(one.filled / one.lots) for one in group)
    cash = [math.fsum(getattr(one, part) for one in group) for part in (*PARTS, "total")]
    bps = tuple(1e4 * part / notional for part in cash)
    children = sum(one.children for one in group)
    made = math.fsum(one.notional * one.maker * abs(one.filled / one.lots) for one in group)
    maker = made / done if done else 0.0
    each = np.array([one.bps() for one in group])
    sums = (len(group), children, notional, done / notional, *bps, cash[-1], maker)
    return (*name, *sums, float(each.mean()), *_interval(each))


def _interval(values: np.ndarray) -> tuple[float | None, float | None]:
    """Return where the mean may lie."""
    if len(values) < _FEWEST:
        return None, None
    draw = np.random.default_rng(len(values))
    means = values[draw.integers(len(values), size=(_RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)
