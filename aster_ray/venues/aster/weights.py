"""What requests cost at Aster, as its documentation has it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

# (method, last part of the path) -> weight, where it is not 1.
_FIXED: Mapping[tuple[str, str], int] = MappingProxyType(
    {
        ("GET", "balance"): 5,
        ("GET", "account"): 5,
        ("GET", "positionRisk"): 5,
        ("GET", "aggTrades"): 20,
        ("GET", "allOrders"): 5,
        ("GET", "userTrades"): 5,
        ("GET", "income"): 30,
        ("GET", "commissionRate"): 20,
        ("GET", "dual"): 30,
        ("POST", "batchOrders"): 5,
        ("POST", "countdownCancelAll"): 10,
    }
)
# Dearer without a symbol.
_ALL_SYMBOLS: Mapping[str, int] = MappingProxyType(
    {"openOrders": 40, "24hr": 40, "price": 2, "bookTicker": 2}
)
_BARS = ("klines", "markPriceKlines", "indexPriceKlines")
_DEFAULT_ROWS = 500


def weigh(method: str, path: str, params: Mapping[str, Any]) -> int:
    """Return the weight of a request."""
    name = path.rsplit("/", 1)[-1]
    rows = int(params.get("limit") or _DEFAULT_ROWS)
    if name in _BARS:
        return 1 if rows < 100 else 2 if rows < 500 else 5 if rows <= 1000 else 10
    if name == "depth":
        return 2 if rows <= 50 else 5 if rows <= 100 else 10 if rows <= 500 else 20
    if name in _ALL_SYMBOLS and method == "GET" and not params.get("symbol"):
        return _ALL_SYMBOLS[name]
    return _FIXED.get((method, name), 1)
