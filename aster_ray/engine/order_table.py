"""The order table of a report: one row per order, in the order they were decided."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from aster_ray.metrics.facts import ORDER_COLUMNS
from aster_ray.model.order import Order


def order_columns(
    orders: Iterable[Order], symbols: Sequence[str], sleeves: Sequence[tuple[str, int]]
) -> dict[str, list[Any]]:
    """Return one list per column; ``sleeves`` is (strategy, symbol index) by sleeve."""
    table: dict[str, list[Any]] = {name: [] for name in ORDER_COLUMNS}
    for order in orders:
        request = order.request
        row = (
            request.client_order_id,
            request.decided_ms,
            symbols[request.symbol],
            sleeves[request.sleeve][0] if request.sleeve >= 0 else "",
            request.kind.value,
            "buy" if request.lots > 0 else "sell" if request.lots < 0 else "",
            abs(request.lots),
            None if math.isnan(request.price) else request.price,
            type(order.state).__name__.lower(),
            abs(order.filled_lots),
            order.average_price,
            request.reason,
        )
        for name, value in zip(ORDER_COLUMNS, row, strict=True):
            table[name].append(value)
    return table
