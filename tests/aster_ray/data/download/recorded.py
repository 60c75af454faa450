"""A venue's public side over a few days of drawn minutes, which can be made to misbehave.

What the real client does with a real exchange is tested beside it; here the venue is told to do
what no simulator would: change its history, cut pages, send impossible bars.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from typing import Any

from aster_ray.data.instruments import packaged_instruments
from aster_ray.engine.ports import MarketClient
from aster_ray.errors import AsterError, RejectedError
from aster_ray.model.ids import DAY_MS, HOUR_MS, MINUTE_MS
from aster_ray.model.instrument import Instrument
from aster_ray.model.market import Bar, FundingRate
from aster_ray.model.venue import BookUpdate, MarketEvent

START_MS = 1_706_572_800_000  # 2024-01-30, so that three days reach into another month
DAYS = 3
NOW_MS = START_MS + DAYS * DAY_MS + 30 * MINUTE_MS + 20_000


class RecordedVenue(MarketClient):
    """Serves minutes of BTC and ETH and everything built from them.

    Attributes:
        minutes: open time -> bar, of each symbol; change it as a venue changes its history.
        marks: the same of the mark price.
        rates: settlement time -> rate.
        now_ms: the venue's clock.
        page: most rows it answers.
        bounded: whether a page covers only as much time as its limit, as some venues do.
        failures: raised one after the other, each instead of an answer; None answers.
        lies: replaces an answer: (symbol, timeframe, rows) -> rows.
        asked: (what, symbol, timeframe, since, limit) of every request.
    """

    def __init__(self, listed_ms: int = START_MS) -> None:
        times = range(listed_ms, NOW_MS, MINUTE_MS)
        self.minutes = {
            "BTCUSDT": {ms: _minute(ms, 60_000.0) for ms in times},
            "ETHUSDT": {ms: _minute(ms, 3_000.0) for ms in times},
        }
        self.marks = {
            symbol: {ms: bar._replace(volume=0.0) for ms, bar in rows.items()}
            for symbol, rows in self.minutes.items()
        }
        first = -(-listed_ms // (8 * HOUR_MS)) * 8 * HOUR_MS
        settled = range(first, NOW_MS, 8 * HOUR_MS)
        self.rates = {
            symbol: {ms: 0.0001 + (ms // HOUR_MS % 7) * 1e-5 for ms in settled}
            for symbol in self.minutes
        }
        self.now_ms = NOW_MS
        self.page = 1500
        self.bounded = False
        self.failures: list[Exception | None] = []
        self.lies: Any = None
        self.asked: list[tuple[str, str, int, int, int]] = []

    @property
    def name(self) -> str:
        return "recorded"

    async def server_time_ms(self) -> int:
        self._fail()
        return self.now_ms

    async def instruments(self) -> Sequence[Instrument]:
        self._fail()
        return [packaged_instruments()[symbol] for symbol in self.minutes]

    async def bars(self, symbol: str, timeframe_ms: int, since_ms: int, limit: int) -> list[Bar]:
        self.asked.append(("bars", symbol, timeframe_ms, since_ms, limit))
        return self._page(symbol, timeframe_ms, since_ms, limit, self.minutes)

    async def mark_bars(
        self, symbol: str, timeframe_ms: int, since_ms: int, limit: int
    ) -> list[Bar]:
        self.asked.append(("mark", symbol, timeframe_ms, since_ms, limit))
        return self._page(symbol, timeframe_ms, since_ms, limit, self.marks)

    async def funding_rates(self, symbol: str, since_ms: int, limit: int) -> list[FundingRate]:
        self.asked.append(("funding", symbol, 0, since_ms, limit))
        self._fail()
        rows = [
            FundingRate(ms, rate)
            for ms, rate in sorted(self.rates[symbol].items())
            if since_ms <= ms <= self.now_ms
        ]
        rows = rows[: min(limit, self.page)]
        return self.lies(symbol, 0, rows) if self.lies else rows

    def _page(
        self,
        symbol: str,
        length: int,
        since_ms: int,
        limit: int,
        minutes: dict[str, dict[int, Bar]],
    ) -> list[Bar]:
        self._fail()
        begin = -(-since_ms // length) * length
        end = begin + limit * length if self.bounded else math.inf
        wanted, rows = min(limit, self.page), []
        mine = minutes[symbol]
        for open_ms in range(max(begin, min(mine) // length * length), self.now_ms + 1, length):
            if open_ms >= end or len(rows) == wanted:
                break
            inside = range(open_ms, min(open_ms + length, self.now_ms + 1), MINUTE_MS)
            bars = [mine[ms] for ms in inside if ms in mine]
            if bars:
                rows.append(_merged(open_ms, bars))
        return self.lies(symbol, length, rows) if self.lies else rows

    def _fail(self) -> None:
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure

    async def book(self, symbol: str, depth: int) -> BookUpdate:
        raise RejectedError(f"no book of {symbol} to depth {depth}")

    def stream(self, symbols: Sequence[str], timeframe_ms: int) -> AsyncIterator[MarketEvent]:
        raise AsterError(f"no stream of {symbols} by {timeframe_ms}")

    async def close(self) -> None:
        return None


def _minute(ms: int, level: float) -> Bar:
    """Return a bar on the tick, whose numbers depend on its time alone."""
    step = ms // MINUTE_MS
    opened = level + (step * 7 % 100) / 10
    close = level + ((step + 1) * 7 % 100) / 10
    high, low = max(opened, close) + step % 5 / 10, min(opened, close) - step % 3 / 10
    return Bar(ms, *(round(price, 1) for price in (opened, high, low, close)), 1.0 + step % 4)


def _merged(open_ms: int, bars: list[Bar]) -> Bar:
    return Bar(
        open_ms,
        bars[0].open,
        max(bar.high for bar in bars),
        min(bar.low for bar in bars),
        bars[-1].close,
        math.fsum(bar.volume for bar in bars),
    )
