"""The I/O of a live feed: listen to two venues, ask them, and put each close on disk.

The one module of this package that waits; what it does with what it hears is the desk's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import structlog

from aster_ray import clock
from aster_ray.data.live.confirmation import Answer
from aster_ray.data.live.failover import PRIMARY, Switch
from aster_ray.data.live.feed_desk import FeedDesk, Question
from aster_ray.data.live.feed_log import FeedLog, Release
from aster_ray.engine.ports import MarketClient
from aster_ray.errors import AsterError, BadInputError
from aster_ray.model.ids import MINUTE_MS

_PULSE_S = 0.05  # between two looks when nothing happens
_PAUSE_S = 0.005  # between two looks when much does
_AGAIN_S = 1.0  # before a stream that failed is opened once more
_QUESTIONS = 8  # at a time
_ANSWER_S = 30.0  # the client gives up sooner
_MOST_RATES = 1000


def now_ms() -> int:
    """Return our own clock, which only rises."""
    return clock.monotonic_ns() // 1_000_000


class LiveFeed:
    """Run a desk over the clients of a venue and its backup until somebody cancels it.

    Args:
        desk: what decides.
        log: where closes go before anybody sees them.
        clients: of the venues, in the order of the desk's names.
        symbols, timeframe_ms: of the session.
        released: told of each close once it is on disk.
    """

    def __init__(
        self,
        desk: FeedDesk,
        log: FeedLog,
        clients: Sequence[MarketClient],
        released: Callable[[Release], None],
    ) -> None:
        self.desk, self.log = desk, log
        self._clients = tuple(clients)
        self._released = released
        self._symbols, self._timeframe_ms = log.history.symbols, log.history.timeframe_ms
        self._wake = asyncio.Event()
        self._turn = asyncio.Semaphore(_QUESTIONS)
        self._asking: set[asyncio.Task[None]] = set()
        self.last: int | None = None  # release nothing after this close; None = no end

    async def run(self) -> None:
        """Listen, ask and release; returns only after the last close.

        Raises:
            BadInputError: the venue does not know what it is asked about.
        """
        listeners = [
            asyncio.create_task(self._listen(source, client))
            for source, client in enumerate(self._clients)
        ]
        try:
            while not self._is_over():
                for task in listeners:
                    if task.done():
                        task.result()  # a stream ends only by an error
                self._step()
                await self._look_again()
        finally:
            for task in (*listeners, *self._asking):
                task.cancel()
            await asyncio.gather(*listeners, *self._asking, return_exceptions=True)

    def _is_over(self) -> bool:
        return self.last is not None and self.log.closes > self.last

    def _step(self) -> None:
        """Do all that is due now."""
        moment = now_ms()
        switch = self.desk.tick(moment)
        if switch is not None:
            self._note(switch)
        while (found := self.desk.take(self.log.closes, moment)) is not None:
            batch, missing = found
            release = Release(batch, self.desk.source, clock.wall_ns(), missing)
            self.log.append(release)
            if missing:
                structlog.get_logger().warning(
                    "bars_missing", seq=batch.seq, close_ms=batch.close_ms, missing=missing
                )
            self._released(release)
            if self._is_over():
                return
            self.desk.tick(moment)
        for question in self.desk.questions(moment):
            task = asyncio.create_task(self._ask(question))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _look_again(self) -> None:
        await asyncio.sleep(_PAUSE_S)
        try:
            async with asyncio.timeout(_PULSE_S):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _listen(self, source: int, client: MarketClient) -> None:
        while True:
            try:
                async for event in client.stream(self._symbols, MINUTE_MS):
                    self.desk.hear(source, event, now_ms())
                    self._wake.set()
            except BadInputError:
                if source == PRIMARY:
                    raise
                structlog.get_logger().exception("backup_unusable", venue=client.name)
                await asyncio.Event().wait()  # the session goes on without it
            except AsterError as error:
                structlog.get_logger().warning(
                    "stream_failed", venue=client.name, error=f"{type(error).__name__}: {error}"
                )
            await asyncio.sleep(_AGAIN_S)

    async def _ask(self, question: Question) -> None:
        client, symbol = self._clients[question.source], self._symbols[question.n]
        since_ms, limit, length = question.since_ms, question.limit, self._timeframe_ms
        try:
            async with self._turn, asyncio.timeout(_ANSWER_S):
                bars, marks = await asyncio.gather(
                    client.bars(symbol, length, since_ms, limit),
                    client.mark_bars(symbol, length, since_ms, limit),
                )
                rates = None
                if question.rates_since_ms is not None:
                    rates = await client.funding_rates(symbol, question.rates_since_ms, _MOST_RATES)
        except (AsterError, TimeoutError) as error:
            self.desk.failed(question, now_ms())
            structlog.get_logger().warning(
                "question_unanswered",
                venue=client.name,
                symbol=symbol,
                error=f"{type(error).__name__}: {error}",
            )
        else:
            self.desk.answered(question, Answer(question.venue_ms, bars, marks, rates), now_ms())
        self._wake.set()

    def _note(self, switch: Switch) -> None:
        names = self.desk.failover.names
        told: dict[str, object] = {
            "before": names[switch.before],
            "after": names[switch.after],
            "why": switch.why,
            "closes": self.log.closes,
        }
        structlog.get_logger().warning("venue_switched", **told)
        self.log.note({"kind": "switch", "wall_ns": clock.wall_ns(), **told})
