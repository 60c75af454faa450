"""The history of a session: its journals in a database, followed while it runs or afterwards."""

from __future__ import annotations

from pathlib import Path

from aster_ray.engine.chronicle import read_anchor
from aster_ray.errors import BadInputError
from aster_ray.research.session import (
    EXECUTOR_JOURNAL,
    FILE,
    RISK_JOURNAL,
    Session,
    session_key,
)
from aster_ray.research.view import strategy_names
from aster_ray.store.config import StoreConfig
from aster_ray.store.sql.database import Database, database_url
from aster_ray.store.sql.history import HistoryWriter, Identity
from aster_ray.store.sql.migrate import migrate
from aster_ray.store.sql.rows import Names


def history_key(session: Session) -> str:
    """Return the session's key in every table."""
    return session_key(session.folder, session.token)


class SessionHistory:
    """Follow the journals of one session into its database."""

    def __init__(self, session: Session, store: StoreConfig) -> None:
        """Name both; nothing is read or written before ``catch_up``."""
        self._session, self._store = session, store
        self._risk = session.journals.tail(RISK_JOURNAL)
        self._executor = session.journals.tail(EXECUTOR_JOURNAL)
        self._writer: HistoryWriter | None = None

    def catch_up(self) -> int:
        """Write what the journals hold and the database does not; return how many records came.

        Raises:
            RetryableError: the database does not answer; the next call goes on from here.
            BadInputError: it refuses, or a later version made its tables.
        """
        if self._writer is None:
            self._writer = self._begin()
        return 0 if self._writer is None else self._writer.catch_up(self._risk, self._executor)

    def _begin(self) -> HistoryWriter | None:
        first = self._risk.first_record()
        if first is None:
            return None
        market, setup = read_anchor(first)
        session = self._session
        strategies = strategy_names(session)
        names = Names(
            symbols=market.symbols,
            sleeves=tuple((one, n) for n in range(len(market.symbols)) for one in strategies),
            lots=setup.rules["lot"],
            max_lots=setup.rules["max_lots"],
            capital=session.request.settings.session.capital,
        )
        identity = Identity(
            session=history_key(session),
            folder=str(session.folder.resolve()),
            began_ms=(session.folder / FILE).stat().st_mtime_ns // 1_000_000,
            run_id=session.provenance.get("run_id", ""),
            timeframe_ms=market.timeframe_ms,
        )
        database = Database(database_url(self._store.url, session.folder))
        migrate(database)
        # Journals in a database are there already, as their writers put them.
        return HistoryWriter(database, identity, names, copies=not session.place.key)


def history_database(session: Session | None, store: StoreConfig) -> Database:
    """Return the database of a session's history with all that its journals hold.

    Args:
        session: None = whatever ``store`` names, as it is.
        store: where.

    Raises:
        RetryableError: the database does not answer.
        BadInputError: there is no history, or it refuses.
    """
    if session is not None:
        complete_history(session, store)
    database = Database(database_url(store.url, Path() if session is None else session.folder))
    migrate(database)
    return database


def complete_history(session: Session, store: StoreConfig) -> None:
    """Write what is missing of a session that has ended; a complete one is only read.

    Raises:
        RetryableError: the database does not answer.
        BadInputError: there is nothing to keep, or it refuses.
    """
    if not session.journals.exists(RISK_JOURNAL):
        raise BadInputError(f"session {session.folder} recorded nothing")
    SessionHistory(session, store).catch_up()
