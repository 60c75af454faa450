"""The whole of a live feed but its questions: what to ask whom, and when a close is complete."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from aster_ray.data.live.close_round import CloseRound
from aster_ray.data.live.config import FeedConfig
from aster_ray.data.live.confirmation import Answer, Confirmation, Span
from aster_ray.data.live.failover import Failover, Switch
from aster_ray.data.live.soundness import Step
from aster_ray.data.live.source_desk import SourceDesk
from aster_ray.engine.messages import BarBatch
from aster_ray.model.venue import MarketEvent

_MOST_BARS = 500  # in one question
_SWITCHES_KEPT, _SWITCHES_TOLD = 64, 5
_MOST_DOUBLINGS = 4  # of the pause between two questions


class Question(NamedTuple):
    """What one venue is to be asked about one symbol.

    Attributes:
        source: index of the venue.
        n: index of the symbol.
        since_ms: bars and marks from here on, at most ``limit`` of each.
        rates_since_ms: settlements from here on; None = do not ask for them.
        generation: of the round it belongs to; an answer to an earlier one is of no use.
        venue_ms: the venue's time.
    """

    source: int
    n: int
    since_ms: int
    limit: int
    rates_since_ms: int | None
    generation: int
    venue_ms: int


class Grid(NamedTuple):
    """What a session's closes consist of."""

    symbols: tuple[str, ...]
    steps: tuple[Step, ...]
    timeframe_ms: int


