"""One database: how to reach it, and how it comes to have the tables this version writes."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from aster_ray import clock
from aster_ray.config import Secret
from aster_ray.errors import BadInputError, RetryableError

HISTORY = "history.sqlite"
_ADVISORY_LOCK = 0x61737465_72726179  # "asterray"
_BUSY_S = 30.0
_AGAIN_S = (0.05, 1.0)  # first and longest pause before it is asked again
# A server whose machine is gone is noticed within half a minute, instead of within hours.
_ALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
_ALIVE |= {"tcp_user_timeout": 30_000}
# A writer that froze or lost its way to the server within a transaction holds its rows no longer
# than that, and nobody waits for them longer.
_LET_GO = (
    f"SET lock_timeout = '{_BUSY_S:g}s'",
    f"SET idle_in_transaction_session_timeout = '{_BUSY_S:g}s'",
)
_ON_DISK = (
    "SELECT set_config('synchronous_commit', 'on', false) "
    "WHERE current_setting('synchronous_commit') = 'off'"
)
_READ_ONLY = "25006"  # SQLSTATE of PostgreSQL
Result = TypeVar("Result")


def database_url(url: Secret, folder: Path) -> URL:
    """Return where the history of the session in ``folder`` is kept.

    Args:
        url: of the configuration; empty = SQLite in the session's folder.
        folder: of the session.

    Raises:
        BadInputError: it is no URL of a database; the password in it is not repeated.
    """
    if not url.value:
        return URL.create("sqlite", database=str(folder / HISTORY))
    try:
        found = make_url(url.value)
    except ArgumentError:
        raise BadInputError(
            "store.url must read postgresql+psycopg://user:password@host:5432/name or sqlite:///FILE"
        ) from None
    if found.drivername == "postgresql":
        found = found.set(drivername="postgresql+psycopg")
    if found.drivername not in ("sqlite", "postgresql+psycopg"):
        raise BadInputError(
            f"store.url names {found.drivername!r}: sqlite and postgresql+psycopg are supported"
        )
    return found


def is_standby(error: DBAPIError) -> bool:
    """Return whether a server only reads, as one that is to take over does until it has."""
    return getattr(error.orig, "sqlstate", None) == _READ_ONLY


class Database:
    """An engine, and errors of ours."""

    def __init__(self, url: URL, *, durable: bool = False, keep: bool = False) -> None:
        """Prepare to reach it; nothing is opened yet.

        Args:
            url: from ``database_url``.
            durable: return from a commit only once it is on disk, as a journal must. Otherwise
                SQLite may lose its last commits with the machine's power, never its consistency.
            keep: connections, for whoever asks several times a second.

        Raises:
            BadInputError: the driver is not installed.
        """
        self.url = url
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self.place = _without_passwords(url)
        settings: dict[str, Any] = (
            {"timeout": _BUSY_S} if self.is_sqlite else {"connect_timeout": 5, **_ALIVE}
        )
        pool: dict[str, Any] = {"poolclass": NullPool}
        if keep:
            pool = {"poolclass": QueuePool, "pool_size": 2, "max_overflow": -1}
        try:
            self.engine: Engine = create_engine(
                url, connect_args=settings, pool_pre_ping=keep, **pool
            )
        except ImportError as error:
            raise BadInputError(
                "store.url names PostgreSQL, but psycopg is not installed: "
                "pip install 'aster-ray[cluster]'"
            ) from error
        if self.is_sqlite:
            level = "FULL" if durable else "NORMAL"

            @event.listens_for(self.engine, "connect")
            def prepare(connection: Any, _record: Any) -> None:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute(f"PRAGMA synchronous={level}")
                connection.execute("PRAGMA foreign_keys=ON")

        else:

            @event.listens_for(self.engine, "connect")
            def insist(connection: Any, _record: Any) -> None:
                for statement in (*_LET_GO, *((_ON_DISK,) if durable else ())):
                    connection.execute(statement)
                connection.commit()

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turn what the driver raises into what the caller does next.

        Raises:
            RetryableError: it does not answer, is locked or full: nothing was committed as far as
                is known; the same may be asked again.
            BadInputError: it answers that it will not.
        """
        try:
            yield
        except OperationalError as error:
            raise RetryableError(f"database {self.place}: {_reason(error)}") from error
        except DBAPIError as error:
            if error.connection_invalidated or is_standby(error):
                raise RetryableError(f"database {self.place}: {_reason(error)}") from error
            raise BadInputError(
                f"database {self.place} refuses: {_reason(error)}; check store.url and its rights"
            ) from error
        except SQLAlchemyError as error:
            raise BadInputError(f"database {self.place}: {error}; check store.url") from error

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection whose work is committed at the end, all or nothing."""
        with self.errors(), self.engine.begin() as connection:
            yield connection

    def patiently(self, work: Callable[[], Result], patience_s: float) -> Result:
        """Return what ``work`` does; while the database does not answer, try again for a time.

        Raises:
            RetryableError: it did not answer in ``patience_s``.
        """
        until_ns = clock.monotonic_ns() + int(patience_s * 1e9)
        pause_s, longest_s = _AGAIN_S
        is_away = False
        while True:
            try:
                result = work()
            except RetryableError as error:
                if clock.monotonic_ns() >= until_ns:
                    raise
                if not is_away:
                    structlog.get_logger().warning("database_away", reason=str(error))
                is_away = True
                clock.wait(pause_s)
                pause_s = min(2.0 * pause_s, longest_s)
            else:
                if is_away:
                    structlog.get_logger().info("database_is_back", place=self.place)
                return result

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Be the only process that changes the tables themselves."""
        if self.is_sqlite:
            file = Path(f"{self.url.database}.lock")
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as handle:
                fcntl.flock(handle, fcntl.LOCK_EX)
                yield
            return
        with self.errors(), self.engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
            connection.commit()
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()


def _without_passwords(url: URL) -> str:
    """Return it for messages; a password may also stand among the options of the driver."""
    hidden = {key: "***" for key in url.query if "password" in key}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def _reason(error: DBAPIError) -> str:
    """Return the driver's own words on one line, without the statement and its values."""
    return " ".join(str(error.orig).split())
