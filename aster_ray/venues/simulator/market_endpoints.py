"""Public REST endpoints."""

from __future__ import annotations

from typing import Any

from aster_ray.model.enums import Side
from aster_ray.venues.simulator import market_rows as rows
from aster_ray.venues.simulator.amounts import units_text
from aster_ray.venues.simulator.candles import INTERVALS, Candles
from aster_ray.venues.simulator.endpoints import Call, Params, Table, endpoint, one_or_all
from aster_ray.venues.simulator.intake import need
from aster_ray.venues.simulator.queries import limit, span, whole, within
from aster_ray.venues.simulator.refusals import Reason, RefusedError

MARKET: Table = {}
DEPTHS = (5, 10, 20, 50, 100, 500, 1000)


def _klines_weight(params: Params) -> int:
    rows_wanted = int(params.get("limit", "500")) if params.get("limit", "0").isdecimal() else 500
    return 1 if rows_wanted < 100 else 2 if rows_wanted < 500 else 5 if rows_wanted <= 1000 else 10


def _depth_weight(params: Params) -> int:
    text = params.get("limit", "500")
    levels = int(text) if text.isdecimal() else 500
    return 2 if levels <= 50 else 5 if levels <= 100 else 10 if levels <= 500 else 20


@endpoint(MARKET, "GET /fapi/v3/ping")
@endpoint(MARKET, "GET /api/v3/ping")
def ping(_call: Call) -> Any:
    """Answer."""
    return {}


@endpoint(MARKET, "GET /fapi/v3/time")
@endpoint(MARKET, "GET /api/v3/time")
def server_time(call: Call) -> Any:
    """Return the venue's wall clock: what clients set their nonces by."""
    return {"serverTime": call.desk.pace.wall_now_ms()}


@endpoint(MARKET, "GET /fapi/v3/exchangeInfo")
def exchange_info(call: Call) -> Any:
    """Return every contract's rules."""
    contracts = [listing.contract for listing in call.listings()]
    symbols = [rows.symbol_info(contract) for contract in contracts]
    assets = {contract.instrument.quote for contract in contracts}
    return rows.exchange_info(call.desk.pace.wall_now_ms(), assets, symbols)


@endpoint(MARKET, "GET /api/v3/exchangeInfo")
def spot_info(call: Call) -> Any:
    """Return that nothing trades on spot; clients learn the assets from it, contracts' too."""
    rules = [listing.contract.instrument for listing in call.listings()]
    assets = {name for rule in rules for name in (rule.base, rule.quote)}
    return rows.exchange_info(call.desk.pace.wall_now_ms(), assets, [])


@endpoint(MARKET, "GET /fapi/v3/depth", _depth_weight)
def depth(call: Call) -> Any:
    """Return the book from the best prices on."""
    listing = call.listing()
    wanted = whole(call.params, "limit") or 500
    if wanted not in DEPTHS:
        raise RefusedError(Reason.BAD_DEPTH_LIMIT, wanted)
    return {
        "lastUpdateId": listing.book.update_id,
        "E": call.now_ms,
        "T": call.now_ms,
        "bids": rows.levels(listing, Side.BUY, wanted),
        "asks": rows.levels(listing, Side.SELL, wanted),
    }


@endpoint(MARKET, "GET /fapi/v3/trades")
def trades(call: Call) -> Any:
    """Return the newest public trades, ascending."""
    listing = call.listing()
    newest = list(listing.trades)[-limit(call.params, 500, 1000) :]
    return [rows.trade(listing.contract, row) for row in newest]


@endpoint(MARKET, "GET /fapi/v3/aggTrades", 20)
def aggregates(call: Call) -> Any:
    """Return public trades of a span or from an id on, ascending."""
    listing = call.listing()
    start, end = span(call.params)
    first = whole(call.params, "fromId")
    found = [
        row
        for row in listing.trades
        if within(row.ms, start, end) and (first is None or row.trade_id >= first)
    ]
    count = limit(call.params, 500, 1000)
    found = found[:count] if start is not None or first is not None else found[-count:]
    return [rows.aggregate(listing.contract, row) for row in found]