class FeedDesk:
    """Gather one close after the other, each once, all of one from one venue.

    Every close goes the same way, however late it is noticed: REST is asked until its bars are
    final. A symbol whose bar is not final by the deadline is left out, unless the venue answers
    nothing at all: then the close waits, for there is nobody to trade with either.

    Args:
        grid: symbols, their steps and the timeframe.
        config: how long anything is waited for.
        names: of the venue and its backup.
        start: open time of the first bar wanted, and per symbol from when on funding is unpaid.
        now_ms: our own clock, which only rises; all later times too.
    """

    def __init__(
        self,
        grid: Grid,
        config: FeedConfig,
        names: Sequence[str],
        start: tuple[int, Sequence[int]],
        now_ms: int,
    ) -> None:
        self._grid, self._config = grid, config
        self.sources = [SourceDesk(grid.symbols, grid.timeframe_ms, config, now_ms) for _ in names]
        self.failover = Failover(
            names,
            now_ms,
            silence_ms=int(config.silence_s * 1e3),
            healthy_ms=int(config.healthy_s * 1e3),
        )
        self.counts: Counter[str] = Counter()
        self.switches: deque[Switch] = deque(maxlen=_SWITCHES_KEPT)
        self._next_open_ms = start[0]
        self._unpaid_ms = list(start[1])
        self._round: CloseRound | None = None
        self._generation = 0
        self._confirmations: dict[int, Confirmation] = {}
        self._answers: dict[int, Answer] = {}  # the last ones of the venue in use
        self._answering: set[int] = set()  # symbols whose last question of this round was answered
        self._asked: dict[int, int] = {}  # symbol -> earliest moment of the next question
        self._tries: Counter[int] = Counter()  # by symbol, in this round
        self._in_flight: set[int] = set()

    @property
    def source(self) -> str:
        """Return the name of the venue in use."""
        return self.failover.names[self.failover.active]

    def hear(self, source: int, event: MarketEvent, now_ms: int) -> None:
        """Take an event of a venue's stream."""
        if self.sources[source].hear(event, now_ms):
            self.failover.heard(source, now_ms)

    def tick(self, now_ms: int) -> Switch | None:
        """Let time pass; return a change of venue."""
        switch = self.failover.tick(now_ms)
        if switch is not None:
            self.switches.append(switch)
            self.counts["switches"] += 1
            self._answers.clear()
            self._drop_round()
        if self._round is None and self._is_due(now_ms):
            self._open_round(now_ms)
        return switch

    def questions(self, now_ms: int) -> list[Question]:
        """Return what is to be asked now; each until it is ``answered`` or ``failed``."""
        round_ = self._round
        if round_ is None:
            return []
        found = []
        for n in round_.outstanding:
            if n in self._in_flight or now_ms < self._asked.get(n, 0):
                continue
            self._in_flight.add(n)
            found.append(self._question(n, now_ms))
        return found

    def answered(self, question: Question, answer: Answer, now_ms: int) -> None:
        """Take what a venue said."""
        self.failover.answered(question.source, now_ms)
        if self._round is None or question.generation != self._generation:
            return
        self._in_flight.discard(question.n)
        self._pause(question.n, now_ms)
        self._answers[question.n] = answer
        self._answering.add(question.n)
        self._judge(question.n)

    def failed(self, question: Question, now_ms: int) -> None:
        """Take note that a venue did not answer."""
        self.failover.failed(question.source, now_ms)
        self.counts["questions unanswered"] += 1
        if question.generation == self._generation:
            self._in_flight.discard(question.n)
            self._answering.discard(question.n)
            self._pause(question.n, now_ms)

    def take(self, seq: int, now_ms: int) -> tuple[BarBatch, dict[str, str]] | None:
        """Return the close that is complete, under the number it gets, and who is missing.

        The next one is begun with the next ``tick``.
        """
        round_ = self._round
        if round_ is None:
            return None
        if round_.outstanding and now_ms >= round_.deadline_ms:
            self._give_up(round_)
        if round_.outstanding:
            return None
        self._refuse(round_, now_ms)
        batch = round_.batch(seq)
        for n, symbol in enumerate(self._grid.symbols):
            if symbol not in round_.missing:
                self._unpaid_ms[n] = round_.close_ms
        self._next_open_ms = round_.close_ms
        for source in self.sources:
            source.forget(round_.close_ms)
        self._drop_round()
        for why in round_.missing.values():
            self.counts[f"left out: {why}"] += 1
        return batch, round_.missing

    def status(self, now_ms: int) -> dict[str, Any]:
        """Return how the feed stands, as plain values."""
        venue_ms = self._source().clock.now(now_ms)
        behind = (venue_ms - self._next_open_ms) // self._grid.timeframe_ms if venue_ms else 0
        names = self.failover.names
        return {
            "at_ms": now_ms,  # by our own clock
            "source": self.source,
            "heard": self._source().told(),  # updates
            "alive": {
                name: self.failover.is_alive(index, now_ms) for index, name in enumerate(names)
            },
            "behind": max(0, behind),  # closes that are due
            "waits_for": {
                self._grid.symbols[n]: self._confirmations[n].waits_for
                for n in (self._round.outstanding if self._round is not None else ())
            },
            "switches": [
                {"from": names[one.before], "to": names[one.after], "why": one.why}
                for one in list(self.switches)[-_SWITCHES_TOLD:]
            ],
            "counts": dict(self.counts)
            | {
                f"{name}: {kind}": count
                for name, source in zip(names, self.sources, strict=True)
                for kind, count in source.counts.items()
            },
        }

    def _source(self) -> SourceDesk:
        return self.sources[self.failover.active]

    def _is_due(self, now_ms: int) -> bool:
        """Return whether the next bar is closed, by the stream or by the clock."""
        source, close_ms = self._source(), self._next_open_ms + self._grid.timeframe_ms
        grace_ms = self._config.waits.grace_ms
        return source.has_begun(close_ms) or source.clock.now(now_ms) >= close_ms + grace_ms

    def _open_round(self, now_ms: int) -> None:
        grid, open_ms = self._grid, self._next_open_ms
        deadline_ms = now_ms + int(self._config.deadline_s * 1e3)
        self._generation += 1
        self._round = CloseRound(grid.symbols, open_ms, grid.timeframe_ms, deadline_ms)
        self._asked.clear()
        self._tries.clear()
        for n, step in enumerate(grid.steps):
            waits = self._config.waits
            self._confirmations[n] = Confirmation(self._span(n), step, waits, self.counts)
            earlier = self._answers.get(n)  # it may have brought this bar too
            if earlier is not None and self._confirmations[n].has_passed(earlier):
                self._judge(n)

    def _drop_round(self) -> None:
        self._round = None
        self._generation += 1
        self._in_flight.clear()
        self._answering.clear()

    def _span(self, n: int) -> Span:
        open_ms = self._next_open_ms
        return Span(open_ms, open_ms + self._grid.timeframe_ms, self._unpaid_ms[n])

    def _question(self, n: int, now_ms: int) -> Question:
        """Ask for this bar, and for those behind it that are closed too."""
        span, venue_ms = self._span(n), self._source().clock.now(now_ms)
        behind = max(0, venue_ms - span.open_ms) // self._grid.timeframe_ms
        reach = Span(span.open_ms, max(span.close_ms, venue_ms), span.unpaid_ms)
        since_ms = span.unpaid_ms if reach.settles else None
        limit = min(_MOST_BARS, behind + 2)
        active = self.failover.active
        return Question(active, n, span.open_ms, limit, since_ms, self._generation, venue_ms)

    def _pause(self, n: int, now_ms: int) -> None:
        """Ask again soon, then more and more seldom: a venue in trouble is left in peace."""
        longer = 2.0 ** min(self._tries[n], _MOST_DOUBLINGS)
        self._tries[n] += 1
        self._asked[n] = now_ms + int(self._config.again_s * 1e3 * longer)

    def _judge(self, n: int) -> None:
        round_, confirmation = self._round, self._confirmations[n]
        if round_ is None:
            return
        span = self._span(n)
        row = confirmation.judge(self._answers[n], self._source().evidence(n, span))
        if row is not None:
            round_.take(n, row)
        elif confirmation.is_empty:
            round_.leave_out(n, "no trade")

    def _give_up(self, round_: CloseRound) -> None:
        """Do without those nobody waits for any longer; a venue that says nothing is waited for."""
        speaks = len(round_.outstanding) < len(self._grid.symbols)
        for n in round_.outstanding:
            confirmation, answers = self._confirmations[n], n in self._answering
            if answers:
                answer = self._answers[n]
                evidence = self._source().evidence(n, self._span(n))
                row = confirmation.last_word(answer, evidence)
                if row is not None:
                    round_.take(n, row)
                    continue
            if speaks or answers:
                round_.leave_out(n, f"waited for {confirmation.waits_for}")

    def _refuse(self, round_: CloseRound, now_ms: int) -> None:
        """Leave out symbols whose book cannot take an order now; an old close is as it was."""
        source, next_ms = self._source(), round_.close_ms + self._grid.timeframe_ms
        if source.has_begun(next_ms) or source.clock.now(now_ms) >= next_ms:
            return
        for n, symbol in enumerate(self._grid.symbols):
            why = source.refusal(n, now_ms)
            if why and symbol not in round_.missing:
                round_.leave_out(n, why)
