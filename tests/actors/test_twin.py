"""The live twin of a session whose actors are killed while it follows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from aster_ray.research.drift_file import read_drift

ROOT = Path(__file__).parents[2]
PATIENCE_S = 240.0
KILLS = {"executor/after-journal": 15, "risk/after-journal": 25, "executor/after-send": 35}

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def aster(plans: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "aster_ray.cli", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "ASTER_FAILPOINTS": str(plans), "PYTHONWARNINGS": ""},
    )


def lived(place: Path, *options: str) -> tuple[dict[str, Any], list[dict[str, Any]], int]:
    """Run a session whose actors die as planned and a twin beside it; return what both said."""
    plans, folder = place / "plans", place / "session"
    plans.mkdir()
    period = ("--from", "2025-03-01", "--to", "2025-03-02", "--symbols", "BTC,ETH,SOL")
    session = aster(plans, "paper", *period, *options, "--json", "--out", str(folder))
    end = time.monotonic() + PATIENCE_S
    while not (folder / "host.json").exists() and time.monotonic() < end:
        assert session.poll() is None
        time.sleep(0.05)
    token = json.loads((folder / "session.json").read_text())["token"]
    (plans / f"{token}.json").write_text(json.dumps(KILLS))
    twin = aster(plans, "replay", str(folder), "--follow", "--json")
    report, _ = session.communicate(timeout=PATIENCE_S)
    assert session.returncode == 0
    lines, _ = twin.communicate(timeout=PATIENCE_S)
    return json.loads(report), [json.loads(line) for line in lines.splitlines()], twin.returncode


def test_the_twin_of_a_session_that_is_killed_thrice_finds_no_difference(tmp_path: Path) -> None:
    report, rows, code = lived(tmp_path, "--plain", "--speed", "12")
    deaths = {role: facts["restarts"] for role, facts in report["session"]["actors"].items()}
    assert (deaths["executor"], deaths["risk"]) == (2, 1)
    whole = rows[-1]
    assert (code, whole["state"], whole["differing"]) == (0, "ended", 0)
    assert [row["seq"] for row in rows if row["kind"] == "close"] == list(range(48))
    assert whole["drift"]["market"]["worst_bps"] == whole["drift"]["market"]["best_bps"] == 0.0
    told = read_drift(tmp_path / "session")
    assert told is not None
    assert told["closes"] == 48


@pytest.mark.long
def test_at_an_exchange_the_twin_prices_every_order_the_exchange_filled(tmp_path: Path) -> None:
    report, rows, code = lived(tmp_path)
    assert report["session"]["exchange"]["agrees"]
    whole = rows[-1]
    assert (code, whole["state"], whole["differing"]) == (0, "ended", 0)
    drift = whole["drift"]
    assert drift["market"]["orders"] > 5
    assert abs(drift["market"]["mean_bps"]) < 50.0
    assert drift["waiting"] == 0
    named = [row for close in rows if close["kind"] == "close" for row in close["drift"]]
    counted = drift["market"]["orders"] + drift["intrabar"]["orders"]
    assert len(named) + len(rows[-2]["drift"]) == (
        counted + drift["only_venue"] + drift["only_paper"]
    )
    assert all(row["client_order_ids"] for row in named if row["venue_lots"] is not None)
