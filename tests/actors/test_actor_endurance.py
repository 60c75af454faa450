"""Days of trading at the simulated exchange: no actor grows with the time it trades."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from actors.executor import REMEMBERED
from aster_ray import topology
from tests.actors.endure import DAY_CLOSES, WARM_CLOSES

# Counted by bins, by places in which an order may rest, or by what is remembered: all have an end,
# which a short session may not reach.
_BINS, _SLOTS, _REMEMBERED = "_counts[]", "_slots._withdrawn", ("booked.trades", "finished")


@pytest.mark.slow
@pytest.mark.long
def test_days_of_trading_leave_every_actor_as_large_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-m", "tests.actors.endure", str(tmp_path / "session")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=600, check=True)
    found = json.loads(done.stdout[done.stdout.index("{\n") :])
    with capsys.disabled():
        print(f"\n{json.dumps(found, indent=2)}")
    assert found["closes"] >= WARM_CLOSES + 2 * DAY_CLOSES
    assert found["orders"] > 0
    assert set(found["mib_a_day"]) == {*topology.PIPELINE, topology.LEDGER}
    assert max(found["mib_a_day"].values()) < 1.0
    without_end = {
        path: size
        for path, (_, size) in found["growing"].items()
        if not path.endswith((_BINS, _SLOTS))
        and not (path.endswith(_REMEMBERED) and size <= REMEMBERED)
    }
    assert without_end == {}
