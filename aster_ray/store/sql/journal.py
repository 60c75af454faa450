"""A journal in a database: the rows of one name, numbered, checksummed, written by one at a time.

Whoever opens it last is its writer; the writer before it learns so with its next commit, which is
refused. A commit is one transaction and returns once it is on disk (SQLite with synchronous=FULL,
PostgreSQL's own commit).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, and_, insert, select, update
from sqlalchemy.exc import IntegrityError

from aster_ray.engine.journal import Loss
from aster_ray.errors import JournalError
from aster_ray.store.sql.database import Database
from aster_ray.store.sql.schema import JournalHead, JournalRow, table

_HEADS, _ROWS = table(JournalHead), table(JournalRow)
_PAGE = 1_000  # records in memory at a time


def journal_row(session: str, name: str, n: int, record: dict[str, Any]) -> dict[str, Any]:
    """Return a record as a row of the journal table."""
    body = json.dumps(record, separators=(",", ":"))
    return {
        "session": session,
        "name": name,
        "n": n,
        "kind": str(record.get("kind", "")),
        "crc": zlib.crc32(body.encode()),
        "body": body,
    }


class SqlJournal:
    """The writer of one journal; satisfies ``JournalPort`` and is used as ``FileJournal`` is."""

    dropped = Loss()  # a transaction is there or it is not: nothing is ever torn

    def __init__(self, database: Database, session: str, name: str) -> None:
        """Name the journal; nothing is read or written before ``recover``.

        Args:
            database: durable, with this version's tables.
            session: whose journal it is.
            name: of the journal in the session.
        """
        self._database, self._session, self._name = database, session, name
        self._head = and_(_HEADS.c.session == session, _HEADS.c.name == name)
        self._connection: Connection | None = None
        self._writer = self._records = 0
        self._pending: list[dict[str, Any]] = []
        self.recovered = 0

    def recover(self) -> Iterator[dict[str, Any]]:
        """Become the writer, and yield the records that are there, one at a time.

        Raises:
            JournalError: a record is damaged or missing.
        """
        expected = self._take()
        while page := self._page(self.recovered):
            for n, crc, body in page:
                if n != self.recovered or zlib.crc32(body.encode()) != crc:
                    raise self._damaged(self.recovered)
                self.recovered += 1
                yield json.loads(body)
        if self.recovered != expected:
            raise self._damaged(self.recovered)
        self._records = expected
        self._connection = self._database.engine.connect()

    def append(self, record: dict[str, object]) -> None:
        """Add a record to the group that the next commit makes durable."""
        n = self._records + len(self._pending)
        self._pending.append(journal_row(self._session, self._name, n, record))

    def commit(self) -> None:
        """Write the group and return only once it is on disk.

        Raises:
            JournalError: another writer has taken the journal over.
            RetryableError: the database does not answer; the next commit carries the group too,
                and finds out whether this one arrived.
        """
        if not self._pending:
            return
        if self._connection is None:
            raise JournalError(f"journal {self._name} was not recovered to its end")
        count = self._records + len(self._pending)
        for row, n in zip(self._pending, range(self._records, count), strict=True):
            row["n"] = n  # appended before the journal was recovered to its end
        with self._database.errors():
            try:
                with self._connection.begin():
                    self._write(self._connection, count)
            except IntegrityError as error:
                raise self._taken() from error
        self._records = count
        self._pending.clear()

    def close(self) -> None:
        """Commit and close."""
        self.commit()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _write(self, connection: Connection, count: int) -> None:
        mine = and_(self._head, _HEADS.c.writer == self._writer)
        moved = connection.execute(
            update(_HEADS).where(mine, _HEADS.c.records == self._records).values(records=count)
        )
        if moved.rowcount == 1:
            connection.execute(insert(_ROWS), self._pending)
            return
        # A commit whose answer was lost may have arrived: then this very group is there.
        if connection.scalar(select(_HEADS.c.records).where(mine)) != count:
            raise self._taken()

    def _take(self) -> int:
        """Become the writer; return how many records there are."""
        with self._database.transaction() as connection:
            key = {"session": self._session, "name": self._name}
            moved = connection.execute(
                update(_HEADS).where(self._head).values(writer=_HEADS.c.writer + 1)
            )
            if moved.rowcount == 0:
                connection.execute(insert(_HEADS).values(**key, writer=1, records=0))
            found = connection.execute(select(_HEADS.c.writer, _HEADS.c.records).where(self._head))
            self._writer, records = found.one()
        return int(records)

    def _page(self, n: int) -> list[tuple[int, int, str]]:
        rows = (
            select(_ROWS.c.n, _ROWS.c.crc, _ROWS.c.body)
            .where(_ROWS.c.session == self._session, _ROWS.c.name == self._name, _ROWS.c.n >= n)
            .order_by(_ROWS.c.n)
            .limit(_PAGE)
        )
        with self._database.transaction() as connection:
            return [(int(n), int(crc), str(body)) for n, crc, body in connection.execute(rows)]

    def _damaged(self, n: int) -> JournalError:
        return JournalError(
            f"journal {self._name} of session {self._session} in {self._database.place} is damaged "
            f"or incomplete at record {n}; restore it from a copy or start a new session"
        )

    def _taken(self) -> JournalError:
        return JournalError(
            f"journal {self._name} of session {self._session} has another writer by now; this "
            "process writes nothing more"
        )
