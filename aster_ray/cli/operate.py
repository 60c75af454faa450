"""Verbs about a session that runs: status, pause, resume, reduce, halt, stop, logs."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from aster_ray.cli import output, status_tables
from aster_ray.cli.options import VerbOptions, verb
from aster_ray.errors import EXIT_FAILED, BadInputError
from aster_ray.model.enums import TradingState

# They talk to actors, so their hosts are imported by name on use; see ``runs.HOSTS``.
HOSTS = {
    "status": "actors.operate:status",
    "state": "actors.operate:set_state",
    "stop": "actors.operate:stop",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Which(VerbOptions):
    """A verb about one session."""

    session: Annotated[
        str | None,
        typer.Argument(help="Folder, or name below runs/; none = the newest living."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Word(Which):
    """A verb that leaves a command in the session's journal."""

    reason: Annotated[str, typer.Option(help="Why; it stands in the journal.")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop(Which):
    """How to end it."""

    timeout: Annotated[float, typer.Option(help="Seconds to wait for the report.", min=0.0)] = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs(Which):
    """Which lines."""

    actor: Annotated[
        str | None, typer.Option(help="One process: feed, strategy, risk, ..., host.")
    ] = None
    follow: Annotated[bool, typer.Option("--follow", help="Go on until Ctrl-C.")] = False
    lines: Annotated[int, typer.Option(help="How many of the last lines.", min=0)] = 100


def register(app: typer.Typer) -> None:
    """Add the verbs of this file."""
    verb(app, "status", Which)(status)
    verb(app, "pause", Word)(pause)
    verb(app, "resume", Word)(resume)
    verb(app, "reduce", Word)(reduce)
    verb(app, "halt", Word)(halt)
    verb(app, "stop", Stop)(stop)
    verb(app, "logs", Logs)(logs)


def status(options: Which) -> None:
    """Show how a session stands: 0 healthy, 1 not healthy or not running."""
    payload = _host("status")(folder_of(options))
    output.emit(options, payload, status_tables.status_table(payload), "status.json")
    if not payload["healthy"]:
        raise typer.Exit(EXIT_FAILED)


def pause(options: Word) -> None:
    """Open nothing new from the next close on; exits go on."""
    _say(options, TradingState.REDUCING)


def resume(options: Word) -> None:
    """Trade again from the next close on, after a pause or a halt."""
    _say(options, TradingState.ACTIVE)


def reduce(options: Word) -> None:
    """Only reduce from the next close on: the same as a pause."""
    _say(options, TradingState.REDUCING)


def halt(options: Word) -> None:
    """Close everything at the next close and trade no more until `aster resume`."""
    _say(options, TradingState.HALTED)


def stop(options: Stop) -> None:
    """Finish the close under way, write the report and end the session."""
    payload = _host("stop")(folder_of(options), options.timeout)
    output.emit(options, payload, status_tables.stop_table(payload))


def logs(options: Logs) -> None:
    """Print what the processes of a session wrote, in order of time."""
    from aster_ray.research.log_lines import follow_lines, last_lines

    folder = folder_of(options)
    show = status_tables.log_line(as_json=options.as_json)
    lines, cursor = last_lines(folder, options.actor, options.lines)
    for line in lines:
        show(line)
    if options.follow:
        for line in follow_lines(folder, options.actor, cursor):
            show(line)


def _say(options: Word, state: TradingState) -> None:
    payload: Mapping[str, Any] = _host("state")(folder_of(options), state, options.reason)
    output.emit(options, payload, status_tables.state_table(payload))


def folder_of(options: Which) -> Path:
    """Return the folder of the session that was asked for."""
    from aster_ray.config import read_assignments
    from aster_ray.research.session import place_of
    from aster_ray.research.tenure import SESSIONS, find_session
    from aster_ray.settings import load
    from aster_ray.store.config import Places, export
    from aster_ray.store.journals import POSTGRESQL

    folder, place = find_session(options.session, SESSIONS), None
    with contextlib.suppress(BadInputError):  # whoever needs more of it than its logs says so
        place = place_of(folder)
    if place is not None and place.kind == POSTGRESQL:
        # Which one, no folder says: its URL may hold a password.
        settings = load(options.config, os.environ, read_assignments(options.settings))
        os.environ.update(export(Places(settings.store, settings.redis)))
    return folder


def _host(name: str) -> Callable[..., Any]:
    module, _, function = HOSTS[name].partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found
