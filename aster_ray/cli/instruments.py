"""``aster data instruments``: the contract rules in force, and the venue's own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aster_ray.cli import api, output, tables
from aster_ray.cli.options import VerbOptions, verb
from aster_ray.errors import BadInputError, RetryableError

if TYPE_CHECKING:
    from rich.console import Console

    from aster_ray.model.instrument import Instrument
    from aster_ray.settings import Settings

_ATTEMPTS = 3
_MOST_SHOWN = 40
_SHOWN = (
    "symbol",
    "tick",
    "lot",
    "max_qty",
    "min_notional",
    "highest_leverage",
    "maker_fee",
    "taker_fee",
    "funding_interval_hours",
    "as_of",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments(VerbOptions):
    """Whose rules, and where they go."""

    refresh: Annotated[
        bool, typer.Option("--refresh", help="Read the rules from the venue and write them.")
    ] = False
    venue: Annotated[
        str | None, typer.Option(help="aster, or ccxt's name of another: binanceusdm, bybit, ...")
    ] = None
    symbols: Annotated[str | None, typer.Option(help="E.g. BTC,ETH; none = all.")] = None
    catalog: Annotated[
        str | None, typer.Option(help="Directory of market data; none = the configured one.")
    ] = None


def register(app: typer.Typer) -> None:
    """Add the verb of this file."""
    verb(app, "instruments", Instruments)(instruments)


def instruments(options: Instruments) -> None:
    """Show contract rules with source and date; --refresh reads them from the venue."""
    from aster_ray.data.instruments import known_instruments

    given = {"venue": options.venue, "seed": options.seed}
    settings = api.load_settings(options.config, given, options.settings)
    place = options.catalog or settings.data.path
    if options.refresh:
        _refresh(options, settings, place)
        return
    if options.venue:
        raise BadInputError("--venue is for --refresh: without it no venue is asked")
    rules = _chosen(options, known_instruments(place), "the rules in force")
    _emit(options, {"written": None, "instruments": _rows(rules.values()), "changes": []})


def _refresh(options: Instruments, settings: Settings, place: str) -> None:
    """Write the venue's rules beside a catalog, or below --out, and show what changed."""
    from aster_ray.data.instruments import RULES_FILE, catalog_instruments, known_instruments
    from aster_ray.data.rules import changes, readable, with_what_is_known, write_rules

    if not (place or options.out):
        raise BadInputError("nowhere to write rules to: name a directory with --catalog or --out")
    target = options.out if options.out is not None else Path(place)
    output.require_writable(target)
    before, held = known_instruments(target), catalog_instruments(target)
    with output.progress(options, "instruments"):
        told = {item.symbol: item for item in readable(asyncio.run(_ask(settings)))}
    told = _chosen(options, told, settings.venue.name)
    fresh = {name: with_what_is_known(item, before.get(name)) for name, item in told.items()}
    found = changes(before, fresh)
    write_rules(target, {**held, **fresh})
    payload = {
        "written": str(target / RULES_FILE),
        "instruments": _rows(fresh.values()),
        "changes": [change._asdict() for change in found],
    }
    _emit(options, payload)


async def _ask(settings: Settings) -> Sequence[Instrument]:
    """Return the venue's contracts.

    Raises:
        BadInputError: it cannot be reached.
    """
    from aster_ray.venues.connect import connect_market
    from aster_ray.venues.credentials import read_credentials

    client = connect_market(settings.venue, read_credentials(settings.venue, os.environ))
    try:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await client.instruments()
            except RetryableError as error:
                if attempt == _ATTEMPTS:
                    raise BadInputError(
                        f"venue {client.name} cannot be reached ({error}): check the network and "
                        "the venue's address; nothing was changed"
                    ) from error
                await asyncio.sleep(0.5 * attempt)
        raise AssertionError("a loop of at least one attempt")
    finally:
        await client.close()


def _chosen(
    options: Instruments, rules: Mapping[str, Instrument], place: str
) -> dict[str, Instrument]:
    """Return the rules of the symbols that were named, or all."""
    from aster_ray.data.download.request import choose_symbols

    named = tuple(part for part in (options.symbols or "").split(",") if part.strip())
    return {name: rules[name] for name in choose_symbols(named, tuple(rules), place)}


def _rows(rules: Any) -> list[dict[str, object]]:
    from aster_ray.data.rules import as_row

    return [as_row(item) for item in rules]


def _emit(options: Instruments, payload: Mapping[str, Any]) -> None:
    output.emit(options, payload, _table(payload), "instruments.json")


def _table(payload: Mapping[str, Any]) -> Callable[[Console], None]:
    def render(console: Console) -> None:
        if payload["written"] is None:
            _show_rules(console, payload["instruments"])
            return
        changed = payload["changes"]
        if changed:
            table = tables.grid(["symbol", "field", "before", "after"])
            for change in changed[:_MOST_SHOWN]:
                cells = (_short(change[name]) for name in ("before", "after"))
                table.add_row(change["symbol"], change["field"], *cells)
            console.print(table)
        if len(changed) > _MOST_SHOWN:
            console.print(f"... and {len(changed) - _MOST_SHOWN} more; --json shows all")
        count = len(payload["instruments"])
        console.print(f"{count} contracts, {len(changed)} fields changed: {payload['written']}")
        for source in sorted({row["source"] for row in payload["instruments"]}):
            console.print(f"source: {source}")

    return render


def _show_rules(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    table = tables.grid(_SHOWN)
    for row in rows:
        table.add_row(*(f"{row[name]}" for name in _SHOWN))
    console.print(table)
    for source in sorted({row["source"] for row in rows}):
        symbols = [row["symbol"] for row in rows if row["source"] == source]
        console.print(f"{', '.join(symbols)}: {source}")


def _short(text: str) -> str:
    return text or tables.NONE if len(text) <= 40 else f"{text[:37]}..."
