"""What a person reads of a session says what its JSON says."""

from __future__ import annotations

import copy
import io
import json
from typing import Any

import pytest
from rich.console import Console

from aster_ray.cli.status_tables import (
    Render,
    detached_table,
    log_line,
    state_table,
    status_table,
    stop_table,
    venue_lines,
)

NOON_MS = 1_735_732_800_000  # 2025-01-01 12:00 UTC
STATUS: dict[str, Any] = {
    "session": "paper-1",
    "process": {
        "state": "running",
        "pid": 4711,
        "began_ms": NOON_MS,
        "ended_ms": None,
        "exit_code": None,
    },
    "trading_state": "active",
    "problems": ["risk has not been heard for 12 s"],
    "source": "actors",
    "report": None,
    "lag": {"closes": 2, "recorded_ms": 1_500.0},
    "last_close": 999,
    "close_ms": NOON_MS,
    "account": {
        "closes": 500,
        "equity": 10_123.456,
        "day_profit": -12.5,
        "day_return": -0.0012,
        "drawdown": 0.034,
        "max_drawdown": 0.056,
        "gross": 4_200.0,
        "orders": 1_234,
        "fills": 987,
        "positions": [
            {
                "symbol": "BTCUSDT",
                "strategy": "momentum",
                "qty": -0.015,
                "entry_price": 95_000.0,
                "mark_price": 94_000.0,
                "stop": 97_000.0,
                "take_profit": None,
                "unrealized": 15.0,
            }
        ],
        "open_orders": [
            {
                "symbol": "BTCUSDT",
                "strategy": "momentum",
                "kind": "stop",
                "qty": 0.015,
                "price": 97_000.0,
                "decided_ms": NOON_MS,
            }
        ],
        "last_denials": [
            {
                "close_ms": None,
                "symbol": f"S{index}",
                "strategy": "grid",
                "reason": "",
            }
            for index in range(23)
        ],
        "commands": [],
    },
    "actors": {
        "risk": {"pid": 4712, "restarts": 1, "heard_ms": 250.0, "messages": 12_345},
        "feed": {"pid": None, "restarts": None, "heard_ms": None, "messages": None},
    },
}


