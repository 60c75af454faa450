"""``aster simulator``: an exchange on this machine that the real client of Aster trades with."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import sys
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aster_ray.cli import api, output
from aster_ray.cli.apart import apart
from aster_ray.cli.options import VerbOptions, verb
from aster_ray.cli.process import ending_signals, handling
from aster_ray.errors import BadInputError
from aster_ray.venues.simulator.config import PACES

if TYPE_CHECKING:
    from aster_ray.kernel.market import Market
    from aster_ray.venues.simulator.config import SimulatorConfig
    from aster_ray.venues.simulator.opening import Terms
    from aster_ray.venues.simulator.tape import Tape

# A month of minutes before the first trade, so that clients find history of every timeframe.
_HISTORY = 30 * 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulator(VerbOptions):
    """What is played, how fast, and where; what is not given is taken from ``[simulator]``."""

    replay: Annotated[
        str | None, typer.Option(help="Folder or catalog of 1m bars; none = the built-in market.")
    ] = None
    symbols: Annotated[str | None, typer.Option(help="E.g. BTC,ETH,SOL; none = all.")] = None
    start: Annotated[str | None, typer.Option("--from", help="First day played, UTC.")] = None
    pace: Annotated[
        str | None,
        typer.Option(help="wall = time runs by itself; stepped = POST /control/advance moves it."),
    ] = None
    speed: Annotated[
        float | None, typer.Option(help="Exchange seconds a second, usually 1; 0 = stepped.")
    ] = None
    time: Annotated[
        str | None, typer.Option(help="now = the recording is moved to the present; or recorded.")
    ] = None
    deposit: Annotated[
        str | None, typer.Option(help="What a new account begins with, usually 10000 USDT.")
    ] = None
    latency: Annotated[
        float | None, typer.Option(help="Milliseconds from acceptance to the book, usually 5.")
    ] = None
    host: Annotated[str | None, typer.Option(help="Address to listen on, usually 127.0.0.1.")] = (
        None
    )
    port: Annotated[
        int | None, typer.Option(help="Usually 18080; 0 takes a free one.", min=0, max=65535)
    ] = None

    attached: Annotated[
        bool,
        typer.Option("--attached", help="End when standard input does: with whoever holds it."),
    ] = False


def register(app: typer.Typer) -> None:
    """Add the verb of this file."""
    verb(app, "simulator", Simulator)(simulator)


def simulator(options: Simulator) -> None:
    """Serve a simulated Aster exchange until Ctrl-C: REST, streams, fills, funding, faults."""
    try:
        from aster_ray.venues.simulator import opening
    except ImportError as error:
        raise BadInputError(
            f"the simulator needs {error.name}, which is not installed: pip install aster-ray"
        ) from error
    from aster_ray.clock import LiveClock

    if options.attached:
        threading.Thread(target=_end_with_input, name="attached", daemon=True).start()
    settings = api.load_settings(options.config, {"seed": options.seed}, options.settings)
    chosen = _chosen(options, settings.simulator)
    terms = opening.Terms(
        speed=0.0 if chosen.pace == "stepped" else chosen.speed,
        time=chosen.time,
        seed=settings.session.seed,
        deposit=_units(options.deposit or repr(chosen.deposit)),
        latency_ms=chosen.latency,
    )
    clock = LiveClock()
    wall_ms = clock.now_ms()
    with output.progress(options, "load"):
        tape, warnings = apart(_record, options, chosen.replay, terms, wall_ms)
    desk = opening.desk_on(tape, terms, clock, wall_ms)
    symbols = [contract.symbol for contract in tape.contracts]

    def ready(port: int) -> None:
        payload = {**_payload(chosen.host, terms, port), "symbols": symbols, "warnings": warnings}
        output.emit(options, payload, lambda console: _show(console, payload), "simulator.json")

    try:
        asyncio.run(_until_told(opening.serve(desk, terms, (chosen.host, chosen.port), ready)))
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):
            raise
        raise BadInputError(
            f"--host {chosen.host} --port {chosen.port}: {os.strerror(error.errno)}; name another "
            "port, or 0 for a free one"
        ) from error
    raise KeyboardInterrupt  # nothing else ends it


async def _until_told(serving: Coroutine[Any, Any, None]) -> None:
    """Serve until a signal, which ends it between two pieces of work and not in one of them."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(serving)

    def end(_number: int, _frame: FrameType | None) -> None:
        if not task.cancelling():  # told twice it goes on closing
            loop.call_soon_threadsafe(task.cancel)

    with (
        handling(end, [signal.SIGINT, *ending_signals()]),
        contextlib.suppress(asyncio.CancelledError),
    ):
        await task


def _end_with_input() -> None:
    """End this process in order when nobody holds the other end of standard input any more."""
    with contextlib.suppress(OSError, ValueError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    os.kill(os.getpid(), signal.SIGTERM)


def _record(options: Simulator, replay: str, terms: Terms, wall_ms: int) -> tuple[Tape, list[str]]:
    """Return what is played and what is to be said about it."""
    from aster_ray.data.instruments import instruments_for
    from aster_ray.venues.simulator.opening import record

    market = _market(options, replay, terms.seed)
    instruments, warnings = instruments_for(market, replay)
    return record(market, instruments, terms, wall_ms), [*market.missing, *warnings]


def _chosen(options: Simulator, config: SimulatorConfig) -> SimulatorConfig:
    """Return the configuration with what the command line says."""
    names = ("replay", "pace", "speed", "time", "latency", "host", "port")
    given = {name: getattr(options, name) for name in names}
    chosen = replace(config, **{name: value for name, value in given.items() if value is not None})
    if chosen.pace not in PACES:
        raise BadInputError(f"--pace {chosen.pace!r} is unknown: use wall or stepped")
    return chosen


def _units(text: str) -> int:
    from aster_ray.venues.simulator.amounts import to_units

    try:
        return to_units(Decimal(text))
    except (InvalidOperation, ValueError):
        raise BadInputError(f"--deposit must be an amount of USDT, was {text!r}") from None


def _market(options: Simulator, replay: str, seed: int) -> Market:
    """Return minutes to play with what precedes them."""
    from aster_ray.data.source import MarketRequest, load_market

    symbols = tuple(part for part in (options.symbols or "").split(",") if part.strip())
    request = MarketRequest(
        path=replay,
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


def _payload(host: str, terms: Terms, port: int) -> dict[str, Any]:
    place = f"{host}:{port}"
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
