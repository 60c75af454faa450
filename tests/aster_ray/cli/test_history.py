from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from aster_ray import cli
from aster_ray.research.session import RISK_JOURNAL, conclude
from tests.aster_ray.research.test_replay import traded

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    session = traded(tmp_path_factory.mktemp("history") / "paper-1")
    conclude(session, {})
    return session.folder


@pytest.fixture
def folder(master: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(master, tmp_path / "runs" / "paper-1"))


def document(capsys: Capture, *arguments: str) -> dict[str, object]:
    assert cli.main(["history", *arguments, "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_the_last_trades_are_those_of_the_report(folder: Path, capsys: Capture) -> None:
    found = document(capsys, str(folder), "--limit", "0", "--table", "orders")
    expected = pq.read_table(folder / "orders.parquet").to_pylist()
    rows = found["rows"]
    assert isinstance(rows, list)
    assert [{name: row[name] for name in expected[0]} for row in rows] == expected
    assert found["count"] == len(expected)
    last = document(capsys, "paper-1", "--limit", "3", "--table", "orders")
    assert last["rows"] == rows[-3:]
    assert last["session"] == "paper-1-token"


@pytest.mark.parametrize("table", ["trades", "positions", "signals", "equity", "sessions"])
def test_every_table_is_printed(folder: Path, capsys: Capture, table: str) -> None:
    assert cli.main(["history", str(folder), "--table", table, "--limit", "2"]) == 0
    printed = capsys.readouterr().out
    assert f" {table}\n" in printed
    assert "database sqlite:///" in printed
    assert "2025-02-" in printed or table == "sessions"


def test_a_session_that_never_had_a_database_gets_one_where_it_is_asked_for(
    folder: Path, tmp_path: Path, capsys: Capture
) -> None:
    elsewhere = f"store.url=sqlite:///{tmp_path / 'all.sqlite'}"
    assert document(capsys, str(folder), "--set", elsewhere)["count"] != 0
    assert not (folder / "history.sqlite").exists()
    rows = document(capsys, "--table", "sessions", "--set", elsewhere)["rows"]
    assert isinstance(rows, list)
    assert [row["session"] for row in rows] == ["paper-1-token"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--table", "trade"], "--table 'trade' is none: did you mean 'trades'?"),
        (["nowhere"], "no session at nowhere"),
        (["--set", "store.url=mysql://h/db"], "store.url must begin with postgresql"),
        (["--set", "store.url=postgresql://u:hunter2hunter2@127.0.0.1:1/x"], "127.0.0.1:1/x"),
    ],
)
def test_what_cannot_be_answered_is_said(
    folder: Path, capsys: Capture, arguments: list[str], message: str
) -> None:
    assert cli.main(["history", *([] if arguments == ["nowhere"] else [str(folder)]), *arguments])
    said = capsys.readouterr().err
    assert message in said
    assert "hunter2hunter2" not in said


def test_a_session_that_recorded_nothing_has_none(folder: Path, capsys: Capture) -> None:
    (folder / RISK_JOURNAL).unlink()
    assert cli.main(["history", str(folder)]) == 2
    assert "recorded nothing" in capsys.readouterr().err
