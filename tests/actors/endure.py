"""Trade days at a simulated exchange and weigh every actor meanwhile; prints one JSON document.

A process of its own: the actors inherit the account's key from whoever starts Ray.
"""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from actors.launch import View, local_ray, run_session
from actors.simulated import exchange_of
from actors.warm import warm_all
from aster_ray import topology
from aster_ray.cli import api
from aster_ray.research.session import create_session

DAY_CLOSES = 288  # of five minutes
WARM_CLOSES = 500
EVERY = 50


class Sampler:
    """Count what every actor holds, once in a while."""

    def __init__(self, token: str) -> None:
        self._token = token
        self.rows: dict[str, list[tuple[int, float]]] = {}  # role -> (closes, RSS in MiB)
        self.sizes: dict[str, list[tuple[int, dict[str, int]]]] = {}
        self._next = WARM_CLOSES

    def __call__(self, view: View) -> None:
        closes = view.facts.get("closes", 0)
        import ray  # not before ``actors``, which says how it authenticates

        if view.state != "running" or closes < self._next:
            return
        self._next = closes + EVERY
        for role, row in view.facts["actors"].items():
            if not row["pid"]:
                continue
            status = Path(f"/proc/{row['pid']}/status").read_text().split("VmRSS:")[1]
            self.rows.setdefault(role, []).append((closes, int(status.split()[0]) / 1024))
            name = topology.actor_name(role, self._token)
            actor: Any = ray.get_actor(name, namespace=topology.NAMESPACE)
            self.sizes.setdefault(role, []).append((closes, ray.get(actor.census.remote())))

    def slopes(self) -> dict[str, float]:
        """Return role -> MiB a simulated day, fitted over everything after the warm-up."""
        return {
            role: float(np.polyfit(*np.array(rows).T, 1)[0]) * DAY_CLOSES
            for role, rows in self.rows.items()
        }

    def growing(self) -> dict[str, tuple[int, int]]:
        """Return containers that end larger than they were in the whole first half, and grew."""
        found = {}
        for role, samples in self.sizes.items():
            half = len(samples) // 2
            for path, size in samples[-1][1].items():
                before = [sizes.get(path, 0) for _, sizes in samples[:half]]
                after = [sizes.get(path, 0) for _, sizes in samples[half:]]
                if min(after) > max(before):
                    found[f"{role}: {path}"] = (max(before), size)
        return found


def main(folder: Path) -> None:
    """Run a session of five days; say what grew."""
    given = {"start": "2025-03-01", "end": "2025-03-05", "timeframe": "5m"}
    settings = api.load_settings(None, given, ["session.orders=simulator"])
    session = create_session(api.request_run((), (), settings), folder, uuid.uuid4().hex[:8])
    prepared, sampler = session.prepare(), Sampler(session.token)
    with exchange_of(session, prepared) as exchange:
        warm_all(prepared)
        exchange.open()
        with local_ray():
            result = run_session(session, sampler, lambda: False)
    found = {
        "closes": len(result.equity),
        "orders": len(result.facts.orders["client_order_id"]),
        "samples": {role: len(rows) for role, rows in sampler.rows.items()},
        "mib_a_day": sampler.slopes(),
        "mib_a_thousand_closes": {
            role: slope / DAY_CLOSES * 1000 for role, slope in sampler.slopes().items()
        },
        "growing": sampler.growing(),
    }
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
