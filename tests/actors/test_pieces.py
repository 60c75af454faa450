"""A session whose orders are carried out in pieces, while its executor dies between them."""

from __future__ import annotations

from pathlib import Path

import pytest

from aster_ray.cli import main
from tests.actors.test_at_simulator import traded


@pytest.mark.slow
@pytest.mark.long
def test_pieces_of_orders_survive_the_death_of_the_executor_between_them(tmp_path: Path) -> None:
    """It dies with a child written down and not sent, and with one sent and not answered."""
    plans = tmp_path / "plans"
    plans.mkdir()
    plan = {"executor/child-before-send": 4, "executor/child-after-send": 12}
    manner = {"algorithm": "twap", "reduce_algorithm": "twap", "slice_ms": "120000"}
    options = [part for name in manner for part in ("--set", f"execution.{name}={manner[name]}")]
    report = traded(tmp_path / "session", plan, plans, *options)
    session = report["session"]
    assert session["exchange"]["agrees"], session["exchange"]
    assert session["actors"]["executor"]["restarts"] == 2
    rows = session["execution"]["orders"]
    carried = [row for row in rows if row["algorithm"] == "twap"]
    assert max(row["children"] for row in carried) > 3
    assert all(abs(row["filled"]) <= abs(row["lots"]) for row in rows)
    assert main(["replay", str(tmp_path / "session")]) == 0
