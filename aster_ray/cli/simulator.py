"""``aster simulator``: an exchange on this machine that the real client of Aster trades with."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aster_ray.cli import api, output
from aster_ray.cli.apart import apart
from aster_ray.cli.options import VerbOptions, verb
from aster_ray.errors import BadInputError

if TYPE_CHECKING:
    from aster_ray.kernel.market import Market
    from aster_ray.venues.simulator.opening import Terms
    from aster_ray.venues.simulator.tape import Tape

# A month of minutes before the first trade, so that clients find history of every timeframe.
_HISTORY = 30 * 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulator(VerbOptions):
    """What is played, how fast, and where."""

    replay: Annotated[
        str | None, typer.Option(help="Folder or catalog of 1m bars; none = the built-in market.")
    ] = None
    symbols: Annotated[str | None, typer.Option(help="E.g. BTC,ETH,SOL; none = all.")] = None
    start: Annotated[str | None, typer.Option("--from", help="First day played, UTC.")] = None
    pace: Annotated[
        str,
        typer.Option(help="wall = time runs by itself; stepped = POST /control/advance moves it."),
    ] = "wall"
    speed: Annotated[float, typer.Option(help="Exchange seconds a second; 0 = stepped.")] = 1.0
    time: Annotated[
        str, typer.Option(help="now = the recording is moved to the present; or recorded.")
    ] = "now"
    deposit: Annotated[str, typer.Option(help="What a new account begins with, in USDT.")] = "10000"
    latency: Annotated[float, typer.Option(help="Milliseconds from acceptance to the book.")] = 5.0
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = 18080


def register(app: typer.Typer) -> None:
    """Add the verb of this file."""
    verb(app, "simulator", Simulator)(simulator)


def simulator(options: Simulator) -> None:
    """Serve a simulated Aster exchange until Ctrl-C: REST, streams, fills, funding, faults."""
    try:
        from aster_ray.venues.simulator import opening
    except ImportError as error:
        raise BadInputError(
            f"the simulator needs {error.name}, which is not installed: "
            "pip install 'aster-ray[simulator]'"
        ) from error
    from aster_ray.clock import LiveClock

    settings = api.load_settings(options.config, {"seed": options.seed}, options.settings)
    terms = opening.Terms(
        speed=_speed(options),
        time=options.time,
        seed=settings.session.seed,
        deposit=_units(options.deposit),
        latency_ms=options.latency,
    )
    clock = LiveClock()
    wall_ms = clock.now_ms()
    with output.progress(options, "load"):
        tape, warnings = apart(_record, options, terms, wall_ms)
    desk = opening.desk_on(tape, terms, clock, wall_ms)
    symbols = [contract.symbol for contract in tape.contracts]

    def ready(port: int) -> None:
        payload = {**_payload(options, terms, port), "symbols": symbols, "warnings": warnings}
        output.emit(options, payload, lambda console: _show(console, payload), "simulator.json")

    asyncio.run(opening.serve(desk, terms, (options.host, options.port), ready))


def _record(options: Simulator, terms: Terms, wall_ms: int) -> tuple[Tape, list[str]]:
    """Return what is played and what is to be said about it."""
    from aster_ray.data.instruments import instruments_for
    from aster_ray.venues.simulator.opening import record

    market = _market(options, terms.seed)
    instruments, warnings = instruments_for(market, options.replay or "")
    return record(market, instruments, terms, wall_ms), [*market.missing, *warnings]


def _speed(options: Simulator) -> float:
    if options.pace not in ("wall", "stepped"):
        raise BadInputError(f"--pace {options.pace!r} is unknown: use wall or stepped")
    return 0.0 if options.pace == "stepped" else options.speed


def _units(text: str) -> int:
    from aster_ray.venues.simulator.amounts import to_units

    try:
        return to_units(Decimal(text))
    except (InvalidOperation, ValueError):
        raise BadInputError(f"--deposit must be an amount of USDT, was {text!r}") from None


def _market(options: Simulator, seed: int) -> Market:
    """Return minutes to play with what precedes them."""
    from dataclasses import replace

    from aster_ray.data.source import MarketRequest, load_market

    symbols = tuple(part for part in (options.symbols or "").split(",") if part.strip())
    request = MarketRequest(
        path=options.replay or "",
        symbols=symbols,
        timeframe="1m",
        start=options.start or "",
        warmup=_HISTORY if options.start else 0,
        seed=seed,
    )
    market = load_market(request)
    if market.start:
        return market
    if options.start or len(market) < 2:
        raise BadInputError(
            f"the recording has no bar before {options.start or 'its first'}: the simulator needs "
            "one to open with; choose a later --from"
        )
    return replace(market, start=min(_HISTORY, len(market) // 2))


def _payload(options: Simulator, terms: Terms, port: int) -> dict[str, Any]:
    place = f"{options.host}:{port}"
    return {
        "http": f"http://{place}",
        "streams": f"ws://{place}/fstream",
        "control": f"http://{place}/control",
        "pace": "wall" if terms.speed else "stepped",
        "speed": terms.speed,
        "time": terms.time,
    }


def _show(console: Any, payload: dict[str, Any]) -> None:
    console.print(f"exchange   {payload['http']}/fapi", markup=False)
    console.print(f"streams    {payload['streams']}/stream, {payload['streams']}/ws", markup=False)
    console.print(f"control    {payload['control']}", markup=False)
    console.print(f"contracts  {', '.join(payload['symbols'])}", markup=False)
    for warning in payload["warnings"]:
        console.print(f"note: {warning}", markup=False)
    console.print("Ctrl-C ends it; aster help simulator tells how to connect", markup=False)
