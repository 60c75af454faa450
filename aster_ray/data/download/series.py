"""Download one series: what is not there yet, and once more where the venue had nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aster_ray.clock import Clock
from aster_ray.data.columns import Table
from aster_ray.data.coverage import merge_spans, without_spans
from aster_ray.data.download.pages import BAR_PAGE, Pages, Span, empty, joined
from aster_ray.data.download.request import PROBED_TIMEFRAME
from aster_ray.data.download.store import Store, cells_of
from aster_ray.data.library import BARS, FUNDING, SeriesKey
from aster_ray.errors import DataError, RejectedError
from aster_ray.model.ids import DAY_MS, HOUR_MS

# Where new rows join old ones, so many old ones are asked for again and compared; a page of less
# than a hundred is the cheapest there is.
OVERLAP_BARS = 50
_OVERLAP_FUNDING_MS = 7 * DAY_MS
_FUNDING_STEP_MS = 8 * HOUR_MS  # for the progress only


@dataclass(slots=True)
class Workbench:
    """What the downloads of all series share.

    Attributes:
        begin_ms, now_ms: listings are looked for between them.
        advance: is told how many rows' worth of time was dealt with.
    """

    pages: Pages
    store: Store
    clock: Clock
    begin_ms: int
    now_ms: int
    advance: Callable[[float], None]
    _listings: dict[tuple[str, str], asyncio.Task[int | None]] = field(default_factory=dict)

    async def listed_ms(self, key: SeriesKey) -> int | None:
        """Return a moment no earlier than which a contract has data; None if it has none at all.

        Found by its longest bars, which cover years with a few requests: finer ones would cost
        hundreds to walk through the time before a listing.
        """
        kind = BARS if key.kind == FUNDING else key.kind
        name = (key.symbol, kind)
        if name not in self._listings:
            probe = key._replace(kind=kind, timeframe=PROBED_TIMEFRAME)
            self._listings[name] = asyncio.create_task(self._probe(probe))
        return await asyncio.shield(self._listings[name])

    async def _probe(self, key: SeriesKey) -> int | None:
        step = key.timeframe_ms
        for _ in range(2):  # no absence is believed once
            cursor = self.begin_ms // step * step
            while cursor < self.now_ms:
                page = await self.pages.page(key, cursor, BAR_PAGE)
                if len(page.times):
                    return int(page.times[0])
                cursor += BAR_PAGE * step
        return None

    async def end(self) -> None:
        """Drop what is still being looked for."""
        for task in self._listings.values():
            task.cancel()
        await asyncio.gather(*self._listings.values(), return_exceptions=True)


@dataclass(slots=True)
class SeriesDownload:
    """One series of a download, and how it went.

    Attributes:
        span: what is wanted, up to what has closed.
        recheck: ask for everything and compare it.
        added: rows that were not there before.
        changed, vanished: times at which the venue contradicts what is there.
        refusal: why the rest could not be stored; empty if nothing was refused.
        absent: the venue has nothing up to now.
    """

    key: SeriesKey
    span: Span
    recheck: bool = False
    added: int = 0
    changed: set[int] = field(default_factory=set)
    vanished: set[int] = field(default_factory=set)
    refusal: str = ""
    absent: bool = False

    def todo(self, store: Store) -> list[Span]:
        """Return the stretches to ask for."""
        if self.span[0] >= self.span[1]:
            return []
        return [self.span] if self.recheck else without_spans(self.span, store.covered(self.key))

    def rows_in(self, spans: list[Span]) -> float:
        """Return about how many rows stretches hold."""
        return sum(end - begin for begin, end in spans) / (
            self.key.timeframe_ms or _FUNDING_STEP_MS
        )

    async def run(self, bench: Workbench) -> None:
        """Ask for what is missing and store it, chunk by chunk; a refusal is kept, not raised.

        Raises:
            SilentVenueError: the venue stopped answering.
        """
        try:
            before = bench.store.covered(self.key)
            await self._fetch(bench, before)
            if not self.recheck:
                await self._ask_again(bench, before)
        except (DataError, RejectedError) as error:
            self.refusal = str(error)

    async def _fetch(self, bench: Workbench, before: list[Span]) -> None:
        todo = self.todo(bench.store)
        listed = await bench.listed_ms(self.key) if todo else None
        if listed is None:  # nothing to do, or nothing there: the next download asks again
            self.absent = bool(todo)
            bench.advance(self.rows_in(todo))
            return
        for stretch in todo:
            begin = stretch[0]
            if begin < listed:
                nothing = (begin, min(stretch[1], listed))
                self._keep(bench, empty(self.key), nothing)
                bench.advance(self.rows_in([nothing]))
                begin = nothing[1]
            for cell in cells_of(self.key, (begin, stretch[1])) if begin < stretch[1] else ():
                span = max(cell[0], begin), min(cell[1], stretch[1])
                await self._fetch_chunk(bench, self._overlapping(span, before))

    def _overlapping(self, span: Span, before: list[Span]) -> Span:
        """Return a stretch with some rows before it, where rows before it were there already."""
        overlap = OVERLAP_BARS * self.key.timeframe_ms or _OVERLAP_FUNDING_MS
        for begin, end in before:
            if end == span[0]:
                return max(begin, end - overlap), span[1]
        return span

    async def _fetch_chunk(self, bench: Workbench, span: Span) -> None:
        step = self.key.timeframe_ms or _FUNDING_STEP_MS
        fetched = await bench.pages.between(self.key, span, lambda ms: bench.advance(ms / step))
        self._keep(bench, fetched, span)

    async def _ask_again(self, bench: Workbench, before: list[Span]) -> None:
        """Ask once more for what the venue did not have in an earlier download."""
        for begin, end in merge_spans(before):
            span = max(begin, self.span[0]), min(end, self.span[1])
            held = bench.store.rows(self.key, span) if span[0] < span[1] else empty(self.key)
            if not len(held.times):
                continue
            late = await bench.pages.absent(self.key, held, (int(held.times[0]), span[1]))
            if len(late.times):
                self._keep(bench, joined(self.key, [held, late]), span)

    def _keep(self, bench: Workbench, fetched: Table, span: Span) -> None:
        kept = bench.store.keep(self.key, fetched, span, bench.clock.now_ms())
        self.added += kept.added
        self.changed.update(kept.changed)
        self.vanished.update(kept.vanished)
