"""What an operator does to a session from another process: look, pause, resume, stop.

Through the session's own Ray node, joined with the same token, and not through a socket of our
own: one way to prove who one is instead of two, the same actors under the same names that the rest
of the system uses, and it reaches a session on another machine. Where Ray does not answer, what
can be known is read from the journals.
"""

from __future__ import annotations

import getpass
import platform
import uuid
from pathlib import Path
from typing import Any

from actors.join import NoAnswerError, call, join
from actors.options import TIMES
from aster_ray import clock, topology
from aster_ray.errors import AsterError
from aster_ray.model.enums import TradingState, label
from aster_ray.research.session import Session, load_session
from aster_ray.research.standing import read_ledger, standing
from aster_ray.research.tenure import HostRecord, Phase, is_running, read_host

_LOOK_S = 0.25


def status(folder: Path) -> dict[str, Any]:
    """Return how the session in ``folder`` stands, from its actors or else from its journals.

    Raises:
        BadInputError: no session, or a token that the session's node refuses.
    """
    session, record = load_session(folder), read_host(folder)
    if record is None or not is_running(record):
        return standing(folder, None, read_ledger(folder))
    try:
        with join(record):
            told = call(topology.SUPERVISOR, session.token, "status")
            try:
                ledger = call(topology.LEDGER, session.token, "snapshot")
            except NoAnswerError:
                ledger = _known(folder)
    except NoAnswerError as error:
        return standing(folder, None, read_ledger(folder), str(error))
    return standing(folder, told, ledger)


def _known(folder: Path) -> dict[str, Any]:
    """Return what the journals say; nothing where a database is away, for the session lives."""
    try:
        return read_ledger(folder)
    except AsterError:
        return {}


def set_state(folder: Path, state: TradingState, reason: str) -> dict[str, Any]:
    """Have the account of a living session trade, or only reduce, from its next close on.

    Sent again until it is answered, under one key, so that it is one command.

    Raises:
        AsterError: the session does not run, or its risk actor does not answer.
    """
    session, record = _living(folder)
    with join(record):
        answer = _command(folder, session, state, reason)
    return {"session": folder.resolve().name, "asked": label(state), **answer}


def flatten(folder: Path) -> dict[str, Any]:
    """Have a living session halt and close everything at its venue, at once.

    Raises:
        AsterError: it does not run, or one of its actors does not answer.
    """
    session, record = _living(folder)
    with join(record):
        answer = _command(folder, session, TradingState.HALTED, "aster flatten")
        closes = bool(call(topology.EXECUTOR, session.token, "flatten"))
    return {"session": folder.resolve().name, "closes": closes, **answer}


def _command(folder: Path, session: Session, state: TradingState, reason: str) -> dict[str, Any]:
    """Return what the risk actor answers to a command; call it within ``join``."""
    who = f"{getpass.getuser()}@{platform.node()}"
    arguments = (f"op-{uuid.uuid4().hex[:12]}", int(state), who, reason)
    for _ in range(_attempts()):
        try:
            answer: dict[str, Any] = call(topology.RISK, session.token, "on_command", *arguments)
        except NoAnswerError:
            clock.wait(TIMES.again)
        else:
            return answer
    raise AsterError(f"the risk actor of {folder} does not answer: see `aster status {folder}`")


def stop(folder: Path, timeout_s: float) -> dict[str, Any]:
    """End a session in order and wait until its report is written; one that ended stays ended.

    Raises:
        AsterError: it goes on after ``timeout_s``, or ended without a report.
    """
    session, record = load_session(folder), read_host(folder)
    if record is None:
        raise AsterError(f"session {folder} was never run: there is nothing to stop")
    was_running = is_running(record)
    deadline = clock.monotonic_ns() + int(timeout_s * 1e9)
    if was_running:
        _ask_to_stop(folder, session, record, deadline)
        while is_running(record := read_host(folder)) and clock.monotonic_ns() < deadline:
            clock.wait(_LOOK_S)
    if record is None or is_running(record):
        raise AsterError(
            f"session {folder} still runs after {timeout_s:g} s and goes on draining: "
            f"wait with `aster stop {folder} --timeout SECONDS`"
        )
    if was_running and (record.phase is Phase.DIED or record.failure):
        why = record.failure or "its process is gone"
        raise AsterError(f"session {folder} ended without a report: {why}")
    return {
        "session": folder.resolve().name,
        "folder": str(folder),
        "stopped": was_running,
        "phase": record.phase.value,
        "exit_code": record.exit_code,
    }


def _ask_to_stop(folder: Path, session: Session, record: HostRecord, deadline: int) -> None:
    """Tell the supervisor; a session that is only coming up has none yet."""
    current: HostRecord | None = record
    while current is not None and is_running(current):
        try:
            with join(current):
                call(topology.SUPERVISOR, session.token, "stop")
        except NoAnswerError as error:
            if clock.monotonic_ns() >= deadline:
                raise AsterError(f"session {folder} cannot be told to stop: {error}") from error
            clock.wait(_LOOK_S)
            current = read_host(folder)
        else:
            return


def _living(folder: Path) -> tuple[Session, HostRecord]:
    session, record = load_session(folder), read_host(folder)
    if record is None or not is_running(record):
        phase = "was never run" if record is None else f"has {record.phase.value}"
        raise AsterError(f"session {folder} {phase}: see `aster status {folder}`")
    return session, record


def _attempts() -> int:
    """Return how many unanswered calls are as long as an actor may take to come back."""
    return max(1, round(TIMES.restart / TIMES.answer))
