"""A day and a half of one-minute closes: no actor grows with the time it trades."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.actors.endure import DAY_CLOSES, WARM_CLOSES


@pytest.mark.slow
def test_a_day_of_minutes_leaves_every_actor_as_large_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-m", "tests.actors.endure", str(tmp_path / "session")]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=600, check=True)
    found = json.loads(done.stdout[done.stdout.index("{\n") :])
    with capsys.disabled():
        print(f"\n{json.dumps(found, indent=2)}")
    assert found["closes"] >= WARM_CLOSES + DAY_CLOSES
    # How long something took is counted by bins, of which there is an end.
    assert [path for path in found["growing"] if not path.endswith("_counts[]")] == []
