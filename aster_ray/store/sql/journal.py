"""A journal in a database: the rows of one name, numbered, checksummed, written by one at a time.

Whoever opens it last is its writer; the writer before it learns so with its next commit, which is
refused. A commit is one transaction and returns once it is on disk (SQLite with synchronous=FULL,
PostgreSQL's own commit).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, and_, delete, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from aster_ray import clock
from aster_ray.engine.journal import Loss
from aster_ray.errors import BadInputError, JournalError, RetryableError
from aster_ray.store.sql.database import Database, is_standby
from aster_ray.store.sql.schema import JournalHead, JournalRow, table

_HEADS, _ROWS = table(JournalHead), table(JournalRow)
_PAGE = 500  # records in memory at a time
Result = TypeVar("Result")


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


def create_journals(database: Database, session: str, names: Iterable[str]) -> None:
    """Begin the journals of a new session, all or none.

    Without this no writer opens one: a database that was emptied, or another one under the same
    URL, must not pass for a session that has not begun.

    Raises:
        BadInputError: the session is there already.
    """
    heads = [{"session": session, "name": name, "writer": 0, "records": 0} for name in names]
    try:
        with database.errors(), database.engine.begin() as connection:
            connection.execute(insert(_HEADS), heads)
    except BadInputError as error:
        if isinstance(error.__cause__, IntegrityError):
            raise BadInputError(
                f"database {database.place} holds session {session} already: name a new folder"
            ) from error
        raise


def remove_journals(database: Database, session: str, names: Iterable[str]) -> bool:
    """Forget journals that ``create_journals`` began; return whether that leaves no other."""
    chosen = list(names)
    with database.transaction() as connection:
        for rows in (_ROWS, _HEADS):
            connection.execute(
                delete(rows).where(rows.c.session == session, rows.c.name.in_(chosen))
            )
        return connection.scalar(select(_HEADS.c.session).limit(1)) is None


class JournalRows:
    """One journal as whoever reads it sees it."""

    def __init__(self, database: Database, session: str, name: str) -> None:
        self._database, self._session, self._name = database, session, name
        self.head = and_(_HEADS.c.session == session, _HEADS.c.name == name)

    def page(self, n: int, most: int = 0) -> list[dict[str, Any]]:
        """Return the records from number ``n`` on, ``most`` at most (0 = a page).

        Raises:
            JournalError: one of them is damaged, or one is missing before it.
        """
        rows = (
            select(_ROWS.c.n, _ROWS.c.crc, _ROWS.c.body)
            .where(_ROWS.c.session == self._session, _ROWS.c.name == self._name, _ROWS.c.n >= n)
            .order_by(_ROWS.c.n)
            .limit(most or _PAGE)
        )
        with self._database.transaction() as connection:
            found = connection.execute(rows).all()
        for expected, (number, crc, body) in enumerate(found, n):
            if number != expected or zlib.crc32(body.encode()) != crc:
                raise self.damaged(expected)
        return [json.loads(body) for _, _, body in found]

    def count(self) -> tuple[int, int | None]:
        """Return how many records there are, and when the last was committed (UTC ms).

        Raises:
            JournalError: there is no such journal.
        """
        query = select(_HEADS.c.records, _HEADS.c.written_ms).where(self.head)
        with self._database.transaction() as connection:
            found = connection.execute(query).one_or_none()
        if found is None:
            raise self.unknown()
        return int(found.records), found.written_ms

    def damaged(self, n: int) -> JournalError:
        """Return what to say of a journal that cannot be read on from record ``n``."""
        return JournalError(
            f"journal {self._name} of session {self._session} in {self._database.place} is damaged "
            f"or incomplete at record {n}; restore it from a copy or start a new session"
        )

    def unknown(self) -> JournalError:
        """Return what to say where a session's journal was never begun."""
        return JournalError(
            f"database {self._database.place} has no journal {self._name} of session "
            f"{self._session}: it is another one than the session began with (store.url), or was "
            "emptied; restore it from a copy or start a new session"
        )


