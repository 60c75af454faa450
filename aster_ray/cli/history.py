"""The verb that looks into the history of sessions, and the guide to it."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aster_ray.cli import output
from aster_ray.cli.operate import Which, folder_of
from aster_ray.cli.options import verb
from aster_ray.cli.status_tables import Render
from aster_ray.errors import BadInputError

if TYPE_CHECKING:
    from rich.console import Console

    from aster_ray.store.config import StoreConfig

# In --json; on a terminal the width is for the rest.
_HIDDEN = ("session", "n", "seq", "sleeve", "level", "stop_high", "slippage", "client_order_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class History(Which):
    """Which rows."""

    table: Annotated[
        str, typer.Option(help="trades, orders, positions, signals, equity or sessions.")
    ] = "trades"
    limit: Annotated[int, typer.Option(help="The last so many rows; 0 = all.", min=0)] = 20


def register(app: typer.Typer) -> None:
    """Add the verb of this file."""
    verb(app, "history", History)(history)


def history(options: History) -> None:
    """Print a session's trades, orders, positions, signals or equity from its database."""
    from aster_ray.store.sql.read import TABLES

    if options.table not in TABLES:
        close = difflib.get_close_matches(options.table, TABLES, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise BadInputError(
            f"--table {options.table!r} is none: {hint}there are {', '.join(TABLES)}"
        )
    payload = _payload(options, _store(options))
    output.emit(options, payload, _table(payload), "history.json")


def _store(options: History) -> StoreConfig:
    from aster_ray.config import read_assignments
    from aster_ray.settings import load

    return load(options.config, os.environ, read_assignments(options.settings)).store


def _payload(options: History, store: StoreConfig) -> dict[str, Any]:
    from aster_ray.research.history import history_database, history_key
    from aster_ray.research.session import load_session
    from aster_ray.store.sql.read import read_rows

    if options.table == "sessions" and store.url.value:
        database, key = history_database(None, store), None
    else:
        session = load_session(folder_of(options))
        database, key = history_database(session, store), history_key(session)
    rows, count = read_rows(database, options.table, key, options.limit)
    return {
        "database": database.place,
        "session": key,
        "table": options.table,
        "count": count,
        "rows": rows,
    }


def _table(payload: Mapping[str, Any]) -> Render:
    def render(console: Console) -> None:
        from rich.table import Table

        rows = payload["rows"]
        hidden = _HIDDEN if payload["table"] != "sessions" else ()
        names = [name for name in (rows[0] if rows else {}) if name not in hidden]
        shown = Table(box=None, pad_edge=False)
        for name in names:
            is_text = isinstance(rows[0][name], str)
            shown.add_column(name, justify="left" if is_text else "right", overflow="fold")
        for row in rows:
            shown.add_row(*(_cell(name, row[name]) for name in names))
        console.print(shown)
        console.print(f"{len(rows)} of {payload['count']} {payload['table']}", markup=False)
        console.print(f"database {payload['database']}", soft_wrap=True, markup=False)

    return render


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name in ("ms", "began_ms"):
        return f"{datetime.fromtimestamp(value / 1e3, UTC):%Y-%m-%d %H:%M}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def guide() -> None:
    """Keep and ask: the history of sessions, and one executor at a time for each account.

    aster history [SESSION] --table trades|orders|positions|signals|equity --limit 20
    aster history --table sessions --set store.url=postgresql+psycopg://... every session there

    Every session keeps its journals, orders, trades, positions, signals and equity in tables:
    SQLite in its own folder (history.sqlite), or one PostgreSQL for all of them:

        ASTER__STORE__URL=postgresql+psycopg://aster:PASSWORD@db.example:5432/aster aster paper

    The tables are made and upgraded by themselves. The history follows the journals on a thread of
    lowest priority, half a second behind; a database that is away is caught up with when it is
    back, or by `aster history`, and never stops a session. [store] history = false keeps none.
    `pip install 'aster-ray[cluster]'` brings the drivers of PostgreSQL and Redis.

    What is traded on are the journals: files, as a commit to a database takes several times as long
    as their one fsync. With [store] journal = "sql" a new session keeps them in a database too:
    PostgreSQL where store.url names one, else journal.sqlite in its folder. Every close then waits
    for those commits. Whoever opens a journal last is its writer; one before it can add nothing. A
    PostgreSQL that goes away is waited for, a minute at most, with nothing decided, sent or
    acknowledged meanwhile (stops rest at the venue); after that the session ends with exit 1 and
    `aster live --resume` goes on from the last commit. status, replay, history and report work as
    with files; where the journals are in PostgreSQL they need its store.url.

    An account is traded by one executor: it holds a lease and asks for it before every send. On one
    machine the lease is a file: a paper session's in its folder, a live account's below
    ~/.local/state/aster-ray (ASTER_STATE_DIR), wherever the sessions are. For executors on several
    machines it is in Redis, as are a rate budget and a live snapshot they share:

        ASTER__REDIS__URL=redis://:PASSWORD@redis.example:6379/0

    Every client of a venue then draws its request weight from the budget of its address: [redis]
    address names the public one a machine has, where there are several. Cancels and protection go
    first, whichever process asks; a ban stops all. While Redis is away each process keeps to
    budget_share = 0.25 of the venue's weight, and says so.

    An executor that goes silent is followed after [redis] lease_ttl = 10 seconds, on one machine at
    once if it died. Each taking has a higher epoch, also after Redis lost all it knew. While Redis
    does not answer nothing is sent; stops rest at the venue meanwhile.
    """
