"""``aster doctor``: is everything as it must be before real money trades?"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aster_ray.cli import api, output
from aster_ray.cli.options import VerbOptions, verb
from aster_ray.errors import EXIT_FAILED, BadInputError

if TYPE_CHECKING:
    from aster_ray.doctor.examine import Patient
    from aster_ray.settings import Settings

_WIDTHS = (5, 14)  # of the verdict and the name


@dataclass(frozen=True, slots=True, kw_only=True)
class Doctor(VerbOptions):
    """What would be traded."""

    symbols: Annotated[
        str | None, typer.Option(help="E.g. BTC,ETH; none = the configured ones.")
    ] = None


def register(app: typer.Typer) -> None:
    """Add the verb of this file."""
    verb(app, "doctor", Doctor)(doctor)


def doctor(options: Doctor) -> None:
    """Check venue, keys, account and machine before real money trades; sends no order."""
    import asyncio

    try:
        from aster_ray.doctor.examine import examine
        from aster_ray.doctor.finding import passed
    except ImportError as error:
        raise BadInputError(
            f"the examination needs {error.name}, which is not installed: pip install aster-ray"
        ) from error
    from aster_ray.clock import LiveClock

    chosen = {"symbols": options.symbols, "seed": options.seed}
    settings = api.load_settings(options.config, chosen, options.settings)
    if options.out is not None:
        output.require_writable(options.out)
    patient = _patient(settings)
    findings, record = asyncio.run(examine(patient, LiveClock()))
    payload = {
        "passed": passed(findings),
        "venue": patient.venue.name,
        "wallet": patient.credentials.wallet if patient.credentials is not None else "",
        "findings": [finding.as_dict() for finding in findings],
        "record": str(record) if record is not None else None,
    }
    output.emit(options, payload, lambda console: _show(console, payload), "doctor.json")
    if not payload["passed"]:
        raise typer.Exit(EXIT_FAILED)


def _patient(settings: Settings) -> Patient:
    from aster_ray.data.instruments import packaged_instruments
    from aster_ray.doctor.examine import Patient, symbols_of
    from aster_ray.model.ids import parse_symbols
    from aster_ray.store.config import Places, state_folder
    from aster_ray.venues.credentials import read_credentials

    packaged = packaged_instruments()
    configured = [symbol.venue_id for symbol in parse_symbols(settings.data.symbols)]
    symbols = symbols_of(configured, packaged)
    bases = {symbol: packaged[symbol].base if symbol in packaged else "" for symbol in symbols}
    leverage = {symbol: settings.risk.leverage.get(bases[symbol], 1.0) for symbol in symbols}
    return Patient(
        venue=settings.venue,
        credentials=read_credentials(settings.venue, os.environ),
        places=Places(settings.store, settings.redis),
        config=settings.doctor,
        leverage=leverage,
        packaged=packaged,
        folder=state_folder(),
        environ=os.environ,
    )


def _show(console: Any, payload: dict[str, Any]) -> None:
    for row in payload["findings"]:
        head = f"{row['level']:{_WIDTHS[0]}} {row['name']:{_WIDTHS[1]}}"
        console.print(f"{head} {row['text']}", markup=False)
        if row["remedy"]:
            console.print(f"{'':{sum(_WIDTHS) + 1}} -> {row['remedy']}", markup=False)
    failed = sum(row["level"] == "FAIL" for row in payload["findings"])
    verdict = "fit to trade live" if payload["passed"] else f"{failed} checks failed"
    written = f"; written to {payload['record']}" if payload["record"] else ""
    console.print(f"{verdict}{written}", markup=False)
