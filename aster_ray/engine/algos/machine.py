"""The life of one parent: ``plan`` it, ``advance`` it with each observation, ``resume`` it.

Pure: the same parent, parameters and observations give the same actions, on any machine and after
any restart. ``advance`` returns the state as it is once its actions are on record; whoever calls
must make them durable before they are sent (see the package).
"""

from __future__ import annotations

from collections.abc import Iterable

from aster_ray.engine.algos.child import Action
from aster_ray.engine.algos.decide import decide
from aster_ray.engine.algos.observe import Observation
from aster_ray.engine.algos.params import Params
from aster_ray.engine.algos.parent import Parent
from aster_ray.engine.algos.state import AlgoState, begin, fold
from aster_ray.model.instrument import Instrument


def plan(parent: Parent, params: Params, instrument: Instrument) -> AlgoState:
    """Return a parent ready to be carried out; the first observation sets it going."""
    return begin(parent, params, instrument)


def advance(state: AlgoState, observation: Observation) -> tuple[AlgoState, list[Action]]:
    """Take an observation in and return what to do about it.

    Raises:
        ValueError: evidence that contradicts what was placed.
    """
    state = fold(state, observation)
    actions = decide(state)
    for action in actions:
        state = fold(state, action)
    return state, actions


def resume(state: AlgoState, events: Iterable[Observation | Action]) -> AlgoState:
    """Return a planned parent as it was after these recorded actions and evidence.

    Children without evidence are in doubt and count as outstanding.
    """
    for event in events:
        state = fold(state, event)
    return state
