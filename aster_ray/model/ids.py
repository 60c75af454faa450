"""Names of things: symbols, timeframes and the ids we give to orders."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from aster_ray.errors import BadInputError

QUOTES = ("USDT", "USDC", "USD1", "BUSD", "USD")
DEFAULT_QUOTE = "USDT"

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

# Bar lengths in UTC milliseconds, finest first; every one divides the day.
TIMEFRAMES: Mapping[str, int] = MappingProxyType(
    {
        "1m": MINUTE_MS,
        "3m": 3 * MINUTE_MS,
        "5m": 5 * MINUTE_MS,
        "15m": 15 * MINUTE_MS,
        "30m": 30 * MINUTE_MS,
        "1h": HOUR_MS,
        "4h": 4 * HOUR_MS,
    }
)

_ASSET = re.compile(r"[A-Z0-9]{1,20}")
OURS = "ar-"  # the id of every order of ours begins so
# What Aster accepts as newClientOrderId.
CLIENT_ORDER_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")


class Symbol(NamedTuple):
    """A linear perpetual, margined and settled in its quote asset."""

    base: str
    quote: str

    @property
    def venue_id(self) -> str:
        """Return the venue's name, e.g. ``BTCUSDT``."""
        return f"{self.base}{self.quote}"

    @property
    def unified(self) -> str:
        """Return ccxt's name, e.g. ``BTC/USDT:USDT``."""
        return f"{self.base}/{self.quote}:{self.quote}"


def parse_symbol(text: str) -> Symbol:
    """Read ``BTC``, ``BTCUSDT``, ``BTC-USDT``, ``BTC/USDT`` or ``BTC/USDT:USDT``, in any case."""
    pair, colon, settle = text.strip().upper().partition(":")
    base, separator, quote = pair.replace("-", "/").replace("_", "/").partition("/")
    if not separator:
        base, quote = _split_quote(base)
    settles_in_quote = settle == quote if colon else True
    if not (_ASSET.fullmatch(base) and quote in QUOTES and settles_in_quote and base != quote):
        raise BadInputError(
            f"symbol {text!r} cannot be read: write a perpetual as BTC, BTCUSDT or BTC/USDT:USDT "
            f"(quotes: {', '.join(QUOTES)}; settled in the quote)"
        )
    return Symbol(base, quote)


def _split_quote(name: str) -> tuple[str, str]:
    for quote in QUOTES:
        if name.endswith(quote) and len(name) > len(quote):
            return name.removesuffix(quote), quote
    # A bare quote asset has no market against itself; parse_symbol refuses base == quote.
    return name, name if name in QUOTES else DEFAULT_QUOTE


def parse_symbols(texts: list[str] | tuple[str, ...]) -> tuple[Symbol, ...]:
    """Read several symbols, keeping the order and dropping repetitions."""
    return tuple(dict.fromkeys(parse_symbol(text) for text in texts))


def parse_timeframe(text: str) -> int:
    """Return the length of a bar in milliseconds."""
    length = TIMEFRAMES.get(text.strip())
    if length is None:
        raise BadInputError(f"timeframe {text!r} is unknown: use one of {', '.join(TIMEFRAMES)}")
    return length


def timeframe_name(timeframe_ms: int) -> str:
    """Return the name of a bar length, e.g. ``1h`` for 3,600,000."""
    for name, length in TIMEFRAMES.items():
        if length == timeframe_ms:
            return name
    raise BadInputError(
        f"timeframe of {timeframe_ms} ms is unknown: use one of {', '.join(TIMEFRAMES)}"
    )


def client_order_id(
    symbol: str, close_ms: int, kind: str, sleeve: int = -1, level: int = -1, part: int = 0
) -> str:
    """Derive an order's id from its decision, so that a restart repeats the id, never the order.

    Args:
        symbol: what the venue calls the instrument.
        close_ms: close time of the bar that was decided on.
        kind: what the order is for, e.g. ``market``, ``stop``, ``place_level``.
        sleeve: whose order it is; ``-1`` where it belongs to all of a symbol.
        level: of a ladder; ``-1`` for none.
        part: number of the slice when one decision is sent in several orders.
    """
    key = f"{symbol}|{close_ms}|{kind}|{sleeve}|{level}|{part}".encode()
    return OURS + hashlib.blake2s(key, digest_size=14).hexdigest()
