"""A venue's REST through the real client and its streams straight from the socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import aiohttp

from aster_ray.engine.ports import MarketClient
from aster_ray.model.market import Bar, FundingRate, MarkPrice
from aster_ray.model.venue import BarUpdate, BookUpdate, Interrupted, MarketEvent, MarkUpdate


class RawStream:
    def __init__(self, client: MarketClient, address: str, name: str = "") -> None:
        self._client, self._address = client, address
        self.name = name or client.name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def stream(self, symbols: Sequence[str], timeframe_ms: int) -> AsyncIterator[MarketEvent]:
        kinds = ("kline_1m", "markPrice@1s", "depth20")
        names = "/".join(f"{one.lower()}@{kind}" for one in symbols for kind in kinds)
        while True:
            try:
                async with (
                    aiohttp.ClientSession() as session,
                    session.ws_connect(f"{self._address}/fstream/stream?streams={names}") as socket,
                ):
                    async for message in socket:
                        event = read(json.loads(message.data)["data"], timeframe_ms)
                        if event is not None:
                            yield event
            except aiohttp.ClientError:
                pass
            yield Interrupted(0, "connection lost")
            await asyncio.sleep(0.1)


def read(data: dict[str, Any], timeframe_ms: int) -> MarketEvent | None:
    symbol = data["s"]
    if data["e"] == "kline":
        row = data["k"]
        bar = Bar(row["t"], *(float(row[key]) for key in "ohlcv"))
        return BarUpdate(symbol, timeframe_ms, bar, data["E"])
    if data["e"] == "markPriceUpdate":
        mark = MarkPrice(data["E"], float(data["p"]), float(data["i"]))
        return MarkUpdate(symbol, mark, FundingRate(data["T"], float(data["r"])))
    if data["e"] == "depthUpdate":
        bids, asks = (
            tuple((float(price), float(qty)) for price, qty in data[side]) for side in "ba"
        )
        return BookUpdate(symbol=symbol, bids=bids, asks=asks, ts_ms=data["E"])
    return None
