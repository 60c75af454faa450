"""A parent to carry out, and a venue that tells the truth about its children, in any order.

``Venue`` fills, refuses, loses and forgets children as a source of decisions says; what it tells is
always a sum over a child's life, as a real venue's orders are, but it may tell it late or twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from aster_ray.engine.algos.child import Action, Cancel, Place, Style
from aster_ray.engine.algos.config import Algorithm
from aster_ray.engine.algos.machine import advance, plan
from aster_ray.engine.algos.observe import (
    BookSeen,
    ChildUpdate,
    Evidence,
    Observation,
    Tick,
    Traded,
)
from aster_ray.engine.algos.params import Params
from aster_ray.engine.algos.parent import Parent
from aster_ray.engine.algos.state import AlgoState
from tests.factories import START_MS, an_instrument

PRICE = 100.0


def a_parent(lots: int = 1_000, *, seconds: float = 60.0, **fields: Any) -> Parent:
    """Return a parent of BTC decided at midnight."""
    known: dict[str, Any] = {
        "parent_id": "ar-parent",
        "symbol": "BTCUSDT",
        "lots": lots,
        "decision_price": PRICE,
        "decided_ms": START_MS,
        "deadline_ms": START_MS + int(seconds * 1_000),
    }
    return Parent(**{**known, **fields})


def some_params(algorithm: Algorithm = Algorithm.TWAP, slices: int = 4, **fields: Any) -> Params:
    """Return parameters with a window of 40 seconds."""
    known: dict[str, Any] = {"window_ms": 40_000, "weights": (1.0 / slices,) * slices}
    return Params(algorithm=algorithm, **{**known, **fields})


def a_plan(parent: Parent | None = None, params: Params | None = None, **rules: Any) -> AlgoState:
    """Return a parent that waits for its first observation."""
    return plan(parent or a_parent(), params or some_params(), an_instrument(**rules))


def a_book(
    seconds: float, bid: float = 99.99, ask: float = 100.01, lots: float = 1e6, **fields: Any
) -> BookSeen:
    """Return quotes with as many lots at each of three levels, a tick apart."""
    bids = tuple((round(bid - 0.01 * k, 2), lots) for k in range(3))
    asks = tuple((round(ask + 0.01 * k, 2), lots) for k in range(3))
    known = {"usual_spread": (ask - bid) / (0.5 * (ask + bid))}
    return BookSeen(ms=at(seconds), bids=bids, asks=asks, **{**known, **fields})


def at(seconds: float) -> int:
    """Return a moment after the decision."""
    return START_MS + int(seconds * 1_000)


def tick(state: AlgoState, seconds: float) -> tuple[AlgoState, list[Action]]:
    """Let time pass."""
    return advance(state, Tick(at(seconds)))


def evidence(place: Place, seconds: float, kind: Evidence, filled: int = 0) -> ChildUpdate:
    """Return the venue's word on a child, its fills at 100."""
    return ChildUpdate(
        child_id=place.child_id,
        ms=at(seconds),
        evidence=kind,
        filled=filled,
        cost=filled * PRICE,
    )


def fill_all(state: AlgoState, actions: Iterable[Action], seconds: float) -> AlgoState:
    """Let the venue fill every child that was just placed."""
    for action in actions:
        if isinstance(action, Place):
            told = evidence(action, seconds, Evidence.DONE, action.lots)
            state, more = advance(state, told)
            assert not more
    return state


@dataclass
class Resting:
    """What the venue really did with a child."""

    place: Place
    filled: int = 0
    is_open: bool = True
    code: Evidence = Evidence.OPEN


@dataclass
class Venue:
    """Takes children and decides over them with ``choose(n)``, a number below n."""

    choose: Callable[[int], int]
    children: dict[str, Resting] = field(default_factory=dict)
    mailbox: list[ChildUpdate] = field(default_factory=list)

    def take(self, actions: Iterable[Action], ms: int) -> None:
        """Carry actions out; some answers are late, some are lost."""
        for action in actions:
            if isinstance(action, Cancel):
                self._cancel(action, ms)
            else:
                assert action.child_id not in self.children, "an id came twice"
                self._arrive(action, ms)

    def _arrive(self, place: Place, ms: int) -> None:
        fate = self.choose(8)
        child = self.children[place.child_id] = Resting(place)
        if fate == 0:
            child.is_open, child.code = False, Evidence.REJECTED
        elif fate == 1:  # never arrives; whoever asks later learns that
            child.is_open, child.code = False, Evidence.DONE
            self.mailbox.append(replace(self._word(child, ms), evidence=Evidence.UNKNOWN))
            return
        elif place.style is not Style.REST:
            child.filled = place.lots if fate > 3 else self.choose(place.lots + 1)
            child.is_open = place.style is Style.MARKET and child.filled < place.lots
            child.code = Evidence.OPEN if child.is_open else Evidence.DONE
        self.mailbox.append(self._word(child, ms))
        if fate == 2:  # the answer is lost: the executor notes its doubt
            self.mailbox.append(replace(self._word(child, ms), evidence=Evidence.UNKNOWN, filled=0))

    def _cancel(self, cancel: Cancel, ms: int) -> None:
        child = self.children[cancel.child_id]
        if child.is_open and self.choose(4):  # sometimes the request is lost
            child.is_open, child.code = False, Evidence.DONE
        self.mailbox.append(self._word(child, ms))

    def live(self, ms: int) -> None:
        """Let resting children trade a little."""
        for child in self.children.values():
            if child.is_open and self.choose(3) == 0:
                child.filled += self.choose(child.place.lots - child.filled + 1)
                if child.filled == child.place.lots:
                    child.is_open, child.code = False, Evidence.DONE
                self.mailbox.append(self._word(child, ms))

    def _word(self, child: Resting, ms: int) -> ChildUpdate:
        return ChildUpdate(
            child_id=child.place.child_id,
            ms=ms,
            evidence=child.code,
            filled=child.filled,
            cost=child.filled * PRICE,
        )

    def words(self) -> list[ChildUpdate]:
        """Return some of what is waiting to be told, in any order, some of it twice."""
        found = []
        for _ in range(self.choose(len(self.mailbox) + 2)):
            if self.mailbox:
                word = self.mailbox[self.choose(len(self.mailbox))]
                found.append(word)
                if self.choose(4):
                    self.mailbox.remove(word)
        return found

    def answers(self, state: AlgoState, ms: int) -> list[ChildUpdate]:
        """Return the truth about every child that is not known to have ended."""
        asked = (self.children[c.placed.child_id] for c in state.children if c.outstanding)
        return [self._word(child, ms) for child in asked]

    @property
    def filled(self) -> int:
        """Return what really traded."""
        return sum(child.filled for child in self.children.values())


def market_moves(ms: int, choose: Callable[[int], int], volume: float) -> list[Observation]:
    """Return quotes somewhere around 100 and the volume so far; sometimes nothing is seen."""
    found: list[Observation] = []
    if choose(4):
        middle, half = 10_000 + choose(21) - 10, 1 + choose(4)
        depth = float(choose(400))
        found.append(
            BookSeen(
                ms=ms,
                bids=(
                    (round((middle - half) / 100, 2), depth),
                    (round(middle / 100 - 0.2, 2), depth),
                ),
                asks=(
                    (round((middle + half) / 100, 2), depth),
                    (round(middle / 100 + 0.2, 2), depth),
                ),
                usual_spread=0.0004,
            )
        )
    found.append(Traded(ms, volume))
    return found
