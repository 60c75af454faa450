"""What is to be traded: the netted order of one symbol and close, and until when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from aster_ray.model.enums import Side
from aster_ray.model.order import OrderKind, OrderRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """An order that is carried out in children.

    Attributes:
        parent_id: derived from the decision; the ids of the children are derived from it.
        symbol: venue id, ``BTCUSDT``.
        lots: signed, never 0.
        decision_price: what the price was when it was decided, the close of the bar.
        decided_ms: close time of that bar.
        deadline_ms: nothing is placed from here on and what rests is withdrawn; what was not traded
            is decided anew.
        reduce_only: it shrinks a position; the venue's smallest notional does not hold for it.
    """

    parent_id: str
    symbol: str
    lots: int
    decision_price: float
    decided_ms: int
    deadline_ms: int
    reduce_only: bool = False

    def __post_init__(self) -> None:
        problems = []
        if self.lots == 0:
            problems.append("lots must not be 0")
        if not (math.isfinite(self.decision_price) and self.decision_price > 0.0):
            problems.append(f"decision_price must be positive, was {self.decision_price}")
        if self.deadline_ms <= self.decided_ms:
            problems.append(
                f"deadline_ms must lie after decided_ms {self.decided_ms}, was {self.deadline_ms}"
            )
        if problems:
            raise ValueError(f"parent {self.parent_id}: {'; '.join(problems)}")

    @property
    def side(self) -> Side:
        """Return the direction of all of its children."""
        return Side.BUY if self.lots > 0 else Side.SELL

    @property
    def total(self) -> int:
        """Return its lots without their sign, as children count theirs."""
        return abs(self.lots)


def parent_of(
    requests: Sequence[OrderRequest],
    symbol: str,
    *,
    decision_price: float,
    deadline_ms: int,
    reduce_only: bool = False,
) -> Parent:
    """Return the parent of one symbol's netted order, put together again if it was cut.

    Its id is that of the first request, which is the id of the whole (see ``net_requests``).

    Raises:
        ValueError: the requests are not the market orders of one symbol and close.
    """
    same = {(request.symbol, request.decided_ms, request.kind) for request in requests}
    if len(same) != 1 or requests[0].kind is not OrderKind.MARKET:
        raise ValueError(f"no netted market order of one symbol and close: {list(requests)}")
    return Parent(
        parent_id=requests[0].client_order_id,
        symbol=symbol,
        lots=sum(request.lots for request in requests),
        decision_price=decision_price,
        decided_ms=requests[0].decided_ms,
        deadline_ms=deadline_ms,
        reduce_only=reduce_only,
    )
