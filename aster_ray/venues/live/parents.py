"""The netted orders of an account that algorithms carry out in pieces.

What an algorithm decides becomes records of the account's log, from which the workers act; what the
account knows of a piece is what the algorithm is told. A parent ends before the next close: its
deadline lies ``execution.deadline_ms`` before it, so that the next decision sees the position as it
is. What has not traded by then is withdrawn and decided anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from aster_ray.engine.algos.alarm import next_ms
from aster_ray.engine.algos.config import Algorithm, ExecutionConfig
from aster_ray.engine.algos.norms import Norms
from aster_ray.engine.algos.parent import Parent
from aster_ray.engine.algos.parent_orders import ParentOrders
from aster_ray.engine.algos.record import Record
from aster_ray.engine.carried import word_on
from aster_ray.engine.messages import OrderBatch
from aster_ray.engine.venue_account import VenueAccount
from aster_ray.model.enums import ExitReason, IntentKind, TradingState
from aster_ray.model.ids import MINUTE_MS
from aster_ray.model.instrument import Instrument
from aster_ray.model.venue import MarketEvent, OrderTicket

# A position that a strategy itself gives up may take its time; every other exit is a risk.
_PATIENT = (ExitReason.NONE, ExitReason.INVALIDATION, ExitReason.REVERSAL, ExitReason.SCALE_OUT)

CROSSED = "position changed"  # by its stop, or by somebody else


class Manner(NamedTuple):
    """How the orders of a session are carried out.

    Attributes:
        config: which algorithm, and how patient it is.
        timeframe_ms: from one decision to the next.
        norms: venue id -> what is usual there, told by what had happened before a moment.
    """

    config: ExecutionConfig = ExecutionConfig()
    timeframe_ms: int = MINUTE_MS
    norms: Callable[[int], Mapping[str, Norms]] = lambda _ms: {}


class Parents:
    """Algorithms between an account's log and the time and quotes that they are shown.

    Args:
        account: whose orders they carry out.
        instruments: the contract of every symbol, in the order of the session.
        manner: how.
        note: takes what they did to the log and the account.
    """

    def __init__(
        self,
        account: VenueAccount,
        instruments: Sequence[Instrument],
        manner: Manner,
        note: Callable[[Record], None],
    ) -> None:
        self._account = account
        self._note = note
        self._instruments = tuple(instruments)
        self._manner = manner
        self._ms = 0
        self.restore(())

    def restore(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Begin with the records of a log, all of them."""
        rules = {one.symbol: one for one in self._instruments}
        self.orders = ParentOrders(rules, self._manner.config, records)
        # Evidence without a time would be older than what it is on.
        seen = (state.ms for state in self.orders.states.values())
        self._ms = max(self._ms, self._account.report.close_ms, *seen)
        for order in list(self._account.orders.values()):
            self.hear(order.client_order_id)

    @property
    def symbols(self) -> list[str]:
        """Return the symbols with an order that is being carried out, as venue ids."""
        return [self._instruments[n].symbol for n in self._account.carried]

    def chosen(self, orders: OrderBatch) -> list[int]:
        """Return the symbols whose orders of one close an algorithm carries out.

        What reduces a risk, whoever decided it, goes at once, and so does everything of an account
        that may not open.
        """
        found = []
        market = orders.intents[orders.intents["kind"] == int(IntentKind.MARKET)]
        for n in sorted({int(symbol) for symbol in market["symbol"]}):
            mine = market[market["symbol"] == n]
            calm = all(int(reason) in _PATIENT for reason in mine["reason"])
            held, net = self._account.position(n), int(mine["lots"].sum())
            reduces = held * net < 0 and abs(net) <= abs(held)
            config, base = self._manner.config, self._instruments[n].base
            algorithm = config.algorithm_of(base, reduce_only=reduces)
            is_whole = algorithm is Algorithm.MARKET and not config.maker_first
            may_wait = orders.state == TradingState.ACTIVE and not self._account.flattening
            if calm and not is_whole and may_wait:
                found.append(n)
        return found

    def status(self) -> dict[str, dict[str, Any]]:
        """Return how far the orders at work are: venue id -> algorithm, lots, deadline."""
        return {
            state.parent.symbol: {
                "algorithm": state.params.algorithm.value,
                "lots": state.parent.lots,
                "filled": int(state.parent.side) * state.filled,
                "resting": int(state.parent.side) * state.outstanding,
                "children": len(state.children),
                "deadline_ms": state.parent.deadline_ms,
            }
            for state in self.orders.states.values()
        }

    def see(self, event: MarketEvent) -> None:
        """Show quotes or bars."""
        self.orders.market(event)
        self._follow()

    def tick(self, ms: int) -> None:
        """Say what time it is; takes on what was decided since."""
        self._ms = max(self._ms, ms)
        for n, one in list(self._account.carried.items()):
            if one.parent_id in self.orders.states:
                continue
            next_ms = one.decided_ms + self._manner.timeframe_ms
            symbol = self._instruments[n].symbol
            parent = Parent(
                parent_id=one.parent_id,
                symbol=symbol,
                lots=one.lots,
                decision_price=one.price,
                decided_ms=one.decided_ms,
                deadline_ms=self._manner.config.deadline(one.decided_ms, next_ms),
                reduce_only=one.reduce_only,
            )
            norms = self._manner.norms(one.decided_ms).get(symbol)
            self.orders.start(parent, self._ms, norms)
        self.orders.tick(self._ms)
        self._follow()

    def hear(self, client_order_id: str) -> None:
        """Tell what the account knows of an order, if it is a child."""
        order = self._account.orders.get(client_order_id)
        if order is not None and self.orders.owns(client_order_id):
            self.orders.update(word_on(order, self._ms))
        self._follow()

    def stop(self, why: str, *, opening: bool = False) -> None:
        """Place nothing more and withdraw what rests, or only of orders that open something."""
        self.tick(self._ms)  # what was decided just now counts, too
        for n, one in list(self._account.carried.items()):
            if not (opening and one.reduce_only):
                self.orders.stop(self._ms, why, self._instruments[n].symbol)
        self._follow()

    def _follow(self) -> None:
        """Write down what was decided; what is no longer what it was decided on goes no further."""
        for n in self._account.carried:
            if self._account.stop_was_hit(n) or n in self._account.foreign:
                self.orders.stop(self._ms, CROSSED, self._instruments[n].symbol)
        self.orders.finished()  # what it cost is in the records, too
        for record in self.orders.records():
            self._note(record)

    def is_over(self, child_id: str) -> bool:
        """Return whether it is a child of an order that goes no further: it need not leave."""
        if not self.orders.owns(child_id):
            return False
        return self.orders.states[self.orders.placed(child_id).parent_id].is_ending

    def next_ms(self) -> int | None:
        """Return when time alone may change what is to be done; None with nothing at work."""
        if len(self._account.carried) > len(self.orders.states):
            return self._ms  # one was not taken on yet
        return min(map(next_ms, self.orders.states.values()), default=None)

    def needs_volume(self, symbol: str) -> bool:
        """Return whether an order of ``symbol`` follows what the public trades."""
        return any(
            state.params.algorithm is Algorithm.POV or state.params.max_participation > 0.0
            for state in self.orders.states.values()
            if state.parent.symbol == symbol
        )

    def ticket(self, child_id: str) -> OrderTicket:
        """Return a child as the venue's client takes it."""
        return self.orders.ticket(self.orders.placed(child_id))
