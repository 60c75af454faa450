"""Bars of every length, from recorded minutes before the session and trades during it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aster_ray.model.ids import DAY_MS, HOUR_MS, MINUTE_MS, TIMEFRAMES

INTERVALS = {**TIMEFRAMES, "1d": DAY_MS}
# Minutes of the session are folded into the history a day at a time, whose oldest day goes then.
_FOLD = 1440
COLUMNS = 10


class Candle(NamedTuple):
    """One bar in ticks and lots; ``quote`` is in units, the taker columns count buyers' trades."""

    open_ms: int
    open: int
    high: int
    low: int
    close: int
    lots: int
    quote: int
    trades: int
    buy_lots: int
    buy_quote: int


class Candles:
    """The bars of one contract.

    Args:
        history: minutes before the first trade, i8[T, 10] in the columns of ``Candle``.
    """

    def __init__(self, history: np.ndarray) -> None:
        self._history = history
        self._minutes: list[Candle] = []
        self._hours: dict[int, Candle | None] = {}  # of the last day, those that are over

    def trade(self, ms: int, ticks: int, lots: int, quote: int, *, buyer: bool) -> None:
        """Add one execution."""
        open_ms = ms - ms % MINUTE_MS
        bought = (lots, quote) if buyer else (0, 0)
        if self._minutes and self._minutes[-1].open_ms == open_ms:
            last = self._minutes.pop()
            self._minutes.append(
                Candle(
                    open_ms,
                    last.open,
                    max(last.high, ticks),
                    min(last.low, ticks),
                    ticks,
                    last.lots + lots,
                    last.quote + quote,
                    last.trades + 1,
                    last.buy_lots + bought[0],
                    last.buy_quote + bought[1],
                )
            )
        else:
            self._minutes.append(
                Candle(open_ms, ticks, ticks, ticks, ticks, lots, quote, 1, *bought)
            )
            if len(self._minutes) >= 2 * _FOLD:
                self._fold()

    def _fold(self) -> None:
        """Move the oldest minutes of the session into the history."""
        day = np.array(self._minutes[:_FOLD], dtype=np.int64)
        del self._minutes[:_FOLD]
        kept = self._history[_FOLD:] if len(self._history) > _FOLD else self._history
        self._history = np.concatenate([kept, day])

    def latest(self, length_ms: int) -> Candle | None:
        """Return the bar that still forms, or the last one there was a trade in."""
        found = self.bars(length_ms, None, None, 1)
        return found[0] if found else None

    def last_day(self, now_ms: int) -> Candle | None:
        """Return the 24 hours up to the one that still forms as one bar."""
        newest = now_ms - now_ms % HOUR_MS
        over = [newest - n * HOUR_MS for n in range(23, 0, -1)]
        self._hours = {
            open_ms: self._hours[open_ms] if open_ms in self._hours else self._hour(open_ms)
            for open_ms in over
        }
        hours = [hour for hour in (*self._hours.values(), self._hour(newest)) if hour is not None]
        return _merge(over[0], hours) if hours else None

    def _hour(self, open_ms: int) -> Candle | None:
        found = self.bars(HOUR_MS, open_ms, open_ms, 1)
        return found[0] if found else None

    def bars(
        self, length_ms: int, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[Candle]:
        """Return bars that open within ``[start_ms, end_ms]``, ascending.

        With a start the first ``limit`` of them, else the last. A bar in which nothing traded is
        not there.
        """
        first = None if start_ms is None else -(-start_ms // length_ms) * length_ms
        last = None if end_ms is None else end_ms - end_ms % length_ms
        if first is None:
            newest = last if last is not None else self._newest() // length_ms * length_ms
            first = newest - (limit - 1) * length_ms
        else:  # who starts before the listing gets what there is
            first = max(first, self._oldest() // length_ms * length_ms)
        beyond = first + limit * length_ms
        if last is not None:
            beyond = min(beyond, last + length_ms)
        grouped: dict[int, list[Candle]] = {}
        for minute in self._between(first, beyond):
            grouped.setdefault(minute.open_ms // length_ms * length_ms, []).append(minute)
        return [_merge(open_ms, minutes) for open_ms, minutes in grouped.items()]

    def _newest(self) -> int:
        if self._minutes:
            return self._minutes[-1].open_ms
        return int(self._history[-1, 0]) if len(self._history) else 0

    def _oldest(self) -> int:
        if len(self._history):
            return int(self._history[0, 0])
        return self._minutes[0].open_ms if self._minutes else 0

    def _between(self, first: int, beyond: int) -> list[Candle]:
        low, high = np.searchsorted(self._history[:, 0], [first, beyond])
        found = [Candle(*row) for row in self._history[low:high].tolist()]
        return found + [minute for minute in self._minutes if first <= minute.open_ms < beyond]


def _merge(open_ms: int, minutes: list[Candle]) -> Candle:
    return Candle(
        open_ms,
        minutes[0].open,
        max(minute.high for minute in minutes),
        min(minute.low for minute in minutes),
        minutes[-1].close,
        sum(minute.lots for minute in minutes),
        sum(minute.quote for minute in minutes),
        sum(minute.trades for minute in minutes),
        sum(minute.buy_lots for minute in minutes),
        sum(minute.buy_quote for minute in minutes),
    )
