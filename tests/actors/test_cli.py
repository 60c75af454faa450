"""The `aster paper` command as a person or a script runs it, with a Ray node of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PERIOD = ["--plain", "--from", "2025-02-01", "--to", "2025-02-05"]

pytestmark = pytest.mark.ray


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "aster_ray.cli", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONWARNINGS": ""},
    )


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=240)
    return process.returncode, out, err


def report_of(text: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(text)
    return report


def test_json_prints_the_report_and_nothing_else(tmp_path: Path) -> None:
    code, out, err = finished(start("paper", *PERIOD, "--json", "--out", str(tmp_path / "one")))
    assert (code, err) == (0, "")
    report = report_of(out)
    assert report == report_of((tmp_path / "one" / "report.json").read_text())
    assert report["session"]["hops"]["feed -> strategy"]["messages"] == 5 * 24
    assert report["session"]["processes"] == 5
    code, out, _ = finished(start("replay", str(tmp_path / "one"), "--json"))
    assert (code, report_of(out)["differences"]) == (0, [])
    code, out, err = finished(start("paper", *PERIOD, "--json", "--out", str(tmp_path / "one")))
    assert (code, out) == (2, "")
    assert "holds a session already" in report_of(err)["error"]


@pytest.mark.slow
@pytest.mark.usefixtures("a_terminal")
@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 0), (signal.SIGHUP, 130)]
)
def test_a_signal_drains_the_session(number: signal.Signals, expected: int, tmp_path: Path) -> None:
    """A person's Ctrl-C also ends the script around it; a service that is told to stop is done."""
    process = start("paper", *PERIOD, "--speed", "4", "--out", str(tmp_path / "one"))
    journal = tmp_path / "one" / "venue.journal"
    for _ in range(1200):
        if journal.exists() and journal.stat().st_size > 20_000:
            break
        time.sleep(0.1)
    # A terminal tells every process of the group; `kill` and a container's end tell one.
    (os.kill if number == signal.SIGTERM else os.killpg)(process.pid, number)
    code, out, err = finished(process)
    assert code == expected, err
    assert "executor -> risk" in out
    report = report_of((tmp_path / "one" / "report.json").read_text())
    assert 0 < report["session"]["closes"] < 5 * 24
    code, _, err = finished(start("replay", str(tmp_path / "one")))
    assert (code, err) == (0, "")


def test_bad_input_starts_no_ray_and_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "one"
    code, _, err = finished(start("paper", "--symbols", "NOPE", "--out", str(out)))
    assert code == 2
    assert "NOPE" in err
    assert "Traceback" not in err
    assert not out.exists()
