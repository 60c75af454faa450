"""One symbol's bar on its way to being final: the stream noticed it, REST has the last word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from aster_ray.data.live.soundness import Step, agrees, fault_of, is_far_from_mark
from aster_ray.kernel.records import (
    CLOSE,
    FUNDING,
    MARK_CLOSE,
    MARK_HIGH,
    MARK_LOW,
    OPEN,
    ROW_COLUMNS,
)
from aster_ray.model.ids import HOUR_MS, MINUTE_MS
from aster_ray.model.market import Bar, FundingRate

# A settlement is stamped a few milliseconds late, never a minute.
_SETTLES_WITHIN_MS = MINUTE_MS


class Answer(NamedTuple):
    """What REST says from a bar on, oldest first.

    ``rates`` are None where nobody asked for them, ``venue_ms`` the venue's time at the question.
    """

    venue_ms: int
    bars: Sequence[Bar]
    marks: Sequence[Bar]
    rates: Sequence[FundingRate] | None


class Evidence(NamedTuple):
    """What the streams say of the same bar."""

    socket: Bar | None  # the bar as the stream told it, if it told all of it
    begun: bool  # the stream has told of the bar's successor
    mark: Bar | None
    announced: tuple[FundingRate, ...]


class Span(NamedTuple):
    """One bar, and the funding it pays: all that settled since the symbol's last bar."""

    open_ms: int
    close_ms: int
    unpaid_ms: int

    @property
    def settles(self) -> bool:
        """Return whether funding may have settled: venues do that at whole hours."""
        return -self.unpaid_ms % HOUR_MS < self.close_ms - self.unpaid_ms

    def contains(self, rate: FundingRate) -> bool:
        """Return whether a settlement is for this bar to pay."""
        return self.unpaid_ms <= rate.ts_ms < self.close_ms


class Waits(NamedTuple):
    """Times of the venue's clock, in milliseconds.

    Attributes:
        grace_ms: after its close a bar is closed even if nothing follows it.
        empty_ms: after its close a bar that is not there, and of which no stream told, is none.
        settled_ms: after its close a bar changes no more: one look at it is enough.
    """

    grace_ms: int = 2_000
    empty_ms: int = 5_000
    settled_ms: int = 30_000


class SymbolRow(NamedTuple):
    """One symbol at one close."""

    values: np.ndarray  # f8[8] in the layout of the kernel
    volume: float
    rate: float  # sum of the rates it pays


