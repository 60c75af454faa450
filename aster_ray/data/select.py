"""Choose the series of a folder or a catalog that answer a request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from aster_ray.data.assemble import SymbolTables
from aster_ray.data.columns import BarTable, FundingTable
from aster_ray.data.library import BARS, FUNDING, MARK, MARKETS, PERPETUAL, Library, SeriesKey
from aster_ray.data.request import MarketRequest, Window
from aster_ray.data.resample import resample, sources_of
from aster_ray.errors import DataError
from aster_ray.model.ids import TIMEFRAMES, parse_symbols, timeframe_name


class Selection(NamedTuple):
    """What was found, and which symbols nobody named were left out."""

    tables: list[SymbolTables]
    notes: tuple[str, ...]


def select_tables(library: Library, request: MarketRequest, window: Window) -> Selection:
    """Return bars, mark prices and funding for every requested symbol, cut to the window.

    A symbol that was asked for must have a bar in the window; of all symbols, one suffices.
    """
    keys = [key for key in library.series() if request.venue in ("", key.venue)]
    if not keys:
        venues = sorted({key.venue for key in library.series()})
        raise DataError(f"venue {request.venue!r} is not in the data; it has {', '.join(venues)}")
    chosen = _Chooser(library, keys, window)
    if request.symbols:
        wanted = [symbol.venue_id for symbol in parse_symbols(request.symbols)]
        return Selection([chosen.tables(symbol) for symbol in wanted], ())
    found = {symbol: chosen.find(symbol) for symbol in chosen.default_symbols()}
    tables = [table for table in found.values() if isinstance(table, SymbolTables)]
    absent = {symbol: table for symbol, table in found.items() if isinstance(table, DataError)}
    if not tables:
        raise next(iter(absent.values()))
    return Selection(tables, tuple(f"{name}: no bar in this period, left out" for name in absent))


@dataclass(frozen=True, slots=True)
class _Chooser:
    """The series of one library seen from one window."""

    library: Library
    keys: list[SeriesKey]
    window: Window

    def default_symbols(self) -> list[str]:
        """Return every perpetual with native bars, else every one whose bars can be built."""
        lengths = (self.window.timeframe_ms, *sources_of(self.window.timeframe_ms))
        bars = [key for key in self.keys if key.kind == BARS]
        for market in MARKETS:
            for usable in (lengths[:1], lengths):
                names = {
                    key.symbol
                    for key in bars
                    if key.market == market and key.timeframe_ms in usable
                }
                if names:
                    return sorted(names)
        held = sorted({key.timeframe for key in bars}, key=list(TIMEFRAMES).index)
        raise DataError(
            f"timeframe {timeframe_name(self.window.timeframe_ms)} cannot be built from the data; "
            f"it has bars of {', '.join(held) or 'no timeframe'}. Choose one of them or a multiple"
        )

    def tables(self, symbol: str) -> SymbolTables:
        """Return a symbol's series or raise."""
        found = self.find(symbol)
        if isinstance(found, DataError):
            raise found
        return found

    def find(self, symbol: str) -> SymbolTables | DataError:
        """Return a symbol's series, or why there is none in the window."""
        venue, market = self._place(symbol)
        bars, seen = self._bars(SeriesKey(venue, market, symbol, BARS, ""))
        if bars is None:
            return self.window.nothing_for(symbol, seen)
        notes = () if market == PERPETUAL else ("no perpetual bars, spot bars used",)
        mark, _ = self._bars(SeriesKey(venue, market, symbol, MARK, ""))
        return SymbolTables(symbol, bars, mark, self._funding(venue, market, symbol), notes)

    def _place(self, symbol: str) -> tuple[str, str]:
        """Return the venue and market of a symbol's bars; perpetuals come before spot."""
        mine = [key for key in self.keys if key.symbol == symbol and key.kind == BARS]
        for market in MARKETS:
            venues = sorted({key.venue for key in mine if key.market == market})
            if len(venues) > 1:
                raise DataError(
                    f"symbol {symbol} is there from several venues ({', '.join(venues)}); choose "
                    "one with the venue option"
                )
            if venues:
                return venues[0], market
        known = sorted({key.symbol for key in self.keys if key.kind == BARS})
        raise unknown_symbol(symbol, "the data", known)

    def _bars(self, wanted: SeriesKey) -> tuple[BarTable | None, list[BarTable]]:
        """Return the first series with a bar in the window, native or built from finer bars.

        The second value holds the series that were looked at in vain.
        """
        same = [key for key in self.keys if key._replace(timeframe="") == wanted]
        by_length = {key.timeframe_ms: key for key in same}
        length = self.window.timeframe_ms
        usable = [by_length[ms] for ms in (length, *sources_of(length)) if ms in by_length]
        if not usable and wanted.kind == BARS:
            held = ", ".join(by_length[ms].timeframe for ms in sorted(by_length))
            raise DataError(
                f"symbol {wanted.symbol} has no bars that build {timeframe_name(length)}; it has "
                f"{held}. Choose one of them or a multiple"
            )
        seen: list[BarTable] = []
        for key in usable:
            found = self.library.bars(key, self.window.first_ms, self.window.end_ms)
            table = resample(found, length)
            cut = self.window.cut(table)
            if cut is not None:
                # Mark prices are matched by time; counting warm-up rows is for bars.
                return (cut if wanted.kind == BARS else table), seen
            seen.append(table)
        return None, seen

    def _funding(self, venue: str, market: str, symbol: str) -> FundingTable | None:
        key = SeriesKey(venue, market, symbol, FUNDING, "")
        return self.library.funding(key) if key in self.keys else None


def unknown_symbol(symbol: str, place: str, known: Iterable[str]) -> DataError:
    """Say that a symbol is not there, and which are."""
    return DataError(f"symbol {symbol} is not in {place}; it has {', '.join(known)}")
