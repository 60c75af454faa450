"""When an algorithm must be asked again although nothing was heard: for hosts that step time."""

from __future__ import annotations

from collections.abc import Iterator

from aster_ray.engine.algos.child import Style
from aster_ray.engine.algos.config import Algorithm
from aster_ray.engine.algos.state import AlgoState

_ALWAYS = 3_600_000  # nobody sleeps longer


def next_ms(state: AlgoState) -> int:
    """Return the next moment at which time alone may change what ``decide`` says.

    Rather too early than too late: asking in vain does no harm. Where a piece grows bit by bit (pov
    that makes up for a lack of volume) it may be a pause late.
    """
    later = [moment for moment in _moments(state) if moment > state.ms]
    return min(later, default=state.ms + _ALWAYS)


def _moments(state: AlgoState) -> Iterator[int]:
    params, decided, now = state.params, state.parent.decided_ms, state.ms
    yield state.parent.deadline_ms
    yield decided + params.window_ms
    yield _slice(state)
    if params.algorithm is Algorithm.POV:
        yield _catch_up(state)
    if params.algorithm is Algorithm.ADAPTIVE:
        yield now + max(params.pause_ms, 1)
    for child in state.children:
        if params.maker_first:
            yield child.placed.ms + params.rest_ms
        if child.outstanding and child.placed.style is Style.REST:
            yield now + params.requote_ms
        if child.is_barren:
            yield _tried_again(child.told_ms, params.retry_ms, now)
        if child.outstanding and child.cancel_ms:
            yield _tried_again(child.cancel_ms, params.retry_ms, now)


def _tried_again(since_ms: int, every_ms: int, now_ms: int) -> int:
    """Return when something in vain may be tried again: pauses double, so all are multiples."""
    return since_ms + ((now_ms - since_ms) // every_ms + 1) * every_ms


def _catch_up(state: AlgoState) -> int:
    """Return when pov, which makes up for a lack of volume bit by bit, may have more to do."""
    params, decided = state.params, state.parent.decided_ms
    begins = decided + int((1.0 - params.catch_up) * params.window_ms)
    if state.ms <= begins:
        return begins + 1
    wait = int(max(params.schedule_ms / len(params.weights), params.pause_ms))
    last = max((child.placed.ms for child in state.children), default=decided - wait)
    return last + wait if state.ms < last + wait else state.ms + max(params.pause_ms, 1)


def _slice(state: AlgoState) -> int:
    """Return when more of the schedule is due than is at work."""
    params, count, elapsed = state.params, len(state.params.weights), state.elapsed_ms
    length = params.schedule_ms / count
    first = int(elapsed / length) + 1 if length > 0.0 else count
    if params.algorithm in (Algorithm.POV, Algorithm.ADAPTIVE) or params.max_participation > 0.0:
        number = min(first, count)
    else:
        due = (k for k in range(first, count) if state.table[k] > state.committed)
        number = next(due, count)
    return state.parent.decided_ms + -int(-number * length // 1)
