"""The history of a session in a database, a moment behind its journals and never in their way.

The journals are what happened; this is what they say, in tables, and can be written again from
them at any time. How much of each journal is in the tables is written in the same transaction as
the rows themselves: so whoever goes on after a crash, or beside another, neither loses a row nor
writes one twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any, Protocol

from sqlalchemy import Connection, Table, select, update
from sqlalchemy.dialects import postgresql, sqlite

from aster_ray.errors import JournalError
from aster_ray.store.sql.database import Database
from aster_ray.store.sql.journal import journal_row
from aster_ray.store.sql.rows import CloseRows, Names, OrderRows, Row, Rows
from aster_ray.store.sql.schema import (
    Base,
    JournalHead,
    JournalRow,
    MetricRow,
    OrderRow,
    PositionRow,
    SessionRow,
    SignalRow,
    TradeRow,
    table,
)

RISK, EXECUTOR = "risk", "executor"
_GROUP = 500  # records of a journal in one transaction
_TABLES: dict[str, type[Base]] = {
    "metrics": MetricRow,
    "trades": TradeRow,
    "signals": SignalRow,
    "positions": PositionRow,
    "orders": OrderRow,
}
_CURSORS = {RISK: "risk_records", EXECUTOR: "executor_records"}


class Tail(Protocol):
    """A journal that is being written."""

    def new_records(self) -> Iterator[dict[str, Any]]:
        """Yield the records that appeared since the last call."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What stands in the sessions table.

    Attributes:
        session: key of every row.
        folder: of the session.
        began_ms: when it began.
        run_id: as in its report.
        timeframe_ms: between two closes.
    """

    session: str
    folder: str
    began_ms: int
    run_id: str
    timeframe_ms: int


class HistoryWriter:
    """Put a session's journals into tables, record by record, each once."""

    def __init__(
        self, database: Database, identity: Identity, names: Names, *, copies: bool = True
    ) -> None:
        """Name where; nothing is read or written before ``catch_up``.

        Args:
            database: with this version's tables.
            identity: of the session.
            names: of its indices.
            copies: whether the records themselves go into the table of journals.
        """
        self._copies = copies
        self._database, self._identity, self._names = database, identity, names
        self._key = {"session": identity.session}
        self._sources: dict[str, CloseRows | OrderRows] = {
            RISK: CloseRows(names),
            EXECUTOR: OrderRows(names),
        }
        self._read = dict.fromkeys(_CURSORS, 0)  # records of each journal folded so far
        self._rest: dict[str, tuple[list[Row], Rows]] = {}  # folded and not yet written

    def catch_up(self, risk: Tail, executor: Tail) -> int:
        """Write what appeared in both journals; return how many records that were.

        Args:
            risk: from its first record; the same object every time.
            executor: likewise.

        Raises:
            RetryableError: the database does not answer; the next call goes on from here.
            JournalError: it was put back to an earlier state; a new writer begins again.
        """
        count = 0
        for name, tail in ((RISK, risk), (EXECUTOR, executor)):
            self._write(name)  # what an earlier call could not
            stream = tail.new_records()
            while group := list(islice(stream, _GROUP)):
                self._fold(name, group)
                count += len(group)
                self._write(name)
        return count

    def _fold(self, name: str, group: list[dict[str, Any]]) -> None:
        rows, journal = Rows(), []
        for record in group:
            self._sources[name].add(record, rows)
            journal.append(journal_row(self._key["session"], name, self._read[name], record))
            self._read[name] += 1
        self._rest[name] = journal, rows

    def _write(self, name: str) -> None:
        if name not in self._rest:
            return
        journal, rows = self._rest[name]
        with self._database.transaction() as connection:
            known = self._known(connection, name)
            # What is there already was folded only to know what comes after it.
            new = [row for row in journal if row["n"] >= known]
            if new:
                if new[0]["n"] != known:
                    raise JournalError(
                        f"database {self._database.place} went back to {known} records of journal "
                        f"{name} while {new[0]['n']} were written: write it again from the start"
                    )
                if self._copies:
                    self._put(connection, table(JournalRow), new)
                for item in fields(Rows):
                    own = [{**self._key, **row} for row in getattr(rows, item.name)]
                    self._put(connection, table(_TABLES[item.name]), own)
                self._move(connection, name, known + len(new))
        del self._rest[name]

    def _known(self, connection: Connection, name: str) -> int:
        """Return how many records the tables hold; whoever else writes waits from here on."""
        sessions = table(SessionRow)
        mine = sessions.c.session == self._key["session"]
        self._put(connection, sessions, [self._session_row()], replace=False)
        # Writing takes the lock in both databases before the number is read.
        connection.execute(update(sessions).where(mine).values(folder=self._identity.folder))
        return int(connection.scalar(select(sessions.c[_CURSORS[name]]).where(mine)) or 0)

    def _move(self, connection: Connection, name: str, records: int) -> None:
        sessions = table(SessionRow)
        mine = sessions.c.session == self._key["session"]
        connection.execute(update(sessions).where(mine).values({_CURSORS[name]: records}))
        if self._copies:
            head = {**self._key, "name": name, "writer": 0, "records": records}
            self._put(connection, table(JournalHead), [{**head, "written_ms": None}])

    def _session_row(self) -> Row:
        identity, names = self._identity, self._names
        return {
            **self._key,
            "folder": identity.folder,
            "began_ms": identity.began_ms,
            "run_id": identity.run_id,
            "capital": names.capital,
            "symbols": ",".join(names.symbols),
            "strategies": ",".join(dict.fromkeys(strategy for strategy, _ in names.sleeves)),
            "timeframe_ms": identity.timeframe_ms,
            "risk_records": 0,
            "executor_records": 0,
        }

    def _put(
        self, connection: Connection, target: Table, rows: list[Row], *, replace: bool = True
    ) -> None:
        """Insert rows; one that is there is replaced by the later word on it."""
        if not rows:
            return
        keys = [column.name for column in target.primary_key]
        if replace:  # the last word on a key only: PostgreSQL takes none twice in one statement
            rows = list({tuple(row[key] for key in keys): row for row in rows}.values())
        module: Any = sqlite if self._database.is_sqlite else postgresql
        statement = module.insert(target)
        if replace and (rest := [c.name for c in target.columns if c.name not in keys]):
            new = {name: statement.excluded[name] for name in rest}
            statement = statement.on_conflict_do_update(index_elements=keys, set_=new)
        else:
            statement = statement.on_conflict_do_nothing(index_elements=keys)
        connection.execute(statement, rows)
