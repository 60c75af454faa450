"""Contract rules of a catalog: a file like the packaged one, read from the venue itself.

``instruments.toml`` beside a catalog's manifest goes before the packaged rules wherever that
catalog is read. Every contract says where its rules come from and when they were read.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from aster_ray.data.instruments import RULES_FILE
from aster_ray.data.parts import make_directory, replace_text, writing
from aster_ray.errors import BadInputError
from aster_ray.model.ids import HOUR_MS, parse_symbol
from aster_ray.model.instrument import Bracket, Instrument

# How a client says that the venue shows its margin table to accounts only.
ASSUMED = "margin table assumed"
_EARLIER = "margin table of "
_HEAD = """\
# Contract rules of perpetual futures as their venue told them; `aster data instruments --refresh`
# reads them again. Decimals are exact. `brackets` names a table below: [notional floor,
# maintenance rate, highest leverage].
"""
# What a person sees of a contract, in this order.
FIELDS = (
    "tick",
    "lot",
    "min_qty",
    "max_qty",
    "min_notional",
    "funding_interval_hours",
    "maker_fee",
    "taker_fee",
    "half_spread",
    "liquidation_fee",
    "brackets",
)


class Change(NamedTuple):
    """One field that a refresh changed; ``before`` is empty for a contract that is new."""

    symbol: str
    field: str
    before: str
    after: str


def readable(instruments: Iterable[Instrument]) -> list[Instrument]:
    """Return the contracts whose names can be written as a symbol (Aster lists others, too)."""
    found = []
    for item in instruments:
        try:
            same = parse_symbol(item.symbol).venue_id == item.symbol
        except BadInputError:
            same = False
        if same:
            found.append(item)
    return sorted(found, key=lambda item: item.symbol)


def with_what_is_known(told: Instrument, known: Instrument | None) -> Instrument:
    """Return a venue's rules with what it does not tell taken from earlier ones.

    No venue tells its spread, and margin tables only to accounts: an assumed table never replaces
    a better one.
    """
    if known is None:
        return told
    changes: dict[str, object] = {
        "half_spread": known.half_spread,
        "liquidation_fee": known.liquidation_fee,
    }
    if told.source.endswith(ASSUMED):
        changes["brackets"] = known.brackets
        _, older, origin = known.source.partition(_EARLIER)
        origin = origin if older else f"{known.as_of}: {known.source}"
        changes["source"] = f"{told.source.removesuffix(ASSUMED)}{_EARLIER}{origin}"
    return dataclasses.replace(told, **changes)  # type: ignore[arg-type]


def write_rules(directory: Path, instruments: Mapping[str, Instrument]) -> None:
    """Replace the rules of a directory, whole or not at all."""
    make_directory(directory)
    text = rules_text(instruments)
    with writing(directory):
        replace_text(directory / RULES_FILE, text)


def rules_text(instruments: Mapping[str, Instrument]) -> str:
    """Return rules as the file that ``read_instruments`` reads back to the same contracts."""
    names: dict[tuple[Bracket, ...], str] = {}
    for symbol, item in sorted(instruments.items()):
        names.setdefault(item.brackets, symbol.lower())
    lines = [_HEAD, "[defaults]", "", "[brackets]"]
    for brackets, name in names.items():
        lines += [f"{name} = [", *(f"  {row}," for row in _rows(brackets)), "]"]
    for symbol, item in sorted(instruments.items()):
        lines += ["", f"[instruments.{symbol}]"]
        values = {**_plain(item), "brackets": f'"{names[item.brackets]}"'}
        lines += [f"{name} = {values[name]}" for name in FIELDS]
        lines += [f"source = {_quoted(item.source)}", f"as_of = {_quoted(item.as_of)}"]
    return "\n".join(lines) + "\n"


def changes(before: Mapping[str, Instrument], after: Mapping[str, Instrument]) -> list[Change]:
    """Return every field that differs, contract by contract."""
    found = []
    for symbol, item in sorted(after.items()):
        now = _plain(item)
        old = _plain(before[symbol]) if symbol in before else dict.fromkeys(FIELDS, "")
        found += [
            Change(symbol, name, old[name], now[name]) for name in FIELDS if old[name] != now[name]
        ]
    return found


def as_row(item: Instrument) -> dict[str, object]:
    """Return a contract for JSON: decimals as text, brackets as [floor, rate, leverage]."""
    return {
        "symbol": item.symbol,
        **_plain(item),
        "brackets": [[step.floor, step.rate, step.leverage] for step in item.brackets],
        "highest_leverage": int(max(step.leverage for step in item.brackets)),
        "source": item.source,
        "as_of": item.as_of,
    }


def rules_digest(instruments: Sequence[Instrument]) -> str:
    """Return a hash of all rules that can change a result; who told them when cannot."""
    text = json.dumps([[item.symbol, _plain(item)] for item in instruments])
    return hashlib.blake2s(text.encode(), digest_size=16).hexdigest()


def _plain(item: Instrument) -> dict[str, str]:
    """Return the fields of a contract as they are written."""
    return {
        "tick": _decimal(item.tick),
        "lot": _decimal(item.lot),
        "min_qty": _decimal(item.min_lots * item.lot),
        "max_qty": _decimal(item.max_lots * item.lot),
        "min_notional": _number(item.min_notional),
        "funding_interval_hours": str(item.funding_interval_ms // HOUR_MS),
        "maker_fee": _number(item.maker_fee),
        "taker_fee": _number(item.taker_fee),
        "half_spread": _number(item.half_spread),
        "liquidation_fee": _number(item.liquidation_fee),
        "brackets": " ".join(_rows(item.brackets)),
    }


def _rows(brackets: Sequence[Bracket]) -> list[str]:
    return [
        f"[{_number(step.floor)}, {_number(step.rate)}, {int(step.leverage)}]" for step in brackets
    ]


def _number(value: float) -> str:
    return _decimal(Decimal(repr(value)))


def _decimal(value: Decimal) -> str:
    text = format(value.normalize(), "f")
    return text if value.normalize() != 0 else "0"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(letter if letter.isprintable() else " " for letter in escaped) + '"'
