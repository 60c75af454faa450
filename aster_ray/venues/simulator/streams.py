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
    r"|depth(?P<levels>5|10|20)(?:@(?P<depth_ms>100|250|500)ms)?"
    r"|kline_(?P<interval>\w+)"
    r"|markPrice(?P<mark_fast>@1s)?)"
)
_DEPTH_MS, _KLINE_MS, _TICKER_MS, _MARK_MS, _FAST_MARK_MS = 250, 250, 500, 3000, 1000
_BARS_A_PULSE = 500


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
        return self._parse(name) is not None or self._desk.keys.is_alive(name)

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
        for name in self._said.keys() - set(wanted):
            del self._said[name]

    def _speak(self, name: str, listing: Listing, match: re.Match[str]) -> None:
        said = self._said.setdefault(name, _Said())
        if match["plain"] == "aggTrade":
            self._trades(name, listing, said)
        elif match["plain"] == "bookTicker":
            self._best(name, listing, said)
        elif match["plain"] == "ticker":
            if self._is_due(said, _TICKER_MS):
                self.hub.publish(name, rows.day_event(listing, self._now()))
        elif match["levels"]:
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
        if now - said.wall_ms < pause_ms and not self._whole:
            return False
        said.wall_ms = now
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
        bid, bid_qty, ask, ask_qty = best
        now = self._now()
        payload = {
            "e": "bookTicker",
            "u": listing.book.update_id,
            "s": listing.contract.symbol,
            "b": bid,
            "B": bid_qty,
            "a": ask,
            "A": ask_qty,
            "T": now,
            "E": now,
        }
        self.hub.publish(name, payload)

    def _depth(self, name: str, listing: Listing, match: re.Match[str], said: _Said) -> None:
        if not self._is_due(said, int(match["depth_ms"] or _DEPTH_MS)):
            return
        now, number, count = self._now(), listing.book.update_id, int(match["levels"])
        payload = {
            "e": "depthUpdate",
            "E": now,
            "T": now,
            "s": listing.contract.symbol,
            "U": said.trade_id + 1,
            "u": number,
            "pu": said.trade_id,
            "b": rows.levels(listing, Side.BUY, count),
            "a": rows.levels(listing, Side.SELL, count),
        }
        said.trade_id = number
        self.hub.publish(name, payload)

    def _bars(self, name: str, listing: Listing, interval: str, said: _Said) -> None:
        """Send every bar that closed since the last time as closed, then the one that forms."""
        if not self._is_due(said, _KLINE_MS):
            return
        length = INTERVALS[interval]
        newest = listing.candles.latest(length)
        if newest is None:
            return
        bars = [newest]
        if said.open_ms and newest.open_ms > said.open_ms:
            bars = listing.candles.bars(length, said.open_ms, newest.open_ms, _BARS_A_PULSE)
        for bar in bars:
            closed = bar.open_ms < newest.open_ms
            if closed or bar != said.words:
                event = rows.kline_event(
                    listing.contract, self._now(), (interval, length, bar, closed)
                )
                self.hub.publish(name, event)
        said.open_ms, said.words = newest.open_ms, newest
