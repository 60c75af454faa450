"""Bars of every length: the recording's minutes, and over them what was really traded."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from aster_ray.model.ids import DAY_MS, HOUR_MS, MINUTE_MS, TIMEFRAMES

INTERVALS = {**TIMEFRAMES, "1d": DAY_MS}
COLUMNS = 10
KEPT = 7 * 1440  # minutes as they were played; older ones are shown as they were recorded
_NEVER = -1
_QUOTES, _LARGEST = [6, 9], 2**63 - 1  # columns whose sums may need more than 64 bits

# Returns the recorded minutes that open within [first, beyond), i8[T, 10] in Candle's columns.
Recording = Callable[[int, int], np.ndarray]


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
        recorded: the recording behind it, which costs no memory here.
        until_ms: the recording is known up to here, exclusive; ``pass_to`` moves it.
        since_ms: when the first bar of all opens.
        kept: how many played minutes are remembered where they differ from the recording.
    """

    def __init__(
        self, recorded: Recording, until_ms: int, since_ms: int = 0, kept: int = KEPT
    ) -> None:
        self._recorded = recorded
        self._since_ms = since_ms
        self._until_ms = until_ms
        # A ring by minute, all of it touched at once: what runs for weeks does not grow.
        self._played = np.full((kept, COLUMNS), _NEVER, dtype=np.int64)
        self._newest_played = _NEVER  # when the newest minute in the ring opens
        self._forming: Candle | None = None
        self._marked = False  # the forming bar holds a trade that the recording does not know
        self._hours: dict[int, Candle | None] = {}  # of the last day, those that are over

    def trade(self, ms: int, ticks: int, lots: int, quote: int, *, buyer: bool) -> None:
        """Add one execution."""
        open_ms = ms - ms % MINUTE_MS
        bought = (lots, quote) if buyer else (0, 0)
        self.add(Candle(open_ms, ticks, ticks, ticks, ticks, lots, quote, 1, *bought))

    def add(self, part: Candle) -> None:
        """Add a part of the minute it opens with; minutes come in their order."""
        last = self._forming
        if last is None or last.open_ms != part.open_ms:
            self._keep()
            self._forming = part
            return
        self._forming = Candle(
            last.open_ms,
            last.open,
            max(last.high, part.high),
            min(last.low, part.low),
            part.close,
            last.lots + part.lots,
            last.quote + part.quote,
            last.trades + part.trades,
            last.buy_lots + part.buy_lots,
            last.buy_quote + part.buy_quote,
        )

    def mark(self) -> None:
        """Note that the forming bar holds more than the recording; it is kept as it was played."""
        self._marked = True

    def pass_to(self, ms: int) -> None:
        """Know the recording up to a moment; played minutes stand over it."""
        self._until_ms = ms

    def skip(self, rest: Candle | None, since_ms: int, ms: int) -> None:
        """Take the recording within ``[since_ms, ms)`` for what happened.

        Args:
            rest: what the recording holds beyond the bar that forms, if that one opened there; it
                is only added where the bar must be kept.
            since_ms: when the first of the skipped minutes opens.
            ms: when the last of them ends.
        """
        forming = self._forming
        if forming is not None and (forming.open_ms < since_ms or self._marked):
            if forming.open_ms >= since_ms and rest is not None:
                self.add(rest._replace(open_ms=forming.open_ms))
            self._keep()
        self._forming, self._marked = None, False
        self._until_ms = ms

    def _keep(self) -> None:
        """Write the bar that formed into the ring."""
        self._marked = False
        if self._forming is not None and len(self._played):
            self._played[self._forming.open_ms // MINUTE_MS % len(self._played)] = self._forming
            self._newest_played = self._forming.open_ms

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
            first = max(first, self._since_ms // length_ms * length_ms)
        beyond = first + limit * length_ms
        if last is not None:
            beyond = min(beyond, last + length_ms)
        if self._forming is not None and first == self._forming.open_ms and length_ms == MINUTE_MS:
            return [self._forming] if beyond > first else []
        minutes = self._between(first, beyond)
        return _grouped(minutes, length_ms) if len(minutes) else []

    def _newest(self) -> int:
        """Return when the newest minute opens, 0 if there is none."""
        if self._forming is not None:
            return self._forming.open_ms
        reach = MINUTE_MS
        while reach < self._until_ms:
            found = self._between(self._until_ms - reach, self._until_ms)
            if len(found):
                return int(found[-1, 0])
            reach *= 16
        return 0

    def _between(self, first: int, beyond: int) -> np.ndarray:
        """Return the minutes that open within ``[first, beyond)``, ascending, i8[T, 10]."""
        found = self._recorded(first, min(beyond, self._until_ms))
        parts = [found]
        if first <= self._newest_played:
            opens = self._played[:, 0]
            played = self._played[(opens >= first) & (opens < beyond)]
            parts += [played] if len(played) else []
        if self._forming is not None and first <= self._forming.open_ms < beyond:
            parts.append(np.array([self._forming], dtype=np.int64))
        if len(parts) == 1:
            return found
        rows = np.concatenate(parts)
        # Of rows of one minute the last counts: played over recorded, forming over both.
        rows = rows[np.argsort(rows[:, 0], kind="stable")]
        last = np.append(rows[1:, 0] != rows[:-1, 0], True)
        kept: np.ndarray = rows[last]
        return kept


def _grouped(minutes: np.ndarray, length_ms: int) -> list[Candle]:
    """Return minutes (at least one) as bars of a length."""
    opens = minutes[:, 0] // length_ms * length_ms
    begins = np.flatnonzero(np.append(True, opens[1:] != opens[:-1]))
    ends = np.append(begins[1:], len(minutes)) - 1
    table = np.empty((len(begins), COLUMNS), dtype=np.int64)
    table[:, 0] = opens[begins]
    table[:, 1] = minutes[begins, 1]
    table[:, 2] = np.maximum.reduceat(minutes[:, 2], begins)
    table[:, 3] = np.minimum.reduceat(minutes[:, 3], begins)
    table[:, 4] = minutes[ends, 4]
    table[:, 5:] = np.add.reduceat(minutes[:, 5:], begins, axis=0)
    found = [Candle(*row) for row in table.tolist()]
    if len(minutes) * int(minutes[:, _QUOTES].max()) <= _LARGEST:
        return found
    parts = zip(begins.tolist(), (ends + 1).tolist(), strict=True)
    exact = [minutes[begin:end, _QUOTES].astype(object).sum(axis=0) for begin, end in parts]
    return [
        bar._replace(quote=quote, buy_quote=bought)
        for bar, (quote, bought) in zip(found, exact, strict=True)
    ]


def _merge(open_ms: int, parts: list[Candle]) -> Candle:
    return Candle(
        open_ms,
        parts[0].open,
        max(part.high for part in parts),
        min(part.low for part in parts),
        parts[-1].close,
        sum(part.lots for part in parts),
        sum(part.quote for part in parts),
        sum(part.trades for part in parts),
        sum(part.buy_lots for part in parts),
        sum(part.buy_quote for part in parts),
    )
