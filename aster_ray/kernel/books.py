"""Fresh books: the state of an account that has not traded yet."""

from __future__ import annotations

import numpy as np

from aster_ray.kernel.records import (
    ACCOUNT,
    FILL,
    INTENT,
    LEVEL,
    MAX_LEVELS,
    POSITION,
    SLEEVE,
    Book,
)
from aster_ray.model.enums import Denial


def records(shape: int | tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return zeroed records whose fields also read as attributes when the JIT is off."""
    return np.zeros(shape, dtype).view(np.recarray)


def new_book(symbols: int, strategies: int, capital: float, *, ladders: bool = True) -> Book:
    """Return the book of an account with ``capital`` and ``symbols * strategies`` flat sleeves."""
    count = symbols * strategies
    width = 2 * MAX_LEVELS if ladders else 1
    account = records(1, ACCOUNT)
    for name in ("wallet", "equity", "peak", "day_equity"):
        account[name] = capital
    positions = records(symbols, POSITION)
    positions["mark"] = np.nan
    positions["last"] = np.nan
    sleeves = records(count, SLEEVE)
    sleeves["symbol"] = np.arange(count) // strategies
    sleeves["strategy"] = np.arange(count) % strategies
    for name in ("stop", "stop_high", "take_profit", "peak", "order_stop", "order_take_profit"):
        sleeves[name] = np.nan
    sleeves["centre"] = np.nan
    sleeves["spacing"] = np.nan
    # Per sleeve and bar: funding, two market parts, a stop each side, take profit or liquidation,
    # and an entry and an exit per ladder level.
    return Book(
        account=account,
        positions=positions,
        sleeves=sleeves,
        levels=records((count, width), LEVEL),
        fills=records(count * (8 + 2 * width), FILL),
        intents=records(count * (6 + 2 * width), INTENT),
        denials=np.zeros(len(Denial), np.int64),
        covariance=np.zeros((symbols, symbols)),
        covariance_weight=np.zeros((symbols, symbols)),
    )
