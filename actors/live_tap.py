"""The live half of the FeedActor: closes as they come, and again for whoever missed them."""

from __future__ import annotations

import asyncio
from typing import Any

from actors.link import Watermark
from aster_ray.data.live.feed_log import FeedLog, Release
from aster_ray.data.live.live_feed import LiveFeed, now_ms
from aster_ray.engine.ports import OwnJournal
from aster_ray.engine.wire import pack_bars
from aster_ray.research.live import close_clients, feed_desk, open_clients, steps_of
from aster_ray.research.session import Session

_TELL_S = 0.5


class LiveTap:
    """Release the closes of a session's venue, durably, and remember all of them.

    Args:
        session: whose bars.
        journal: of the feed; what is in it was released and comes out the same again.
    """

    def __init__(self, session: Session, journal: OwnJournal) -> None:
        self._session = session
        self._log = FeedLog(journal)
        self._steps = steps_of(session.prepare().instruments)
        closes = session.request.settings.session.closes
        self._last = closes - 1 if closes else None
        self._feed: LiveFeed | None = None
        self.released = Watermark(self._log.closes - 1)
        self.status: dict[str, Any] = {}  # as last told; replaced as a whole, never changed

    @property
    def last(self) -> int | None:
        """Return the last close there will be; None while nobody can know."""
        return self._last

    async def run(self) -> None:
        """Follow the venues until the last close is released."""
        clients = open_clients(self._session.request.settings)
        try:
            desk = feed_desk(self._session.request, self._log, self._steps, now_ms())
            self._feed = LiveFeed(desk, self._log, clients, self._release)
            self._feed.last = self._last
            telling = asyncio.create_task(self._tell(desk))
            try:
                await self._feed.run()
            finally:
                telling.cancel()
                self.status = desk.status(now_ms())
        finally:
            await close_clients(clients)

    async def next(self, seq: int) -> tuple[bytes, int] | None:
        """Return (bars, time of release) of a close once it is out; None if it never will be."""
        await self.released.until(
            lambda: self.released.value >= seq or (self._last is not None and seq > self._last)
        )
        if self.released.value < seq:
            return None
        release = self._log.release(seq)
        return pack_bars(release.batch), release.born_ns

    def finish(self) -> int:
        """Release nothing more; return the last close that is out, -1 for none."""
        self._last = self.released.value
        if self._feed is not None:
            self._feed.last = self._last
        self.released.stir()
        return self._last

    def _release(self, release: Release) -> None:
        self.released.raise_to(release.batch.seq)

    async def _tell(self, desk: Any) -> None:
        while True:
            self.status = desk.status(now_ms())
            await asyncio.sleep(_TELL_S)
