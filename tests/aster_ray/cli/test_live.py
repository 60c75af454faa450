"""What a live session says at its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from actors.live import as_told
from aster_ray.cli.live import _show, farewell_lines

STOP = {"symbol": "BTCUSDT", "id": "ar-1", "type": "stop_market", "trigger_price": 95_000.0}
TOLD: dict[str, Any] = {
    "name": "aster",
    "dry": False,
    "withheld": 0,
    "external_positions": {"SOLUSDT": -1.5},
    "external_orders": [{"symbol": "SOLUSDT", "id": "by-hand", "qty": 1.0}],
    "other_symbols": ["XRPUSDT"],
}


def test_what_is_left_is_said_with_its_stop_or_that_it_has_none() -> None:
    orders = [
        {**STOP, "ours": True},
        {"symbol": "SOLUSDT", "id": "by-hand", "type": "limit", "ours": False},
    ]
    left = {"positions": {"BTCUSDT": 0.5, "ETHUSDT": -2.0}, "orders": orders}
    found = as_told({**TOLD, "left": left})
    assert farewell_lines(found) == [
        "held       0.5 BTCUSDT at the venue; its stop at 95000 rests",
        "held       -2 ETHUSDT at the venue; NO STOP OF OURS",
        "not ours   limit SOLUSDT by-hand",
    ]
    assert found["live"]["external_positions"] == "SOLUSDT -1.5"
    assert found["live"]["other_symbols"] == "XRPUSDT"
    assert not [v for v in found["live"].values() if isinstance(v, dict | list)]


def test_an_end_with_nothing_left_a_dry_one_and_one_that_nobody_answered() -> None:
    flat = farewell_lines(as_told(TOLD))
    assert flat == ["flat       nothing is held at the venue and nothing rests there"]
    dry = as_told({**TOLD, "dry": True, "withheld": 1234})
    assert "1,234 orders were not sent" in farewell_lines(dry)[0]
    unknown = farewell_lines({"live": {"silence": "the executor does not answer"}})
    assert unknown == ["NOT KNOWN  the executor does not answer: aster flatten shows"]


def test_the_table_ends_with_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    console = Console(width=300)
    _show(console, as_told(TOLD), tmp_path)
    _show(console, as_told({**TOLD, "dry": True, "withheld": 3}), tmp_path)
    real, dry = (x for x in capsys.readouterr().out.splitlines() if x.startswith("go on"))
    assert real.endswith(f"aster live --resume {tmp_path} --confirm WALLET")
    assert dry.endswith(f"aster live --resume {tmp_path} --dry")
