"""``aster replay``: of a session that ended, and close by close."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aster_ray import cli
from aster_ray.engine.journal import frame, read_journal
from aster_ray.research.drift_file import read_drift
from aster_ray.research.session import EXECUTOR_JOURNAL, Session
from aster_ray.research.tenure import Tenure
from tests.aster_ray.research.test_follow import waiting_is
from tests.aster_ray.research.test_replay import traded

Capture = pytest.CaptureFixture[str]
CLOSES = 48


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return traded(tmp_path_factory.mktemp("cli") / "session", days=2)


def test_a_followed_session_prints_a_line_a_close_and_ends_with_it(
    session: Session, capsys: Capture
) -> None:
    assert cli.main(["replay", str(session.folder), "--follow"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum("  close " in line and "  same  " in line for line in lines) == CLOSES
    assert lines[-1].startswith(f"{CLOSES} closes until 2025-02-03 00:00")
    assert lines[-1].endswith("all identical; ended")
    told = read_drift(session.folder)
    assert told is not None
    assert told["state"] == "ended"


def test_json_is_a_document_a_line_and_the_last_is_the_whole(
    session: Session, tmp_path: Path, capsys: Capture
) -> None:
    out = tmp_path / "out"
    assert cli.main(["replay", str(session.folder), "--follow", "--json", "--out", str(out)]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["kind"] for row in rows] == ["close"] * CLOSES + ["rest", "end"]
    assert [row["seq"] for row in rows[:CLOSES]] == list(range(CLOSES))
    assert rows[-1]["closes"] == CLOSES
    assert sum(row["fills"] for row in rows[:CLOSES]) == rows[-1]["fills"]
    assert json.loads((out / "replay.json").read_text()) == rows[-1]


def test_a_difference_is_named_and_fails(session: Session, tmp_path: Path, capsys: Capture) -> None:
    place = tmp_path / "session"
    place.mkdir()
    for file in session.folder.glob("*.j*"):
        (place / file.name).write_bytes(file.read_bytes())
    path = place / EXECUTOR_JOURNAL
    records: list[dict[str, Any]] = read_journal(path).records
    orders = next(record for record in records if record["kind"] == "orders")
    orders["requests"][0]["price"] = 1.25
    known = orders["requests"][0]["client_order_id"]
    path.write_bytes(b"".join(frame(record) for record in records))
    assert cli.main(["replay", str(place), "--follow"]) == 1
    told = capsys.readouterr().out
    assert f"{known} price: recorded 1.25, reproduced" in told
    assert "1 differ; ended" in told
    assert cli.main(["replay", str(place)]) == 1
    assert f"{known} price: recorded 1.25" in capsys.readouterr().out


def test_ctrl_c_ends_it_with_what_was_found_so_far(
    session: Session, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    tenure = Tenure(session.folder)
    tenure.trades()
    waiting_is(interrupt, monkeypatch)
    assert cli.main(["replay", str(session.folder), "--follow"]) == 130
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1].endswith("all identical; interrupted")
    told = read_drift(session.folder)
    assert told is not None
    assert (told["state"], told["closes"]) == ("interrupted", CLOSES)
    assert cli.main(["replay", str(session.folder), "--once"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("all identical; following")
    tenure.end(0)
