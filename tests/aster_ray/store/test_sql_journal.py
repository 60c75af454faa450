"""The journal in a database, held to what the journal in a file does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from aster_ray.config import Secret
from aster_ray.engine.journal import Loss, decode, encode
from aster_ray.errors import JournalError, RetryableError
from aster_ray.store.sql.database import Database, database_url
from aster_ray.store.sql.journal import SqlJournal
from aster_ray.store.sql.migrate import migrate
from tests.aster_ray.store.servers import PostgresServer

RECORDS: list[dict[str, Any]] = [
    {"kind": "bars", "seq": 0, "bars": encode(np.array([[1.0, np.nan, -0.0, np.inf, 5e-324]]))},
    {"kind": "orders", "seq": 0, "text": "umlaut ä, newline \n, quote \" ', nul \\u0000"},
    {"nothing": None, "seq": 2},
]
# Commits numbered records for ever and says each number once it is durable.
WRITER = """
import sys
from pathlib import Path
from aster_ray.config import Secret
from aster_ray.store.sql.database import Database, database_url
from aster_ray.store.sql.journal import SqlJournal
journal = SqlJournal(Database(database_url(Secret(sys.argv[1]), Path()), durable=True), "s", "risk")
n = sum(1 for _ in journal.recover())
while True:
    for _ in range(3):
        journal.append({"kind": "close", "seq": n})
        n += 1
    journal.commit()
    print(n, flush=True)
"""


@pytest.fixture
def database(store_url: Secret) -> Database:
    made = Database(database_url(store_url, Path()), durable=True)
    migrate(made)
    return made


def opened(database: Database, name: str = "risk") -> SqlJournal:
    journal = SqlJournal(database, "session", name)
    assert list(journal.recover()) is not None
    return journal


def read(database: Database, name: str = "risk") -> list[dict[str, Any]]:
    journal = SqlJournal(database, "session", name)
    found = list(journal.recover())
    journal.close()
    return found


def test_what_was_committed_is_there_and_nothing_else(database: Database) -> None:
    journal = opened(database)
    journal.commit()  # nothing to do
    journal.append(RECORDS[0])
    journal.append(RECORDS[1])
    journal.commit()
    journal.append(RECORDS[2])  # never committed
    assert read(database) == RECORDS[:2]
    assert read(database, "executor") == []


def test_bits_come_back(database: Database) -> None:
    journal = opened(database)
    journal.append(RECORDS[0])
    journal.close()
    (found,) = read(database)
    array = decode(RECORDS[0]["bars"], np.dtype("f8"))
    assert decode(found["bars"], np.dtype("f8")).tobytes() == array.tobytes()


def test_it_goes_on_where_it_ended(database: Database) -> None:
    first = opened(database)
    first.append(RECORDS[0])
    first.close()
    second = SqlJournal(database, "session", "risk")
    assert list(second.recover()) == RECORDS[:1]
    assert (second.recovered, second.dropped) == (1, Loss())
    second.append(RECORDS[1])
    second.close()
    assert read(database) == RECORDS[:2]


def test_nothing_is_written_before_it_was_read_to_its_end(database: Database) -> None:
    opened(database).close()
    journal = SqlJournal(database, "session", "risk")
    journal.append(RECORDS[0])
    with pytest.raises(JournalError, match="was not recovered to its end"):
        journal.commit()
    assert read(database) == []


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


@pytest.mark.slow
def test_a_writer_that_is_killed_loses_nothing_it_said_was_durable(
    database: Database, store_url: Secret
) -> None:
    said = 0
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, store_url.value], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(10):
            said = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        rest = process.stdout.read().split()
        process.stdout.close()
        said = int(rest[-1]) if rest else said
        journal = SqlJournal(database, "s", "risk")
        found = [record["seq"] for record in journal.recover()]
        journal.close()
        assert found == list(range(len(found)))
        assert said <= len(found) <= said + 3
        assert len(found) % 3 == 0  # a group is there as a whole or not at all


@pytest.mark.slow
def test_a_server_that_went_away_is_caught_up_with(account: str) -> None:
    from tests.aster_ray.store.servers import NO_POSTGRES, postgres_is_here

    if not postgres_is_here():
        pytest.skip(NO_POSTGRES)
    server = PostgresServer()
    server.start()
    try:
        url = Secret(server.create(account))
        database = Database(database_url(url, Path()), durable=True)
        migrate(database)
        journal = opened(database)
        journal.append(RECORDS[0])
        journal.commit()
        server.end(signal.SIGQUIT)  # as a crash
        journal.append(RECORDS[1])
        for _ in range(2):
            with pytest.raises(RetryableError):
                journal.commit()
        server.start()
        journal.commit()
        assert read(database) == RECORDS[:2]
    finally:
        server.remove()