@endpoint(MARKET, "GET /fapi/v3/klines", _klines_weight)
def klines(call: Call) -> Any:
    """Return bars of trades; the last one still forms."""
    listing = call.listing()
    length, found = _bars(call, listing.candles)
    return [rows.kline(listing.contract, candle, length) for candle in found]


@endpoint(MARKET, "GET /fapi/v3/markPriceKlines", _klines_weight)
def mark_klines(call: Call) -> Any:
    """Return bars of the mark price."""
    length, found = _bars(call, call.listing().marks)
    return [rows.price_kline(candle, length) for candle in found]


@endpoint(MARKET, "GET /fapi/v3/indexPriceKlines", _klines_weight)
def index_klines(call: Call) -> Any:
    """Return bars of the index price of a ``pair``."""
    listing = call.desk.exchange.floor.listing(need(call.params, "pair"))
    length, found = _bars(call, listing.indices)
    return [rows.price_kline(candle, length) for candle in found]


def _bars(call: Call, candles: Candles) -> tuple[int, list[Any]]:
    length = INTERVALS.get(need(call.params, "interval"))
    if length is None:
        raise RefusedError(Reason.BAD_INTERVAL)
    start, end = span(call.params)
    return length, candles.bars(length, start, end, limit(call.params, 500, 1500))


@endpoint(MARKET, "GET /fapi/v3/ticker/24hr", one_or_all(1, 40))
def day(call: Call) -> Any:
    """Return the last 24 hours."""
    found = [rows.day(listing, call.now_ms) for listing in call.listings()]
    return _single(call, found)


@endpoint(MARKET, "GET /fapi/v3/ticker/price", one_or_all(1, 2))
def last_price(call: Call) -> Any:
    """Return the last price."""
    found = [
        {
            "symbol": listing.contract.symbol,
            "price": listing.contract.price_text(listing.last),
            "time": call.now_ms,
        }
        for listing in call.listings()
    ]
    return _single(call, found)


@endpoint(MARKET, "GET /fapi/v3/ticker/bookTicker", one_or_all(1, 2))
def book_ticker(call: Call) -> Any:
    """Return the best prices."""
    found = []
    for listing in call.listings():
        bid, bid_qty, ask, ask_qty = rows.best(listing)
        found.append(
            {
                "symbol": listing.contract.symbol,
                "bidPrice": bid,
                "bidQty": bid_qty,
                "askPrice": ask,
                "askQty": ask_qty,
                "time": call.now_ms,
                "lastUpdateId": listing.book.update_id,
            }
        )
    return _single(call, found)


@endpoint(MARKET, "GET /fapi/v3/premiumIndex")
def premium(call: Call) -> Any:
    """Return mark, index and funding."""
    return _single(call, [rows.premium(listing, call.now_ms) for listing in call.listings()])


@endpoint(MARKET, "GET /fapi/v3/fundingInfo")
def funding_info(call: Call) -> Any:
    """Return how funding settles."""
    return [rows.funding_info(listing.contract, call.now_ms) for listing in call.listings()]


@endpoint(MARKET, "GET /fapi/v3/fundingRate")
def funding_rates(call: Call) -> Any:
    """Return what was settled, ascending."""
    start, end = span(call.params)
    count = limit(call.params, 100, 1000)
    until = min(end if end is not None else call.now_ms, call.now_ms)
    wanted = {listing.contract.symbol for listing in call.listings()}
    tape = call.desk.exchange.tape
    found = [
        {"symbol": contract.symbol, "fundingTime": ms, "fundingRate": units_text(rate)}
        for n, contract in enumerate(tape.contracts)
        if contract.symbol in wanted
        for ms, rate in tape.settlements(n, start or 0, until)
    ]
    found.sort(key=lambda row: (row["fundingTime"], row["symbol"]))
    return found[:count] if start is not None else found[-count:]


def _single(call: Call, found: list[Any]) -> Any:
    """Return one row where a symbol was named, else the list."""
    return found[0] if call.params.get("symbol") else found
