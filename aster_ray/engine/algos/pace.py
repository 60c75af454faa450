"""How many lots may be at work now, how many must be taken, and how far a take may reach."""

from __future__ import annotations

from typing import NamedTuple

from aster_ray.engine.algos.child import Style
from aster_ray.engine.algos.config import Algorithm
from aster_ray.engine.algos.observe import BookSeen
from aster_ray.engine.algos.schedule import due_at
from aster_ray.engine.algos.state import AlgoState

_ROUNDING = 1e-9  # of lots that are whole numbers but for the arithmetic


class Pace(NamedTuple):
    """What the algorithm wants now, in lots of the whole parent.

    Attributes:
        due: may be traded or at work.
        bound: must never be exceeded by what is traded or at work.
        must: must be traded or on its way as a take; at most ``due``.
        most: that one take may have now.
        ticks: how far it may go; 0 = to any price.
    """

    due: int
    bound: int
    must: int
    most: int
    ticks: int


def pace(state: AlgoState) -> Pace:
    """Judge a moment by time, quotes, volume and the children, and by nothing else."""
    params, bound = state.params, _bound(state)
    due = take = state.parent.total
    if not state.is_overdue:
        due, take = _due(state, 0.0), _due(state, _lead(state))
        due = due if params.maker_first else take
    due = min(due, bound)
    must = take = min(take, due)
    if params.maker_first and not state.is_overdue:
        must = min(_rested(state), take)
    most, ticks = _depth(state)
    return Pace(due, bound, must, most, ticks)


def _due(state: AlgoState, lead_ms: float) -> int:
    params, elapsed = state.params, state.elapsed_ms + lead_ms
    if params.algorithm is not Algorithm.POV:
        return due_at(state.table, params.schedule_ms, elapsed)
    return min(_share_due(state, elapsed), state.parent.total)


def _share_due(state: AlgoState, elapsed_ms: float) -> int:
    """Return the lots due by the public volume; they grow once a slice, not with every print."""
    params = state.params
    raised = _raised(state)
    if raised is not None:
        return raised
    due = int(params.participation * state.volume + _ROUNDING)
    # What a lack of volume left behind is made up for evenly in the last part of the window.
    length = params.catch_up * params.window_ms
    into = elapsed_ms - (params.window_ms - length)
    return max(due, int(state.parent.total * into / length)) if into > 0.0 else due


def _raised(state: AlgoState) -> int | None:
    """Return the most lots that were ever at work; None once they may grow with the volume again.

    That is once a slice, and never faster than the pause.
    """
    params, raised, when = state.params, 0, -1
    for child in state.children:
        if child.placed.level > raised:
            raised, when = child.placed.level, child.placed.ms
    wait = max(params.schedule_ms / len(params.weights), params.pause_ms)
    return raised if when >= 0 and state.ms - when < wait else None


def _bound(state: AlgoState) -> int:
    """Return what the share of the public volume allows."""
    share = state.params.max_participation
    if share <= 0.0:
        return state.parent.total
    allowed, raised = int(share * state.volume + _ROUNDING), _raised(state)
    return min(state.parent.total, allowed if raised is None else min(allowed, raised))


def _lead(state: AlgoState) -> float:
    """Return by how much adaptive hurries now, or waits if negative."""
    quotes, params = state.quotes, state.params
    if params.algorithm is not Algorithm.ADAPTIVE:
        return 0.0
    patience = params.patience * params.window_ms
    if quotes is None:  # what cannot be seen is not hurried after
        return -max(patience, params.stale_ms)
    if quotes.usual_spread <= 0.0:
        return 0.0
    relative = 2.0 * quotes.half_spread / quotes.mid / quotes.usual_spread
    if relative > params.wide_spread:
        return -patience
    return patience if relative <= params.tight_spread else 0.0


def _rested(state: AlgoState) -> int:
    """Return how many lots have been at work long enough to be taken now.

    Told by the children alone: what was at work once, and for ``rest_ms``, must be done. Without
    quotes nothing can be put to rest; then what was due that long ago counts.
    """
    rest_ms = state.params.rest_ms
    levels = [c.placed.level for c in state.children if c.placed.ms <= state.ms - rest_ms]
    if state.quotes is None:
        levels.append(_due(state, -rest_ms))
    return max(levels, default=0)


def _depth(state: AlgoState) -> tuple[int, int]:
    """Return how much a take may have and how far it may go."""
    params, quotes, side = state.params, state.quotes, state.parent.side
    if quotes is None:
        return state.parent.total, 0
    touch = quotes.theirs(side)[0][0]
    if params.algorithm is not Algorithm.ADAPTIVE:
        limit = touch * (1.0 + side * params.collar)
        return state.parent.total, _outward(state, limit) if params.collar > 0.0 else 0
    reach = params.reach * max(quotes.usual_spread * quotes.mid, 2.0 * quotes.half_spread)
    limit = touch + side * reach
    visible = sum(lots for price, lots in quotes.theirs(side) if side * (limit - price) >= 0.0)
    allowed = int(params.depth_share * visible + _ROUNDING)
    if _pausing(state, quotes):
        allowed = 0
    elif state.is_overdue:
        # Two, because what one of the smallest leaves could be too small for another.
        allowed = max(allowed, 2 * state.smallest)
    return allowed, _outward(state, limit)


def _pausing(state: AlgoState, quotes: BookSeen) -> bool:
    """Return whether the book has not had the time, or the update, to fill again."""
    last = max(
        (c.placed.ms for c in state.children if c.placed.style is not Style.REST), default=-1
    )
    return last >= 0 and (state.ms - last < state.params.pause_ms or quotes.ms <= last)


def _outward(state: AlgoState, price: float) -> int:
    """Return a limit price in ticks that is not stricter than ``price``."""
    exact = price / float(state.instrument.tick)
    nearest = round(exact)
    if abs(exact - nearest) < 1e-6:
        return int(nearest)
    return int(exact) + (state.parent.side > 0)
