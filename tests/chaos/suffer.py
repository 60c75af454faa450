"""Put one session through a case and judge it by an undisturbed run of the same.

At the simulated exchange it is judged by the exchange's own ledger: who comes back a moment later
meets another book there.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from actors.daemon import detach
from actors.launch import run_session
from actors.warm import warm_all
from aster_ray import topology
from aster_ray.engine.config import SIMULATOR
from aster_ray.engine.journal import read_journal
from aster_ray.metrics.files import REPORT
from aster_ray.research.replay import replay_session
from aster_ray.research.request import RunRequest
from aster_ray.research.session import VENUE_JOURNAL, Session, create_session
from tests.actors.sessions import a_request, is_alive, sent_ids
from tests.chaos.cases import CLOSES, DAYS, SPEED, Case
from tests.chaos.watch import Death, Sight, Watcher, log_of

_PATIENCE_S, _LOOK_S = 400.0, 0.1
FILES = ("orders.parquet", "fills.parquet", "trades.parquet", "equity.parquet")


@dataclass(frozen=True, slots=True)
class Recovery:
    """How long one death was felt; seconds, None where it was not seen."""

    noticed: float
    answered: float | None  # from being noticed to the successor's first word that it is ready
    traded: float | None  # from death to the venue's sight of a close nobody was at work on


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case."""

    case: Case
    recoveries: tuple[Recovery, ...]
    in_flight: int | None  # number of a message that was unacknowledged at the death


class Arena:
    """Where cases are run: a folder for sessions, and one for their plans.

    With ``at_exchange`` every session has an exchange and a Ray node of its own.
    """

    def __init__(self, folder: Path, plans: Path, *, at_exchange: bool = False) -> None:
        self._folder, self._plans, self._at_exchange = folder, plans, at_exchange
        request = a_request(DAYS, symbols="BTC,ETH,SOL", speed=SPEED)
        if at_exchange:
            settings: Any = request.settings
            orders = replace(settings.session, orders=SIMULATOR)
            request = RunRequest(replace(settings, session=orders), request.strategies)
        self.request = request
        self.calm = cache(self._undisturbed)

    def _undisturbed(self) -> Path:
        folder = self._folder / "calm"
        session = create_session(self.request, folder, uuid.uuid4().hex[:8])
        warm_all(session.prepare())
        run_session(session, lambda _view: None, lambda: False)
        assert len(sent_ids(folder)) > 30
        return folder

    def suffer(self, case: Case) -> Outcome:
        """Run a case; AssertionError if anything is otherwise than in the undisturbed run."""
        if not self._at_exchange:
            self.calm()
        folder = self._folder / "-".join(case.name.replace(",", "").split())
        session = create_session(self.request, folder, uuid.uuid4().hex[:8])
        plan = self._plans / session.token
        if case.failpoints:
            plan.with_suffix(".json").write_text(json.dumps(dict(case.failpoints)))
        watcher = Watcher(folder, case, plan)
        watcher.start()
        try:
            self._live(session)
        finally:
            watcher.stop()
        assert {death.role for death in watcher.deaths} == case.victims
        if self._at_exchange:
            agree(folder)
        else:
            same_as(self.calm(), folder)
        facts = json.loads((folder / REPORT).read_text())["session"]
        check_facts(facts, watcher.deaths)
        if topology.RISK in case.victims:
            check_silence(folder, watcher)
        recoveries = tuple(
            measure(folder, facts, death, watcher.sights) for death in watcher.deaths
        )
        return Outcome(case, recoveries, in_flight(watcher.deaths))

    def _live(self, session: Session) -> None:
        if not self._at_exchange:
            run_session(session, lambda _view: None, lambda: False)
            return
        pid, end = detach(session).pid, time.monotonic() + _PATIENCE_S
        while is_alive(pid):
            assert time.monotonic() < end, f"{session.folder} does not come to its end"
            time.sleep(_LOOK_S)


