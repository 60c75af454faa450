"""What a journal in a database has beside the contract of all journals: fencing, and a server."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from aster_ray.config import Secret
from aster_ray.errors import BadInputError, JournalError, RetryableError
from aster_ray.store.journals import POSTGRESQL, Place, open_journals
from aster_ray.store.sql import database as database_module
from aster_ray.store.sql.database import Database, database_url
from aster_ray.store.sql.journal import (
    JournalRows,
    SqlJournal,
    create_journals,
    remove_journals,
)
from aster_ray.store.sql.journals import SqlJournals, SqlTail
from aster_ray.store.sql.migrate import migrate
from tests.aster_ray.store.servers import PostgresServer, served

NAMES = ("risk", "executor")
RECORDS: list[dict[str, Any]] = [{"kind": "close", "seq": n, "value": 111} for n in range(3)]


@pytest.fixture
def database(store_url: Secret) -> Database:
    return prepared(store_url)


def prepared(url: Secret) -> Database:
    made = Database(database_url(url, Path()), durable=True)
    migrate(made)
    create_journals(made, "session", NAMES)
    return made


def opened(database: Database, name: str = "risk", patience_s: float = 0.0) -> SqlJournal:
    journal = SqlJournal(database, "session", name, patience_s)
    assert list(journal.recover()) is not None
    return journal


def read(database: Database, name: str = "risk") -> list[dict[str, Any]]:
    journal = SqlJournal(database, "session", name)
    found = list(journal.recover())
    journal.close()
    return found


def test_whoever_opens_it_last_writes_and_the_one_before_writes_nothing_more(
    database: Database,
) -> None:
    first = opened(database)
    first.append(RECORDS[0])
    first.commit()
    second = opened(database)
    first.append(RECORDS[1])
    for _ in range(2):
        with pytest.raises(JournalError, match="has another writer by now"):
            first.commit()
    second.append(RECORDS[2])
    second.commit()
    assert read(database) == [RECORDS[0], RECORDS[2]]


def test_a_commit_whose_answer_was_lost_is_not_written_twice(database: Database) -> None:
    journal = opened(database)
    journal.append(RECORDS[0])
    kept = list(journal._pending)
    journal.commit()
    # As if the answer had never come: the same group is still to be written.
    journal._records, journal._pending = 0, kept
    journal.commit()
    journal.append(RECORDS[1])
    journal.commit()
    assert read(database) == RECORDS[:2]


def test_a_group_that_grew_after_its_answer_was_lost_is_written_from_where_it_ended(
    database: Database,
) -> None:
    journal = opened(database)
    journal.append(RECORDS[0])
    kept = list(journal._pending)
    journal.commit()
    journal._records, journal._pending = 0, kept
    journal.append(RECORDS[1])
    journal.append(RECORDS[2])
    journal.commit()
    journal.append(RECORDS[0])
    journal.commit()
    assert read(database) == [*RECORDS[:3], RECORDS[0]]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE journal SET body = replace(body, '1', '2') WHERE n = 1",
        "UPDATE journal SET crc = crc + 1 WHERE n = 1",
        "DELETE FROM journal WHERE n = 1",
        "DELETE FROM journal WHERE n = 2",
        "UPDATE journals SET records = 4",
        "UPDATE journals SET records = 2",
    ],
)
def test_damage_and_loss_are_said_and_nothing_is_built_on_them(
    database: Database, damage: str
) -> None:
    journal = opened(database)
    for n in range(3):
        journal.append({"kind": "close", "seq": n, "value": 111})
    journal.close()
    with database.transaction() as connection:
        connection.execute(text(damage))
    broken = SqlJournal(database, "session", "risk")
    with pytest.raises(JournalError, match="is damaged or incomplete at record"):
        list(broken.recover())
    broken.append(RECORDS[0])
    with pytest.raises(JournalError, match="was not recovered"):
        broken.commit()


def test_long_journals_are_read_page_by_page(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aster_ray.store.sql.journal._PAGE", 7)
    journal = opened(database)
    for n in range(23):
        journal.append({"seq": n})
    journal.close()
    assert [record["seq"] for record in read(database)] == list(range(23))


def test_what_was_lost_from_the_end_is_said_to_whoever_looks_on(database: Database) -> None:
    journal = opened(database)
    for record in RECORDS:
        journal.append(record)
    journal.close()
    with database.transaction() as connection:
        connection.execute(text("DELETE FROM journal WHERE n = 2"))
    tail = SqlTail(JournalRows(database, "session", "risk"), lambda work: work())
    assert list(tail.new_records()) == RECORDS[:2]
    assert tail.behind() == 1
    with pytest.raises(JournalError, match="is damaged or incomplete at record 2"):
        tail.torn()


def test_a_session_begins_once_and_nobody_writes_where_it_did_not(database: Database) -> None:
    with pytest.raises(BadInputError, match="holds session session already"):
        create_journals(database, "session", NAMES)
    assert not remove_journals(database, "other", NAMES)
    stranger = SqlJournal(database, "other", "risk")
    with pytest.raises(JournalError, match=r"has no journal risk of session other.*store\.url"):
        list(stranger.recover())
    with pytest.raises(JournalError, match="has no journal risk of session other"):
        JournalRows(database, "other", "risk").count()
    assert remove_journals(database, "session", NAMES)


def test_a_database_without_tables_is_no_session_either(store_url: Secret) -> None:
    empty = Database(database_url(store_url, Path()), durable=True)
    with pytest.raises((BadInputError, RetryableError), match="journals"):
        list(SqlJournal(empty, "session", "risk").recover())
    with pytest.raises((BadInputError, RetryableError), match="journals"):
        create_journals(empty, "session", NAMES)


def test_a_commit_is_on_disk_whatever_the_database_was_told(database: Database) -> None:
    if database.is_sqlite:
        with database.engine.connect() as connection:
            assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
            assert connection.scalar(text("PRAGMA synchronous")) == 2  # FULL
        return
    options = f"{database.url.query['options']} -c synchronous_commit=off"
    url = database.url.update_query_dict({"options": options})
    for durable, expected in ((False, "off"), (True, "on")):
        with Database(url, durable=durable).engine.connect() as connection:
            assert connection.scalar(text("SHOW synchronous_commit")) == expected


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """Return a server that this test may end."""
    yield from served()


@pytest.mark.slow
def test_a_server_that_went_away_is_caught_up_with(
    own_server: PostgresServer, account: str
) -> None:
    database = prepared(Secret(own_server.create(account)))
    journal = opened(database)
    journal.append(RECORDS[0])
    journal.commit()
    own_server.end(signal.SIGQUIT)  # as a crash
    journal.append(RECORDS[1])
    for _ in range(2):
        # Not what a venue raises that is away: whoever writes ahead of an order must not go on.
        with pytest.raises(JournalError, match="risk cannot be written: database postgresql"):
            journal.commit()
    own_server.start()
    journal.commit()
    assert read(database) == RECORDS[:2]


@pytest.mark.slow
def test_a_session_waits_for_its_server_and_says_nothing_meanwhile(
    own_server: PostgresServer, account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTER__STORE__URL", own_server.create(account))
    place = Place(POSTGRESQL, account)
    journals = open_journals(tmp_path, place)
    journals.create(NAMES)
    journal, tail = journals.writer("risk"), journals.tail("risk")
    assert list(journal.recover()) == list(tail.new_records()) == []
    journal.append(RECORDS[0])
    own_server.end(signal.SIGQUIT)
    # Whoever comes anew is told at once; whoever was there waits.
    with pytest.raises(RetryableError, match="database postgresql"):
        SqlJournals(tmp_path / "x", account, Secret(own_server.url())).exists("risk")
    done: list[str] = []
    works: list[tuple[str, Callable[[], object]]] = [
        ("commit", journal.commit),
        ("reach", journals.reach),
        ("look", lambda: journals.tail("executor").first_record()),
    ]

    def waits(name: str, work: Callable[[], object]) -> None:
        work()
        done.append(name)

    threads = [threading.Thread(target=waits, args=one, daemon=True) for one in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(0.5)
    assert done == []
    own_server.start()
    for thread in threads:
        thread.join(60.0)
    assert sorted(done) == ["commit", "look", "reach"]
    assert list(tail.new_records()) == list(journals.scan("risk")) == RECORDS[:1]


@pytest.mark.slow
def test_a_server_that_stays_away_ends_the_wait_and_the_group_is_kept_for_later(
    own_server: PostgresServer, account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aster_ray.store.sql.journals._PATIENCE_S", 0.3)
    monkeypatch.setenv("ASTER__STORE__URL", own_server.create(account))
    journals = open_journals(tmp_path, Place(POSTGRESQL, account))
    journals.create(NAMES)
    journal = journals.writer("risk")
    assert list(journal.recover()) == []
    own_server.end(signal.SIGQUIT)
    journal.append(RECORDS[0])
    with pytest.raises(JournalError, match="cannot be written: database postgresql"):
        journal.commit()
    for work in (journals.reach, lambda: journals.exists("risk")):
        with pytest.raises(RetryableError, match="database postgresql"):
            work()
    own_server.start()
    journal.append(RECORDS[1])
    journal.commit()
    assert list(journals.scan("risk")) == RECORDS[:2]


@pytest.mark.slow
def test_a_server_that_only_reads_for_a_while_is_waited_for(
    own_server: PostgresServer, account: str
) -> None:
    database = prepared(Secret(own_server.create(account)))
    journal = opened(database, patience_s=30.0)
    admin = database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def only_reads(word: str) -> None:
        admin.execute(text("SET default_transaction_read_only = off"))
        admin.execute(text(f"ALTER ROLE CURRENT_USER SET default_transaction_read_only = {word}"))

    only_reads("on")
    assert journal._connection is not None
    journal._connection.invalidate()  # who comes anew meets it as it is now
    journal.append(RECORDS[0])
    writing = threading.Thread(target=journal.commit, daemon=True)
    with capture_logs() as told:
        writing.start()
        writing.join(1.0)
        assert writing.is_alive()
        only_reads("off")
        writing.join(30.0)
    assert read(database) == RECORDS[:1]
    assert [row["event"] for row in told] == ["database_away", "database_is_back"]
    admin.close()


@pytest.mark.slow
def test_a_writer_that_froze_within_a_commit_does_not_keep_its_rows_from_the_next(
    own_server: PostgresServer, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = ("SET lock_timeout = '0.2s'", "SET idle_in_transaction_session_timeout = '2s'")
    assert [limit.split(" = ")[0] for limit in database_module._LET_GO] == [
        limit.split(" = ")[0] for limit in limits
    ]
    monkeypatch.setattr(database_module, "_LET_GO", limits)
    database = prepared(Secret(own_server.create(account)))
    with database.engine.connect() as frozen:
        frozen.execute(text("UPDATE journals SET records = 7"))
        with pytest.raises(RetryableError, match="lock timeout"):
            list(SqlJournal(database, "session", "risk").recover())
        journal = opened(database, patience_s=30.0)
        with pytest.raises(DBAPIError), frozen.begin_nested():
            pass
        frozen.invalidate()
    journal.append(RECORDS[0])
    journal.commit()
    assert read(database) == RECORDS[:1]


def test_a_password_shows_nowhere(tmp_path: Path) -> None:
    for url in (
        "postgresql://me:hush@here/db?sslpassword=hush",
        "postgresql+psycopg://here/db?user=me&password=hush",
    ):
        place = Database(database_url(Secret(url), tmp_path)).place
        assert "hush" not in place
        assert place.startswith("postgresql+psycopg://")
