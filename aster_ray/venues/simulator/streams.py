"""What the streams say, and when: each kind at the venue's own pace on the wall clock."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aster_ray.model.enums import Side
from aster_ray.venues.simulator import market_rows as rows
from aster_ray.venues.simulator.candles import INTERVALS
from aster_ray.venues.simulator.desk import Desk
from aster_ray.venues.simulator.floor import PUBLIC
from aster_ray.venues.simulator.listing import Listing
from aster_ray.venues.simulator.sockets import Hub

_STREAM = re.compile(
    r"(?P<symbol>[a-z0-9]+)@(?:"
    r"(?P<plain>aggTrade|ticker|bookTicker|forceOrder)"
    r"|depth(?P<levels>5|10|20)?(?:@(?P<depth_ms>100|250|500)ms)?"
    r"|kline_(?P<interval>\w+)"
    r"|markPrice(?P<mark_fast>@1s)?)"
)
# Streams of every contract at once -> the stream of one contract that tells the same, and how
# often. The venue sends a list of what changed, but single best prices.
_EVERYTHING = {
    "!ticker@arr": 1000,
    "!markPrice@arr": 3000,
    "!markPrice@arr@1s": 1000,
    "!bookTicker": 0,
}
_EVERY_LEVEL = 1 << 20
_DEPTH_MS, _KLINE_MS, _TICKER_MS, _MARK_MS, _FAST_MARK_MS = 250, 250, 500, 3000, 1000
_BARS_A_PULSE = 500
_JITTER_MS = 10  # pulses come a little early or late


@dataclass(slots=True)
class _Said:
    """What a stream said last."""

    wall_ms: int = 0
    trade_id: int = 0
    open_ms: int = 0
    words: object = None
    fresh: bool = True


class Publisher:
    """Turns the state of the exchange into messages.

    Args:
        desk: the exchange and its clocks.

    Attributes:
        hub: where the messages go.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.hub = Hub(desk.pace.clock, self.is_stream)
        self._said: dict[str, _Said] = {}
        self._whole = False

    def is_stream(self, name: str) -> bool:
        """Return whether a name may be listened to: a stream of a contract, or a living key."""
        known = name in _EVERYTHING or self._parse(name) is not None
        return known or self._desk.keys.is_alive(name)

    def _parse(self, name: str) -> tuple[Listing, re.Match[str]] | None:
        match = _STREAM.fullmatch(name)
        if match is None:
            return None
        listing = self._desk.exchange.floor.listings.get(match["symbol"].upper())
        interval = match["interval"]
        known = interval is None or interval in INTERVALS
        return (listing, match) if listing is not None and known else None

    def deliver(self) -> None:
        """Send what accounts and everybody must be told."""
        told = self._desk.exchange.floor.told
        while told:
            account, payload = told.popleft()
            if account == PUBLIC:
                self.hub.publish(f"{payload['o']['s'].lower()}@forceOrder", payload)
            else:
                key = self._desk.keys.of(account)
                if key is not None:
                    self.hub.publish(key, payload)

    def pulse(self, *, whole: bool = False) -> None:
        """Let the exchange live until now and send whatever is due; all there is if ``whole``."""
        self._desk.catch_up()
        self._whole = whole
        self.deliver()
        now = self._desk.exchange.floor.now_ms
        for key in self._desk.keys.expire():
            self.hub.publish(key, {"e": "listenKeyExpired", "E": now})
            self.hub.forget(key)
        wanted = self.hub.wanted()
        for name in wanted:
            found = self._parse(name)
            if found is not None:
                self._speak(name, *found)
            elif name in _EVERYTHING:
                self._speak_of_all(name)
        for name in self._said.keys() - set(wanted):
            del self._said[name]

    def _speak_of_all(self, name: str) -> None:
        said = self._said.setdefault(name, _Said())
        listings = self._desk.exchange.floor.listings.values()
        if name == "!bookTicker":
            known = said.words if isinstance(said.words, dict) else {}
            heard = {listing.contract.symbol: rows.best(listing) for listing in listings}
            said.words = heard
            for listing in listings:
                best = heard[listing.contract.symbol]
                if best != known.get(listing.contract.symbol):
                    self.hub.publish(name, rows.best_event(listing, best, self._now()))
        elif self._is_due(said, _EVERYTHING[name]):
            event = rows.day_event if name.startswith("!ticker") else rows.mark_event
            self.hub.publish(name, [event(listing, self._now()) for listing in listings])

    def _speak(self, name: str, listing: Listing, match: re.Match[str]) -> None:
        said = self._said.setdefault(name, _Said())
        if match["plain"] == "aggTrade":
            self._trades(name, listing, said)
        elif match["plain"] == "bookTicker":
            self._best(name, listing, said)
        elif match["plain"] == "ticker":
            if self._is_due(said, _TICKER_MS):
                self.hub.publish(name, rows.day_event(listing, self._now()))
        elif "@depth" in name:
            self._depth(name, listing, match, said)
        elif match["interval"]:
            self._bars(name, listing, match["interval"], said)
        elif match["plain"] is None:
            pause = _FAST_MARK_MS if match["mark_fast"] else _MARK_MS
            if self._is_due(said, pause):
                self.hub.publish(name, rows.mark_event(listing, self._now()))

    def _now(self) -> int:
        return self._desk.exchange.floor.now_ms

    def _is_due(self, said: _Said, pause_ms: int) -> bool:
        now = self._desk.pace.clock.now_ms()
        if self._whole:
            said.wall_ms = now
        elif now - said.wall_ms < pause_ms - _JITTER_MS:
            return False
        else:
            # From the moment it was due, so that a pulse that comes late delays no other.
            said.wall_ms = max(said.wall_ms + pause_ms, now - pause_ms)
        return True

    def _trades(self, name: str, listing: Listing, said: _Said) -> None:
        """Send the trades since the last time; a new listener hears only what is new."""
        if not listing.trades:
            return
        newest = listing.trades[-1].trade_id
        if said.fresh:
            said.fresh, said.trade_id = False, newest
            return
        fresh = []
        for row in reversed(listing.trades):
            if row.trade_id <= said.trade_id:
                break
            fresh.append(row)
        said.trade_id = newest
        head = {"e": "aggTrade", "E": self._now(), "s": listing.contract.symbol}
        for row in reversed(fresh):
            self.hub.publish(name, {**head, **rows.aggregate(listing.contract, row)})

    def _best(self, name: str, listing: Listing, said: _Said) -> None:
        best = rows.best(listing)
        if best == said.words:
            return
        said.words = best
        self.hub.publish(name, rows.best_event(listing, best, self._now()))

    def _depth(self, name: str, listing: Listing, match: re.Match[str], said: _Said) -> None:
        """Send the best levels, or of all levels those that changed since the last time."""
        if not self._is_due(said, int(match["depth_ms"] or _DEPTH_MS)):
            return
        count = int(match["levels"] or _EVERY_LEVEL)
        sides = {side: rows.levels(listing, side, count) for side in Side}
        now, number = self._now(), listing.book.update_id
        if not match["levels"]:
            whole = {side: {row[0]: row[1] for row in levels} for side, levels in sides.items()}
            before, said.words = said.words, whole
            if not isinstance(before, dict):
                said.trade_id = number  # who listens begins with the book that REST shows
                return
            sides = {side: _changes(before[side], whole[side]) for side in Side}
            if number == said.trade_id:
                return
        payload = {
            "e": "depthUpdate",
            "E": now,
            "T": now,
            "s": listing.contract.symbol,
            "U": said.trade_id + 1,
            "u": number,
            "pu": said.trade_id,
            "b": sides[Side.BUY],
            "a": sides[Side.SELL],
        }
        said.trade_id = number
        self.hub.publish(name, payload)

    def _bars(self, name: str, listing: Listing, interval: str, said: _Said) -> None:
        """Send every bar that closed since the last time as closed, then the one that forms."""
        if not self._is_due(said, _KLINE_MS):
            return
        length = INTERVALS[interval]
        since = (said.open_ms, None, _BARS_A_PULSE) if said.open_ms else (None, None, 1)
        bars = listing.candles.bars(length, *since)
        if not bars:
            return
        newest = bars[-1]
        for bar in bars:
            closed = bar.open_ms < newest.open_ms
            if closed or bar != said.words:
                event = rows.kline_event(
                    listing.contract, self._now(), (interval, length, bar, closed)
                )
                self.hub.publish(name, event)
        said.open_ms, said.words = newest.open_ms, newest


def _changes(before: dict[str, str], after: dict[str, str]) -> list[list[str]]:
    """Return the levels that are new or changed, and those that went as quantity 0."""
    fresh = [[price, qty] for price, qty in after.items() if before.get(price) != qty]
    return fresh + [[price, "0"] for price in before if price not in after]
