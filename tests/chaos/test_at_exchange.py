"""Kill every actor at every place that matters, while orders go to the simulated exchange.

What the exchange's own ledger says is what the session's journals add up to, to the last cent, and
no order has left twice. `python -m tests.chaos --at-exchange` runs the same cases.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from aster_ray.engine.failpoints import VARIABLE
from tests.chaos.cases import AT_EXCHANGE, Case
from tests.chaos.suffer import Arena

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.long]


@pytest.fixture
def arena(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Arena:
    plans = tmp_path / "plans"
    plans.mkdir()
    monkeypatch.setenv(VARIABLE, str(plans))
    return Arena(tmp_path, plans, at_exchange=True)


@pytest.mark.parametrize("case", AT_EXCHANGE, ids=lambda case: case.name.replace(" ", "-"))
def test_the_books_are_the_exchanges_whoever_dies(case: Case, arena: Arena) -> None:
    arena.suffer(case)
