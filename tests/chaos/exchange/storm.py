"""All scenarios, and the table of what met what in them."""

from __future__ import annotations

import multiprocessing
import os
import random
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import structlog

from tests.chaos.exchange.cold import IDLE, KINDS, REFUSED
from tests.chaos.exchange.house import FAULTS
from tests.chaos.exchange.plot import ACTORS, CELLS, PLACES, Cell, Place, Toll
from tests.chaos.exchange.states import STATES
from tests.chaos.exchange.verdict import verdict
from tests.chaos.exchange.world import THIN, World

SCENARIOS = 500
_EACH = 6  # meetings a scenario is to bring about
_COLD = 4  # every so manieth scenario has a cold restart
_AGAIN = 3  # of those that did not come about, in a scenario of the next round
_ROUNDS = 12
_SILENT = 50
_SHUFFLED = 20261121


class Scenario(NamedTuple):
    """What makes a scenario, to the last bit but the operating system's."""

    seed: int
    wanted: tuple[Cell, ...]
    place: Place | None = None
    cold: str = ""  # what somebody loses who comes back


class Course(NamedTuple):
    """What came of one."""

    scenario: Scenario
    broken: tuple[str, ...]
    toll: Toll
    deaths: int
    fills: int
    orders: int
    requests: int
    restarts: Counter[str]
    cold: Counter[tuple[str, str]]


def scenarios(count: int = SCENARIOS) -> list[Scenario]:
    """Return the first round: every meeting is wanted several times, in a drawn order."""
    draw = random.Random(_SHUFFLED)
    kinds = {is_thin: [x for x in CELLS if (x.state in THIN) == is_thin] for is_thin in (0, 1)}
    wanted: dict[int, list[Cell]] = {0: [], 1: []}
    found = []
    for n in range(count):
        kind = int(n % len(STATES) < len(THIN))  # a market of its own, and its share of them
        while len(wanted[kind]) < _EACH:
            wanted[kind] += draw.sample(kinds[kind], len(kinds[kind]))
        cold = "" if n % _COLD else tuple(KINDS)[n // _COLD % len(KINDS)]
        found.append(Scenario(n, tuple(wanted[kind][:_EACH]), PLACES[n % len(PLACES)], cold))
        del wanted[kind][:_EACH]
    return found


def lived(scenario: Scenario) -> Course:
    """Live through one scenario."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(_SILENT))
    world = World(*scenario)
    try:
        world.live()
        broken = [*verdict(world), *(f"ended by itself: {why}" for why in world.failures)]
    except Exception:  # noqa: BLE001 - the next scenario says more than an early end
        broken = [traceback.format_exc()]
    finally:
        structlog.configure(**before)
    there = world.theirs
    requests = len(world.house.desk.requests)
    return Course(
        scenario,
        tuple(broken),
        world.plot.toll,
        len(world.deaths),
        len(there.fills),
        len(there.orders),
        requests,
        world.restarts,
        world.cold.restarts,
    )


def again(missing: list[Cell], first: int) -> list[Scenario]:
    """Return scenarios for what did not come about, numbered from ``first`` on."""
    ordered = sorted(missing, key=lambda cell: (cell.state in THIN, cell.fault))
    parts = (ordered[n : n + _AGAIN] for n in range(0, len(ordered), _AGAIN))
    return [Scenario(first + n, tuple(part)) for n, part in enumerate(parts)]


def lived_all(due: list[Scenario]) -> Iterator[Course]:
    """Live through scenarios, then through more until everything has met; in any order."""
    toll = Toll()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context) as pool:
        for number in range(_ROUNDS):
            for course in pool.map(lived, due, chunksize=4):
                toll.add(course.toll)
                yield course
            due = again(toll.missing(), (number + 1) * 10_000)


def table(courses: Iterable[Course]) -> tuple[str, Toll, list[Course]]:
    """Return the tables as text, what they count, and the courses on which something broke."""
    known = list(courses)
    toll = Toll()
    for course in known:
        toll.add(course.toll)
    broken = [course for course in known if course.broken]
    sums = {
        name: sum(getattr(course, name) for course in known)
        for name in ("deaths", "orders", "fills", "requests")
    }
    lines = [
        f"{len(known)} scenarios over HTTP and WebSocket with the real client, in leaping time: "
        + ", ".join(f"{count} {name}" for name, count in sums.items())
        + f", {len(broken)} failures",
        *_restarts(known),
        "who was killed, with which trouble about, while an order was in which state:",
    ]
    width = max(map(len, ACTORS))
    for actor in ACTORS:
        lines.append(actor.rjust(width) + "".join(state.rjust(17) for state in STATES))
        for fault in FAULTS:
            cells = (str(toll.cells[Cell(fault, state, actor)]).rjust(17) for state in STATES)
            lines.append(fault.rjust(width + 3)[: width + 3].ljust(width) + "".join(cells))
    lines.append("places at which somebody was killed:")
    places = sorted({place for place, _ in toll.steps})
    lines.append(" " * 46 + "".join(actor.rjust(10) for actor in ACTORS))
    for place in places:
        counts = (str(toll.steps[place, actor]).rjust(10) for actor in ACTORS)
        lines.append(place.ljust(46) + "".join(counts))
    return "\n".join(lines), toll, broken


def _restarts(courses: Iterable[Course]) -> Iterator[str]:
    """Yield how many came back with what they had written, and how many without."""
    warm: Counter[str] = Counter()
    cold: Counter[tuple[str, str]] = Counter()
    for course in courses:
        warm += course.restarts
        cold += course.cold
    told = ", ".join(f"{actor} {warm[actor]}" for actor in ACTORS)
    yield f"restarts: {warm.total()} warm ({told}), {cold.total()} cold"
    for kind in KINDS:
        counts = (f"{cold[kind, how]} {how}" for how in (REFUSED, IDLE))
        yield f"  {kind} lost: ".rjust(26) + "; ".join(counts)
