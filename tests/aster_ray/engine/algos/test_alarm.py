"""The next moment at which time alone may change what an algorithm does."""

from __future__ import annotations

import pytest

from aster_ray.engine.algos.alarm import next_ms
from aster_ray.engine.algos.child import Place, Style
from aster_ray.engine.algos.config import Algorithm
from aster_ray.engine.algos.machine import advance
from aster_ray.engine.algos.observe import Evidence, Tick
from tests.aster_ray.engine.algos.venue import a_book, a_plan, evidence, some_params

STEP_MS = 250


@pytest.mark.parametrize("maker_first", [False, True])
@pytest.mark.parametrize("algorithm", [Algorithm.TWAP, Algorithm.VWAP, Algorithm.POV])
def test_between_now_and_the_alarm_there_is_nothing_to_do(
    algorithm: Algorithm, maker_first: bool
) -> None:
    params = some_params(algorithm, 4, maker_first=maker_first, stale_ms=120_000)
    state, actions = advance(a_plan(params=params), a_book(0))
    acted = alarms = 0
    while not state.is_done and alarms < 1_000:
        for action in actions:
            if isinstance(action, Place) and action.style is not Style.REST:
                seconds = (state.ms - state.parent.decided_ms) / 1e3
                done = evidence(action, seconds, Evidence.DONE, action.lots)
                state, more = advance(state, done)
                assert not more
        alarm = next_ms(state)
        assert alarm > state.ms
        late = params.pause_ms if algorithm is Algorithm.POV else 0
        for ms in range(state.ms + STEP_MS, alarm - late, STEP_MS):
            _, early = advance(state, Tick(ms))
            assert not early, (ms - state.parent.decided_ms, early)
        state, actions = advance(state, Tick(alarm))
        acted += bool(actions)
        alarms += 1
    assert acted > 0
    assert state.is_ending


def test_what_was_refused_is_tried_again_when_its_pause_is_over() -> None:
    state, (place,) = advance(a_plan(params=some_params(Algorithm.MARKET, 1, window_ms=1)), Tick(0))
    assert isinstance(place, Place)
    state, _ = advance(state, evidence(place, 0.0, Evidence.REJECTED))
    assert next_ms(state) - state.ms <= state.params.retry_ms