class SqlJournal:
    """The writer of one journal; satisfies ``OwnJournal`` and is used as ``FileJournal`` is."""

    dropped = Loss()  # a transaction is there or it is not: nothing is ever torn

    def __init__(
        self, database: Database, session: str, name: str, patience_s: float = 0.0
    ) -> None:
        """Name the journal; nothing is read or written before ``recover``.

        Args:
            database: durable, with this version's tables.
            session: whose journal it is.
            name: of the journal in the session.
            patience_s: for how long a database that does not answer is asked again.
        """
        self.name = name
        self._database, self._session, self._patience_s = database, session, patience_s
        self._rows = JournalRows(database, session, name)
        self._connection: Connection | None = None
        self._writer = self._records = 0
        self._pending: list[dict[str, Any]] = []
        self.recovered = 0

    def recover(self) -> Iterator[dict[str, Any]]:
        """Become the writer, and yield the records that are there, one at a time.

        Raises:
            JournalError: a record is damaged or missing, or there is no such journal.
        """
        expected = self._patiently(self._take)
        for record in self.scan():
            self.recovered += 1
            yield record
        if self.recovered != expected:
            raise self._rows.damaged(self.recovered)
        self._records = expected
        self._connection = self._patiently(self._connect)

    def _connect(self) -> Connection:
        with self._database.errors():
            return self._database.engine.connect()

    def scan(self) -> Iterator[dict[str, Any]]:
        """Yield every record that is there, one at a time."""
        n = 0
        while page := self._patiently(partial(self._rows.page, n)):
            n += len(page)
            yield from page

    def append(self, record: dict[str, object]) -> None:
        """Add a record to the group that the next commit makes durable."""
        n = self._records + len(self._pending)
        self._pending.append(journal_row(self._session, self.name, n, record))

    def commit(self) -> None:
        """Write the group and return only once it is on disk.

        Raises:
            JournalError: another writer has taken the journal over, or the database does not
                answer or refuses. Not what a venue that is away raises: who writes ahead must not
                go on. The next commit carries the group too, and finds out whether it arrived.
        """
        if not self._pending:
            return
        if self._connection is None:
            raise JournalError(f"journal {self.name} was not recovered to its end")
        count = self._records + len(self._pending)
        for row, n in zip(self._pending, range(self._records, count), strict=True):
            row["n"] = n  # appended before the journal was recovered to its end
        connection = self._connection
        try:
            self._patiently(lambda: self._write(connection, count))
        except (RetryableError, BadInputError) as error:
            raise JournalError(f"journal {self.name} cannot be written: {error}") from error
        self._records = count
        self._pending.clear()

    def close(self) -> None:
        """Commit and close."""
        self.commit()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _patiently(self, work: Callable[[], Result]) -> Result:
        return self._database.patiently(work, self._patience_s)

    def _write(self, connection: Connection, count: int) -> None:
        """Put the group on disk in one transaction, unless it is there."""
        mine = and_(self._rows.head, _HEADS.c.writer == self._writer)
        stamp = {"records": count, "written_ms": clock.LiveClock().now_ms()}
        arrived = self._records
        with self._database.errors():
            try:
                with connection.begin():
                    moved = connection.execute(
                        update(_HEADS).where(mine, _HEADS.c.records == self._records).values(stamp)
                    )
                    if moved.rowcount == 1:
                        connection.execute(insert(_ROWS), self._pending)
                    else:
                        # A commit whose answer was lost may have arrived: of this group, or of
                        # what it was before more was appended to it.
                        arrived = connection.scalar(select(_HEADS.c.records).where(mine)) or 0
                        if not self._records < arrived <= count:
                            raise self._taken()
            except IntegrityError as error:
                raise self._taken() from error
            except DBAPIError as error:
                if is_standby(error):
                    connection.invalidate()  # the next attempt may reach the one that took over
                raise
        if arrived > self._records:
            del self._pending[: arrived - self._records]
            self._records = arrived
            if self._pending:
                self._write(connection, count)

    def _take(self) -> int:
        """Become the writer; return how many records there are."""
        head = self._rows.head
        with self._database.transaction() as connection:
            moved = connection.execute(
                update(_HEADS).where(head).values(writer=_HEADS.c.writer + 1)
            )
            if moved.rowcount == 0:
                raise self._rows.unknown()
            found = connection.execute(select(_HEADS.c.writer, _HEADS.c.records).where(head)).one()
        self._writer = int(found.writer)
        return int(found.records)

    def _taken(self) -> JournalError:
        return JournalError(
            f"journal {self.name} of session {self._session} has another writer by now; this "
            "process writes nothing more"
        )
