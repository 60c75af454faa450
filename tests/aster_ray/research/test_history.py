"""The database at the end of a session is what its report says, to the last bit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from aster_ray.config import Secret
from aster_ray.engine.journal import read_journal
from aster_ray.errors import BadInputError, JournalError, RetryableError
from aster_ray.research.history import SessionHistory, complete_history, history_key
from aster_ray.research.session import (
    EXECUTOR_JOURNAL,
    RISK_JOURNAL,
    Session,
    conclude,
    load_session,
)
from aster_ray.research.view import view_from_files
from aster_ray.store.config import StoreConfig
from aster_ray.store.sql.database import Database, database_url
from tests.aster_ray.research.test_replay import traded
from tests.aster_ray.store.servers import PostgresServer

FOLLOWER = """
import sys, time
from pathlib import Path
from aster_ray.config import Secret
from aster_ray.research.history import SessionHistory
from aster_ray.research.session import load_session
from aster_ray.store.config import StoreConfig
import aster_ray.store.sql.history as history
history._GROUP = 5
database = history.HistoryWriter._move
def slowly(self, connection, name, records):
    database(self, connection, name, records)
    print(records, flush=True)
history.HistoryWriter._move = slowly
store = StoreConfig(url=Secret(sys.argv[2]))
SessionHistory(load_session(Path(sys.argv[1])), store).catch_up()
"""


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a session that has traded and been reported."""
    session = traded(tmp_path_factory.mktemp("history"))
    conclude(session, {})
    return session.folder


@pytest.fixture
def session(master: Path, tmp_path: Path) -> Session:
    return load_session(Path(shutil.copytree(master, tmp_path / "session")))


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> StoreConfig:
    if request.param == "sqlite":
        return StoreConfig()
    made: PostgresServer = request.getfixturevalue("postgres_server")
    return StoreConfig(url=Secret(made.create(f"history-{tmp_path.name}"[-60:])))


def rows(
    session: Session, store: StoreConfig, table: str, order: str = "n"
) -> list[dict[str, Any]]:
    database = Database(database_url(store.url, session.folder))
    query = f"SELECT * FROM {table} WHERE session = :session ORDER BY {order}"
    with database.engine.connect() as connection:
        found = connection.execute(text(query), {"session": history_key(session)}).mappings()
        return [dict(row) for row in found]


def everything(session: Session, store: StoreConfig) -> dict[str, list[dict[str, Any]]]:
    orders = {
        "sessions": "session",
        "journals": "name",
        "journal": "name, n",
        "orders": "n",
        "trades": "n",
        "positions": "seq, sleeve",
        "signals": "seq, sleeve",
        "metrics": "seq",
    }
    return {name: rows(session, store, name, order) for name, order in orders.items()}


def report(session: Session, name: str) -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = pq.read_table(session.folder / f"{name}.parquet").to_pylist()
    return table


def assert_equals_report(session: Session, store: StoreConfig) -> None:
    for table, file, order in (("orders", "orders", "n"), ("metrics", "equity", "seq")):
        expected, found = report(session, file), rows(session, store, table, order)
        names = set(expected[0]) & set(found[0])
        assert names >= (
            {"client_order_id", "ms", "lots", "state", "price", "reason"}
            if table == "orders"
            else {"ms", "equity", "gross", "drawdown"}
        )
        assert set(expected[0]) - names <= {"buy_and_hold"}
        assert [{k: row[k] for k in names} for row in found] == [
            {k: row[k] for k in names} for row in expected
        ]
    # In a report what happened in one moment keeps the order in which it was booked.
    trades = sorted(rows(session, store, "trades"), key=lambda row: row["ms"])
    expected = report(session, "fills")
    assert [{k: row[k] for k in expected[0]} for row in trades] == expected


def test_at_the_end_the_tables_equal_the_report_exactly(
    session: Session, store: StoreConfig
) -> None:
    complete_history(session, store)
    assert_equals_report(session, store)
    assert len(rows(session, store, "orders")) > 20
    assert len(rows(session, store, "trades")) > 20


def test_the_journal_table_holds_every_record_of_both_journals(
    session: Session, store: StoreConfig
) -> None:
    import json

    complete_history(session, store)
    found = rows(session, store, "journal", "name, n")
    for name, file in (("risk", RISK_JOURNAL), ("executor", EXECUTOR_JOURNAL)):
        expected = read_journal(session.folder / file).records
        mine = [row for row in found if row["name"] == name]
        assert [json.loads(row["body"]) for row in mine] == expected
        assert [row["n"] for row in mine] == list(range(len(expected)))


def test_positions_end_where_the_ledger_says_they_do(session: Session, store: StoreConfig) -> None:
    complete_history(session, store)
    last: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows(session, store, "positions", "seq, sleeve"):
        last[row["symbol"], row["strategy"]] = row
    view = view_from_files(session)
    assert view is not None
    view.catch_up()
    shown = view.snapshot()
    names = ("symbol", "strategy", "qty", "entry_price", "stop", "take_profit")
    held = [{name: row[name] for name in names} for row in last.values() if row["lots"]]
    key = ("symbol", "strategy")
    expected = [{name: row[name] for name in names} for row in shown["positions"]]
    assert sorted(held, key=lambda row: [row[k] for k in key]) == sorted(
        expected, key=lambda row: [row[k] for k in key]
    )
    assert rows(session, store, "signals", "seq, sleeve")


