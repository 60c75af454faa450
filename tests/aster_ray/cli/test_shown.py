"""What the verbs of a venue print for a person, from what they would print as JSON."""

from __future__ import annotations

import io
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from aster_ray import cli
from aster_ray.cli import doctor, flatten, simulator
from aster_ray.cli.books import show_books

WAY = {"orders": [{"type": "limit", "symbol": "BTCUSDT", "id": "x"}], "positions": {"BTCUSDT": 1.0}}


def shown(show: Any, payload: dict[str, Any]) -> str:
    """Return what is printed."""
    out = io.StringIO()
    show(Console(file=out, width=200), payload)
    return out.getvalue()


def test_an_account_that_is_not_flat_says_so() -> None:
    payload = {"steps": ["close 1"], "left": WAY, "flat": False, "done": True}
    text = shown(flatten._show, payload)
    assert "NOT FLAT" in text
    assert "resting    limit BTCUSDT x" in text


@pytest.mark.parametrize(
    ("passed", "record", "verdict"),
    [
        (True, "/there", "fit to trade live; written to /there"),
        (False, None, "1 checks failed"),
    ],
)
def test_an_examination_ends_with_its_verdict(
    passed: bool, record: str | None, verdict: str
) -> None:
    rows = [
        {"level": "ok", "name": "clock", "text": "right", "remedy": ""},
        {"level": "ok" if passed else "FAIL", "name": "keys", "text": "none", "remedy": "set them"},
    ]
    text = shown(doctor._show, {"findings": rows, "passed": passed, "record": record})
    assert verdict in text
    assert "-> set them" in text


def test_a_simulator_says_where_it_listens() -> None:
    payload = {
        "http": "http://h",
        "streams": "ws://h/fstream",
        "control": "http://h/control",
        "symbols": ["BTCUSDT"],
        "pace": "stepped",
        "warnings": ["a gap"],
    }
    text = shown(simulator._show, payload)
    assert "http://h/control" in text
    assert "a gap" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--pace", "slow"), "--pace 'slow' is unknown"),
        (("--deposit", "much"), "--deposit must be an amount of USDT"),
    ],
)
def test_a_simulator_that_cannot_be_is_refused(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.main(["simulator", *arguments, "--out", str(tmp_path / "x")]) == 2
    assert said in capsys.readouterr().err


BOOKS: dict[str, Any] = {
    "agrees": True,
    "orders": 1234,
    "orders_missing": [],
    "orders_invented": [],
    "orders_different": [],
    "fills": 359,
    "missing": [],
    "invented": [],
    "positions": [],
    "fees_difference": -1e-12,
    "funding_difference": 0.0,
    "cash_difference": 3e-11,
}


def test_books_that_agree_say_so_with_what_was_compared() -> None:
    text = " ".join(shown(show_books, BOOKS).split())
    assert "our books and the exchange's own ledger agree to the last cent" in text
    assert "1,234 orders, 0 missing, 0 invented, 0 different; 359 fills" in text
    assert "fees 0.00, funding 0.00, cash 0.00" in text


def test_books_that_differ_say_where() -> None:
    missing = [f"BTCUSDT/{n}" for n in range(7)]
    found = {**BOOKS, "agrees": False, "missing": missing, "cash_difference": -12.345}
    text = shown(show_books, found)
    assert "DO NOT AGREE" in text
    assert "missing: BTCUSDT/0" in text
    assert "... and 2 more" in text
    assert "cash -12.3" in text


def test_an_attached_simulator_ends_with_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr("sys.stdin", SimpleNamespace(fileno=lambda: reading))
    monkeypatch.setattr(os, "kill", lambda pid, number: killed.append((pid, number)))
    os.write(writing, b"nothing to do")
    os.close(writing)
    simulator._end_with_input()
    os.close(reading)
    assert killed == [(os.getpid(), signal.SIGTERM)]
