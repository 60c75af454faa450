"""What must hold for every algorithm, whatever the venue, the market and our own crashes do."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aster_ray.engine.algos.child import Action, Place, Style
from aster_ray.engine.algos.config import Algorithm
from aster_ray.engine.algos.machine import advance, plan, resume
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
from aster_ray.engine.algos.record import event_from, event_record, parent_from, parent_record
from aster_ray.engine.algos.state import AlgoState
from aster_ray.model.instrument import Instrument
from tests.aster_ray.engine.algos.venue import Venue, a_parent, at, market_moves, some_params
from tests.factories import an_instrument

SECONDS = 60

seeds = st.integers(0, 2**32 - 1)
cases = st.fixed_dictionaries(
    {
        "algorithm": st.sampled_from(list(Algorithm)),
        "slices": st.integers(1, 12),
        "maker_first": st.booleans(),
        "max_participation": st.sampled_from([0.0, 0.0, 0.2, 0.5]),
        "collar": st.sampled_from([0.0, 0.001]),
        "rest_ms": st.sampled_from([500, 4_000]),
        "lots": st.integers(-3_000, 3_000).filter(bool),
        "reduce_only": st.booleans(),
        "min_lots": st.integers(1, 20),
        "max_lots": st.sampled_from([100, 777, 10**6]),
        "min_notional": st.sampled_from([0.0, 0.5, 4.0]),
    }
)


def the_case(case: dict[str, Any]) -> tuple[Parent, Params, Instrument]:
    """Return what a drawn case describes."""
    maker_first = case["maker_first"] or case["algorithm"] is Algorithm.MAKER_FIRST
    params = some_params(
        case["algorithm"],
        case["slices"],
        maker_first=maker_first,
        max_participation=case["max_participation"],
        collar=case["collar"],
        rest_ms=case["rest_ms"],
    )
    rules = {name: case[name] for name in ("min_lots", "max_lots", "min_notional")}
    parent = a_parent(case["lots"], seconds=SECONDS, reduce_only=case["reduce_only"])
    return parent, params, an_instrument(**rules)


@dataclass
class Life:
    """A parent from its first observation to its last, with every promise checked on the way."""

    case: dict[str, Any]
    seed: int
    crashes: bool = False
    compare: int = 0  # every how many steps a restart is compared
    journal: list[dict[str, Any]] = field(default_factory=list)
    placed: list[Place] = field(default_factory=list)
    steps: int = 0

    def __post_init__(self) -> None:
        self.choose = random.Random(self.seed).randrange
        self.parent, self.params, self.rules = the_case(self.case)
        self.venue = Venue(self.choose)
        self.state = plan(self.parent, self.params, self.rules)
        self.levels: dict[type[Any], Observation] = {}
        self.journal.append(parent_record(self.parent, self.params))
        self.volume = 0.0

    def run(self) -> AlgoState:
        ms = at(0)
        while ms < at(SECONDS + 5):
            self.volume += self.choose(400)
            self.venue.live(ms)
            for seen in market_moves(ms, self.choose, self.volume):
                self.observe(seen)
            for word in self.venue.words():
                self.observe(word)
            self.observe(Tick(ms))
            if self.crashes and self.choose(12) == 0:
                self.state = self.rebuilt(())
            ms += 100 + self.choose(2_500)
        return self.settle(ms)

    def settle(self, ms: int) -> AlgoState:
        """Ask the venue until it has told the end of every child."""
        for _ in range(60):
            if self.state.is_done:
                assert len(self.placed) < 400, "it never came to rest"
                return self.state
            ms += 1_000
            for word in self.venue.answers(self.state, ms):
                self.observe(word)
            self.observe(Tick(ms))
        raise AssertionError(f"never ended: {self.state}")

    def observe(self, seen: Observation) -> None:
        after, actions = advance(self.state, seen)
        if isinstance(seen, ChildUpdate):
            self.journal.append(event_record(self.parent.parent_id, seen))
        elif not isinstance(seen, Tick):
            self.levels[type(seen)] = seen
        if self.crashes and actions and self.choose(8) == 0:
            self.state = self.rebuilt(())  # before a single action was written
            return
        self.check(after, actions)
        self.journal += [event_record(self.parent.parent_id, action) for action in actions]
        self.venue.take(actions, seen.ms)
        self.state = after
        truly = sum(
            child.place.lots if child.is_open else child.filled
            for child in self.venue.children.values()
        )
        assert max(truly, self.state.filled) <= self.state.committed <= self.parent.total
        self.steps += 1
        if self.compare and self.steps % self.compare == 0:
            assert self.rebuilt([*self.levels.values(), Tick(self.state.ms)]) == self.state

    def rebuilt(self, levels: Iterable[Observation]) -> AlgoState:
        """Return the state as a restart finds it in the journal, and what the market tells it."""
        lines = [json.loads(json.dumps(line, allow_nan=False)) for line in self.journal]
        parent, params = parent_from(lines[0])
        events = [event_from(line).event for line in lines[1:]]
        return resume(resume(plan(parent, params, self.rules), events), levels)

    def check(self, after: AlgoState, actions: list[Action]) -> None:
        """Hold every child against the rules of the venue and of the parent."""
        share = self.params.max_participation
        if share and any(isinstance(action, Place) for action in actions):
            assert after.committed <= share * self.volume + 1e-6
        for action in actions:
            if not isinstance(action, Place):
                continue
            self.placed.append(action)
            assert action.ms < self.parent.deadline_ms
            assert 0 < action.lots <= self.rules.max_lots
            if not self.parent.reduce_only and self.rules.max_lots > 200:
                assert action.lots >= self.rules.min_lots
                price = min(self.parent.decision_price, 99.0)
                value = action.lots * price * float(self.rules.lot)
                assert value >= self.rules.min_notional * 0.98
            if action.style is not Style.MARKET:
                assert action.ticks > 0


few = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
many = settings(max_examples=1_500, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def no_promise_is_broken(case: dict[str, Any], seed: int) -> None:
    life = Life(case, seed)
    state = life.run()
    assert state.filled == life.venue.filled
    assert state.outstanding == 0
    assert [place.number for place in life.placed] == list(range(len(life.placed)))
    assert state.why in ("filled", "deadline", "refused", "below_minimum")
    assert (state.why == "filled") == (state.filled == life.parent.total)


def no_crash_breaks_a_promise(case: dict[str, Any], seed: int) -> None:
    life = Life(case, seed, crashes=True)
    state = life.run()
    assert state.filled == life.venue.filled
    assert len({place.child_id for place in life.placed}) == len(life.placed)


def every_cut_can_be_resumed(case: dict[str, Any], seed: int) -> None:
    Life(case, seed, compare=1).run()


@few
@given(cases, seeds)
def test_no_parent_is_overfilled_and_each_ends_with_what_the_venue_filled(
    case: dict[str, Any], seed: int
) -> None:
    no_promise_is_broken(case, seed)


@few
@given(cases, seeds)
def test_crashes_at_any_step_break_no_promise(case: dict[str, Any], seed: int) -> None:
    no_crash_breaks_a_promise(case, seed)


@settings(few, max_examples=10)
@given(cases, seeds)
def test_a_restart_at_any_cut_is_the_uninterrupted_parent(case: dict[str, Any], seed: int) -> None:
    Life(case, seed, compare=7).run()


@pytest.mark.slow
@pytest.mark.parametrize("promise", [no_promise_is_broken, no_crash_breaks_a_promise])
@many
@given(case=cases, seed=seeds)
def test_the_promises_hold_in_many_lives(promise: Any, case: dict[str, Any], seed: int) -> None:
    promise(case, seed)


@pytest.mark.slow
@settings(many, max_examples=200)
@given(cases, seeds)
def test_a_restart_at_every_cut_of_many_lives_changes_nothing(
    case: dict[str, Any], seed: int
) -> None:
    every_cut_can_be_resumed(case, seed)


@settings(few, max_examples=30)
@given(cases, seeds, st.permutations(range(6)))
def test_the_order_in_which_fills_are_told_does_not_matter(
    case: dict[str, Any], seed: int, order: list[int]
) -> None:
    life = Life(case, seed)
    choose = random.Random(seed).randrange
    life.volume = 1e9
    life.observe(Traded(at(0), life.volume))
    life.observe(BookSeen(ms=at(0), bids=((99.99, 1e6),), asks=((100.01, 1e6),)))
    state = life.state
    words = []
    for child in state.children[:2]:
        some = choose(child.placed.lots + 1)
        known = {"child_id": child.placed.child_id, "ms": at(1)}
        words += [
            ChildUpdate(**known, evidence=Evidence.OPEN, filled=some // 2, cost=some // 2 * 100.0),
            ChildUpdate(**known, evidence=Evidence.UNKNOWN),
            ChildUpdate(**known, evidence=Evidence.DONE, filled=some, cost=some * 100.0, fee=0.5),
        ]
    told = resume(state, words)
    mixed = resume(state, [words[k] for k in order if k < len(words)])
    assert mixed == told == resume(mixed, words)


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_an_honest_venue_and_a_deep_book_let_every_algorithm_trade_all(
    algorithm: Algorithm,
) -> None:
    """And the maker-first form as well; without this the promises above could be kept by idling."""
    for maker_first in (False, True):
        case = {
            "algorithm": algorithm,
            "slices": 8,
            "maker_first": maker_first,
            "max_participation": 0.0,
            "collar": 0.0,
            "rest_ms": 2_000,
            "lots": -2_000,
            "reduce_only": False,
            "min_lots": 5,
            "max_lots": 10**6,
            "min_notional": 1.0,
        }
        life = Life(case, 1)
        life.venue.choose = lambda n: n - 1  # arrives, fills whole, is told at once
        for step in range(120):
            half = 0.01
            life.volume = 100.0 * step
            book = BookSeen(
                ms=at(step / 2),
                bids=((100 - half, 4_000.0),),
                asks=((100 + half, 4_000.0),),
                usual_spread=0.0002,
            )
            for seen in (book, Traded(at(step / 2), life.volume)):
                life.observe(seen)
            while life.venue.mailbox:
                life.observe(life.venue.mailbox.pop(0))
        assert (life.state.why, life.state.filled) == ("filled", 2_000)
        rested = [place for place in life.placed if place.style is Style.REST]
        assert bool(rested) == (maker_first or algorithm is Algorithm.MAKER_FIRST)
