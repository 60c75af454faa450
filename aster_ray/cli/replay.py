"""The verb that puts a session through the engine again, once it has ended or while it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aster_ray.cli import drift_tables, output
from aster_ray.cli.operate import Which, folder_of
from aster_ray.cli.options import verb
from aster_ray.cli.streams import results
from aster_ray.errors import EXIT_FAILED, EXIT_INTERRUPTED

if TYPE_CHECKING:
    from aster_ray.research.follow import Follow, Lag
    from aster_ray.research.twin import Verdict

_FILE = "replay.json"
_SHOWN_BPS = 0.005  # what rounds to nothing is no line of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay(Which):
    """Which session, and until when."""

    follow: Annotated[
        bool, typer.Option("--follow", help="Go on close by close until the session ends.")
    ] = False
    once: Annotated[
        bool, typer.Option("--once", help="With --follow: compare what is there, then return.")
    ] = False


def register(app: typer.Typer) -> None:
    """Add the verb of this file."""
    verb(app, "replay", Replay)(replay)


def replay(options: Replay) -> None:
    """Put a session's recorded observations through the engine and compare every order."""
    folder = folder_of(options)
    if options.follow or options.once:
        _follow(options, folder)
        return
    from aster_ray.research.replay import replay_session

    with output.progress(options, "replay"):
        result = replay_session(folder)
    payload = {
        "orders": result.orders,
        "closes": result.closes,
        "unfinished": result.unfinished,
        "differences": result.differences,
        "dropped_bytes": result.dropped,
        "drift": result.drift,
    }
    output.emit(options, payload, drift_tables.replay_table(payload), _FILE)
    if result.differences:
        raise typer.Exit(EXIT_FAILED)


def _follow(options: Replay, folder: Path) -> None:
    """Show every close as it is compared, and at the end what came of all of them."""
    from aster_ray.research.follow import Follow

    follow = Follow(folder)
    try:
        for verdict, lag in follow.verdicts(once=options.once):
            _show(options, verdict, lag)
    except KeyboardInterrupt:
        follow.interrupt()
    _conclude(options, follow)


def _conclude(options: Replay, follow: Follow) -> None:
    payload = {"kind": "end", **follow.document()}
    if options.as_json:
        if options.out is not None:
            with output.staged(options.out) as staging:
                (staging / _FILE).write_text(output.dumps(payload), encoding="utf-8")
        _write_line(payload)
    else:
        output.emit(options, payload, drift_tables.followed_table(payload), _FILE)
    if payload["differing"]:
        raise typer.Exit(EXIT_FAILED)
    if follow.state == "interrupted":
        raise typer.Exit(EXIT_INTERRUPTED)


def _show(options: Replay, verdict: Verdict, lag: Lag) -> None:
    """Print one close: a JSON document on a line, or text."""
    if options.as_json:
        kind = "close" if verdict.seq >= 0 else "rest"
        _write_line({"kind": kind, **verdict._asdict(), "lag": lag._asdict()})
        return
    for text in _texts(verdict, lag):
        results().write(f"{text}\n")
    results().flush()


def _texts(verdict: Verdict, lag: Lag) -> Iterator[str]:
    if verdict.seq >= 0:
        yield drift_tables.close_line(verdict, lag)
    for difference in verdict.differences:
        yield f"  differs: {drift_tables.difference_text(difference)}"
    for row in verdict.drift:
        if row["bps"] is None or abs(row["bps"]) >= _SHOWN_BPS:
            yield f"  {drift_tables.drift_text(row)}"


def _write_line(payload: Mapping[str, Any]) -> None:
    stream = results()
    stream.write(json.dumps(payload, ensure_ascii=False, allow_nan=False) + "\n")
    stream.flush()  # whoever follows sees it now
