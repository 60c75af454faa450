"""A small world of venues without I/O: what truly traded, what streams tell of it, what REST says.

Time is a number. Every minute has four prints, the marks move every three seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from aster_ray.data.live.config import FeedConfig
from aster_ray.data.live.confirmation import Answer
from aster_ray.data.live.feed_desk import FeedDesk, Grid, Question
from aster_ray.data.live.soundness import Step
from aster_ray.engine.messages import BarBatch
from aster_ray.model.ids import DAY_MS, HOUR_MS, MINUTE_MS
from aster_ray.model.market import Bar, FundingRate, MarkPrice
from aster_ray.model.venue import BarUpdate, BookUpdate, MarketEvent, MarkUpdate

START_MS = 20_000 * DAY_MS + 57 * MINUTE_MS  # three minutes before funding settles
SYMBOLS = ("BTCUSDT", "ETHUSDT")
PRINTS, PRINT_MS, MARK_MS, FUNDING_MS = 4, 15_000, 3_000, HOUR_MS
STEP = Step(0.1, 0.001)
BOOK = ((99.9, 1e6),), ((100.1, 1e6),)


class TrueVenue:
    """What traded at one venue, known to the test alone."""

    def __init__(self, seed: int, minutes: int, level: float = 100.0, holes: float = 0.1) -> None:
        rng = np.random.default_rng(seed)
        shape = (minutes, PRINTS, len(SYMBOLS))
        self.prices = np.round(level + np.cumsum(rng.normal(0, 0.3, shape), axis=0), 1)
        self.volumes = np.round(rng.uniform(0.5, 5.0, shape), 3)
        self.traded = rng.random((minutes, len(SYMBOLS))) >= holes
        self.traded[0] = True  # a recording begins with a symbol's first bar, and so do its debts
        self.rates = np.round(rng.normal(0, 1e-4, (minutes, len(SYMBOLS))), 8)
        self.minutes = minutes

    def minute(self, n: int, m: int, now_ms: int) -> Bar | None:
        """Return minute ``m`` as far as it has gone."""
        begun = START_MS + m * MINUTE_MS
        count = min(PRINTS, (now_ms - begun) // PRINT_MS + 1)
        if not 0 <= m < self.minutes or count <= 0 or not self.traded[m, n]:
            return None
        prices = self.prices[m, :count, n]
        total = float(np.round(self.volumes[m, :count, n].sum(), 3))
        first, last = float(prices[0]), float(prices[-1])
        return Bar(begun, first, float(prices.max()), float(prices.min()), last, total)

    def bar(self, n: int, open_ms: int, length_ms: int, now_ms: int) -> Bar | None:
        """Return a bar of any length as far as it has gone, as the venue joins it."""
        first = (open_ms - START_MS) // MINUTE_MS
        parts = [self.minute(n, first + k, now_ms) for k in range(length_ms // MINUTE_MS)]
        there = [part for part in parts if part is not None]
        if not there:
            return None
        return Bar(
            open_ms,
            there[0].open,
            max(part.high for part in there),
            min(part.low for part in there),
            there[-1].close,
            sum(part.volume for part in there),
        )

    def mark(self, n: int, now_ms: int) -> float:
        m = min(max((now_ms - START_MS) // MINUTE_MS, 0), self.minutes - 1)
        k = min(max((now_ms - START_MS) % MINUTE_MS // PRINT_MS, 0), PRINTS - 1)
        return float(self.prices[m, k, n]) + 0.05

    def mark_bar(self, n: int, open_ms: int, length_ms: int, now_ms: int) -> Bar | None:
        times = range(open_ms, min(open_ms + length_ms, now_ms + 1), PRINT_MS)
        marks = [self.mark(n, ms) for ms in times]
        if not marks:
            return None
        return Bar(open_ms, marks[0], max(marks), min(marks), marks[-1], 0.0)

    def settled(self, n: int, since_ms: int, now_ms: int) -> list[FundingRate]:
        first = -(-since_ms // FUNDING_MS) * FUNDING_MS
        times = range(first, now_ms + 1, FUNDING_MS)
        return [FundingRate(ms, self._rate(n, ms)) for ms in times]

    def _rate(self, n: int, ms: int) -> float:
        m = min(max((ms - START_MS) // MINUTE_MS, 0), self.minutes - 1)
        return float(self.rates[m, n])

    def answer(self, question: Question, length_ms: int, now_ms: int) -> Answer:
        """Return what REST says."""
        times = range(question.since_ms, now_ms + 1, length_ms)
        n, limit = question.n, question.limit
        bars = [self.bar(n, ms, length_ms, now_ms) for ms in times]
        marks = [self.mark_bar(n, ms, length_ms, now_ms) for ms in times]
        since = question.rates_since_ms
        return Answer(
            question.venue_ms,
            [bar for bar in bars if bar is not None][:limit],
            [mark for mark in marks if mark is not None][:limit],
            None if since is None else self.settled(n, since, now_ms),
        )

    def events(self, now_ms: int) -> list[MarketEvent]:
        """Return what the streams tell at this moment."""
        found: list[MarketEvent] = []
        for n, symbol in enumerate(SYMBOLS):
            if (now_ms - START_MS) % PRINT_MS == 0:
                m = (now_ms - START_MS) // MINUTE_MS
                bars = (self.minute(n, m - 1, now_ms), self.minute(n, m, now_ms))
                found += [BarUpdate(symbol, MINUTE_MS, bar, now_ms) for bar in bars if bar]
            if (now_ms - START_MS) % MARK_MS == 0:
                mark = MarkPrice(now_ms, self.mark(n, now_ms), self.mark(n, now_ms))
                settles = now_ms // FUNDING_MS * FUNDING_MS + FUNDING_MS
                found.append(MarkUpdate(symbol, mark, FundingRate(settles, self._rate(n, settles))))
                found.append(BookUpdate(symbol=symbol, bids=BOOK[0], asks=BOOK[1], ts_ms=now_ms))
        return found


def nothing_wrong(_source: int, _now_ms: int) -> bool:
    return False


@dataclass
class Trouble:
    """What goes wrong, when; times are those of the venue.

    Attributes:
        dead: (source, now) -> neither stream nor REST work.
        mute: (source, now) -> the stream says nothing, REST answers.
        lost, doubled, late: shares of events.
        slow_ms: longest time REST takes.
    """

    dead: Callable[[int, int], bool] = nothing_wrong
    mute: Callable[[int, int], bool] = nothing_wrong
    lost: float = 0.0
    doubled: float = 0.0
    late: float = 0.0
    slow_ms: int = 0


@dataclass
class Run:
    """What a desk made of a world."""

    desk: FeedDesk
    batches: list[BarBatch] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    missing: list[dict[str, str]] = field(default_factory=list)
    taken_ms: list[int] = field(default_factory=list)
    questions: int = 0


def play(
    venues: Sequence[TrueVenue],
    minutes: int,
    trouble: Trouble | None = None,
    *,
    seed: int = 0,
    timeframe_ms: int = MINUTE_MS,
    config: FeedConfig | None = None,
    step_ms: int = 500,
) -> Run:
    """Let a desk live through ``minutes`` and two more to catch up in peace."""
    wrong, rng = trouble or Trouble(), np.random.default_rng(seed)
    names = [f"venue{index}" for index in range(len(venues))]
    grid = Grid(SYMBOLS, (STEP,) * len(SYMBOLS), timeframe_ms)
    start = START_MS - START_MS % timeframe_ms
    desk = FeedDesk(grid, config or FeedConfig(), names, (start, [start] * 2), START_MS)
    run = Run(desk)
    asked: list[tuple[int, Question]] = []
    delayed: deque[tuple[int, int, MarketEvent]] = deque()
    for now in range(START_MS, START_MS + (minutes + 2) * MINUTE_MS, step_ms):
        peace = now >= START_MS + minutes * MINUTE_MS
        for source, venue in enumerate(venues):
            if not peace and (wrong.dead(source, now) or wrong.mute(source, now)):
                continue
            for event in venue.events(now):
                if not peace and rng.random() < wrong.lost:
                    continue
                for _ in range(1 + (rng.random() < wrong.doubled)):
                    if rng.random() < wrong.late:
                        delayed.append((now + int(rng.integers(0, 20_000)), source, event))
                    else:
                        desk.hear(source, event, now)
        for _ in range(len(delayed)):
            due, source, event = delayed.popleft()
            if due <= now:
                desk.hear(source, event, now)
            else:
                delayed.append((due, source, event))
        waiting = []
        for due, question in asked:
            if due > now:
                waiting.append((due, question))
            elif not peace and wrong.dead(question.source, now):
                desk.failed(question, now)
            else:
                answer = venues[question.source].answer(question, timeframe_ms, now)
                desk.answered(question, answer, now)
        asked = waiting
        desk.tick(now)
        while (found := desk.take(len(run.batches), now)) is not None:
            run.batches.append(found[0])
            run.missing.append(found[1])
            run.sources.append(desk.source)
            run.taken_ms.append(now)
            desk.tick(now)
        for question in desk.questions(now):
            run.questions += 1
            asked.append((now + int(rng.integers(0, wrong.slow_ms + 1)), question))
    return run
