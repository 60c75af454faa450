"""The journals of a session as rows of a database: SQLite in its folder, or PostgreSQL by URL."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.engine import URL

from aster_ray.config import Secret
from aster_ray.engine.journal import Loss
from aster_ray.errors import JournalError
from aster_ray.store.sql.database import Database, database_url
from aster_ray.store.sql.journal import (
    JournalRows,
    SqlJournal,
    create_journals,
    remove_journals,
)

# A server that starts again or fails over is back within it. Less than for how long an actor that
# is silent is waited for.
_PATIENCE_S = 60.0
Result = TypeVar("Result")
Patiently = Callable[[Callable[[], Any]], Any]


class SqlTail:
    """Follow one journal of a database; satisfies ``TailPort``."""

    def __init__(self, rows: JournalRows, patiently: Patiently) -> None:
        self._rows, self._patiently = rows, patiently
        self._position = 0

    def first_record(self) -> dict[str, Any] | None:
        """Return the record at the head, or None while there is none."""
        found: list[dict[str, Any]] = self._patiently(lambda: self._rows.page(0, 1))
        return found[0] if found else None

    def new_records(self) -> Iterator[dict[str, Any]]:
        """Yield the records that were committed since the last call, one at a time.

        Raises:
            JournalError: a record is damaged or missing.
            RetryableError: the database does not answer; the next call goes on from here.
        """
        while page := self._patiently(lambda: self._rows.page(self._position)):
            for record in page:
                self._position += 1
                yield record

    def behind(self) -> int:
        """Return how many records are there that were not read yet."""
        records, _ = self._patiently(self._rows.count)
        return max(0, int(records) - self._position)

    def torn(self) -> Loss:
        """Return nothing: a transaction is there or it is not.

        Raises:
            JournalError: records that were committed are gone.
        """
        if self.behind() and not self._patiently(lambda: self._rows.page(self._position, 1)):
            raise self._rows.damaged(self._position)
        return Loss()


class SqlJournals:
    """All journals of one session in one database; satisfies ``Journals``.

    Until they were reached once a database that does not answer is an error at once; after that it
    is waited for.
    """

    def __init__(self, file: Path, key: str, url: Secret) -> None:
        """Name them; nothing is opened yet.

        Args:
            file: of SQLite, where ``url`` is empty.
            key: of the session.
            url: of PostgreSQL.
        """
        self._file, self._key, self._url = file, key, url
        self._patience_s = 0.0

    @cached_property
    def _database(self) -> Database:
        if self._url.value:
            url = database_url(self._url, self._file.parent)
        else:
            url = URL.create("sqlite", database=str(self._file))
        made = Database(url, durable=True, keep=True)
        atexit.register(made.close)
        return made

    def create(self, names: Iterable[str]) -> None:
        """Make the tables if need be, and begin every journal.

        Raises:
            BadInputError: the session is there already, or the database refuses.
            RetryableError: it does not answer.
        """
        self._migrate()
        create_journals(self._database, self._key, names)
        self._patience_s = _PATIENCE_S

    def discard(self, names: Iterable[str]) -> None:
        """Forget the journals; a file that holds no others goes too."""
        is_empty = remove_journals(self._database, self._key, names)
        self._database.close()
        if self._url.value or not is_empty:
            return
        for suffix in ("", "-wal", "-shm", ".lock"):
            self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)

    def upgrade(self) -> None:
        """Have the tables be those of this version."""
        self._there()
        self._migrate()
        self._patience_s = _PATIENCE_S

    def reach(self) -> None:
        """Return once the database answers.

        Raises:
            RetryableError: it did not in a minute.
        """
        self._patience_s = _PATIENCE_S
        self._patiently(self._look)

    def writer(self, name: str) -> SqlJournal:
        """Return the writer of one journal."""
        self._there()
        return SqlJournal(self._database, self._key, name, self._patience_s)

    def scan(self, name: str) -> Iterator[dict[str, Any]]:
        """Yield the records of one journal.

        Raises:
            JournalError: one is damaged or missing.
        """
        tail = self.tail(name)
        yield from tail.new_records()
        tail.torn()

    def tail(self, name: str) -> SqlTail:
        """Return a reader that follows one journal."""
        self._there()
        return SqlTail(self._rows(name), self._patiently)

    def exists(self, name: str) -> bool:
        """Return whether anything was ever committed to it."""
        return self._count(name)[0] > 0

    def written_ns(self, name: str) -> int | None:
        """Return when the last record was committed, by its writer's clock."""
        _, written_ms = self._count(name)
        return None if written_ms is None else written_ms * 1_000_000

    def _count(self, name: str) -> tuple[int, int | None]:
        self._there()
        return self._patiently(self._rows(name).count)

    def _rows(self, name: str) -> JournalRows:
        return JournalRows(self._database, self._key, name)

    def _look(self) -> None:
        self._there()
        with self._database.transaction():
            pass

    def _there(self) -> None:
        """Refuse to make a new file in the place of one that is gone."""
        if not self._url.value and not self._file.exists():
            raise JournalError(
                f"{self._file} is missing, which held the session's journals; restore it from a "
                "copy or start a new session"
            )

    def _migrate(self) -> None:
        from aster_ray.store.sql.migrate import migrate  # half a second that only the first pays

        migrate(self._database)

    def _patiently(self, work: Callable[[], Result]) -> Result:
        return self._database.patiently(work, self._patience_s)
