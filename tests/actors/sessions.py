"""Short sessions over the built-in market, and what tests ask about them."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from actors.launch import View, run_session
from actors.warm import warm_all
from aster_ray.cli import api
from aster_ray.engine.journal import read_journal
from aster_ray.research.backtest import run_backtest
from aster_ray.research.record import RunResult
from aster_ray.research.request import RunRequest
from aster_ray.research.session import VENUE_JOURNAL, create_session

Watch = Callable[[View], None]


def a_request(days: int = 18, strategies: tuple[str, ...] = (), **options: Any) -> RunRequest:
    """Return a run of the built-in market: some warm-up, then a few hundred hourly closes."""
    given = {"start": "2025-02-01", "end": f"2025-02-{days:02d}", **options}
    return api.request_run(strategies, (), api.load_settings(None, given))


def run(
    request: RunRequest,
    folder: Path,
    watch: Watch = lambda _view: None,
    stopped: Callable[[], bool] = lambda: False,
) -> RunResult:
    """Run a session to its end in ``folder`` and return its result."""
    session = create_session(request, folder, uuid.uuid4().hex[:8])
    warm_all(session.prepare())  # a compilation in four processes would be sent to again and again
    return run_session(session, watch, stopped)


class Killer:
    """Send SIGKILL to the processes of some actors, once each, when enough closes are done."""

    def __init__(self, plan: Mapping[str, int], after: Killer | None = None) -> None:
        """Take role -> number of closes after which it dies, and whose victims are dead already.

        The supervisor shows a dead process for a second or so; a signal to it is no second death.
        """
        self._plan = dict(plan)
        self.killed: dict[str, int] = {}
        self._dead = after.killed if after else {}

    def __call__(self, view: View) -> None:
        for role, closes in list(self._plan.items()):
            if view.ledger.get("closes", 0) < closes:
                continue
            if (pid := view.facts["actors"][role]["pid"]) and pid != self._dead.get(role):
                self.killed[role] = pid
                os.kill(self.killed[role], signal.SIGKILL)
                del self._plan[role]


def assert_same_trading(one: RunResult, other: RunResult) -> None:
    """Assert that two runs are the same in orders, fills, equity and every number reported."""
    assert one.fills.tobytes() == other.fills.tobytes()
    assert one.equity.tobytes() == other.equity.tobytes()
    assert one.facts.orders == other.facts.orders or _texts(one) == _texts(other)
    assert without_session(one) == without_session(other)


def without_session(result: RunResult) -> dict[str, Any]:
    return {name: section for name, section in result.report.items() if name != "session"}


def _texts(result: RunResult) -> list[str]:
    return [repr(column) for column in result.facts.orders.values()]


def sent_ids(folder: Path) -> list[str]:
    """Return every client order id that arrived at the venue, as often as it did."""
    records = read_journal(folder / VENUE_JOURNAL).records
    return [
        one
        for record in records
        if record["kind"] == "orders"
        for one in record["client_order_ids"]  # type: ignore[attr-defined]
    ]


def backtest(request: RunRequest) -> RunResult:
    return run_backtest(request)


def is_alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
