"""Where the journals of a session are: files in its folder, or rows of a database.

Both keep one protocol: one writer each, recovered before anything is added, a commit on disk before
anybody hears of it, records whole or not at all. Whoever only looks is waited for by nobody.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from aster_ray.config import Secret
from aster_ray.engine.journal import FileJournal, Scan
from aster_ray.engine.journal_tail import JournalTail
from aster_ray.engine.ports import OwnJournal, TailPort
from aster_ray.errors import BadInputError
from aster_ray.store.config import FILE, StoreConfig, is_postgresql, places_from_environment

SQLITE, POSTGRESQL = "sqlite", "postgresql"
_KINDS = (FILE, SQLITE, POSTGRESQL)
JOURNALS = "journal.sqlite"  # beside the history, whose long transactions no commit waits for


class Place(NamedTuple):
    """Where the journals of one session are, as its session.json says.

    Attributes:
        kind: ``file``, ``sqlite`` (a file of its own in the session's folder) or ``postgresql``.
        key: of the session in the database; empty for files.
    """

    kind: str = FILE
    key: str = ""


def new_place(store: StoreConfig, key: str) -> Place:
    """Return where a session that begins now keeps its journals."""
    if store.journal == FILE:
        return Place()
    return Place(POSTGRESQL if is_postgresql(store.url) else SQLITE, key)


def written_place(place: Place) -> dict[str, Any]:
    """Return the part of session.json that ``read_place`` reads; files need none."""
    return {} if place.kind == FILE else {"journal": place._asdict()}


def read_place(content: Mapping[str, Any]) -> Place:
    """Return where session.json says the journals are.

    Raises:
        ValueError: nowhere that this version knows.
    """
    written = content.get("journal")
    if written is None:
        return Place()
    place = Place(str(written["kind"]), str(written["key"]))
    if place.kind not in _KINDS:
        raise ValueError(f"journal.kind is {place.kind!r}, known are {', '.join(_KINDS)}")
    return place


class Journals(Protocol):
    """All journals of one session, by name."""

    def create(self, names: Iterable[str]) -> None:
        """Make room for the journals of a new session."""
        ...

    def discard(self, names: Iterable[str]) -> None:
        """Forget the journals of a session that never began."""
        ...

    def upgrade(self) -> None:
        """Have what an earlier version made fit this one, before a session goes on."""
        ...

    def reach(self) -> None:
        """Return once they can be reached; RetryableError if that takes too long."""
        ...

    def writer(self, name: str) -> OwnJournal:
        """Return the writer of one; nothing is opened before its ``recover``."""
        ...

    def scan(self, name: str) -> Iterable[dict[str, Any]]:
        """Return one pass over the records of one; JournalError on the way if it is damaged."""
        ...

    def tail(self, name: str) -> TailPort:
        """Return a reader that follows one from its head."""
        ...

    def exists(self, name: str) -> bool:
        """Return whether one was ever begun."""
        ...

    def written_ns(self, name: str) -> int | None:
        """Return the wall clock of its last commit; None before the first."""
        ...


class FileJournals:
    """Files in the session's folder; satisfies ``Journals``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, names: Iterable[str]) -> None:
        """Do nothing: a file is there once somebody writes it."""

    def discard(self, names: Iterable[str]) -> None:
        """Remove the files."""
        for name in names:
            (self._folder / name).unlink(missing_ok=True)

    def upgrade(self) -> None:
        """Do nothing: one format so far."""

    def reach(self) -> None:
        """Do nothing: they are on this machine."""

    def writer(self, name: str) -> FileJournal:
        """Return the writer of a file."""
        return FileJournal(self._folder / name)

    def scan(self, name: str) -> Scan:
        """Return one pass over a file."""
        return Scan(self._folder / name)

    def tail(self, name: str) -> JournalTail:
        """Return a reader that follows a file."""
        return JournalTail(self._folder / name)

    def exists(self, name: str) -> bool:
        """Return whether there is such a file."""
        return (self._folder / name).exists()

    def written_ns(self, name: str) -> int | None:
        """Return when the file last grew."""
        try:
            return (self._folder / name).stat().st_mtime_ns
        except OSError:
            return None


def open_journals(folder: Path, place: Place) -> Journals:
    """Return the journals of the session in ``folder``.

    The password of a database is in no session.json: which PostgreSQL it is, this process learns
    from its environment, as it does for the history.

    Raises:
        BadInputError: they are in PostgreSQL, and ``store.url`` names none.
    """
    if place.kind == FILE:
        return FileJournals(folder)
    if place.kind == SQLITE:
        return _in_database(folder.resolve(), place.key, Secret())
    store = places_from_environment(os.environ).store
    require_place(folder, place, store)
    return _in_database(folder.resolve(), place.key, store.url)


def require_place(folder: Path, place: Place, store: StoreConfig) -> None:
    """Refuse a configuration that does not say where the journals of a session are.

    Raises:
        BadInputError: they are in PostgreSQL, and ``store.url`` names none.
    """
    if place.kind == POSTGRESQL and not is_postgresql(store.url):
        raise BadInputError(
            f"session {folder} keeps its journals in PostgreSQL, but store.url "
            f"{'names none' if store.url.value else 'is empty'}: set ASTER__STORE__URL to the "
            "database it began with"
        )


@cache
def _in_database(folder: Path, key: str, url: Secret) -> Journals:
    """Return the same object every time: it keeps connections."""
    from aster_ray.store.sql.journals import SqlJournals  # whoever keeps files loads no database

    return SqlJournals(folder / JOURNALS, key, url)
