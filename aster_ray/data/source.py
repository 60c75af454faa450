"""One way to market data, whatever it comes from: built-in, a folder or a catalog."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from aster_ray.data.assemble import SymbolTables, assemble
from aster_ray.data.catalog import Catalog, is_catalog
from aster_ray.data.columns import moment
from aster_ray.data.folder import Folder, Ignored
from aster_ray.data.library import Entry, Library
from aster_ray.data.request import MarketRequest, Window
from aster_ray.data.select import Selection, select_tables, unknown_symbol
from aster_ray.data.synthetic import SYMBOLS, VENUE, synthetic_entries, synthetic_symbol
from aster_ray.data.validate import find_gaps
from aster_ray.errors import DataError
from aster_ray.kernel.market import Market
from aster_ray.model.ids import parse_symbols

__all__ = ["MarketRequest", "available", "ignored", "load_market", "open_library"]


def load_market(request: MarketRequest) -> Market:
    """Return the requested bars on one grid, checked, with what is missing by name."""
    window = Window.of(request)
    if request.path:
        found = select_tables(open_library(request.path), request, window)
    else:
        found = Selection(_built_in_tables(request, window), ())
    noted = [_check_gaps(table, request) for table in found.tables]
    market = assemble(noted, window.timeframe_ms)
    noted_market = replace(market, missing=(*market.missing, *found.notes))
    return _narrowed(_trim(noted_market, window), window)


def open_library(path: str) -> Library:
    """Open a folder or a catalog, whichever the directory is."""
    directory = Path(path)
    if not directory.is_dir():
        problem = "is not a directory" if directory.exists() else "does not exist"
        raise DataError(
            f"data directory {path!r} {problem}; give a folder of market data or a catalog, or "
            "leave the option out to use the built-in market"
        )
    try:
        return Catalog(directory) if is_catalog(directory) else Folder(directory)
    except OSError as error:
        raise DataError(
            f"data directory {path!r} cannot be read ({error.strerror}); check its permissions"
        ) from error


def available(path: str) -> list[Entry]:
    """Return every series a path (empty: the built-in market) holds, sorted."""
    return sorted(open_library(path).entries() if path else synthetic_entries())


def ignored(path: str) -> list[Ignored]:
    """Return the files of a folder that are not read, and why; a catalog has none."""
    library = open_library(path) if path else None
    return library.ignored if isinstance(library, Folder) else []


def _built_in_tables(request: MarketRequest, window: Window) -> list[SymbolTables]:
    if request.venue not in ("", VENUE):
        raise DataError(
            f"venue {request.venue!r} is not in the built-in market; give a data directory or "
            "leave the venue out"
        )
    wanted = [symbol.venue_id for symbol in parse_symbols(request.symbols)] or list(SYMBOLS)
    tables = []
    for symbol in wanted:
        if symbol not in SYMBOLS:
            raise unknown_symbol(symbol, "the built-in market", SYMBOLS)
        bars, mark, funding = synthetic_symbol(symbol, window.timeframe_ms, request.seed)
        cut = window.cut(bars)
        if cut is None:
            raise window.nothing_for(symbol, [bars])
        tables.append(SymbolTables(symbol, cut, mark, funding))
    return tables


def _check_gaps(table: SymbolTables, request: MarketRequest) -> SymbolTables:
    """Refuse gaps the request does not tolerate and note the others."""
    gaps = find_gaps(table.bars)
    if not gaps:
        return table
    longest = max(gaps, key=lambda gap: gap.bars)
    total = sum(gap.bars for gap in gaps)
    found = (
        f"{total} bars missing in {len(gaps)} gap{'s' * (len(gaps) != 1)}, the longest "
        f"{longest.bars} bars from {moment(longest.open_ms)}"
    )
    if request.gaps == "forbid":
        raise DataError(f"{table.symbol}: {found}, and gaps are forbidden; choose other dates")
    if longest.bars > request.max_gap:
        raise DataError(
            f"{table.symbol}: {found}, which is more than max_gap {request.max_gap}; choose other "
            "dates, repair the data or raise max_gap"
        )
    return table._replace(notes=(*table.notes, f"{found}, not traded there"))


def _trim(market: Market, window: Window) -> Market:
    """Drop rows before the warm-up and mark the first that may trade."""
    if window.start_ms is None:
        if window.warmup >= len(market):
            raise DataError(
                f"a warm-up of {window.warmup} bars leaves none of {len(market)} bars to trade; "
                "ask for a longer period or a strategy that needs fewer bars"
            )
        return replace(market, start=window.warmup)
    first = int(np.searchsorted(market.open_ms, window.start_ms))
    begin = max(0, first - window.warmup)
    trimmed = replace(market.rows(begin, len(market)), start=first - begin)
    if first < window.warmup:
        note = f"warm-up: {first} bars before the start instead of {window.warmup}"
        return replace(trimmed, missing=(*market.missing, note))
    return trimmed


def _narrowed(market: Market, window: Window) -> Market:
    """Say so where the data cover less than the period that was asked for."""
    notes = []
    first_ms, last_ms = int(market.open_ms[market.start]), int(market.close_ms[-1])
    if window.start_ms is not None and first_ms - window.start_ms >= window.timeframe_ms:
        notes.append(f"no bar from {moment(window.start_ms)}: the period begins {moment(first_ms)}")
    if window.end_ms is not None and window.end_ms - last_ms >= window.timeframe_ms:
        notes.append(f"no bar up to {moment(window.end_ms)}: the period ends {moment(last_ms)}")
    return replace(market, missing=(*market.missing, *notes)) if notes else market
