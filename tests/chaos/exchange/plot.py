"""Who is to die with which trouble about, while an order is in which state; and what came of it."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from typing import NamedTuple

from aster_ray import topology
from tests.chaos.exchange.house import FAULTS
from tests.chaos.exchange.states import STATES

ACTORS = topology.PIPELINE
# Trouble counts as about for so long after it struck, in seconds.
ABOUT_S = 60.0
_PAUSE_S = 20.0  # between two deaths
_LIKELY = 0.8


class Cell(NamedTuple):
    """One meeting."""

    fault: str
    state: str
    actor: str


class Place(NamedTuple):
    """Where somebody must die at least once, in whatever state orders are there."""

    name: str
    actor: str


# The failpoints of each, and every step of an order at the venue.
PLACES = tuple(
    Place(name, actor)
    for actor, names in {
        "feed": ("feed/before-send", "feed/after-send"),
        "strategy": ("strategy/before-send", "strategy/after-send", "strategy/after-ack"),
        "risk": ("risk/before-journal", "risk/after-journal", "risk/after-send", "risk/after-ack"),
        "executor": (
            "executor/before-journal",
            "executor/after-journal",
            "executor/venue-before-log",
            "executor/after-send",
            "executor/after-ack",
            "executor/evidence-before-journal",
            "executor/evidence-after-journal",
            "executor/evidence-after-send",
            "send: not on disk",
            "send: on disk",
            "place: not on disk",
            "place: on disk",
            "POST order: asked",
            "POST order: done, no answer yet",
            "DELETE order: asked",
            "DELETE order: done, no answer yet",
            "GET order: asked",
            "GET order: done, no answer yet",
        ),
    }.items()
    for name in names
)
CELLS = tuple(Cell(*one) for one in itertools.product(FAULTS, STATES, ACTORS))


class Toll:
    """What happened, over any number of scenarios."""

    def __init__(self) -> None:
        self.cells: Counter[Cell] = Counter()
        self.steps: Counter[Place] = Counter()
        self.struck: Counter[str] = Counter()

    def add(self, other: Toll) -> None:
        self.cells += other.cells
        self.steps += other.steps
        self.struck += other.struck

    def missing(self) -> list[Cell]:
        return [cell for cell in CELLS if not self.cells[cell]]


class Plot:
    """Decides at every place that is passed whether somebody dies there."""

    def __init__(self, seed: int, wanted: tuple[Cell, ...], place: Place | None = None) -> None:
        self._place = place
        self.draw = random.Random(seed)
        self.left = list(wanted)
        self.toll = Toll()
        self.is_on = True
        self._quiet_until = 0.0
        self._struck: dict[str, float] = {}
        self._tried: Counter[Cell] = Counter()

    def struck(self, fault: str, now: float) -> None:
        """Note that something went wrong."""
        self._struck[fault] = now
        self.toll.struck[fault] += 1

    def about(self, now: float) -> set[str]:
        """Return what has gone wrong lately."""
        return {name for name, at in self._struck.items() if now - at <= ABOUT_S} or {FAULTS[0]}

    def victim(self, place: str, now: float, states: set[str]) -> str:
        """Return who dies here; empty for nobody."""
        if not self.is_on:
            return ""
        if self._place is not None and place == self._place.name and self.draw.random() < _LIKELY:
            return self._place.actor
        if now < self._quiet_until:
            return ""
        about = self.about(now)
        for cell in self.left:
            if cell.fault in about and cell.state in states and self.draw.random() < _LIKELY:
                return cell.actor
        return ""

    def died(self, actor: str, place: str, now: float, states: set[str]) -> None:
        """Note a death."""
        self._quiet_until = now + _PAUSE_S
        here = Place(place, actor)
        self.toll.steps[here] += 1
        if here == self._place:
            self._place = None
        for fault, state in itertools.product(self.about(now), states):
            cell = Cell(fault, state, actor)
            self.toll.cells[cell] += 1
            if cell in self.left:
                self.left.remove(cell)

    def next(self) -> Cell | None:
        """Return what is to be tried now; what was tried least comes first."""
        if not self.left:
            return None
        found = min(self.left, key=lambda cell: self._tried[cell])
        self._tried[found] += 1
        return found
