"""Where a parent stands: a fold of what was done and observed, and nothing else.

After a crash the fold of the journaled actions and evidence gives the children back; quotes and
volume are levels that the market tells anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import assert_never

from aster_ray.engine.algos.child import Action, Cancel, Child, Place, Style, hear
from aster_ray.engine.algos.observe import (
    BookSeen,
    ChildUpdate,
    Evidence,
    Observation,
    Stop,
    Tick,
    Traded,
)
from aster_ray.engine.algos.params import Params
from aster_ray.engine.algos.parent import Parent
from aster_ray.engine.algos.schedule import due_table
from aster_ray.model.instrument import Instrument

REFUSED = "refused"
# So many refusals in a row, at different times, and the venue means it.
_MOST_REFUSALS = 5
# A price may move this far until an order of the smallest notional arrives.
_NOTIONAL_SLACK = 1.02


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgoState:
    """A parent, its children and what was seen last.

    Attributes:
        table: lots due by slice of the schedule.
        filled, outstanding: sums over the children, unsigned lots: traded, and may still trade.
        ms: latest time observed.
        book: latest quotes; None until some were seen.
        volume: lots traded publicly since the decision.
        stopped: why nothing more is placed; empty while it goes on.
    """

    parent: Parent
    params: Params
    instrument: Instrument
    table: tuple[int, ...]
    children: tuple[Child, ...] = ()
    filled: int = 0
    outstanding: int = 0
    ms: int = 0
    book: BookSeen | None = None
    volume: float = 0.0
    stopped: str = ""

    @property
    def committed(self) -> int:
        """Return the lots traded or at work; never more than the parent's."""
        return self.filled + self.outstanding

    @property
    def is_ending(self) -> bool:
        """Return whether nothing is placed any more."""
        return bool(self.stopped) or self.ms >= self.parent.deadline_ms or self._is_spent

    @property
    def is_done(self) -> bool:
        """Return whether nothing can happen any more."""
        return self.is_ending and self.outstanding == 0

    @property
    def _is_spent(self) -> bool:
        """Return whether all has traded, or all but what no venue would take."""
        left = self.parent.total - self.committed
        return self.outstanding == 0 and (left == 0 or left < self.least)

    @property
    def why(self) -> str:
        """Return what ended it: filled, below_minimum, deadline, or why it was stopped."""
        if self.filled >= self.parent.total:
            return "filled"
        if self.stopped:
            return self.stopped
        return "below_minimum" if self._is_spent else "deadline"

    @property
    def least(self) -> int:
        """Return the fewest lots that all that is left may be; reducing has no bound."""
        return 1 if self.parent.reduce_only else self._smallest(self.parent.decision_price)

    @property
    def smallest(self) -> int:
        """Return the fewest lots of a child that is not the last."""
        if self.parent.reduce_only:
            return self.instrument.min_lots
        seen = self.book.mid if self.book is not None else self.parent.decision_price
        return self._smallest(min(seen, self.parent.decision_price) / _NOTIONAL_SLACK)

    def _smallest(self, price: float) -> int:
        value = price * float(self.instrument.lot)
        # The risk desk asked for a whole number of lots; a rounding error must not forbid it.
        by_notional = math.ceil(self.instrument.min_notional / value * (1.0 - 1e-12))
        return max(self.instrument.min_lots, by_notional, 1)

    @property
    def quotes(self) -> BookSeen | None:
        """Return the latest quotes unless they are one-sided or too old to act on."""
        book = self.book
        fresh = book is not None and self.ms - book.ms <= self.params.stale_ms
        return book if book is not None and fresh and book.is_whole else None

    @property
    def elapsed_ms(self) -> int:
        """Return the time since the decision."""
        return self.ms - self.parent.decided_ms

    @property
    def is_overdue(self) -> bool:
        """Return whether the window is over: all must be taken."""
        return self.elapsed_ms >= self.params.window_ms


def begin(parent: Parent, params: Params, instrument: Instrument) -> AlgoState:
    """Return a parent of which nothing has been carried out."""
    if instrument.symbol != parent.symbol:
        raise ValueError(f"parent of {parent.symbol} with the rules of {instrument.symbol}")
    table = due_table(parent.total, params.weights)
    return AlgoState(
        parent=parent, params=params, instrument=instrument, table=table, ms=parent.decided_ms
    )


def fold(state: AlgoState, event: Observation | Action) -> AlgoState:
    """Note what was observed or done; decides nothing.

    Raises:
        ValueError: evidence on a child that was never placed, or a child out of order.
    """
    state = replace(state, ms=max(state.ms, event.ms))
    match event:
        case Tick():
            return state
        case BookSeen():
            stale = state.book is not None and event.ms < state.book.ms
            return state if stale else replace(state, book=event)
        case Traded():
            return replace(state, volume=max(state.volume, event.lots))
        case Stop():
            return state if state.stopped else replace(state, stopped=event.why)
        case ChildUpdate():
            return _heard(state, event)
        case Place():
            return _placed(state, event)
        case Cancel():
            child = _child(state, event.child_id)
            return _with(state, replace(child, cancel_ms=event.ms, cancels=child.cancels + 1))
        case _:
            assert_never(event)


def _placed(state: AlgoState, place: Place) -> AlgoState:
    if place.number != len(state.children):
        raise ValueError(f"child {len(state.children)} must come next, was {place}")
    if state.committed + place.lots > state.parent.total:
        raise ValueError(f"{place} would overfill {state.parent}")
    children = (*state.children, Child(placed=place))
    return replace(state, children=children, outstanding=state.outstanding + place.lots)


def _heard(state: AlgoState, update: ChildUpdate) -> AlgoState:
    state = _with(state, hear(_child(state, update.child_id), update))
    if update.evidence is Evidence.REJECTED and not state.stopped and _is_refused(state):
        return replace(state, stopped=REFUSED)
    return state


def _is_refused(state: AlgoState) -> bool:
    """Return whether the venue refused to let us take several times in a row."""
    times = set()
    for child in reversed(state.children):
        if child.filled:
            break
        if child.placed.style is not Style.REST and child.evidence is Evidence.REJECTED:
            times.add(child.placed.ms)
    return len(times) >= _MOST_REFUSALS


def _child(state: AlgoState, child_id: str) -> Child:
    for child in state.children:
        if child.placed.child_id == child_id:
            return child
    raise ValueError(f"{child_id} is no child of {state.parent.parent_id}")


def _with(state: AlgoState, child: Child) -> AlgoState:
    number = child.placed.number
    before = state.children[number]
    return replace(
        state,
        children=(*state.children[:number], child, *state.children[number + 1 :]),
        filled=state.filled + child.filled - before.filled,
        outstanding=state.outstanding + child.outstanding - before.outstanding,
    )