def test_writing_it_again_writes_nothing(session: Session, store: StoreConfig) -> None:
    complete_history(session, store)
    first = everything(session, store)
    complete_history(session, store)
    assert everything(session, store) == first
    assert len(first["sessions"]) == 1
    assert first["sessions"][0]["symbols"] == (
        "BTCUSDT,ETHUSDT,SOLUSDT,SUIUSDT,ASTERUSDT,PENGUUSDT"
    )


def test_journals_that_grow_are_followed_record_by_record_to_the_same_tables(
    session: Session, store: StoreConfig, tmp_path: Path
) -> None:
    other = load_session(Path(shutil.copytree(session.folder, tmp_path / "growing" / "session")))
    elsewhere = StoreConfig(url=Secret(f"sqlite:///{tmp_path / 'whole.sqlite'}"))
    complete_history(session, elsewhere)
    whole = everything(session, elsewhere)
    whole["sessions"][0]["folder"] = str(other.folder.resolve())
    whole["sessions"][0]["began_ms"] = 0
    parts = {}
    for name in (RISK_JOURNAL, EXECUTOR_JOURNAL):
        parts[name] = (other.folder / name).read_bytes()
        (other.folder / name).write_bytes(b"")
    history = SessionHistory(other, store)
    assert history.catch_up() == 0
    pace = {name: max(1, len(content) // 9) + 1 for name, content in parts.items()}
    for step in range(9):
        for name, content in parts.items():  # cut anywhere, in the midst of a record too
            with (other.folder / name).open("ab") as file:
                file.write(content[step * pace[name] : (step + 1) * pace[name]])
        history.catch_up()
    found = everything(other, store)
    found["sessions"][0]["began_ms"] = 0
    assert found == whole


@pytest.mark.parametrize(
    "group", [*(pytest.param(n, marks=pytest.mark.slow) for n in (1, 7)), 50, 10_000]
)
def test_whoever_goes_on_from_any_point_comes_to_the_same(
    session: Session, store: StoreConfig, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    complete_history(session, store)
    whole = everything(session, store)
    database = Database(database_url(store.url, session.folder))
    with database.transaction() as connection:
        for name in ("journal", "journals", "sessions"):
            connection.execute(text(f"DELETE FROM {name}"))
    monkeypatch.setattr("aster_ray.store.sql.history._GROUP", group)
    written = 0

    class Enough(Exception):  # noqa: N818 - the end of a process
        pass

    from aster_ray.store.sql.history import HistoryWriter

    real = HistoryWriter._move

    def move(self: Any, *given: Any) -> None:
        nonlocal written
        real(self, *given)
        written += 1
        if written % 3 == 0:
            raise Enough  # before the transaction is committed

    monkeypatch.setattr(HistoryWriter, "_move", move)
    lives = 0
    while True:
        lives += 1
        try:
            complete_history(session, store)
        except Enough:
            if lives < 12:
                continue
            monkeypatch.setattr(HistoryWriter, "_move", real)
            complete_history(session, store)
        break
    assert everything(session, store) == whole


@pytest.mark.slow
def test_a_follower_that_is_killed_leaves_what_its_successor_completes_exactly(
    session: Session, store: StoreConfig
) -> None:
    url = store.url.value or f"sqlite:///{session.folder / 'history.sqlite'}"
    for lines in (1, 4, 9):
        process = subprocess.Popen(
            [sys.executable, "-c", FOLLOWER, str(session.folder), url],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    complete_history(session, store)
    assert_equals_report(session, store)


def test_two_who_follow_at_once_write_everything_once(session: Session, store: StoreConfig) -> None:
    one, two = SessionHistory(session, store), SessionHistory(session, store)
    one.catch_up()
    two.catch_up()
    one.catch_up()
    assert_equals_report(session, store)


def test_several_sessions_share_a_database(session: Session, store: StoreConfig) -> None:
    if not store.url.value:
        store = StoreConfig(url=Secret(f"sqlite:///{session.folder.parent / 'shared.sqlite'}"))
    complete_history(session, store)
    other = load_session(Path(shutil.copytree(session.folder, session.folder.parent / "other")))
    complete_history(other, store)
    assert_equals_report(session, store)
    assert_equals_report(other, store)


def test_a_database_that_went_back_is_said_and_written_again_by_the_next(
    session: Session, tmp_path: Path
) -> None:
    store = StoreConfig()
    history = SessionHistory(session, store)
    history.catch_up()
    with (session.folder / RISK_JOURNAL).open("rb") as file:
        last = file.readlines()[-1]
    database = Database(database_url(store.url, session.folder))
    with database.transaction() as connection:
        for name in ("metrics", "trades", "orders", "sessions", "journal"):
            connection.execute(text(f"DELETE FROM {name}"))
    with (session.folder / RISK_JOURNAL).open("ab") as file:
        file.write(last)
    with pytest.raises(JournalError, match="went back to 0 records of journal risk"):
        history.catch_up()


def test_a_database_that_is_away_loses_nothing(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = StoreConfig()
    history = SessionHistory(session, store)
    real, calls = Database.transaction, 0

    def flaky(self: Database) -> Any:
        nonlocal calls
        calls += 1
        if calls % 2:
            raise RetryableError("away")
        return real(self)

    monkeypatch.setattr(Database, "transaction", flaky)
    for _ in range(20):
        try:
            history.catch_up()
        except RetryableError:
            continue
    monkeypatch.undo()
    assert_equals_report(session, store)


def test_a_session_without_a_record_has_no_history(session: Session) -> None:
    (session.folder / RISK_JOURNAL).unlink()
    with pytest.raises(BadInputError, match="recorded nothing"):
        complete_history(session, StoreConfig())
    assert SessionHistory(session, StoreConfig()).catch_up() == 0
    assert not (session.folder / "history.sqlite").exists()
