"""All live parents of an account; the package says how a host drives them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from aster_ray.engine.algos.child import Action, Place, ticket
from aster_ray.engine.algos.config import ExecutionConfig
from aster_ray.engine.algos.machine import advance, plan, resume
from aster_ray.engine.algos.norms import Norms
from aster_ray.engine.algos.observe import (
    BookSeen,
    ChildUpdate,
    Evidence,
    Observation,
    Stop,
    Tick,
    Traded,
    update_of,
)
from aster_ray.engine.algos.params import params_of
from aster_ray.engine.algos.parent import Parent
from aster_ray.engine.algos.record import (
    END,
    KINDS,
    PARENT,
    Record,
    event_from,
    event_record,
    parent_from,
    parent_record,
)
from aster_ray.engine.algos.shortfall import Shortfall, shortfall, shortfall_record
from aster_ray.engine.algos.spread_gauge import SpreadGauge
from aster_ray.engine.algos.state import AlgoState
from aster_ray.engine.algos.volume_tally import VolumeTally
from aster_ray.errors import JournalError
from aster_ray.model.instrument import Instrument
from aster_ray.model.venue import (
    BarUpdate,
    BookUpdate,
    MarketEvent,
    OrderTicket,
    QuoteUpdate,
    VenueOrder,
)

_REMEMBERED = 1_000  # ended parents whose repetition is recognised


class ParentOrders:
    """Carry out parents and keep what is at work per symbol; owns no connection and no clock."""

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        config: ExecutionConfig,
        records: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """Begin with what a journal holds; other kinds of records are passed over.

        Raises:
            JournalError: the records of a parent contradict each other.
        """
        self._instruments, self._config = dict(instruments), config
        self._states: dict[str, AlgoState] = {}
        self._parents: dict[str, str] = {}  # child -> parent
        self._ended: dict[str, None] = {}
        self._records: list[Record] = []
        self._finished: list[Shortfall] = []
        self._books: dict[str, BookSeen] = {}
        self._gauges: dict[str, SpreadGauge] = {}
        self._tallies: dict[str, VolumeTally] = {}
        self._restore(records)

    def _restore(self, records: Iterable[Mapping[str, Any]]) -> None:
        for record in records:
            kind = record.get("kind")
            if kind not in KINDS:
                continue
            if kind == PARENT:
                parent, params = parent_from(record)
                rules = self._instruments.get(parent.symbol)
                if rules is None:
                    raise JournalError(f"no instrument for the live order of {parent.symbol}")
                self._states[parent.parent_id] = plan(parent, params, rules)
            elif kind == END:
                self._forget(str(record["parent_id"]))
            else:
                told = event_from(record)
                state = self._states.get(told.parent_id)
                if state is None:
                    raise JournalError(f"{kind} of {told.parent_id}, which never began")
                try:
                    self._states[told.parent_id] = resume(state, [told.event])
                except ValueError as error:
                    raise JournalError(f"{kind} contradicts the journal: {error}") from error
                if isinstance(told.event, Place):
                    self._parents[told.event.child_id] = told.parent_id

    @property
    def states(self) -> Mapping[str, AlgoState]:
        """Return every live parent by its id."""
        return self._states

    def start(self, parent: Parent, ms: int, norms: Norms | None = None) -> list[Action]:
        """Take a parent on; one that is known already changes nothing."""
        if parent.parent_id in self._states or parent.parent_id in self._ended:
            return []
        rules = self._instruments[parent.symbol]
        params = params_of(self._config, parent, rules, norms or Norms())
        self._records.append(parent_record(parent, params))
        state = plan(parent, params, rules)
        if parent.symbol in self._books:
            state = resume(state, [self._books[parent.symbol]])
        self._states[parent.parent_id] = resume(state, [self._traded(state, ms)])
        return self._advance(parent.parent_id, Tick(ms))

    def tick(self, ms: int) -> list[Action]:
        """Say what time it is; several times a second while ``states`` is not empty."""
        return [action for known in list(self._states) for action in self._advance(known, Tick(ms))]

    def market(self, event: MarketEvent) -> list[Action]:
        """Take quotes, books and bars in; whatever else a market says is passed over."""
        if not isinstance(event, BarUpdate | BookUpdate | QuoteUpdate):
            return []
        rules = self._instruments.get(event.symbol)
        if rules is None:
            return []
        if isinstance(event, BarUpdate):
            self._tallies.setdefault(event.symbol, VolumeTally()).see(event)
        else:
            self._see(event, rules)
        actions: list[Action] = []
        for known, state in list(self._states.items()):
            if state.parent.symbol != event.symbol:
                continue
            if isinstance(event, BarUpdate):
                actions += self._advance(known, self._traded(state, event.event_ms))
            else:
                actions += self._advance(known, self._books[event.symbol])
        return actions

    def _see(self, event: BookUpdate | QuoteUpdate, rules: Instrument) -> None:
        if isinstance(event, QuoteUpdate):
            quote = event.quote
            event = BookUpdate(
                symbol=event.symbol,
                bids=((quote.bid, quote.bid_qty),),
                asks=((quote.ask, quote.ask_qty),),
                ts_ms=quote.ts_ms,
            )
        lot = float(rules.lot)
        gauge = self._gauges.setdefault(event.symbol, SpreadGauge(2.0 * rules.half_spread))
        book = BookSeen(
            ms=event.ts_ms,
            bids=tuple((price, qty / lot) for price, qty in event.bids),
            asks=tuple((price, qty / lot) for price, qty in event.asks),
        )
        gauge.see(book)
        self._books[event.symbol] = replace(book, usual_spread=gauge.usual)

    def _traded(self, state: AlgoState, ms: int) -> Traded:
        tally = self._tallies.get(state.parent.symbol)
        qty = tally.since(state.parent.decided_ms) if tally is not None else 0.0
        return Traded(ms, qty / float(state.instrument.lot))

    def owns(self, child_id: str) -> bool:
        """Return whether this is a child of a live parent."""
        return child_id in self._parents

    def update(self, update: ChildUpdate) -> list[Action]:
        """Take evidence on a child in; one of a parent that has ended changes nothing.

        Raises:
            ValueError: it contradicts what was placed; nothing of it is kept.
        """
        known = self._parents.get(update.child_id)
        return self._advance(known, update) if known is not None else []

    def heard(self, order: VenueOrder, fee: float | None = None) -> list[Action]:
        """Take the venue's word on an order in; ``fee`` is the sum over its fills, if known."""
        known = self._parents.get(order.client_order_id)
        if known is None:
            return []
        return self.update(update_of(order, self._states[known].instrument, fee))

    def stop(self, ms: int, why: str, symbol: str = "") -> list[Action]:
        """Withdraw what rests of one symbol, or of all, and place nothing more of it."""
        actions: list[Action] = []
        for known, state in list(self._states.items()):
            if symbol in ("", state.parent.symbol) and not state.stopped:
                actions += self._advance(known, Stop(ms, why))
        return actions

    def _advance(self, known: str, observation: Observation) -> list[Action]:
        before = self._states[known]
        state, actions = advance(before, observation)
        self._states[known] = state
        news = isinstance(observation, Stop) or state.children != before.children
        if news and isinstance(observation, Stop | ChildUpdate):
            self._records.append(event_record(known, observation))
        for action in actions:
            self._records.append(event_record(known, action))
            if isinstance(action, Place):
                self._parents[action.child_id] = known
        if state.is_done:
            found = shortfall(state)
            self._finished.append(found)
            self._records.append({"kind": END, **shortfall_record(found)})
            self._forget(known)
        return actions

    def _forget(self, known: str) -> None:
        state = self._states.pop(known, None)
        for child in state.children if state is not None else ():
            self._parents.pop(child.placed.child_id, None)
        self._ended[known] = None
        if len(self._ended) > _REMEMBERED:
            del self._ended[next(iter(self._ended))]

    def placed(self, child_id: str) -> Place:
        """Return how a child of a live parent was placed.

        Raises:
            KeyError: it is none.
        """
        children = self._states[self._parents[child_id]].children
        return next(c.placed for c in children if c.placed.child_id == child_id)

    def ticket(self, place: Place) -> OrderTicket:
        """Return a child as the venue's client takes it."""
        state = self._states[place.parent_id]
        return ticket(state.parent, place, state.instrument)

    def records(self) -> list[Record]:
        """Hand over what must be durable before the actions returned so far are carried out."""
        found, self._records = self._records, []
        return found

    def finished(self) -> list[Shortfall]:
        """Hand over what the parents that have ended since the last call have cost."""
        found, self._finished = self._finished, []
        return found

    def in_doubt(self) -> list[tuple[str, str]]:
        """Return (symbol, child id) of all children the venue must be asked about."""
        return [
            (state.parent.symbol, child.placed.child_id)
            for state in self._states.values()
            for child in state.children
            if child.evidence in (Evidence.NONE, Evidence.UNKNOWN)
        ]

    def at_work(self, symbol: str) -> int:
        """Return the signed lots of a symbol that are at the venue, or may be."""
        states = (s for s in self._states.values() if s.parent.symbol == symbol)
        return sum(int(state.parent.side) * state.outstanding for state in states)

    def unfilled(self, symbol: str) -> int:
        """Return the signed lots of a symbol's live parents that have not traded yet."""
        states = (s for s in self._states.values() if s.parent.symbol == symbol)
        return sum(s.parent.lots - int(s.parent.side) * s.filled for s in states)
