"""Look over a session's shoulder: kill whom a case names, and note what its records showed then."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from actors.pulse import FILE
from aster_ray.engine.failpoints import AFTER_SEND, EVIDENCE_AFTER_SEND, marker
from aster_ray.engine.journal_tail import JournalTail
from aster_ray.research.session import LOGS, RISK_JOURNAL, VENUE_JOURNAL
from tests.chaos.cases import ROLES, Case

LOOK_S = 0.001
# What a record of the venue's log shows; one of a real venue holds others, too.
_SHOWS = {"bars": "seen", "orders": "taken"}


class Sight(NamedTuple):
    """What the records showed at one moment."""

    wall_ns: int
    seen: int  # last close the venue has seen
    taken: int  # last close whose orders the venue has taken
    recorded: int  # last close the risk desk has recorded
    decided: int  # last recorded close with orders

    @property
    def unacknowledged(self) -> int | None:
        """Return the number of a message that was out and not answered for, or None."""
        if self.seen > self.recorded:
            return self.seen  # the venue's evidence, or the signals, of that close
        return self.decided if self.decided > self.taken else None


class Death(NamedTuple):
    """A process that was killed."""

    role: str
    pid: int
    sight: Sight
    sent: int | None = None  # number of a message it died over: sent, and not answered for


class Watcher(threading.Thread):
    """Follow the journals of one session a thousand times a second."""

    def __init__(self, folder: Path, case: Case, plan: Path) -> None:
        super().__init__(daemon=True)
        self._folder, self._case, self._plan = folder, case, plan
        self._over = threading.Event()
        self._venue, self._risk = (JournalTail(folder / x) for x in (VENUE_JOURNAL, RISK_JOURNAL))
        self._sight = Sight(0, -1, -1, -1, -1)
        self._left = dict(case.kills)
        self._planned = [tuple(name.split("/")) for name in case.failpoints]
        self.sights: list[Sight] = []
        self.deaths: list[Death] = []

    def run(self) -> None:
        """Watch until told to stop."""
        while not self._over.wait(LOOK_S):
            self.look()
            if self._left and self._sight.seen >= min(self._left.values()):
                self._kill()
            for role, point in list(self._planned):
                self._find(role, point)

    def stop(self) -> None:
        """End watching."""
        self._over.set()
        self.join()
        self.look()

    def look(self) -> None:
        """Read what is new in the journals."""
        before = self._sight
        for record in self._venue.new_records():
            kind = _SHOWS.get(record["kind"])
            if kind is not None:
                self._sight = self._sight._replace(**{kind: record["seq"]})
        for record in self._risk.new_records():
            if record["kind"] == "close":
                seq = record["seq"]
                decided = seq if record["intents"][0] != [0] else self._sight.decided
                self._sight = self._sight._replace(recorded=seq, decided=decided)
        self._sight = self._sight._replace(wall_ns=time.time_ns())
        if self._sight[1:] != before[1:]:
            self.sights.append(self._sight)

    def _kill(self) -> None:
        """Hold everybody, look, and kill: what the records show is what was in flight."""
        known = self._pids()
        victims = {role for role, close in self._left.items() if close <= self._sight.seen}
        if not victims <= set(known):
            return  # the supervisor has not heard of them yet
        time.sleep(self._case.delay)
        for pid in known.values():
            os.kill(pid, signal.SIGSTOP)
        self.look()
        for role in victims:
            os.kill(known[role], signal.SIGKILL)
            self.deaths.append(Death(role, known[role], self._sight))
            del self._left[role]
        for role in set(known) - victims:
            os.kill(known[role], signal.SIGCONT)

    def _find(self, role: str, point: str) -> None:
        """See whether a process has killed itself at its failpoint."""
        file = marker(self._plan, role, point)
        try:
            told = json.loads(file.read_text())
        except (FileNotFoundError, ValueError):  # not there, or not written out
            return
        self.look()
        sent = told["seq"] if point in (AFTER_SEND, EVIDENCE_AFTER_SEND) else None
        sight = self._sight._replace(wall_ns=told["wall_ns"])
        self.deaths.append(Death(role, told["pid"], sight, sent))
        self._planned.remove((role, point))

    def _pids(self) -> dict[str, int]:
        """Return the living process of every role that the supervisor has heard of."""
        try:
            pulses = json.loads((self._folder / FILE).read_text())["pulses"]
        except FileNotFoundError:
            return {}
        found = {role: pulses[role]["pids"][-1] for role in ROLES if pulses[role]["pids"]}
        return found if len(found) == len(ROLES) else {}


def log_of(folder: Path, role: str) -> list[dict[str, Any]]:
    """Return the log lines of a role, over all its lives, with their time in nanoseconds."""
    file = folder / LOGS / f"{role}.log"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    for line in lines:
        told = datetime.fromisoformat(line["timestamp"])
        line["wall_ns"] = int(told.timestamp() * 1e6) * 1000
    return lines
