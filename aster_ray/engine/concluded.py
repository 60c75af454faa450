"""How far the risk desk's journal has got: by it an executor sees that its own records are gone.

A disk that loses the whole of an executor's journals leaves no gap in them: they look like those of
a session that has yet to begin. Only what the other actors hold tells the two apart.
"""

from __future__ import annotations

from typing import NamedTuple

from aster_ray.engine.messages import OrderBatch, VenueReport
from aster_ray.engine.ports import DurableExecutionPort
from aster_ray.errors import JournalError

REMEDY = (
    "restore it from a copy or start a new session; what is held at a venue keeps its stop there "
    "meanwhile, and venue.external = adopt makes it the new session's (aster help live)"
)


class Concluded(NamedTuple):
    """What a risk journal holds.

    Attributes:
        seq: its last close; -1 for none.
        batches: on how many closes it decided something.
        evidence: on how many closes it was told of something.
        is_ordering: whether it decided something on the last one.
    """

    seq: int = -1
    batches: int = 0
    evidence: int = 0
    is_ordering: bool = False

    def then(self, report: VenueReport, orders: OrderBatch) -> Concluded:
        """Return what it holds after one more close."""
        is_ordering = bool(len(orders.intents))
        batches, evidence = self.batches + is_ordering, self.evidence + (not report.is_empty)
        return Concluded(orders.seq, batches, evidence, is_ordering)

    def require(self, venue: DurableExecutionPort) -> None:
        """Refuse an executor that does not know what came of these closes.

        Only the last orders may not have arrived yet, where the close they are of is known: it was
        on disk before the risk desk heard of it.

        Raises:
            JournalError: records of the executor or of the venue are gone.
        """
        on_the_way = int(self.is_ordering and self.seq <= venue.report.seq)
        if venue.batches < self.batches - on_the_way or venue.evidence < self.evidence:
            raise JournalError(
                f"the risk desk has decided on {self.batches} closes up to close {self.seq} and "
                f"been told of {self.evidence}, but the executor's journals end at close "
                f"{venue.report.seq} with {venue.batches} and {venue.evidence} of them: records "
                f"that orders were sent by are missing, and nothing is sent again; {REMEDY}"
            )
