"""One contract for the journals of a session, wherever they are kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aster_ray.config import Secret
from aster_ray.engine.journal import Loss, decode, encode
from aster_ray.errors import BadInputError, JournalError
from aster_ray.store.config import StoreConfig, export, places_from_environment
from aster_ray.store.journals import (
    JOURNALS,
    POSTGRESQL,
    SQLITE,
    Journals,
    Place,
    new_place,
    open_journals,
    read_place,
    written_place,
)
from tests.aster_ray.store.servers import PostgresServer

KEY = "paper-1-token"
Opened = Callable[..., tuple[Any, list[dict[str, Any]]]]
NAMES = ("risk.journal", "executor.journal")
RISK, EXECUTOR = NAMES
RECORDS: list[dict[str, Any]] = [
    {"kind": "bars", "seq": 0, "bars": encode(np.array([[1.0, np.nan, -0.0, np.inf, 5e-324]]))},
    {"kind": "orders", "seq": 0, "text": "umlaut ä, newline \n, quote \" ', nul \\u0000"},
    {"nothing": None, "seq": 2},
]
# Commits groups of three numbered records for ever and says each number once it is durable.
WRITER = """
import sys
from pathlib import Path
from aster_ray.store.journals import Place, open_journals
journals = open_journals(Path(sys.argv[1]), Place(sys.argv[2], sys.argv[3]))
journals.reach()
journal = journals.writer("risk.journal")
n = sum(1 for _ in journal.recover())
while True:
    for _ in range(3):
        journal.append({"kind": "close", "seq": n})
        n += 1
    journal.commit()
    print(n, flush=True)
"""


@pytest.fixture(params=["file", SQLITE, POSTGRESQL])
def place(request: pytest.FixtureRequest, account: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Return each kind in turn; a server's URL is in the environment, as a session has it."""
    if request.param == POSTGRESQL:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        monkeypatch.setenv("ASTER__STORE__URL", server.create(account))
    return Place(request.param, KEY if request.param != "file" else "")


@pytest.fixture
def journals(place: Place, tmp_path: Path) -> Journals:
    made = open_journals(tmp_path, place)
    made.create(NAMES)
    return made


@pytest.fixture
def opened(journals: Journals) -> Iterator[Opened]:
    """Return what opens a journal until the end of the test, with what was found in it."""
    with ExitStack() as ends:

        def opened(name: str = RISK) -> tuple[Any, list[dict[str, Any]]]:
            journal: Any = journals.writer(name)
            found = list(journal.recover())
            ends.callback(journal.close)
            ends.callback(journal._pending.clear)
            return journal, found

        yield opened


def written(journals: Journals, group: list[dict[str, Any]]) -> None:
    journal = journals.writer(RISK)
    for _ in journal.recover():
        pass
    for record in group:
        journal.append(record)
    journal.close()


def test_what_was_committed_is_there_for_everybody_and_nothing_else(
    journals: Journals, opened: Opened
) -> None:
    journal, _ = opened()
    journal.commit()  # nothing to do
    journal.append(RECORDS[0])
    journal.append(RECORDS[1])
    journal.commit()
    journal.append(RECORDS[2])  # never committed
    assert list(journals.scan(RISK)) == list(journal.scan()) == RECORDS[:2]
    assert list(journals.tail(RISK).new_records()) == RECORDS[:2]
    assert opened()[1] == RECORDS[:2]
    assert list(journals.scan(EXECUTOR)) == opened(EXECUTOR)[1] == []
    assert journal.name == RISK


def test_bits_come_back(journals: Journals) -> None:
    written(journals, RECORDS[:1])
    (found,) = journals.scan(RISK)
    array = decode(RECORDS[0]["bars"], np.dtype("f8"))
    assert decode(found["bars"], np.dtype("f8")).tobytes() == array.tobytes()


def test_it_goes_on_where_it_ended(journals: Journals) -> None:
    written(journals, RECORDS[:1])
    second = journals.writer(RISK)
    assert list(second.recover()) == RECORDS[:1]
    assert (second.recovered, second.dropped) == (1, Loss())
    second.append(RECORDS[1])
    second.close()
    assert list(journals.scan(RISK)) == RECORDS[:2]


def test_nothing_is_written_before_it_was_read_to_its_end(journals: Journals) -> None:
    written(journals, RECORDS[:2])
    journal = journals.writer(RISK)
    assert next(iter(journal.recover())) == RECORDS[0]
    journal.append(RECORDS[2])
    with pytest.raises(JournalError, match="was not recovered to its end"):
        journal.commit()
    assert list(journals.scan(RISK)) == RECORDS[:2]


def test_what_was_appended_before_recovery_comes_behind_what_was_there(journals: Journals) -> None:
    written(journals, RECORDS[:2])
    journal = journals.writer(RISK)
    journal.append(RECORDS[2])
    assert list(journal.recover()) == RECORDS[:2]
    journal.close()
    assert list(journals.scan(RISK)) == RECORDS


