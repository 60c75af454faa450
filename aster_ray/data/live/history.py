"""The bars before a live session: asked of the venue, assembled like recorded ones."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence

from aster_ray.data.assemble import SymbolTables, assemble
from aster_ray.data.columns import BarTable, FundingTable
from aster_ray.data.download.pages import Pages, Patience, SilentVenueError, Span
from aster_ray.data.library import BARS, FUNDING, MARK, PERPETUAL, SeriesKey
from aster_ray.engine.ports import MarketClient
from aster_ray.errors import BadInputError, DataError
from aster_ray.kernel.market import Market
from aster_ray.model.ids import timeframe_name

# A bar that closed so long ago changes no more.
_SETTLED_MS = 5_000
_BRIEFLY = Patience(attempts=3)  # a person waits for the first answer
_LEVELS = 5  # of the book whose stamp tells the venue's time


async def fetch_history(
    client: MarketClient, symbols: Sequence[str], timeframe_ms: int, warmup: int
) -> Market:
    """Return the last ``warmup`` closed bars of every symbol, all of them before the session.

    The session's first close is the bar that follows the last one.

    Raises:
        BadInputError: the venue does not trade a symbol, or does not answer at all.
        DataError: a symbol has no bar, or the venue sent what cannot be true.
    """
    pages = Pages(client)
    try:
        book = await pages.ask(lambda: client.book(symbols[0], _LEVELS), _BRIEFLY)
    except SilentVenueError as error:
        raise BadInputError(
            f"venue {client.name} does not answer ({error}): check the network and the addresses "
            "in [venue]"
        ) from error
    # The stamp of the book, not the server's clock: an exchange in fast motion has two times.
    end_ms = (book.ts_ms - _SETTLED_MS) // timeframe_ms * timeframe_ms
    span = (end_ms - max(1, warmup) * timeframe_ms, end_ms)
    tables = await asyncio.gather(*(_symbol(pages, one, timeframe_ms, span) for one in symbols))
    market = assemble(list(tables), timeframe_ms)
    if int(market.close_ms[-1]) != end_ms:
        raise DataError(f"{client.name} has no bar that closed at {end_ms}: try again in a minute")
    return dataclasses.replace(market, start=len(market))


async def _symbol(pages: Pages, symbol: str, timeframe_ms: int, span: Span) -> SymbolTables:
    venue = pages.client.name

    def key(kind: str) -> SeriesKey:
        timeframe = "" if kind == FUNDING else timeframe_name(timeframe_ms)
        return SeriesKey(venue, PERPETUAL, symbol, kind, timeframe)

    bars, mark, funding = [
        await pages.between(key(kind), span, lambda _rows: None) for kind in (BARS, MARK, FUNDING)
    ]
    if not isinstance(bars, BarTable) or not isinstance(mark, BarTable) or not len(bars.open_ms):
        raise DataError(
            f"{venue} has no {timeframe_name(timeframe_ms)} bars of {symbol} in the last "
            f"{(span[1] - span[0]) // timeframe_ms} intervals: leave it out"
        )
    rates = funding if isinstance(funding, FundingTable) and len(funding.rate) else None
    return SymbolTables(symbol, bars, mark if len(mark.open_ms) else None, rates)