def printed(render: Render, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    with console.capture() as capture:
        render(console)
    return capture.get()


def changed(**parts: Any) -> dict[str, Any]:
    return {**copy.deepcopy(STATUS), **parts}


def cells(text: str, first: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if line.split()[:1] == [first])


def test_a_running_session_shows_its_account_its_orders_and_its_actors() -> None:
    text = printed(status_table(STATUS))
    assert text.startswith("paper-1: running, account active\n")
    assert "not healthy: risk has not been heard for 12 s" in text
    assert "began 2025-01-01 12:00, process 4711\n" in text
    assert "close 2025-01-01 12:00 (500 of 1,000), 2 closes behind, recorded 1.5 s ago" in text
    assert "equity 10,123.46, today -12.50 (-0.12%), drawdown 3.40% (deepest 5.60%)" in text
    assert "gross 4,200, 1,234 orders, 987 fills" in text
    position = ["BTCUSDT", "momentum", "-0.015", "95,000", "94,000", "97,000", "-", "+15.00"]
    assert cells(text, "BTCUSDT") == position
    assert "BTCUSDT momentum stop 0.015 97,000 2025-01-01 12:00" in " ".join(text.split())
    assert cells(text, "risk") == ["risk", "4712", "1", "0.2", "s", "12,345"]
    assert cells(text, "feed") == ["feed", "-", "-", "-", "-"]


def test_no_more_than_twenty_rows_are_shown_and_the_rest_is_counted() -> None:
    text = printed(status_table(STATUS))
    assert "S19" in text
    assert "S20" not in text
    assert "and 3 more" in text
    assert cells(text, "-") == ["-", "S0", "grid", "-"]  # neither a time nor a reason is known


def test_a_table_without_rows_is_left_out() -> None:
    text = printed(status_table(STATUS))
    assert "positions" in text
    assert "commands" not in text
    command = {"number": 1, "asked_ms": NOON_MS, "close": 70, "state": "reducing"}
    given = [command | {"who": "eve", "reason": ""}]
    account = STATUS["account"] | {"positions": [], "commands": given}
    text = printed(status_table(changed(account=account)))
    assert "positions" not in text
    assert cells(text, "1") == ["1", "2025-01-01", "12:00", "70", "reducing", "eve", "-"]


def test_a_session_that_has_ended_says_when_how_and_where_its_report_is() -> None:
    process = STATUS["process"] | {"state": "ended", "ended_ms": NOON_MS + 60_000, "exit_code": 0}
    text = printed(
        status_table(
            changed(
                process=process,
                source="journals",
                report="runs/paper-1/report.json",
                last_close=None,
                problems=[],
                actors={},
            )
        )
    )
    assert "ended 2025-01-01 12:01 with exit code 0, read from the journals" in text
    assert "report runs/paper-1/report.json" in text
    assert "(500), 2 closes behind" in text  # nobody knows how many there will be
    assert "not healthy" not in text
    assert "restarts" not in text


def test_before_the_first_close_there_is_no_account_to_show() -> None:
    text = printed(status_table(changed(account=None, trading_state=None)))
    assert text.startswith("paper-1: running\n")
    assert "equity" not in text
    assert cells(text, "risk")


def test_a_number_that_is_not_known_is_a_dash() -> None:
    account = STATUS["account"] | {"day_profit": None}
    lag = {"closes": 0, "recorded_ms": None}
    text = printed(status_table(changed(account=account, lag=lag, close_ms=None)))
    assert "close - (500 of 1,000), 0 closes behind, recorded - ago" in text
    assert "today - (" in text


def test_a_session_that_was_just_started_says_how_to_look_and_how_to_stop() -> None:
    payload = {"session": "paper-2", "pid": 12, "folder": "runs/paper-2", "stop": "aster stop x"}
    text = printed(detached_table(payload), width=20)
    assert " ".join(text.split()).startswith("session paper-2 trades in process 12 folder")
    assert "look    aster status runs/paper-2\n" in text  # a path is never cut
    assert "stop    aster stop x\n" in text


@pytest.mark.parametrize(
    ("stopped", "told"),
    [(True, "has ended and written its report"), (False, "was not running: it has failed")],
)
def test_a_stop_says_what_it_met(stopped: bool, told: str) -> None:
    payload = {"session": "[x]", "stopped": stopped, "phase": "failed", "folder": "runs/[x]"}
    assert printed(stop_table(payload)) == f"session [x] {told}\nfolder  runs/[x]\n"


def test_an_operators_word_is_answered_with_what_it_changes() -> None:
    payload = {"session": "s", "number": 2, "before": "active", "state": "reducing", "seq": 1_500}
    told = "session s: command 2: active -> reducing, in force from close 1,500 on\n"
    assert printed(state_table(payload)) == told
    told = "session s: nothing to change: the account is reducing\n"
    assert printed(state_table(payload | {"number": None})) == told


def test_a_log_record_is_printed_as_it_is_or_as_a_person_reads_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record = {"process": "risk", "event": "gap", "level": "warning", "symbol": "BTCÜ", "bars": 3}
    log_line(as_json=True)(record)
    assert json.loads(capsys.readouterr().out) == record
    log_line(as_json=False)(record | {"exception": "Traceback\n  line"})
    text = capsys.readouterr().out
    assert text == " warning risk       gap symbol=BTCÜ bars=3\nTraceback\n  line\n"
    assert record["process"] == "risk"  # the record itself is not taken apart


def test_the_account_at_a_venue_is_shown_with_what_is_not_ours() -> None:
    venue: dict[str, Any] = {
        "name": "aster",
        "dry": False,
        "epoch": 3,
        "compared_ms": NOON_MS,
        "withheld": 0,
        "flattening": True,
        "in_doubt": ["ETHUSDT"],
        "external_positions": {"BTCUSDT": 0.5},
        "external_orders": [{"symbol": "BTCUSDT", "id": "by-hand", "qty": -0.1}],
        "other_symbols": ["SOLUSDT"],
    }
    assert venue_lines({}) == []
    assert venue_lines(venue) == [
        "venue aster (epoch 3), last compared 2025-01-01 12:00",
        "everything is being closed: `aster resume` trades again",
        "under way: ETHUSDT",
        "not ours: BTCUSDT +0.5 held",
        "not ours: BTCUSDT -0.1 resting as by-hand",
        "not ours: positions of SOLUSDT",
    ]
    dry = {**venue, "dry": True, "withheld": 12, "flattening": False, "in_doubt": []}
    assert venue_lines(dry)[0].endswith(
        "(dry, nothing is sent), last compared 2025-01-01 12:00, 12 orders withheld"
    )
    assert "venue aster (epoch 3)" in printed(status_table(changed(venue=venue)))