def test_a_tail_yields_every_record_once_as_they_come(journals: Journals, opened: Opened) -> None:
    tail = journals.tail(RISK)
    assert (tail.first_record(), tail.behind(), list(tail.new_records())) == (None, 0, [])
    journal, _ = opened()
    for record in RECORDS:
        journal.append(record)
        assert tail.behind() == 0
        journal.commit()
        assert tail.behind() == 1
        assert tail.first_record() == RECORDS[0]
        assert list(tail.new_records()) == [record]
    assert (tail.behind(), tail.torn()) == (0, Loss())
    # A writer that starts again is nothing to whoever looks on.
    again, _ = opened()
    again.append(RECORDS[0])
    again.commit()
    assert list(tail.new_records()) == RECORDS[:1]


def test_it_says_whether_and_when_it_was_written(journals: Journals) -> None:
    assert not journals.exists(EXECUTOR)
    assert journals.written_ns(EXECUTOR) is None
    written(journals, RECORDS[:1])
    assert journals.exists(RISK)
    first = journals.written_ns(RISK)
    written(journals, RECORDS[1:2])
    later = journals.written_ns(RISK)
    assert first is not None
    assert later is not None
    assert later >= first > 1_700_000_000 * 10**9


def test_journals_of_a_session_that_never_began_are_forgotten(
    journals: Journals, place: Place, tmp_path: Path
) -> None:
    written(journals, RECORDS[:1])
    journals.discard(NAMES)
    assert list(tmp_path.iterdir()) == []
    again = open_journals(tmp_path, place)
    again.create(NAMES)
    assert list(again.scan(RISK)) == []


def test_an_upgrade_changes_nothing_that_is_there(journals: Journals) -> None:
    written(journals, RECORDS)
    journals.upgrade()
    journals.reach()
    assert list(journals.scan(RISK)) == RECORDS


@pytest.mark.slow
def test_a_writer_that_is_killed_loses_nothing_it_said_was_durable(
    opened: Opened, place: Place, tmp_path: Path
) -> None:
    for _ in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), *place],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None
        for _ in range(10):
            said = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        rest = process.stdout.read().split("\n")[:-1]  # a last line may be torn, as anything is
        process.stdout.close()
        said = int(rest[-1]) if rest else said
        # Taken over as a successor does it: a server may still be busy with the last commit.
        found = [record["seq"] for record in opened()[1]]
        assert found == list(range(len(found)))
        assert said <= len(found) <= said + 3
        assert len(found) % 3 == 0 or place.kind == "file"  # a file keeps records whole, not groups


def test_a_session_goes_on_where_it_began(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    postgres = Secret("postgresql://someone@example/db")
    assert new_place(StoreConfig(), KEY) == Place()
    assert new_place(StoreConfig(url=postgres), KEY) == Place()
    assert new_place(StoreConfig(journal="sql"), KEY) == Place(SQLITE, KEY)
    assert new_place(StoreConfig(journal="sql", url=Secret("sqlite:///x")), KEY).kind == SQLITE
    assert new_place(StoreConfig(journal="sql", url=postgres), KEY) == Place(POSTGRESQL, KEY)
    for place in (Place(), Place(SQLITE, KEY), Place(POSTGRESQL, KEY)):
        assert read_place(written_place(place)) == place
    with pytest.raises(ValueError, match=r"journal.kind is 'clay', known are file, sqlite"):
        read_place({"journal": {"kind": "clay", "key": KEY}})
    for url, what in (("", "is empty"), ("sqlite:///x", "names none")):
        monkeypatch.setenv("ASTER__STORE__URL", url)
        with pytest.raises(BadInputError, match=f"but store.url {what}: set ASTER__STORE__URL"):
            open_journals(tmp_path, Place(POSTGRESQL, KEY))


def test_the_processes_of_a_session_learn_where_it_keeps_its_journals() -> None:
    environ = {"ASTER__STORE__JOURNAL": "sql", "ASTER__STORE__URL": "postgresql://u:hidden99@h/d"}
    places = places_from_environment(environ)
    assert places.store.journal == "sql"
    assert places_from_environment(export(places)) == places
    with pytest.raises(BadInputError, match=r"store\.journal must be file or sql, not 'clay'"):
        places_from_environment({"ASTER__STORE__JOURNAL": "clay"})


def test_a_file_that_is_gone_is_said_and_no_empty_one_takes_its_place(tmp_path: Path) -> None:
    journals = open_journals(tmp_path, Place(SQLITE, KEY))
    journals.create(NAMES)
    written(journals, RECORDS)
    (tmp_path / JOURNALS).unlink()
    for use in (
        lambda: journals.exists(RISK),
        lambda: journals.tail(RISK),
        lambda: journals.writer(RISK),
        lambda: list(journals.scan(RISK)),
        journals.upgrade,
        journals.reach,
    ):
        with pytest.raises(JournalError, match=r"journal.sqlite is missing.*restore it"):
            use()
    assert not (tmp_path / JOURNALS).exists()
