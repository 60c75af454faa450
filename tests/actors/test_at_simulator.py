"""Sessions whose orders go through the real client to a simulated exchange of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aster_ray.cli import main

PERIOD = ("--from", "2025-03-01", "--to", "2025-03-03")
PATIENCE_S = 240.0


def traded(folder: Path, plan: Mapping[str, int], plans: Path) -> dict[str, Any]:
    """Run ``aster paper`` as it is; let its actors die as planned; return the report."""
    command = [sys.executable, "-m", "aster_ray.cli", "paper", "--json", *PERIOD]
    command += ["--symbols", "BTC,ETH,SOL", "--out", str(folder)]
    environment = {**os.environ, "ASTER_FAILPOINTS": str(plans)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=sys.stderr)
    session = folder / "session.json"
    end = time.monotonic() + PATIENCE_S
    while not session.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    token = json.loads(session.read_text())["token"]
    (plans / f"{token}.json").write_text(json.dumps(dict(plan)))
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    report: dict[str, Any] = json.loads(output)
    return report


@pytest.mark.slow
@pytest.mark.parametrize(
    "plan",
    [
        {},
        {
            "executor/before-journal": 10,
            "executor/after-journal": 20,
            "executor/venue-before-log": 30,
            "executor/evidence-before-journal": 40,
            "executor/evidence-after-send": 50,
            "risk/after-journal": 60,
        },
    ],
    ids=["undisturbed", "the executor dies five times, the risk desk once"],
)
def test_the_report_agrees_with_the_exchanges_own_ledger(
    plan: dict[str, int], tmp_path: Path
) -> None:
    plans = tmp_path / "plans"
    plans.mkdir()
    report = traded(tmp_path / "session", plan, plans)
    session = report["session"]
    found = session["exchange"]
    assert found["agrees"], found
    assert found["fills"] > 20
    assert session["closes"] == 72
    deaths = {role: facts["restarts"] for role, facts in session["actors"].items()}
    expected = {"executor": 5, "risk": 1} if plan else {}
    assert {role: count for role, count in deaths.items() if count} == expected
    assert main(["replay", str(tmp_path / "session")]) == 0  # decisions, given the venue's word


@pytest.mark.parametrize(
    "rest", ["", "https://fapi.asterdex.com", "http://127.0.0.1.example.org", "http://10.0.0.2:1"]
)
def test_real_money_is_out_of_reach(
    rest: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "session"
    settings = ["--set", "session.orders=venue"]
    if rest:
        stream = rest.replace("http", "ws")
        settings += ["--set", f"venue.rest={rest}", "--set", f"venue.stream={stream}"]
    assert main(["paper", *settings, "--out", str(out)]) == 2
    assert "would trade real money" in capsys.readouterr().err
    assert not out.exists()
