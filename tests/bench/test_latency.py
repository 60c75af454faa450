"""The latency bench end to end, small; nothing here asserts a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from actors.executor import CLOSE_TO_VENUE
from tests.bench import latency


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.usefixtures("ray_node")
def test_every_close_is_stamped_and_every_process_weighed(tmp_path: Path) -> None:
    row = latency.measure(3, 120, tmp_path)
    assert row.closes == row.hops[CLOSE_TO_VENUE]["messages"] >= 120
    assert 0 < row.with_orders <= row.closes
    assert 0.0 < row.p50 <= row.p99
    assert 0.0 < row.floor_p50 <= row.floor_p99
    stages = ("strategy: signals", "risk: conclude, all of it", "executor: send, all of it")
    assert {row.stages[name]["messages"] for name in stages} == {row.closes}
    assert {one.role for one in row.memory} >= {"feed", "strategy", "risk", "executor"}
    assert all(0.0 < one.shared < one.resident for one in row.memory)
    assert row.plain()["load"]["record"] > 500
