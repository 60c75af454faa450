"""What to download, and where to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from aster_ray.data.library import FUNDING, KINDS, PERPETUAL, SeriesKey
from aster_ray.data.period import parse_period
from aster_ray.errors import DataError
from aster_ray.model.ids import TIMEFRAMES, parse_symbols, parse_timeframe

# A venue's clock and the last trades of a bar: what closed this long ago changes no more.
SETTLED_AFTER_MS = 5_000
_FUNDED_AFTER_MS = 60_000
ALL = "all"
# The bars by which a listing is found.
PROBED_TIMEFRAME = max(TIMEFRAMES, key=TIMEFRAMES.__getitem__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadRequest:
    """What to download.

    Attributes:
        catalog: directory; made if it is not there.
        start: ISO date or moment, UTC.
        end: the same; a date includes that day, empty = up to now.
        symbols: any spelling; empty = every perpetual that trades.
        timeframes: names, finest first.
        kinds: of ``bars``, ``mark`` and ``funding``.
        parallel: series asked for at the same time.
        recheck: ask for everything again and compare it with what is there.
    """

    catalog: Path
    start: str
    end: str = ""
    symbols: tuple[str, ...] = ()
    timeframes: tuple[str, ...] = tuple(TIMEFRAMES)
    kinds: tuple[str, ...] = KINDS
    parallel: int = 4
    recheck: bool = False
    begin_ms: int = field(init=False)
    end_ms: int | None = field(init=False)

    def __post_init__(self) -> None:
        begin_ms, end_ms = parse_period(self.start, self.end)
        if begin_ms is None:
            raise DataError("the first day is missing: give --from, e.g. --from 2024-01-01")
        if not 1 <= self.parallel <= 64:
            raise DataError(f"parallel must be within 1 and 64, was {self.parallel}")
        parse_symbols(self.symbols)
        object.__setattr__(self, "begin_ms", begin_ms)
        object.__setattr__(self, "end_ms", end_ms)

    def keys(self, venue: str, symbols: Sequence[str]) -> list[SeriesKey]:
        """Return every series wanted, by symbol and kind, the finest first."""
        found = []
        for symbol in symbols:
            for kind in self.kinds:
                lengths = ("",) if kind == FUNDING else self.timeframes
                found += [SeriesKey(venue, PERPETUAL, symbol, kind, name) for name in lengths]
        return found

    def span(self, key: SeriesKey, now_ms: int) -> tuple[int, int]:
        """Return the stretch of a series that is wanted and final: whole, closed bars."""
        until = now_ms if self.end_ms is None else min(self.end_ms, now_ms)
        if key.kind == FUNDING:
            return self.begin_ms, min(until, now_ms - _FUNDED_AFTER_MS)
        step = key.timeframe_ms
        first = -(-self.begin_ms // step) * step
        return first, min(until, now_ms - SETTLED_AFTER_MS) // step * step


def read_timeframes(text: str) -> tuple[str, ...]:
    """Read ``1m,4h`` or ``all``; the finest comes first."""
    if text.strip().lower() in ("", ALL):
        return tuple(TIMEFRAMES)
    wanted = {part.strip(): parse_timeframe(part) for part in text.split(",") if part.strip()}
    return tuple(sorted(wanted, key=wanted.__getitem__))


def read_kinds(text: str) -> tuple[str, ...]:
    """Read ``bars,mark,funding`` or ``all``."""
    wanted = [part.strip() for part in text.split(",") if part.strip()]
    if not wanted or wanted == [ALL]:
        return KINDS
    for kind in wanted:
        if kind not in KINDS:
            raise DataError(f"kind {kind!r} is unknown: use {', '.join(KINDS)} or {ALL}")
    return tuple(kind for kind in KINDS if kind in wanted)


def choose_symbols(wanted: Sequence[str], traded: Sequence[str], venue: str) -> list[str]:
    """Return venue ids to download; all that trade if none is named."""
    if not wanted:
        return sorted(traded)
    chosen = [symbol.venue_id for symbol in parse_symbols(tuple(wanted))]
    for symbol in chosen:
        if symbol not in traded:
            close = get_close_matches(symbol, traded, n=3)
            hint = f"did you mean {' or '.join(close)}? " if close else ""
            sample = ", ".join(sorted(traded)[:10])
            raise DataError(
                f"symbol {symbol} is unknown to {venue}: {hint}it has {len(traded)} "
                f"perpetuals, e.g. {sample}"
            )
    return chosen
