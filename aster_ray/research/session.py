"""The folder of a session: what it was asked to do, its journals, and the report made of them.

``session.json`` is all that an actor needs to begin or to begin again; the journals are all that
happened. Everything else in the folder can be computed from the two.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aster_ray.data.live.feed_log import read_market, write_anchor
from aster_ray.engine.chronicle import closes_of, fold_execution, fold_risk
from aster_ray.engine.command import command_row, commands_of, keep_commands
from aster_ray.errors import AsterError, BadInputError, JournalError
from aster_ray.metrics.files import (
    MARKER,
    check_run_folder,
    claim_run_folder,
    write_run_files,
)
from aster_ray.research.live import begin_live
from aster_ray.research.lookahead import refuse_look_ahead
from aster_ray.research.mandate import Mandate, read_mandate
from aster_ray.research.prepare import Prepared, prepare
from aster_ray.research.record import Recorder, RunResult, finish
from aster_ray.research.recorded import read_settings, written_settings
from aster_ray.research.request import RunRequest, absolute
from aster_ray.store.config import places_from_environment
from aster_ray.store.journals import (
    JOURNALS,
    Journals,
    Place,
    new_place,
    open_journals,
    read_place,
    written_place,
)
from aster_ray.strategies.contract import Panel
from aster_ray.strategies.encode import signal_columns
from aster_ray.venues.live.costs import execution_section, order_costs

FORMAT = "aster-session/1"
# A version that knows files only must not look for them, and begin anew.
IN_DATABASE = "aster-session/2"
FILE = "session.json"
RISK_JOURNAL = "risk.journal"
EXECUTOR_JOURNAL = "executor.journal"
VENUE_JOURNAL = "venue.journal"
FEED_JOURNAL = "feed.journal"  # of a live session: what it began with, and every close released
ALL_JOURNALS = (RISK_JOURNAL, EXECUTOR_JOURNAL, VENUE_JOURNAL, FEED_JOURNAL)
LOGS = "logs"
# What must not change under a running session; the sources may, as long as they conclude the same.
_FIXED = ("data", "config", "seed")


class Session(NamedTuple):
    """One session: its folder, its id on the Ray cluster, and what it runs."""

    folder: Path
    token: str
    request: RunRequest
    provenance: Mapping[str, str]
    mandate: Mandate | None = None  # of ``aster live``; without one no real venue is reached
    place: Place = Place()  # of its journals

    @property
    def journals(self) -> Journals:
        """Return its journals, wherever they are kept."""
        return open_journals(self.folder, self.place)

    def prepare(self) -> Prepared:
        """Load what the session runs on.

        Raises:
            JournalError: data or configuration are not what the session began with.
        """
        if self.request.is_live:
            market = read_market(self.journals.scan(FEED_JOURNAL))
            # The rules and the identity of a session come from what it began with.
            prepared = prepare(self.request, market.rows(0, market.start))
        else:
            prepared = prepare(self.request)
            market = prepared.market
        found = prepared.provenance()
        # An older session did not write its contract rules down.
        known = {name: self.provenance[name] for name in found if name in self.provenance}
        changed = [
            name for name in (*_FIXED, "rules") if known.get(name, found[name]) != found[name]
        ]
        if changed:
            raise JournalError(
                f"{' and '.join(changed)} changed since session {self.folder.name} began; "
                "start a new session"
            )
        return dataclasses.replace(prepared, market=market)


def next_folder(parent: Path, stem: str = "paper") -> Path:
    """Create and return ``parent/stem-N`` with the lowest N above those that are there."""
    check_run_folder(parent / f"{stem}-new")
    parent.mkdir(parents=True, exist_ok=True)
    taken = [
        int(path.name.removeprefix(f"{stem}-"))
        for path in parent.glob(f"{stem}-*")
        if path.name.removeprefix(f"{stem}-").isdecimal()
    ]
    number = max(taken, default=0) + 1
    while True:
        folder = parent / f"{stem}-{number}"
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1  # another session began in the same moment
        else:
            return folder


def create_session(
    request: RunRequest, out: Path, token: str, mandate: Mandate | None = None
) -> Session:
    """Claim ``out`` for a new session and write its session.json.

    Args:
        request: what to run; its market is loaded once here, so that a bad one ends at once.
        out: a new, empty or earlier backtest's folder; an earlier session's is refused.
        token: the session's part of the actors' names.
        mandate: what ``aster live`` granted.
    """
    if any((out / name).exists() for name in (FILE, RISK_JOURNAL, JOURNALS)):
        raise _taken(out)
    check_run_folder(out)
    fixed = absolute(request)
    prepared = prepare(fixed, begin_live(fixed) if fixed.is_live else None)
    refuse_look_ahead(prepared)
    if prepared.own_strategies:  # what a backtest would refuse, a session refuses before it trades
        signal_columns(prepared.own_strategies, Panel.of(prepared.market))
    provenance = prepared.provenance()
    folder = claim_run_folder(out)
    (folder / LOGS).mkdir(exist_ok=True)
    place = new_place(places_from_environment(os.environ).store, session_key(folder, token))
    journals = open_journals(folder, place)
    try:
        journals.create(ALL_JOURNALS)
        try:
            if fixed.is_live:
                write_anchor(journals.writer(FEED_JOURNAL), prepared.market)
        except AsterError:
            if place.key:
                with contextlib.suppress(AsterError):  # rows that no session names, at worst
                    journals.discard(ALL_JOURNALS)
            raise
    except AsterError:
        if not (folder / FILE).exists():  # else somebody else's session is there by now
            _let_go(folder)
        raise
    content = {
        "format": IN_DATABASE if place.key else FORMAT,
        "token": token,
        "provenance": provenance,
        "settings": written_settings(fixed.settings),
        "strategies": [[spec, params] for spec, params in fixed.strategies],
        **({} if mandate is None else {"mandate": mandate.plain()}),
        **written_place(place),
    }
    partial = folder / f".{FILE}.{os.getpid()}"
    try:
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        # Never in the place of one that is there by now: whoever runs it holds a lock on that very
        # file, and another in its place would let two processes write the same journals.
        (folder / FILE).hardlink_to(partial)
    except FileExistsError:
        if place.key:
            journals.discard(ALL_JOURNALS)  # the other's have another key
        raise _taken(out) from None
    finally:
        partial.unlink(missing_ok=True)
    return load_session(folder)


def _taken(out: Path) -> BadInputError:
    return BadInputError(f"--out {out} holds a session already: name a new folder")


def abandon(session: Session) -> None:
    """Remove a session that never got as far as a journal; one that did keeps everything."""
    if session.journals.exists(RISK_JOURNAL):
        return
    session.journals.discard(ALL_JOURNALS if session.place.key else (FEED_JOURNAL,))
    _let_go(session.folder)


def _let_go(folder: Path) -> None:
    """Leave a folder as it was before a session claimed it."""
    shutil.rmtree(folder / LOGS, ignore_errors=True)
    for name in (FILE, MARKER):
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # there was something before
        folder.rmdir()


def session_key(folder: Path, token: str) -> str:
    """Return what a session is called in a database: FOLDER-TOKEN."""
    return f"{folder.resolve().name}-{token}"


def load_session(folder: Path) -> Session:
    """Read the session in ``folder``.

    Raises:
        BadInputError: there is none, or a later version wrote it.
    """
    content, file = _content(folder), folder / FILE
    try:
        settings = read_settings(content["settings"], FILE)
        strategies = tuple((str(spec), dict(params)) for spec, params in content["strategies"])
        provenance = {name: str(value) for name, value in content["provenance"].items()}
        for name in _FIXED:
            provenance[name]  # what cannot be compared later is missed now
        request = RunRequest(settings, strategies)
        mandate = read_mandate(content.get("mandate"))
        token, place = str(content["token"]), read_place(content)
        return Session(folder, token, request, provenance, mandate, place)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInputError(
            f"{file} is damaged ({type(error).__name__}: {error}): restore it, or begin a new "
            "session"
        ) from error


def _content(folder: Path) -> dict[str, Any]:
    """Return what session.json says, unread."""
    file = folder / FILE
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        found = content.get("format") if isinstance(content, dict) else None
    except OSError as error:
        raise BadInputError(
            f"no session at {folder}: {error.strerror or error}; name the folder of a paper session"
        ) from error
    except ValueError as error:
        raise BadInputError(f"{file} is not a session: {error}") from error
    if found not in (FORMAT, IN_DATABASE):
        raise BadInputError(f"{file} has format {found!r}, this version reads {IN_DATABASE!r}")
    return dict(content)


def place_of(folder: Path) -> Place:
    """Return where the session in ``folder`` keeps its journals; its settings are not read.

    Raises:
        BadInputError: there is none, or its session.json is damaged.
    """
    content = _content(folder)
    try:
        return read_place(content)
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(f"{folder / FILE} is damaged: {error}") from error


def conclude(session: Session, facts: Mapping[str, Any]) -> RunResult:
    """Compute the report of a session from its journals and write it into its folder.

    Args:
        session: finished or stopped; only closes the risk desk made durable count.
        facts: the ``session`` section of the report: messages, latency, restarts; the operator's
            commands are added from the journal.
    """
    prepared = session.prepare()
    risk, execution, recorder = prepared.risk_desk(), prepared.execution_desk(), Recorder()
    told: list[dict[str, Any]] = []
    records = keep_commands(session.journals.scan(RISK_JOURNAL), told)
    for close in fold_risk(risk, closes_of(records)):
        recorder.add(close.orders, close.report)
    fold_execution(execution, session.journals.scan(EXECUTOR_JOURNAL))
    market, closes = prepared.market, len(recorder.close_ms)
    if market.start + closes < len(market):
        rows = market.rows(0, market.start + closes)
        prepared = dataclasses.replace(prepared, market=rows)
    if prepared.request.trades_at_venue:
        account = prepared.venue_account(session.token)
        log = session.journals.scan(VENUE_JOURNAL)
        costs = order_costs(log, account, prepared.instruments)
        facts = {**facts, "execution": execution_section(costs)}
    commands = [command_row(command) for command in commands_of(told)]
    result = finish(prepared, (risk, execution), recorder, {**facts, "commands": commands})
    write_run_files(result.report, result.facts, session.folder)
    return result