class Confirmation:
    """Collect what REST says of one bar until it may be believed.

    A bar counts once it is closed, and REST said it once in agreement with the stream, or twice
    alike when the grace was over, or once long enough after the close. Where the stream said
    something else, REST is right.

    Args:
        span: which bar, and from when on it pays funding.
        step: of the contract.
        waits: see there.
        counts: where differences are counted, by kind.
    """

    def __init__(self, span: Span, step: Step, waits: Waits, counts: Counter[str]) -> None:
        self._span = span
        self._open_ms, self._close_ms = span.open_ms, span.close_ms
        self._step, self._waits, self._counts = step, waits, counts
        self._seen: Bar | None = None
        self._told: set[str] = set()
        self.waits_for = "an answer"  # for a person
        self.is_empty = False  # the venue has no such bar: nothing traded

    def has_passed(self, answer: Answer) -> bool:
        """Return whether an answer to an earlier question already tells of later bars."""
        return self._has_later(answer.bars) and self._has_later(answer.marks)

    def judge(self, answer: Answer, evidence: Evidence) -> SymbolRow | None:
        """Take an answer; return the row once it is final, None to ask again.

        ``is_empty`` says that there will be none.
        """
        bar = _at(answer.bars, self._open_ms)
        if not self._is_closed(answer, evidence):
            self.waits_for = "the close"
            return None
        if bar is None:
            traded = evidence.socket is not None and evidence.socket.volume > 0.0
            self.waits_for = "a bar the stream has told of" if traded else "a bar"
            self.is_empty = not traded and self._is_none(answer)
            return None
        fault = fault_of(bar)
        if fault:
            self._count(f"rest bar: {fault}")
            self.waits_for = f"a sound bar ({fault})"
            return None
        if not self._is_final(bar, answer, evidence):
            self._seen = bar
            return None
        mark = self._mark(answer, evidence)
        rates = self._rates(answer, evidence)
        if mark is None or rates is None:
            self._seen = bar
            return None
        return self._row(bar, mark, rates, evidence)

    def last_word(self, answer: Answer, evidence: Evidence) -> SymbolRow | None:
        """Return the best row there is when nobody waits longer; None if the bar itself lacks.

        A mark or a settlement that REST never confirmed is taken from the stream, and counted.
        """
        bar = _at(answer.bars, self._open_ms)
        if bar is None or bar != self._seen or fault_of(bar):
            return None
        mark = _at(answer.marks, self._open_ms)
        if mark is None or fault_of(mark):
            mark = evidence.mark or bar
            self._count("mark from the stream" if evidence.mark else "mark missing, last price")
        rates = self._settled(answer)
        if len(rates) < len(evidence.announced):
            self._count("funding not confirmed")
            rates = tuple(rate.rate for rate in evidence.announced)
        return self._row(bar, mark, rates, evidence)

    def _is_closed(self, answer: Answer, evidence: Evidence) -> bool:
        over = answer.venue_ms >= self._close_ms + self._waits.grace_ms
        return evidence.begun or over or self._has_later(answer.bars)

    def _is_none(self, answer: Answer) -> bool:
        """Return whether a bar that REST lacks now will not come any more."""
        over = answer.venue_ms >= self._close_ms + self._waits.empty_ms
        return over or self._has_later(answer.bars)

    def _is_final(self, bar: Bar, answer: Answer, evidence: Evidence) -> bool:
        """Return whether a closed bar has its last shape."""
        if answer.venue_ms >= self._close_ms + self._waits.settled_ms:
            return True
        mark = _at(answer.marks, self._open_ms)
        if mark is not None and is_far_from_mark(bar, mark.close):
            self._count("far from mark, asked again")
        elif evidence.mark is None:
            self._count("stale mark, asked again")
        elif evidence.socket is not None and agrees(evidence.socket, bar, self._step):
            return True
        self.waits_for = "a second look"
        # REST may be a moment behind the close itself: what it says alike too early is no proof.
        return answer.venue_ms >= self._close_ms + self._waits.grace_ms and self._seen == bar

    def _mark(self, answer: Answer, evidence: Evidence) -> Bar | None:
        mark = _at(answer.marks, self._open_ms)
        over = answer.venue_ms >= self._close_ms + self._waits.grace_ms
        if mark is None or fault_of(mark) or not (over or self._has_later(answer.marks)):
            self.waits_for = "the mark price"
            return None
        return mark

    def _rates(self, answer: Answer, evidence: Evidence) -> tuple[float, ...] | None:
        """Return the rates settled within the bar; None while an announced one lacks."""
        if answer.rates is None and self._span.settles:
            self.waits_for = "settled funding rates"
            return None
        settled = [rate for rate in answer.rates or () if self._span.contains(rate)]
        for announced in evidence.announced:
            if not any(abs(rate.ts_ms - announced.ts_ms) < _SETTLES_WITHIN_MS for rate in settled):
                self.waits_for = "the settled funding rate"
                return None
        return tuple(rate.rate for rate in settled)

    def _settled(self, answer: Answer) -> tuple[float, ...]:
        return tuple(rate.rate for rate in answer.rates or () if self._span.contains(rate))

    def _has_later(self, bars: Sequence[Bar]) -> bool:
        return bool(bars) and bars[-1].open_ms >= self._close_ms

    def _row(self, bar: Bar, mark: Bar, rates: tuple[float, ...], evidence: Evidence) -> SymbolRow:
        if evidence.socket is None:
            self._count("stream incomplete, bar from rest")
        elif not agrees(evidence.socket, bar, self._step):
            self._count("stream differs, rest is right")
        values = np.zeros(ROW_COLUMNS)
        values[OPEN : CLOSE + 1] = bar[1:5]
        values[[MARK_HIGH, MARK_LOW, MARK_CLOSE]] = mark.high, mark.low, mark.close
        total = 0.0
        for rate in rates:  # one after the other, as the assembly of recorded data adds them
            total += rate
            values[FUNDING] += rate * mark.open
        return SymbolRow(values, bar.volume, total)

    def _count(self, kind: str) -> None:
        """Count a finding about this bar once, however often it is met."""
        if kind not in self._told:
            self._told.add(kind)
            self._counts[kind] += 1


def _at(bars: Sequence[Bar], open_ms: int) -> Bar | None:
    return next((bar for bar in bars if bar.open_ms == open_ms), None)
