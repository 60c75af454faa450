"""The state of a session as one document, and whether anybody should worry about it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aster_ray import clock, topology
from aster_ray.errors import AsterError
from aster_ray.metrics.files import REPORT, read_report
from aster_ray.model.enums import TradingState, label
from aster_ray.research.drift_file import read_drift
from aster_ray.research.session import RISK_JOURNAL, load_session, place_of
from aster_ray.research.tenure import HostRecord, Phase, read_host
from aster_ray.research.view import view_from_files
from aster_ray.store.journals import open_journals

# A supervisor looks twice a second and gives an answer three: older than that is silence.
_SILENT_MS = 5_000.0
_GOOD = ("running", "draining", "finished")
HALTED = label(TradingState.HALTED)


def read_ledger(folder: Path) -> dict[str, Any]:
    """Return the ledger's view from the journals; empty for a session that recorded nothing."""
    view = view_from_files(load_session(folder))
    if view is None:
        return {}
    view.catch_up()
    return view.snapshot()


def standing(
    folder: Path, told: Mapping[str, Any] | None, ledger: Mapping[str, Any], silence: str = ""
) -> dict[str, Any]:
    """Return how the session in ``folder`` stands.

    Args:
        folder: of the session.
        told: the supervisor's ``status``; None where it does not answer.
        ledger: as ``SessionView.snapshot``.
        silence: why the supervisor does not answer.
    """
    record = read_host(folder)
    phase = Phase.ENDED if record is None else record.phase
    told = told or {}
    actors = dict(told.get("pulses", {}))
    drift = read_drift(folder)
    problems = [*_of_process(record, told, silence), *_of_actors(actors), *_of_account(ledger)]
    problems += _of_twin(drift)
    closes = int(ledger.get("closes", 0))
    ahead = max((row["progress"] + 1 for row in actors.values()), default=closes)
    return {
        "session": folder.resolve().name,
        "folder": str(folder),
        "healthy": not problems,
        "problems": problems,
        "source": "actors" if told else "journals",
        "process": {
            "phase": phase.value,
            "state": told.get("state", phase.value),
            "pid": None if record is None else record.pid,
            "began_ms": None if record is None else record.began_ms,
            "ended_ms": None if record is None else record.ended_ms,
            "exit_code": None if record is None else record.exit_code,
        },
        "report": str(folder / REPORT) if _has_report(folder) else None,
        "trading_state": ledger.get("state"),
        "close_ms": ledger.get("close_ms"),
        "last_close": told.get("last"),
        "lag": {"closes": max(0, ahead - closes), "recorded_ms": _age_ms(folder)},
        "account": dict(ledger),
        "actors": actors,
        "drift": drift,
        "venue": actors.get(topology.EXECUTOR, {}).get("says", {}).get("venue", {}),
    }


def _of_process(record: HostRecord | None, told: Mapping[str, Any], silence: str) -> list[str]:
    """Return what is wrong with the process."""
    if record is None:
        return ["was never run"]
    if record.phase is Phase.DIED:
        return [f"process {record.pid} is gone and had no time to say why"]
    if record.phase is Phase.ENDED:
        return [f"ended with exit code {record.exit_code}" + _because(record.failure)]
    if not told:
        return [f"the actors do not answer{_because(silence)}"]
    if told["state"] not in _GOOD:
        return [f"session is {told['state']}{_because(told.get('failure', ''))}"]
    return []


def _of_actors(actors: Mapping[str, Mapping[str, Any]]) -> list[str]:
    found = []
    for role, row in actors.items():
        if row["failure"]:
            found.append(f"{role}: {row['failure']}")
        elif not row["ready"]:
            found.append(f"{role} is not ready")
        elif row["heard_ms"] > _SILENT_MS:
            found.append(f"{role} was last heard {row['heard_ms'] / 1e3:.0f} s ago")
        found += _of_feed(row.get("says", {}))
        found += _of_venue(row.get("says", {}).get("venue", {}))
    return found


def _of_feed(says: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the venues a live feed listens to."""
    alive: Mapping[str, bool] = says.get("alive", {})
    found = [f"{venue} is silent" for venue, speaks in alive.items() if not speaks]
    if alive and says["source"] != next(iter(alive)):
        found.append(f"bars come from {says['source']}, which stands in")
    return found


def _of_venue(venue: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the account at a venue."""
    found = []
    if venue.get("silence"):
        found.append(f"nothing is sent, the stops rest on: {venue['silence']}")
    for symbol, qty in venue.get("external_positions", {}).items():
        does = "is being adopted" if venue["external"] == "adopt" else "is left alone"
        found.append(
            f"{symbol}: {qty:+g} at the venue beyond ours {does}; the symbol is not traded"
        )
    return found


def _of_account(ledger: Mapping[str, Any]) -> list[str]:
    return ["account is halted: `aster resume`"] if ledger.get("state") == HALTED else []


def _of_twin(drift: Mapping[str, Any] | None) -> list[str]:
    """Return what a twin found; how far prices lay is for a person to judge."""
    if drift is None or not drift.get("differing"):
        return []
    return [f"the twin decides otherwise in {drift['differing']:,} places: `aster replay --follow`"]


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


def _age_ms(folder: Path) -> float | None:
    """Return how long ago the risk journal grew; None where nobody can say."""
    try:
        changed = open_journals(folder, place_of(folder)).written_ns(RISK_JOURNAL)
    except AsterError:  # a database that is away
        return None
    return None if changed is None else (clock.wall_ns() - changed) / 1e6


def _has_report(folder: Path) -> bool:
    try:
        read_report(folder)
    except AsterError:
        return False
    return True
