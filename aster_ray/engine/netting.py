"""The netted market order of one symbol and close, and the slices in which it is sent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from aster_ray.model.enums import ExitReason, label
from aster_ray.model.ids import client_order_id
from aster_ray.model.order import OrderKind, OrderRequest


class Part(NamedTuple):
    """What one sleeve adds to its symbol's market order."""

    sleeve: int
    lots: int
    reason: int  # ExitReason; 0 when it opens


def net_requests(
    name: str, symbol: int, parts: Sequence[Part], close_ms: int, largest: int
) -> list[OrderRequest]:
    """Return the orders for the sum of ``parts``, none above ``largest`` lots (0 = no bound).

    A sleeve may hold more than one order may carry, after several additions or a change of the
    venue's rules, and must still be able to close all of it at once.
    """
    net = sum(part.lots for part in parts)
    reasons = [label(ExitReason(part.reason)) for part in parts if part.reason]
    return [
        OrderRequest(
            client_order_id=client_order_id(name, close_ms, "market", part=number),
            decided_ms=close_ms,
            symbol=symbol,
            sleeve=parts[0].sleeve if len(parts) == 1 else -1,
            kind=OrderKind.MARKET if net else OrderKind.CROSS,
            lots=lots,
            price=math.nan,
            reason=",".join(dict.fromkeys(reasons)),
        )
        for number, lots in enumerate(slices(net, largest))
    ]


def slices(lots: int, largest: int) -> list[int]:
    """Cut a quantity into as few parts as ``largest`` allows, alike in size; 0 = no bound."""
    count = -(-abs(lots) // largest) if largest else 1
    if count <= 1:
        return [lots]
    side = 1 if lots > 0 else -1
    whole, rest = divmod(abs(lots), count)
    return [side * (whole + (part < rest)) for part in range(count)]


def shares(asked: Sequence[int], lots: int) -> list[int]:
    """Return how much of an execution of ``lots`` each order of ``asked`` gets, in their order.

    Raises:
        ValueError: more was executed than was asked for.
    """
    found = []
    for wanted in asked:
        part = max(wanted, min(lots, 0)) if wanted < 0 else min(wanted, max(lots, 0))
        found.append(part)
        lots -= part
    if lots:
        raise ValueError(f"fill of {lots} lots beyond the orders of {list(asked)}")
    return found
