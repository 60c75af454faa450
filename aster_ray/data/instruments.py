"""Contract rules: the packaged table, and careful guesses for what is not in it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from aster_ray.errors import BadInputError
from aster_ray.kernel.market import Market
from aster_ray.kernel.records import CLOSE, OPEN
from aster_ray.model.ids import HOUR_MS, parse_symbol
from aster_ray.model.instrument import Bracket, Instrument, continuous_brackets

RULES_FILE = "instruments.toml"
# An unknown contract: prices finer than this are computed, not quoted.
_MOST_DECIMALS = 8
_SAMPLE = 5_000
_UNKNOWN_HALF_SPREAD = 0.0005
_UNKNOWN_LARGEST_ORDER = 100_000.0  # quote currency


@lru_cache(maxsize=1)
def packaged_instruments() -> Mapping[str, Instrument]:
    """Return the rules that come with the package, by venue id."""
    text = files("aster_ray.data").joinpath(RULES_FILE).read_text(encoding="utf-8")
    return MappingProxyType(read_instruments(text))


def read_instruments(text: str) -> dict[str, Instrument]:
    """Read rules written like ``instruments.toml``."""
    try:
        state = tomllib.loads(text, parse_float=Decimal)
        return {
            name: _instrument(name, {**state["defaults"], **rules}, state["brackets"])
            for name, rules in state["instruments"].items()
        }
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"instrument rules are not TOML: {error}") from error
    except KeyError as error:
        raise BadInputError(
            f"instrument rules lack {error}; see the packaged {RULES_FILE}"
        ) from error


def catalog_instruments(path: str | Path) -> Mapping[str, Instrument]:
    """Return the rules that lie in a directory of market data; nothing where there are none."""
    file = Path(path) / RULES_FILE
    if not path or not file.is_file():
        return {}
    try:
        return read_instruments(file.read_text(encoding="utf-8"))
    except (BadInputError, OSError, UnicodeError) as error:
        raise BadInputError(
            f"{RULES_FILE} of {Path(path).name!r} cannot be used ({error}); repair or remove it"
        ) from error


def known_instruments(path: str | Path) -> Mapping[str, Instrument]:
    """Return the packaged rules with those of a directory before them."""
    return {**packaged_instruments(), **catalog_instruments(path)}


def instrument_for(
    symbol: str, prices: np.ndarray, rules: Mapping[str, Instrument] | None = None
) -> tuple[Instrument, str | None]:
    """Return a contract's rules and, if they had to be guessed, a warning.

    Args:
        symbol: any spelling.
        prices: recorded prices of any shape; only read when the symbol is not in the table.
        rules: the table; None = the packaged one.
    """
    wanted = parse_symbol(symbol)
    known = (packaged_instruments() if rules is None else rules).get(wanted.venue_id)
    if known is not None:
        return known, None
    sample = _sample(prices)
    if len(sample) == 0:
        raise BadInputError(
            f"symbol {wanted.venue_id} has no packaged rules and no price to guess them from; "
            f"choose one of {', '.join(packaged_instruments())} or load data for it"
        )
    decimals = _decimals(sample)
    level = float(np.median(sample))
    lot = _lot(level)
    guessed = Instrument(
        symbol=wanted.venue_id,
        base=wanted.base,
        quote=wanted.quote,
        tick=Decimal(1).scaleb(-decimals),
        lot=lot,
        min_lots=1,
        max_lots=max(1, int(_UNKNOWN_LARGEST_ORDER / (level * float(lot)))),
        min_notional=5.0,
        brackets=unknown_brackets(),
        half_spread=_UNKNOWN_HALF_SPREAD,
        source="guessed from recorded prices",
    )
    return guessed, (
        f"{wanted.venue_id}: no packaged contract rules; tick {guessed.tick} guessed from its "
        f"prices, lot {lot}, leverage at most {guessed.brackets[0].leverage:g}x"
    )


def instruments_for(
    market: Market, path: str | Path = ""
) -> tuple[tuple[Instrument, ...], tuple[str, ...]]:
    """Return the rules of all symbols of a market, in its order, and the warnings.

    Args:
        market: bars of the symbols.
        path: where they lie; the rules beside them go before the packaged ones.
    """
    rules = known_instruments(path)
    found = [
        instrument_for(symbol, market.bars[:, index, OPEN : CLOSE + 1], rules)
        for index, symbol in enumerate(market.symbols)
    ]
    return (
        tuple(instrument for instrument, _ in found),
        tuple(warning for _, warning in found if warning is not None),
    )


@lru_cache(maxsize=1)
def unknown_brackets() -> tuple[Bracket, ...]:
    """Return the margin table of a contract nobody described: low leverage, early steps."""
    text = files("aster_ray.data").joinpath(RULES_FILE).read_text(encoding="utf-8")
    return _brackets(tomllib.loads(text, parse_float=Decimal)["brackets"]["unknown"])


def _instrument(name: str, rules: Mapping[str, Any], tables: Mapping[str, Any]) -> Instrument:
    symbol = parse_symbol(name)
    lot = Decimal(rules["lot"])
    return Instrument(
        symbol=symbol.venue_id,
        base=symbol.base,
        quote=symbol.quote,
        tick=Decimal(rules["tick"]),
        lot=lot,
        min_lots=_whole_lots(name, "min_qty", rules, lot),
        max_lots=_whole_lots(name, "max_qty", rules, lot),
        min_notional=float(rules["min_notional"]),
        brackets=_brackets(tables[rules["brackets"]]),
        funding_interval_ms=int(rules["funding_interval_hours"]) * HOUR_MS,
        maker_fee=float(rules["maker_fee"]),
        taker_fee=float(rules["taker_fee"]),
        half_spread=float(rules["half_spread"]),
        liquidation_fee=float(rules["liquidation_fee"]),
        source=rules["source"],
        as_of=rules["as_of"],
    )


def _whole_lots(name: str, field: str, rules: Mapping[str, Any], lot: Decimal) -> int:
    lots = Decimal(rules[field]) / lot
    if lots != lots.to_integral_value():
        raise BadInputError(
            f"instrument {name}: {field} must be whole lots of {lot}, was {rules[field]}"
        )
    return int(lots)


def _brackets(steps: list[list[Any]]) -> tuple[Bracket, ...]:
    return continuous_brackets([(Decimal(a), Decimal(b), int(c)) for a, b, c in steps])


def _sample(prices: np.ndarray) -> np.ndarray:
    """Return the latest usable prices, flat."""
    flat = np.asarray(prices, dtype=np.float64).reshape(-1)
    return flat[np.isfinite(flat) & (flat > 0.0)][-_SAMPLE:]


def _decimals(sample: np.ndarray) -> int:
    """Return how many decimals it takes to write every price exactly."""
    for decimals in range(_MOST_DECIMALS):
        if np.array_equal(np.round(sample, decimals), sample):
            return decimals
    return _MOST_DECIMALS


def _lot(price: float) -> Decimal:
    """Return the power of ten whose value is at most one unit of quote currency."""
    lot = Decimal(1)
    while float(lot) * price > 1.0 and lot > Decimal("1e-8"):
        lot /= 10
    return lot
