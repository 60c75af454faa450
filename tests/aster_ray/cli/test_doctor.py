"""``aster doctor`` on an account at a served venue, as a person and a script see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aster_ray.cli import main
from tests.aster_ray.cli.live_account import LENIENT, able, exchange, orders_or_settings
from tests.aster_ray.venues.simulator.served import WALLET, Venue

__all__ = ["able", "exchange"]
Capture = pytest.CaptureFixture[str]


def ask(*arguments: str) -> int:
    settings = [part for one in LENIENT for part in ("--set", one)]
    return main(["doctor", "--symbols", "BTC,ETH", *settings, *arguments])


def test_a_sound_account_is_said_to_be_so_and_the_record_named(
    able: Venue, tmp_path: Path, capsys: Capture
) -> None:
    assert ask("--json", "--out", str(tmp_path / "told")) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["passed"], told["venue"], told["wallet"].lower()) == (
        True,
        "aster",
        WALLET.lower(),
    )
    assert Path(told["record"]).is_file()
    assert {row["level"] for row in told["findings"]} <= {"ok", "warn"}
    assert json.loads((tmp_path / "told" / "doctor.json").read_text()) == told
    assert orders_or_settings(able) == []
    assert ask() == 0
    assert "builder" in capsys.readouterr().out


def test_a_demand_that_is_not_met_ends_with_one(able: Venue, capsys: Capture) -> None:
    assert ask("--json", "--set", "doctor.min_disk_gb=1e9") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["passed"] is False
    assert [row["name"] for row in told["findings"] if row["level"] == "FAIL"] == ["disk"]
