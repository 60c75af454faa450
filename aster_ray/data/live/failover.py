"""Which of two venues a session listens to: away from silence, back after lasting health."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

PRIMARY, BACKUP = 0, 1


class Switch(NamedTuple):
    """A change of the venue in use; ``why`` is for a person."""

    now_ms: int
    before: int
    after: int
    why: str


@dataclass(slots=True)
class _Life:
    """Signs of life of one venue, all on our own clock."""

    heard_ms: int  # last event
    since_ms: int | None = None  # alive without a break from here on; None = not alive
    failing_ms: int | None = None  # first question left unanswered since the last answer


class Failover:
    """Decide, and say when and why.

    A venue is alive while its stream was heard, and its answers came, within ``silence_ms``. The
    first is used unless it is dead and the second is not; it is taken up again once it has been
    alive for ``healthy_ms`` without a break, or at once where the second dies too. With one venue
    alone nothing ever changes.

    Args:
        names: of the venue that is traded on and, if there is one, of its stand-in.
        now_ms: our own clock, which only rises; all later times too.
        silence_ms: without a sign for so long a venue is dead.
        healthy_ms: alive for so long it is trusted again.
    """

    def __init__(
        self,
        names: Sequence[str],
        now_ms: int,
        *,
        silence_ms: int = 15_000,
        healthy_ms: int = 60_000,
    ) -> None:
        if not 1 <= len(names) <= 2:
            raise ValueError(f"a session listens to one or two venues, not {len(names)}")
        self.names = tuple(names)
        self.active = PRIMARY
        self._silence_ms, self._healthy_ms = silence_ms, healthy_ms
        # Nobody is dead before there was time to speak.
        self._lives = [_Life(now_ms, now_ms) for _ in names]

    def heard(self, source: int, now_ms: int) -> None:
        """Take note of an event of a venue's stream."""
        life = self._lives[source]
        self._refresh(life, now_ms)
        life.heard_ms = now_ms
        self._refresh(life, now_ms)

    def answered(self, source: int, now_ms: int) -> None:
        """Take note that a venue answered a question."""
        life = self._lives[source]
        self._refresh(life, now_ms)
        life.failing_ms = None
        self._refresh(life, now_ms)

    def failed(self, source: int, now_ms: int) -> None:
        """Take note that a venue left a question unanswered."""
        life = self._lives[source]
        if life.failing_ms is None:
            life.failing_ms = now_ms

    def is_alive(self, source: int, now_ms: int) -> bool:
        """Return whether a venue speaks and answers."""
        return self._speaks(self._lives[source], now_ms)

    def _speaks(self, life: _Life, now_ms: int) -> bool:
        silence, failing = self._silence_ms, life.failing_ms
        answers = failing is None or now_ms - failing < silence
        return answers and now_ms - life.heard_ms < silence

    def tick(self, now_ms: int) -> Switch | None:
        """Return the change that is due now; None mostly. Ask several times a second."""
        for life in self._lives:
            self._refresh(life, now_ms)
        if len(self._lives) < 2:
            return None
        primary, backup = (self._lives[one].since_ms for one in (PRIMARY, BACKUP))
        if self.active == PRIMARY:
            if primary is None and backup is not None:
                return self._to(BACKUP, now_ms, self._ailment(PRIMARY, now_ms))
        elif primary is not None:
            if now_ms - primary >= self._healthy_ms:
                lasting = (now_ms - primary) / 1e3
                return self._to(PRIMARY, now_ms, f"{self.names[PRIMARY]} healthy for {lasting:g} s")
            if backup is None:
                return self._to(PRIMARY, now_ms, self._ailment(BACKUP, now_ms))
        return None

    def _refresh(self, life: _Life, now_ms: int) -> None:
        """Begin or end the time without a break."""
        alive = self._speaks(life, now_ms)
        if not alive:
            life.since_ms = None
        elif life.since_ms is None:
            life.since_ms = now_ms

    def _to(self, source: int, now_ms: int, why: str) -> Switch:
        switch = Switch(now_ms, self.active, source, why)
        self.active = source
        return switch

    def _ailment(self, source: int, now_ms: int) -> str:
        life, name = self._lives[source], self.names[source]
        silent = now_ms - life.heard_ms
        if silent >= self._silence_ms:
            return f"{name} silent for {silent / 1e3:g} s"
        since = life.failing_ms if life.failing_ms is not None else now_ms
        return f"{name} leaves questions unanswered for {(now_ms - since) / 1e3:g} s"