def agree(folder: Path) -> None:
    """Assert that a session's books are the exchange's, and its decisions those of its journal."""
    found = json.loads((folder / REPORT).read_text())["session"]["exchange"]
    assert found["agrees"], found
    assert found["fills"] > 30
    records = read_journal(folder / VENUE_JOURNAL).records
    placed = Counter(record["id"] for record in records if record["kind"] == "place")
    placed.update(
        known
        for record in records
        if record["kind"] == "orders"
        for known, _ in record["market"]  # type: ignore[attr-defined]
    )
    assert max(placed.values()) == 1
    assert replay_session(folder).differences == []


def same_as(calm: Path, folder: Path) -> None:
    """Assert that two sessions left the same files, except what is about the session itself."""
    for name in FILES:
        assert (folder / name).read_bytes() == (calm / name).read_bytes(), name
    one, other = (json.loads((place / REPORT).read_text()) for place in (calm, folder))
    for report in (one, other):
        del report["session"]
    assert json.dumps(one) == json.dumps(other)
    ids = sent_ids(folder)
    assert len(ids) == len(set(ids))
    assert ids == sent_ids(calm)


def check_facts(facts: dict[str, Any], deaths: list[Death]) -> None:
    """Assert that the report knows of every death, and counts no message twice or not at all."""
    for death in deaths:
        is_supervisor = death.role == topology.SUPERVISOR
        row = facts["supervisor"] if is_supervisor else facts["actors"][death.role]
        assert row["restarts"] >= 1, death
        assert row["pid"] != death.pid
        assert any(one["pid"] == death.pid for one in facts["recoveries"])
    assert facts["closes"] == CLOSES
    assert {hop: row["messages"] for hop, row in facts["hops"].items()} == dict.fromkeys(
        facts["hops"], CLOSES
    )
    assert facts["dropped"] == {}  # a killed process tears no write: the kernel finishes it


def check_silence(folder: Path, watcher: Watcher) -> None:
    """Assert that no order reached the venue that the dead risk desk had not decided before."""
    (death,) = (one for one in watcher.deaths if one.role == topology.RISK)
    back_ns = _ready(folder, death)
    assert back_ns is not None
    down = [one for one in watcher.sights if death.sight.wall_ns < one.wall_ns < back_ns]
    recorded = max([death.sight.recorded, *(one.recorded for one in down)])
    assert recorded <= death.sight.recorded + 1  # at most the one on its way to the disk
    for one in down:
        assert one.taken <= recorded
        assert one.seen <= recorded + 1


def measure(folder: Path, facts: dict[str, Any], death: Death, sights: list[Sight]) -> Recovery:
    """Tell from the records how long a death was felt."""
    died_ns, ready_ns = death.sight.wall_ns, _ready(folder, death)
    lines = log_of(folder, death.role)
    started = [x["wall_ns"] for x in lines if x["event"] == "actor_started"]
    told = [one["noticed_ns"] for one in facts["recoveries"] if one["pid"] == death.pid]
    # By the supervisor, or by Ray, which starts another process.
    noticed_ns = min(x for x in (*started, *told) if x > died_ns)
    later = (one.wall_ns for one in sights if one.seen >= death.sight.seen + 2)
    traded_ns = next(later, None)
    return Recovery(
        (noticed_ns - died_ns) / 1e9,
        None if ready_ns is None else max(0, ready_ns - noticed_ns) / 1e9,
        None if traded_ns is None else (traded_ns - died_ns) / 1e9,
    )


def _ready(folder: Path, death: Death) -> int | None:
    """Return when the successor of a dead process was ready; a session may end without a ledger."""
    times = (
        int(line["wall_ns"])
        for line in log_of(folder, death.role)
        if line["event"] == "actor_ready" and line["wall_ns"] > death.sight.wall_ns
    )
    found = min(times, default=None)
    assert found is not None or death.role == topology.LEDGER
    return found


def in_flight(deaths: list[Death]) -> int | None:
    """Return the number of a message of the trading path that was unacknowledged at a death.

    Either its failpoint says so, or what the journals held at that moment does.
    """
    for death in deaths:
        if death.role not in topology.PIPELINE:
            continue
        if death.sent is not None:
            return death.sent
        if death.sight.unacknowledged is not None:
            return death.sight.unacknowledged
    return None
