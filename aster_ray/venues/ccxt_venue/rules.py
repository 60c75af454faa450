"""Contract rules as ccxt tells them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from aster_ray.model.ids import HOUR_MS
from aster_ray.model.instrument import Bracket, Instrument, continuous_brackets

_TICK_SIZE, _DECIMAL_PLACES = 4, 2  # ccxt's precision modes
_MOST_LOTS = 10**15
# Where the venue shows its margin table to nobody, or only to whom we are not: low leverage, early.
_UNTOLD: tuple[tuple[str, str, int], ...] = (
    ("0", "0.05", 10),
    ("50000", "0.1", 5),
    ("250000", "0.125", 4),
    ("500000", "0.25", 2),
    ("1000000", "0.5", 1),
)


def is_traded(market: Mapping[str, Any]) -> bool:
    """Tell whether a market of ccxt is a linear perpetual, settled in its quote, open to trade."""
    return bool(
        market.get("swap")
        and market.get("linear")
        and market.get("active") is not False
        and market.get("settle") == market.get("quote")
    )


def names(market: Mapping[str, Any]) -> tuple[str, str]:
    """Return base and quote as the venue spells them in the contract's id, else as ccxt does."""
    told = str(market.get("baseId", "")), str(market.get("quoteId", ""))
    return told if "".join(told) == market["id"] else (market["base"], market["quote"])


def step(value: Any, mode: int) -> Decimal | None:
    """Return the smallest step of a price or quantity; None where ccxt's rule is no step."""
    if value is None:
        return None
    if mode == _DECIMAL_PLACES:
        return Decimal(1).scaleb(-int(value))
    return Decimal(str(value)) if mode == _TICK_SIZE and float(value) > 0 else None


def instrument(
    market: Mapping[str, Any],
    mode: int,
    told: Mapping[str, Any],
    source: str,
    as_of: str,
) -> Instrument | None:
    """Return a contract's rules; None if ccxt does not say what tick or lot are.

    Args:
        market: of ccxt.
        mode: ccxt's precision mode of the venue.
        told: ``brackets`` and ``funding_ms`` of this market where the venue told them.
        source: who said so.
        as_of: ISO date.
    """
    precision, limits = market["precision"], market["limits"]
    tick, contract_lot = step(precision.get("price"), mode), step(precision.get("amount"), mode)
    if tick is None or contract_lot is None:
        return None
    size = Decimal(str(market.get("contractSize") or 1))
    lot = contract_lot if size == 1 else contract_lot * size
    amounts = limits.get("amount") or {}
    at_market = limits.get("market") or {}
    largest = min(_number(amounts.get("max"), math.inf), _number(at_market.get("max"), math.inf))
    smallest = max(_number(amounts.get("min"), 0.0), _number(at_market.get("min"), 0.0))
    brackets: Sequence[Bracket] = told.get("brackets") or ()
    fees = {}
    for name, key in (("maker_fee", "maker"), ("taker_fee", "taker")):
        if market.get(key) is not None:
            fees[name] = float(market[key])
    base, quote = names(market)
    return Instrument(
        symbol=f"{base}{quote}",
        base=base,
        quote=quote,
        tick=tick,
        lot=lot,
        min_lots=max(1, _lots(smallest, contract_lot, up=True)),
        max_lots=_MOST_LOTS if math.isinf(largest) else max(1, _lots(largest, contract_lot)),
        min_notional=_number((limits.get("cost") or {}).get("min"), 0.0),
        brackets=tuple(brackets) or untold_brackets(),
        funding_interval_ms=int(told.get("funding_ms") or 8 * HOUR_MS),
        source=source if brackets else f"{source}; margin table assumed",
        as_of=as_of,
        **fees,
    )


def untold_brackets() -> tuple[Bracket, ...]:
    """Return the margin table assumed where the venue shows none."""
    return continuous_brackets([(Decimal(a), Decimal(b), c) for a, b, c in _UNTOLD])


def brackets_of(tiers: Iterable[Mapping[str, Any]]) -> tuple[Bracket, ...]:
    """Return a margin table from ccxt's leverage tiers; deductions are derived exactly."""
    return continuous_brackets(
        [
            (
                Decimal(str(tier["minNotional"])),
                Decimal(str(tier["maintenanceMarginRate"])),
                int(float(tier["maxLeverage"])),
            )
            for tier in sorted(tiers, key=lambda tier: float(tier["minNotional"]))
        ]
    )


def _lots(qty: float, lot: Decimal, *, up: bool = False) -> int:
    lots = Decimal(str(qty)) / lot
    return int(-(-lots // 1) if up else lots // 1)


def _number(value: Any, default: float) -> float:
    return default if value is None else float(value)
