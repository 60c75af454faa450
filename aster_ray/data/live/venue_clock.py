"""A venue's time as its events tell it, carried on by our own clock between them."""

from __future__ import annotations

# A stamp further ahead than this is believed once a second one says so too.
_MAX_STEP_MS = 300_000


class VenueClock:
    """0 before the first event.

    Our own clock only fills silence: a venue that speaks and says the same time again stands still.
    """

    def __init__(self) -> None:
        self._venue_ms = 0
        self._heard_ms = 0
        self._doubted_ms = 0

    def hear(self, venue_ms: int, now_ms: int) -> None:
        """Take the stamp of an event that arrived at ``now_ms`` of our own clock."""
        if venue_ms <= self._venue_ms:
            self._heard_ms = now_ms
            return
        known = self.now(now_ms)
        if known and venue_ms - known > _MAX_STEP_MS:
            doubted, self._doubted_ms = self._doubted_ms, venue_ms
            if not doubted or abs(venue_ms - doubted) > _MAX_STEP_MS:
                return
        self._doubted_ms = 0
        self._venue_ms, self._heard_ms = venue_ms, now_ms

    def now(self, now_ms: int) -> int:
        """Return the venue's time at ``now_ms`` of our own clock."""
        if not self._venue_ms:
            return 0
        return self._venue_ms + max(0, now_ms - self._heard_ms)
