"""Kill every actor, at every place that matters and at random: the session ends as if nothing was.

`python -m tests.chaos` runs the same cases and prints how long each death was felt.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from aster_ray import topology
from aster_ray.engine.failpoints import POINTS
from tests.chaos.cases import CASES, ROLES, Case
from tests.chaos.report import summary
from tests.chaos.suffer import Arena, Outcome

pytestmark = [pytest.mark.ray, pytest.mark.slow]

_OUTCOMES: list[Outcome] = []
# Of two at once, those with the supervisor say most: nobody is there to notice the other.
_IN_CI = [case for case in CASES if len(case.victims) == 1 or topology.SUPERVISOR in case.victims]


@pytest.fixture(scope="module")
def arena(ray_node: Path, tmp_path_factory: pytest.TempPathFactory) -> Arena:
    return Arena(tmp_path_factory.mktemp("chaos"), ray_node)


def test_the_cases_cover_every_place_and_every_pair() -> None:
    places = {name for case in CASES for name in case.failpoints}
    assert places == {f"{role}/{point}" for role in ROLES for point in POINTS[role]}
    killed = [frozenset(case.kills) for case in CASES]
    assert {frozenset({role}) for role in ROLES} <= set(killed)
    pairs = {frozenset({one, other}) for one in ROLES for other in ROLES if one != other}
    assert pairs <= set(killed)
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize(
    "case",
    [pytest.param(one, marks=() if one in _IN_CI else pytest.mark.long) for one in CASES],
    ids=lambda case: case.name.replace(" ", "-"),
)
def test_nothing_is_lost_and_nothing_is_doubled(case: Case, arena: Arena) -> None:
    _OUTCOMES.append(arena.suffer(case))


def test_at_least_half_of_the_deaths_left_a_message_unacknowledged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Those of the ledger and the supervisor cannot: no order passes through them."""
    if len(_OUTCOMES) < len(_IN_CI):
        pytest.skip("only some of the cases were selected")
    in_flight = sum(outcome.in_flight is not None for outcome in _OUTCOMES)
    with capsys.disabled():  # the table belongs into what CI prints
        print("\n" + summary(_OUTCOMES, failures=0))
    assert 2 * in_flight >= len(_OUTCOMES)
    alone = [one for one in _OUTCOMES if one.case.victims == {topology.RISK}]
    assert len(alone) >= 6
