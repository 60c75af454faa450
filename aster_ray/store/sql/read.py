"""Rows of the history, for whoever asks."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select

from aster_ray.store.sql.database import Database
from aster_ray.store.sql.schema import (
    Base,
    MetricRow,
    OrderRow,
    PositionRow,
    SessionRow,
    SignalRow,
    TradeRow,
    table,
)

# What can be asked for -> its rows, and the columns that put them in order.
_TABLES: dict[str, tuple[type[Base], tuple[str, ...]]] = {
    "trades": (TradeRow, ("n",)),
    "orders": (OrderRow, ("n",)),
    "positions": (PositionRow, ("seq", "sleeve")),
    "signals": (SignalRow, ("seq", "sleeve")),
    "equity": (MetricRow, ("seq",)),
    "sessions": (SessionRow, ("began_ms", "session")),
}
TABLES = tuple(_TABLES)


def read_rows(
    database: Database, name: str, session: str | None, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """Return the last rows of a table, oldest first, and how many there are in all.

    Args:
        database: with this version's tables.
        name: one of ``TABLES``.
        session: whose; None = of every session.
        limit: the most rows; 0 = all.
    """
    kind, order = _TABLES[name]
    target = table(kind)
    mine = [target.c.session == session] if session is not None else []
    query = select(target).where(*mine).order_by(*(target.c[column].desc() for column in order))
    with database.transaction() as connection:
        count = connection.scalar(select(func.count()).select_from(target).where(*mine))
        found = connection.execute(query.limit(limit) if limit else query).mappings()
        rows = [dict(row) for row in found]
    return rows[::-1], int(count or 0)
