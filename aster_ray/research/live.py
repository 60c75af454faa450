"""What a live session begins with: clients of its venues, and the bars before its first close."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from aster_ray.data.live.feed_desk import FeedDesk, Grid
from aster_ray.data.live.feed_log import FeedLog
from aster_ray.data.live.history import fetch_history
from aster_ray.data.live.soundness import Step
from aster_ray.data.synthetic import SYMBOLS
from aster_ray.engine.ports import MarketClient
from aster_ray.engine.sharing import RateBudgetPort
from aster_ray.errors import ConfigError
from aster_ray.kernel.market import Market
from aster_ray.model.ids import parse_symbols, parse_timeframe
from aster_ray.model.instrument import Instrument
from aster_ray.research.request import RunRequest, RunSettings
from aster_ray.store.config import Places, places_from_environment
from aster_ray.store.shared_budget import shared_budget
from aster_ray.venues.config import VenueConfig
from aster_ray.venues.connect import connect_market


def budget_at(venue: VenueConfig, places: Places) -> RateBudgetPort | None:
    """Return the request budget that everybody behind this address shares at ``venue``, if any.

    A venue whose time stands still counts nothing.
    """
    if venue.control:
        return None
    name = "@".join(filter(None, (venue.name, venue.rest)))
    return shared_budget(places, name, venue.weight_per_minute)


def open_clients(settings: RunSettings) -> list[MarketClient]:
    """Return the public sides of the venue and, if there is one, of its stand-in.

    Must be called while an event loop runs; each is to be closed before that ends.
    """
    venue, feed = settings.venue, settings.feed
    places = places_from_environment(os.environ)
    clients = [connect_market(venue, shared=budget_at(venue, places))]
    if feed.backup:
        stands_in = VenueConfig(name=feed.backup, rest=feed.backup_rest, stream=feed.backup_stream)
        clients.append(connect_market(stands_in, shared=budget_at(stands_in, places)))
    return clients


async def close_clients(clients: Sequence[MarketClient]) -> None:
    """End every connection, whatever becomes of the others."""
    await asyncio.gather(*(client.close() for client in clients), return_exceptions=True)


def begin_live(request: RunRequest) -> Market:
    """Ask the venue for the warm-up of a session that begins now.

    Raises:
        ConfigError: the configuration names a period, which a live session cannot have.
        DataError: a symbol has no bars there.
        AsterError: the venue does not answer.
    """
    data = request.settings.data
    problems = [
        f"data.{name} must be empty for session.feed = live, was {value!r}: it begins now and ends "
        "when it is told to, or after session.closes"
        for name, value in (("start", data.start), ("end", data.end))
        if value
    ]
    if data.path:
        problems.append(
            f"data.path must be empty for session.feed = live, was {data.path!r}: the warm-up is "
            "asked of the venue"
        )
    if problems:
        raise ConfigError(problems)
    return asyncio.run(_history(request))


async def _history(request: RunRequest) -> Market:
    settings = request.settings
    wanted = [symbol.venue_id for symbol in parse_symbols(settings.data.symbols)]
    warmup = max(request.warmup(), settings.data.warmup)
    places = places_from_environment(os.environ)
    client = connect_market(settings.venue, shared=budget_at(settings.venue, places))
    try:
        timeframe_ms = parse_timeframe(settings.data.timeframe)
        return await fetch_history(client, wanted or list(SYMBOLS), timeframe_ms, warmup)
    finally:
        await client.close()


def feed_desk(request: RunRequest, log: FeedLog, steps: Sequence[Step], now_ms: int) -> FeedDesk:
    """Return the desk that goes on where a log ends.

    Args:
        request: names the venues and how long anything is waited for.
        log: of the session, recovered.
        steps: of its contracts, in the order of its symbols.
        now_ms: our own clock.
    """
    history, settings = log.history, request.settings
    names = [settings.venue.name]
    if settings.feed.backup:
        # Two simulators have one name; what is logged must tell them apart.
        same = settings.feed.backup == settings.venue.name
        names.append(f"{settings.feed.backup} (backup)" if same else settings.feed.backup)
    grid = Grid(history.symbols, tuple(steps), history.timeframe_ms)
    start = (log.next_open_ms, log.unpaid_ms)
    return FeedDesk(grid, settings.feed, names, start, now_ms)


def steps_of(instruments: Sequence[Instrument]) -> list[Step]:
    """Return the smallest steps of some contracts."""
    return [Step(float(rule.tick), float(rule.lot)) for rule in instruments]
