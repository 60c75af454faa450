"""Run the chaos cases and print their table: ``python -m tests.chaos [PART-OF-A-NAME ...]``.

``python -m tests.chaos --at-exchange [PART-OF-A-NAME ...]`` runs those in which somebody dies at a
named place, with orders that go to the simulated exchange. ``--exchange`` alone lives through the
scenarios at that exchange without Ray instead.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import traceback
from pathlib import Path

from actors.launch import local_ray
from aster_ray.engine.failpoints import VARIABLE
from tests.chaos.cases import AT_EXCHANGE, CASES
from tests.chaos.exchange.storm import lived_all, scenarios, table
from tests.chaos.report import summary
from tests.chaos.suffer import Arena, Outcome


def main(wanted: list[str], *, at_exchange: bool = False) -> int:
    """Run every case whose name contains one of ``wanted`` (all, if there are none)."""
    cases = AT_EXCHANGE if at_exchange else CASES
    chosen = [case for case in cases if not wanted or any(part in case.name for part in wanted)]
    outcomes: list[Outcome] = []
    failed: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        plans = Path(place) / "plans"
        plans.mkdir()
        os.environ[VARIABLE] = str(plans)
        # At the exchange every session has a node of its own.
        with contextlib.nullcontext() if at_exchange else local_ray():
            arena = Arena(Path(place), plans, at_exchange=at_exchange)
            for case in chosen:
                try:
                    outcomes.append(arena.suffer(case))
                except Exception:  # noqa: BLE001 - the next case says more than an early end
                    failed.append(case.name)
                    traceback.print_exc()
                told = "FAILED" if case.name in failed else "equal"
                print(f"{case.name}: {told}", flush=True)
    print(summary(outcomes, len(failed)))
    return bool(failed)


def storm() -> int:
    """Live through every scenario at the exchange and print what met what."""
    courses = []
    for course in lived_all(scenarios()):
        courses.append(course)
        if course.broken:
            print(course.scenario, *course.broken, sep="\n  ", flush=True)
    text, toll, broken = table(courses)
    print(text)
    for cell in toll.missing():
        print("never came about:", *cell)
    return bool(broken or toll.missing())


if __name__ == "__main__":
    given = sys.argv[1:]
    if given == ["--exchange"]:
        sys.exit(storm())
    names = [name for name in given if name != "--at-exchange"]
    sys.exit(main(names, at_exchange=names != given))
