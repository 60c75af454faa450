"""The paper venue: matches our orders against observed bars with the kernel's fill model.

It keeps its own book, built only from what it was sent and what it observed, and (given a journal)
its own durable log, from which it is restored. It never reads the executor's records: otherwise
reconciliation would compare a thing with itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from aster_ray._jit import bound
from aster_ray.engine.chronicle import bars_record
from aster_ray.engine.journal import decode, encode
from aster_ray.engine.messages import BarBatch, OrderBatch, VenueReport
from aster_ray.engine.ports import JournalPort
from aster_ray.errors import JournalError, RejectedError
from aster_ray.kernel.books import new_book
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import FILL, INTENT, Book, Moment, Setup
from aster_ray.kernel.step import accept, mark, match
from aster_ray.model.order import OrderRequest

_NO_FILLS = np.zeros(0, FILL).view(np.recarray)


class PaperVenue:
    """A simulated account at a simulated exchange; satisfies ``ExecutionPort``."""

    def __init__(
        self,
        setup: Setup,
        capital: float,
        *,
        ladders: bool = True,
        log: JournalPort | None = None,
    ) -> None:
        self._setup = setup
        self.book: Book = new_book(len(setup.rules), setup.strategies, capital, ladders=ladders)
        self._step: Callable[..., int] | None = None
        self._log = log
        self.observed = -1  # last close time seen
        self.accepted = -1  # last order batch taken
        self.batches = 0  # order batches taken
        self.evidence = 0  # close times on which something happened
        self._client_order_ids: set[str] = set()
        self._report = VenueReport(-1, 0, _NO_FILLS)

    def warm_up(self, market: Market) -> None:
        """Let the bars before the session set the first mark prices."""
        for t in range(market.start):
            open_ms = int(market.open_ms[t])
            moment = Moment(t, open_ms, open_ms + market.timeframe_ms)
            mark(self.book, self._setup, market.bars[t], moment)

    def observe(self, batch: BarBatch) -> VenueReport:
        """Match resting orders against one close time; a repeated number repeats the report."""
        if batch.seq == self.observed:
            return self._report
        if batch.seq != self.observed + 1:
            raise JournalError(f"venue saw close {self.observed}, then {batch.seq}")
        if self._log is not None:
            self._log.append(bars_record(batch))
        return self._match(batch)

    def _match(self, batch: BarBatch) -> VenueReport:
        moment = Moment(0, batch.open_ms, batch.close_ms)
        arguments = (self.book, self._setup, batch.bars, moment)
        if self._step is None:
            self._step = bound(match, *arguments)
        count = self._step(*arguments)
        self.observed = batch.seq
        self.evidence += count > 0
        fills = self.book.fills[:count].copy() if count else _NO_FILLS
        self._report = VenueReport(batch.seq, batch.close_ms, fills)
        return self._report

    @property
    def report(self) -> VenueReport:
        """Return the report on the last close time seen."""
        return self._report

    def submit(self, orders: OrderBatch, requests: Sequence[OrderRequest] = ()) -> None:
        """Take orders decided at one close; a batch that was taken before is ignored.

        Raises:
            RejectedError: an id was used before, by another batch.
        """
        if orders.seq <= self.accepted:
            return
        if len(orders.intents):
            client_order_ids = [request.client_order_id for request in requests]
            self._know(client_order_ids)
            if self._log is not None:
                self._log.append(
                    {
                        "kind": "orders",
                        "seq": orders.seq,
                        "client_order_ids": client_order_ids,
                        "intents": encode(orders.intents),
                    }
                )
            accept(self.book, orders.intents)
            self.batches += 1
        self.accepted = orders.seq

    def has(self, client_order_id: str) -> bool:
        """Return whether an order of this id ever arrived: what a query by id answers."""
        return client_order_id in self._client_order_ids

    def _know(self, client_order_ids: Sequence[str]) -> None:
        repeated = self._client_order_ids.intersection(client_order_ids)
        if repeated or len(set(client_order_ids)) < len(client_order_ids):
            raise RejectedError(f"client order id used before: {', '.join(sorted(repeated))}")
        self._client_order_ids.update(client_order_ids)

    def commit(self) -> None:
        """Make everything taken and observed so far durable."""
        if self._log is not None:
            self._log.commit()

    def restore(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Rebuild the account from the venue's own log, one record at a time.

        Raises:
            JournalError: a record is none of this venue's.
        """
        for record in records:
            seq = record["seq"]
            if record["kind"] == "orders":
                self._know(record["client_order_ids"])
                accept(self.book, decode(record["intents"], INTENT))
                self.accepted = seq
                self.batches += 1
            elif record["kind"] == "bars":
                bars = decode(record["bars"], np.dtype("f8"))
                empty = np.zeros(len(bars))
                batch = BarBatch(seq, record["open_ms"], record["close_ms"], bars, empty, empty)
                self._match(batch)
            else:
                raise JournalError(
                    f"the venue's log holds a record of kind {record['kind']!r}, which it never "
                    "writes: restore it from a copy or start a new session"
                )
