"""How a symbol's netted execution is shared among the sleeves that asked for it."""

from __future__ import annotations

from typing import Any, NamedTuple

from aster_ray._jit import inlined_kernel
from aster_ray.kernel.accounting import apply_fill, new_fill
from aster_ray.kernel.records import Book, Setup
from aster_ray.kernel.resting import clear_order
from aster_ray.model.enums import FillKind

MARKET = int(FillKind.MARKET)


@inlined_kernel
def _fill_part(book: Book, setup: Setup, i: int, lots: int, price: float) -> Any:
    """Execute ``lots`` of sleeve ``i``'s market order at ``price``; the caller sets the costs."""
    n = book.sleeves[i].symbol
    fill = new_fill(book, n, i, MARKET, 0)
    fill.lots = lots
    fill.price = price
    return fill


class Deal(NamedTuple):
    """One price for everybody; ``fee`` and ``slippage`` are cash per lot a sleeve trades."""

    price: float
    fee: float
    slippage: float
    ms: int


@inlined_kernel
def share_market(book: Book, setup: Setup, n: int, deal: Deal) -> None:
    """Book the market orders of all sleeves of ``n`` and forget them.

    The closing part of an order comes before its opening part; lots that cross within the account
    count as traded like those that leave it.
    """
    strategies = setup.strategies
    first = n * strategies
    for i in range(first, first + strategies):
        sleeve = book.sleeves[i]
        closing = sleeve.order_close_lots
        for part in range(2):
            lots = closing if part == 0 else sleeve.order_lots - closing
            if lots == 0:
                continue
            fill = _fill_part(book, setup, i, lots, deal.price)
            fill.ms = deal.ms
            fill.fee = deal.fee * abs(lots)
            fill.slippage = deal.slippage * abs(lots)
            fill.reason = sleeve.order_reason if part == 0 else 0
            apply_fill(book, setup, fill)
        clear_order(sleeve)
