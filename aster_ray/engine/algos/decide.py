"""What to do now. Level-triggered: the same state gives the same actions, however it came about."""

from __future__ import annotations

from aster_ray.engine.algos.child import Action, Cancel, Child, Place, Style, child_id
from aster_ray.engine.algos.pace import Pace, pace
from aster_ray.engine.algos.state import AlgoState
from aster_ray.engine.netting import slices

_LONGEST_RETRY_MS = 30_000


def decide(state: AlgoState) -> list[Action]:
    """Return what to hand over or withdraw; the venue is asked for nothing that could overfill."""
    if state.is_ending:
        return [_cancel(state, child) for child in state.children if _may_cancel(state, child)]
    now = pace(state)
    actions: list[Action] = [
        _cancel(state, child) for child in _to_withdraw(state, now) if _may_cancel(state, child)
    ]
    return [*actions, *_places(state, now)]


def _may_cancel(state: AlgoState, child: Child) -> bool:
    """Return whether a child rests, and was not asked to go just now."""
    wait = _wait(state, child.cancels) if child.cancels else 0
    return child.rests and state.ms >= child.cancel_ms + wait


def _cancel(state: AlgoState, child: Child) -> Cancel:
    return Cancel(state.parent.parent_id, child.placed.child_id, state.ms)


def _to_withdraw(state: AlgoState, now: Pace) -> list[Child]:
    """Return the resting children that were left behind, or whose lots are to be taken now.

    None is withdrawn before it had its time, nor for a take that cannot follow: what rests may
    trade meanwhile, and would only be put back.
    """
    resting = [child for child in state.children if child.placed.style is Style.REST]
    lacking = 0 if _is_held(state, Style.TAKE) else now.must - state.filled - _taking(state)
    lacking = min(lacking, now.most)
    found = []
    for child in resting:
        if not child.outstanding:
            continue
        young = state.ms - child.placed.ms < state.params.requote_ms
        if child.cancel_ms or (not young and (lacking > 0 or _is_behind(state, child))):
            found.append(child)
            lacking -= child.outstanding
    return found


def _is_behind(state: AlgoState, child: Child) -> bool:
    """Return whether the best price has left a resting child."""
    quotes, side = state.quotes, state.parent.side
    if quotes is None:
        return False
    best = state.instrument.to_ticks(quotes.ours(side)[0][0])
    return side * (best - child.placed.ticks) >= state.params.requote_ticks


def _taking(state: AlgoState) -> int:
    """Return the lots on their way as takes."""
    return sum(c.outstanding for c in state.children if c.placed.style is not Style.REST)


def _is_held(state: AlgoState, style: Style) -> bool:
    """Return whether we wait after pieces that came to nothing: longer each time.

    A take does not wait for what could not rest: then it is what is left to do.
    """
    times: dict[int, int] = {}  # when they were placed -> when they had ended
    for child in reversed(state.children):
        if child.filled:
            break
        counts = style is Style.REST or child.placed.style is not Style.REST
        if child.is_barren and counts:
            times[child.placed.ms] = max(child.told_ms, times.get(child.placed.ms, 0))
    return bool(times) and state.ms < max(times.values()) + _wait(state, len(times))


def _wait(state: AlgoState, times: int) -> int:
    """Return how long to wait after so many tries in vain."""
    wait = state.params.retry_ms << min(times - 1, 10)
    return min(wait, max(_LONGEST_RETRY_MS, state.params.retry_ms))


def _places(state: AlgoState, now: Pace) -> list[Place]:
    """Return the children to place now: first what is taken, then what rests."""
    book = _Uncommitted(state, now)
    lacking = now.must - state.filled - _taking(state)
    if lacking > 0:
        # Fewer than the venue takes are rounded up, as far as they are due.
        book.take(min(max(lacking, state.smallest), now.due - state.committed))
    if state.params.maker_first and state.quotes is not None and not state.is_overdue:
        book.rest(min(now.due - state.committed, now.due - max(now.must, state.filled)))
    return book.places


class _Uncommitted:
    """The lots of a parent that are not at work, and what becomes of them now."""

    def __init__(self, state: AlgoState, now: Pace) -> None:
        self.places: list[Place] = []
        self._state, self._now = state, now
        self._committed = state.committed

    def take(self, wanted: int) -> None:
        """Take up to as many lots as the book and the share of the volume allow."""
        now = self._now
        style = Style.TAKE if now.ticks else Style.MARKET
        self._place(wanted, now.most, style, now.ticks)

    def rest(self, wanted: int) -> None:
        """Let up to as many lots rest at the best price."""
        quotes, state = self._state.quotes, self._state
        if quotes is not None:
            wanted = min(wanted, self._now.due - self._committed)
            touch = quotes.ours(state.parent.side)[0][0]
            self._place(wanted, state.parent.total, Style.REST, state.instrument.to_ticks(touch))

    def _place(self, wanted: int, most: int, style: Style, ticks: int) -> None:
        state, quotes = self._state, self._state.quotes
        if _is_held(state, style):
            return
        lots = self._tradable(wanted, min(most, self._now.bound - self._committed))
        for piece in slices(lots, state.instrument.max_lots) if lots else ():
            self._committed += piece
            number = len(state.children) + len(self.places)
            self.places.append(
                Place(
                    parent_id=state.parent.parent_id,
                    child_id=child_id(state.parent, number),
                    number=number,
                    ms=state.ms,
                    style=style,
                    lots=piece,
                    ticks=ticks,
                    mid=quotes.mid if quotes is not None else 0.0,
                    half_spread=quotes.half_spread if quotes is not None else 0.0,
                    level=self._committed,
                )
            )

    def _tradable(self, wanted: int, limit: int) -> int:
        """Return about ``wanted`` lots, at most ``limit``, such that no rest is left too small."""
        state = self._state
        smallest, left = state.smallest, state.parent.total - self._committed
        lots = min(wanted, limit)
        if lots <= 0:
            return 0
        if 0 < left - lots < smallest:
            lots = left if left <= limit else left - smallest
        if lots >= smallest:
            return lots
        return lots if lots == left >= state.least else 0
