"""Where the engine ends and the world begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from aster_ray.engine.messages import BarBatch, OrderBatch, VenueReport
from aster_ray.kernel.market import Market


class MarketDataPort(Protocol):
    """Closed bars in order, each close time once."""

    @property
    def market(self) -> Market:
        """Symbols, grid and warm-up history."""
        ...

    def batches(self, seq: int) -> Iterator[BarBatch]:
        """Yield the close times from number ``seq`` on."""
        ...


class ExecutionPort(Protocol):
    """Where orders leave the process and evidence comes back."""

    def observe(self, batch: BarBatch) -> VenueReport:
        """Return what happened at the venue until this close time."""
        ...

    def submit(self, orders: OrderBatch, client_order_ids: Sequence[str] = ()) -> None:
        """Hand orders over under their ids; handing over the same number twice changes nothing."""
        ...


class JournalPort(Protocol):
    """An append-only record; what was committed survives the process."""

    def append(self, record: dict[str, object]) -> None:
        """Add a record to the group that the next commit makes durable."""
        ...

    def commit(self) -> None:
        """Return only once every appended record is on disk."""
        ...


class DurableExecutionPort(ExecutionPort, Protocol):
    """A venue that outlives our process and can be asked what it knows."""

    @property
    def report(self) -> VenueReport:
        """Return the evidence on the last close time seen; its number is -1 before the first."""
        ...

    @property
    def accepted(self) -> int:
        """Return the last close time whose orders arrived; -1 for none."""
        ...

    @property
    def batches(self) -> int:
        """Return of how many closes orders arrived."""
        ...

    @property
    def evidence(self) -> int:
        """Return on how many closes something happened."""
        ...

    def has(self, client_order_id: str) -> bool:
        """Return whether an order of this id ever arrived."""
        ...

    def commit(self) -> None:
        """Return only once the venue will not forget what it took and saw."""
        ...
