"""What the supervisor knows of each actor, kept on disk so that it outlives the supervisor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from actors.hops import Counts, Crossing, Crossings, read_counts

FILE = "supervisor.json"
STOP = "supervisor.stop"  # there once somebody asked for the end of the session
READY = "ready"


@dataclass(slots=True)
class Recovery:
    """One process that took over from another; times are UTC nanoseconds."""

    pid: int
    successor: int
    heard_ns: int  # last sign of life of the one that ended
    noticed_ns: int
    answered_ns: int = 0  # the successor's first word that it is ready; 0 until then


@dataclass(slots=True)
class Pulse:
    """What is known of one actor."""

    handle: Any = None
    pids: list[int] = field(default_factory=list)
    state: str = ""
    progress: int = -1
    failure: str = ""
    counts: dict[int, Counts] = field(default_factory=dict)  # by pid, as all that follow
    crossings: dict[int, Crossings] = field(default_factory=dict)
    stages: dict[int, Counts] = field(default_factory=dict)
    dropped: dict[int, dict[str, tuple[int, int]]] = field(default_factory=dict)
    recoveries: list[Recovery] = field(default_factory=list)
    says: dict[str, Any] = field(default_factory=dict)  # of its own work, e.g. a feed of its venue
    heard_ns: int = 0
    silent_ns: int = 0  # first question after ``heard_ns`` that went without an answer; 0 = none

    @property
    def ready(self) -> bool:
        """Return whether it has recovered and takes messages."""
        return self.state == READY

    def heard(self, health: Mapping[str, Any], now_ns: int) -> None:
        """Take an answer."""
        pid = health["pid"]
        if pid not in self.pids:
            if self.pids:
                noticed_ns = self.silent_ns or now_ns
                self.recoveries.append(Recovery(self.pids[-1], pid, self.heard_ns, noticed_ns))
            self.pids.append(pid)
        self.heard_ns, self.silent_ns = now_ns, 0
        self.state, self.failure = health["state"], health["failure"]
        self.says = health.get("says") or self.says
        self.counts[pid], self.crossings[pid] = health["hops"], health["crossings"]
        self.stages[pid], self.dropped[pid] = health["stages"], health["dropped"]
        if self.ready:
            self.progress = max(self.progress, health["progress"])
            if self.recoveries and not self.recoveries[-1].answered_ns:
                self.recoveries[-1].answered_ns = now_ns

    def missed(self, now_ns: int) -> None:
        """Take it that a question went without an answer."""
        self.silent_ns = self.silent_ns or now_ns

    def crossed(self, hop: str) -> int:
        """Return the number of the last message of ``hop`` that arrived there; -1 for none."""
        found = (one[hop].last for one in self.crossings.values() if hop in one)
        return max(found, default=-1)

    def facts(self) -> dict[str, Any]:
        """Return what a report says about it."""
        over = [one for one in self.recoveries if one.answered_ns]
        return {
            "pid": self.pids[-1] if self.pids else None,
            "restarts": len(self.recoveries),
            "downtime_ms": sum(one.answered_ns - one.heard_ns for one in over) / 1e6,
        }


def told(pulses: Mapping[str, Pulse]) -> list[dict[str, Any]]:
    """Return every recovery of a session as a report tells it, in the order they were noticed."""
    rows = [
        {
            "role": role,
            "pid": one.pid,
            "successor": one.successor,
            "noticed_ns": one.noticed_ns,
            "silent_ms": (one.noticed_ns - one.heard_ns) / 1e6,
            "answered_ms": (one.answered_ns - one.noticed_ns) / 1e6 if one.answered_ns else None,
        }
        for role, pulse in pulses.items()
        for one in pulse.recoveries
    ]
    return sorted(rows, key=lambda row: row["noticed_ns"])


def losses(pulses: Mapping[str, Pulse]) -> dict[str, dict[str, int]]:
    """Return journal -> what had to be cut off its end when it was opened, over all restarts."""
    total: dict[str, dict[str, int]] = {}
    for pulse in pulses.values():
        for dropped in pulse.dropped.values():
            for name, (size, records) in dropped.items():
                known = total.setdefault(name, {"bytes": 0, "records": 0})
                known["bytes"] += size
                known["records"] += records
    return total


def save(folder: Path, pulses: Mapping[str, Pulse], course: Mapping[str, Any]) -> None:
    """Write down what is known, in one step: whoever dies here leaves the last state whole."""
    plain = {}
    for role, pulse in pulses.items():
        plain[role] = {name: getattr(pulse, name) for name in Pulse.__slots__ if name != "handle"}
        plain[role]["recoveries"] = [asdict(one) for one in pulse.recoveries]
    partial = folder / f".{FILE}"
    partial.write_text(json.dumps({"course": dict(course), "pulses": plain}), encoding="utf-8")
    partial.replace(folder / FILE)


def load(folder: Path) -> tuple[dict[str, Pulse], dict[str, Any]]:
    """Return what a supervisor wrote down; nothing where there was none."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, {}
    pulses = {}
    for role, fields in found["pulses"].items():
        for name in ("counts", "stages"):
            fields[name] = {int(pid): read_counts(one) for pid, one in fields[name].items()}
        fields["crossings"] = {
            int(pid): {hop: Crossing(*numbers) for hop, numbers in one.items()}
            for pid, one in fields["crossings"].items()
        }
        fields["dropped"] = {int(pid): one for pid, one in fields["dropped"].items()}
        fields["recoveries"] = [Recovery(**one) for one in fields["recoveries"]]
        pulses[role] = Pulse(**fields)
    return pulses, found["course"]
