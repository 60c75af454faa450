"""Who runs a session: one process at a time, and what became of it.

Whoever runs a session holds a lock on its ``session.json`` for as long as it lives; the operating
system lets go of it however the process ends, so a stale file never passes for a living session.
Beside it ``host.json`` says where that process is to be found. It holds no secret, and yet only
its owner may read it: it tells where a trading process listens.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from aster_ray import clock, log
from aster_ray.errors import AsterError, BadInputError
from aster_ray.research.session import FILE

SESSIONS = Path("runs")  # where sessions are unless they are told otherwise
HOST_FILE = "host.json"
FORMAT = "aster-host/1"
_REMEDY = "remove it once its process is gone"
_ATTEMPTS = 20  # somebody who merely looks holds the lock for a moment


class Phase(StrEnum):
    """How far a session is."""

    STARTING = "starting"
    RUNNING = "running"
    ENDED = "ended"
    DIED = "died"  # never written: the process is gone and had no time to say so


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRecord:
    """The process that runs a session, or ran it.

    Attributes:
        format: of this file.
        pid: of the process.
        phase: how far it is.
        began_ms: when it took the session.
        address: of its Ray node, HOST:PORT; empty before there is one and after the end.
        ended_ms: when it let go; None before.
        exit_code: what it ended with; None before.
        failure: why it failed; empty if it did not.
    """

    format: str = FORMAT
    pid: int
    phase: Phase
    began_ms: int
    address: str = ""
    ended_ms: int | None = None
    exit_code: int | None = None
    failure: str = ""


class Tenure:
    """The right to run one session, from taking it to its end."""

    def __init__(self, folder: Path) -> None:
        """Take the session in ``folder``.

        Raises:
            BadInputError: another process runs it.
        """
        self._folder = folder
        self._lock: IO[bytes] = (folder / FILE).open("rb")
        if not _locked(self._lock, fcntl.LOCK_EX):
            self._lock.close()
            raise BadInputError(held_message(folder))
        now = clock.LiveClock().now_ms()
        self.record = HostRecord(pid=os.getpid(), phase=Phase.STARTING, began_ms=now)
        self._write()

    def listens_at(self, address: str) -> None:
        """Say where the session's Ray node is."""
        self._change(address=address)

    def trades(self) -> None:
        """Say that every actor is ready."""
        self._change(phase=Phase.RUNNING)

    def end(self, exit_code: int, failure: str = "") -> None:
        """Say how it ended, and let go."""
        now = clock.LiveClock().now_ms()
        text = log.redact_text(failure)
        ended = {"phase": Phase.ENDED, "address": "", "ended_ms": now}
        try:
            self._change(**ended, exit_code=exit_code, failure=text)
        finally:
            self._lock.close()

    def leave(self) -> None:
        """Let go without a trace: the session never began."""
        (self._folder / HOST_FILE).unlink(missing_ok=True)
        self._lock.close()

    def _change(self, **changes: Any) -> None:
        self.record = dataclasses.replace(self.record, **changes)
        self._write()

    def _write(self) -> None:
        file = self._folder / HOST_FILE
        partial = self._folder / f".{HOST_FILE}.{os.getpid()}"
        try:
            with contextlib.suppress(FileNotFoundError):
                partial.unlink()
            with open(partial, "x", encoding="utf-8", opener=_private) as stream:
                json.dump(dataclasses.asdict(self.record), stream, indent=2)
                stream.write("\n")
            partial.replace(file)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink()
            reason = error.strerror or str(error)
            raise AsterError(
                f"{file} cannot be written ({reason}): make room there, or name another folder"
            ) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _locked(file: IO[bytes], kind: int) -> bool:
    """Return whether a lock could be had, now or within a second."""
    for _ in range(_ATTEMPTS if kind == fcntl.LOCK_EX else 1):
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            clock.wait(0.05)
        else:
            return True
    return False


def is_held(folder: Path) -> bool:
    """Return whether a living process runs the session in ``folder``."""
    try:
        with (folder / FILE).open("rb") as file:
            return not _locked(file, fcntl.LOCK_SH)
    except OSError:
        return False


def held_message(folder: Path) -> str:
    """Say which process is in the way, and what to do about it."""
    record = read_host(folder)
    who = f"process {record.pid}" if record is not None else "another process"
    return (
        f"session {folder} is run by {who}: `aster stop {folder}` ends it, "
        "or name a new folder with --out"
    )


def read_host(folder: Path) -> HostRecord | None:
    """Return who runs or ran the session in ``folder``; None where nobody ever did.

    A record of a process that is gone and never said so has the phase DIED.
    """
    file = folder / HOST_FILE
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise BadInputError(
            f"{file} cannot be read ({error.strerror}): be the user who started the session"
        ) from error
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{file} cannot be read: {error}; {_REMEDY}") from error
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise BadInputError(f"{file} has format {found!r}, this version reads {FORMAT!r}")
    try:
        record = HostRecord(**{**content, "phase": Phase(content["phase"])})
    except (KeyError, TypeError, ValueError) as error:
        problem = f"{type(error).__name__}: {error}"
        raise BadInputError(f"{file} is damaged ({problem}): {_REMEDY}") from error
    if type(record.pid) is not int or type(record.began_ms) is not int:
        raise BadInputError(f"{file} is damaged (pid or began_ms is no number): {_REMEDY}")
    if record.phase is not Phase.ENDED and not is_held(folder):
        return dataclasses.replace(record, phase=Phase.DIED)
    return record


def sessions_below(parent: Path) -> Iterator[tuple[Path, HostRecord]]:
    """Yield every session of ``parent`` that was ever run, newest first.

    A dead one whose record is damaged must not stand between an operator and a living one: it is
    left out. Of a living one it is an error.
    """
    found = []
    for file in parent.glob(f"*/{HOST_FILE}"):
        try:
            record = read_host(file.parent)
        except BadInputError:
            if is_held(file.parent):
                raise
            continue
        if record is not None:
            found.append((file.parent, record))
    yield from sorted(found, key=lambda pair: pair[1].began_ms, reverse=True)


def find_session(name: str | None, parent: Path) -> Path:
    """Return the folder of the session called ``name``; None = the newest living, else newest.

    Args:
        name: a folder, or the name of one below ``parent``.
        parent: where sessions are by default.

    Raises:
        BadInputError: there is no such session.
    """
    if name is not None:
        for folder in (Path(name), parent / name):
            if (folder / FILE).is_file():
                return folder
        raise BadInputError(f"no session at {name}: name the folder of a paper session")
    newest = list(sessions_below(parent))
    if not newest:
        raise BadInputError(f"no session below {parent}/: name the folder of one")
    living = (folder for folder, record in newest if is_running(record))
    return next(living, newest[0][0])


def is_running(record: HostRecord | None) -> bool:
    """Return whether there is a process to talk to."""
    return record is not None and record.phase in (Phase.STARTING, Phase.RUNNING)
