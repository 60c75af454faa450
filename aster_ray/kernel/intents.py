"""The buffer in which a decision says what it wants done."""

from __future__ import annotations

from typing import Any

import numpy as np

from aster_ray._jit import inlined_kernel
from aster_ray.kernel.records import Book
from aster_ray.model.enums import IntentKind

DENIED = int(IntentKind.DENIED)


@inlined_kernel
def new_intent(book: Book, i: int, kind: int) -> Any:
    """Append an empty intent of sleeve ``i`` and return its record."""
    account = book.account[0]
    intent = book.intents[account.intent_count]
    account.intent_count += 1
    intent.kind = kind
    intent.symbol = book.sleeves[i].symbol
    intent.sleeve = i
    intent.level = -1
    intent.lots = 0
    intent.close_lots = 0
    intent.price = np.nan
    intent.exit_price = np.nan
    intent.stop = np.nan
    intent.stop_high = np.nan
    intent.take_profit = np.nan
    intent.units = 0.0
    intent.reason = 0
    return intent


@inlined_kernel
def deny(book: Book, i: int, direction: int, code: int) -> None:
    """Record a refusal; a wish that stands for many bars is refused, and counted, once."""
    sleeve = book.sleeves[i]
    if sleeve.refused_direction == direction:
        return
    sleeve.refused_direction = direction
    book.denials[code] += 1
    intent = new_intent(book, i, DENIED)
    intent.lots = direction
    intent.reason = code
