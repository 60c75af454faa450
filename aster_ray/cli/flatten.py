"""``aster flatten``: close everything an account has, also when nothing of ours runs any more."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aster_ray.cli import api, output
from aster_ray.cli.options import VerbOptions, verb
from aster_ray.errors import EXIT_FAILED, AsterError, BadInputError

if TYPE_CHECKING:
    from aster_ray.engine.ports import TradingClient
    from aster_ray.settings import Settings
    from aster_ray.venues.live.flatten import Holdings


# Talks to actors, so it is imported by name on use; see ``runs.HOSTS``.
HOST = "actors.operate:flatten"
_LOOKS, _LOOK_S = 60, 0.5  # at what a session closes


@dataclass(frozen=True, slots=True, kw_only=True)
class Flatten(VerbOptions):
    """What is closed."""

    symbols: Annotated[str | None, typer.Option(help="E.g. BTC,ETH; none = all of them.")] = None
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without, only say what would be done.")
    ] = False


def register(app: typer.Typer) -> None:
    """Add the verb of this file."""
    verb(app, "flatten", Flatten)(flatten)


def flatten(options: Flatten) -> None:
    """Withdraw every order and close every position at the venue, with Ray or without."""
    settings = api.load_settings(options.config, {"seed": options.seed}, options.settings)
    lines: list[str] = []
    told = options.yes and not options.symbols and _tell_session(settings, lines)
    before, after = asyncio.run(_carry_out(settings, options, lines, told=told))
    payload = {
        "venue": settings.venue.name,
        "done": options.yes,
        "before": _plain(before),
        "left": _plain(after),
        "flat": after.is_flat,
        "steps": lines,
    }
    output.emit(options, payload, lambda console: _show(console, payload), "flatten.json")
    if options.yes and not after.is_flat:
        raise typer.Exit(EXIT_FAILED)


def _tell_session(settings: Settings, lines: list[str]) -> bool:
    """Have a session that trades the account close everything itself; return whether it does.

    It knows then what became of its positions, and stays halted. Where none can be told, the
    account is closed all the same, and what may go on trading is said.
    """
    from aster_ray.store.config import Places
    from aster_ray.store.custody import live_account, session_of
    from aster_ray.venues.credentials import owner_of, read_credentials

    credentials = read_credentials(settings.venue, os.environ)
    if credentials is None:
        return False
    account = live_account(settings.venue.name, owner_of(settings.venue, credentials))
    try:
        found = session_of(Places(settings.store, settings.redis), account)
    except AsterError as error:
        lines.append(f"whether a session trades the account cannot be known: {error}")
        return False
    if found is None:
        return False
    folder, holder = found
    module, _, function = HOST.partition(":")
    try:
        answer = getattr(importlib.import_module(module), function)(folder)
    except (AsterError, ImportError) as error:
        lines.append(f"{holder} does not answer, closing without it: {error}")
        if holder.host != socket.gethostname():
            lines.append(f"it may go on trading: run aster halt {folder} on {holder.host}")
        return False
    lines.append(f"session {answer['session']} is {answer['state']} and closes everything")
    return bool(answer["closes"])


async def _wait_until_flat(client: TradingClient, lines: list[str]) -> None:
    """Give a session the time to close what it holds; what it leaves is closed after it."""
    from aster_ray.errors import RetryableError
    from aster_ray.venues.live.flatten import holdings

    for _ in range(_LOOKS):
        with contextlib.suppress(RetryableError):
            if not (await holdings(client)).positions:
                return
        await asyncio.sleep(_LOOK_S)
    lines.append("the session has not closed everything: closing the rest")


async def _carry_out(
    settings: Settings, options: Flatten, lines: list[str], *, told: bool
) -> tuple[Holdings, Holdings]:
    """Return what the account had, and what it has now; ``told`` = a session is closing it."""
    from aster_ray.model.ids import parse_symbols
    from aster_ray.venues.connect import connect
    from aster_ray.venues.credentials import read_credentials
    from aster_ray.venues.live.flatten import flatten as close_all
    from aster_ray.venues.live.flatten import holdings

    credentials = read_credentials(settings.venue, os.environ)
    if credentials is None:
        raise BadInputError(
            f"flatten needs the keys of an account at {settings.venue.name}: set them in the "
            "environment, see aster help venues"
        )
    named = [part for part in (options.symbols or "").split(",") if part.strip()]
    symbols = frozenset(symbol.venue_id for symbol in parse_symbols(named))
    market, client = connect(settings.venue, credentials)
    try:
        before = await holdings(client, symbols)
        if not options.yes or before.is_flat:
            return before, before
        if told:
            await _wait_until_flat(client, lines)
        rules = {one.symbol: one for one in await market.instruments()}
        return before, await close_all(client, rules, symbols, told=lines.append)
    finally:
        await client.close()
        await market.close()


def _plain(held: Holdings) -> dict[str, Any]:
    return {
        "orders": [
            {"symbol": order.symbol, "id": order.client_order_id, "type": order.type.value}
            for order in held.orders
        ],
        "positions": {position.symbol: position.qty for position in held.positions},
    }


def _show(console: Any, payload: dict[str, Any]) -> None:
    for line in payload["steps"]:
        console.print(line, markup=False)
    left = payload["left"]
    for symbol, qty in left["positions"].items():
        console.print(f"held       {qty:g} {symbol}", markup=False)
    for order in left["orders"]:
        console.print(f"resting    {order['type']} {order['symbol']} {order['id']}", markup=False)
    if payload["flat"]:
        console.print("flat: no order rests, nothing is held", markup=False)
    elif not payload["done"]:
        console.print("nothing was done: say --yes to withdraw and close all of it", markup=False)
    else:
        console.print("NOT FLAT: look at the venue's own page", markup=False)
