"""Market data in the words of REST and of the streams."""

from __future__ import annotations

from aster_ray.model.enums import Side
from aster_ray.model.ids import HOUR_MS
from aster_ray.venues.simulator.amounts import PLACES, UNIT, decimal_text, divide, units_text
from aster_ray.venues.simulator.candles import Candle
from aster_ray.venues.simulator.contract import HIGHEST_PRICE, Contract
from aster_ray.venues.simulator.floor import Payload
from aster_ray.venues.simulator.listing import INTEREST_RATE, Listing, PublicTrade
from aster_ray.venues.simulator.order import OrderType, TimeInForce
from aster_ray.venues.simulator.quota import ORDER_LIMIT, WEIGHT_LIMIT

_NEVER_DELIVERED = 4_133_404_800_000
_FUNDING_CAP = 0.03  # per settlement


def exchange_info(now_ms: int, assets: set[str], symbols: list[Payload]) -> Payload:
    """Return what clients learn the rules from."""
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": [
            _rate_limit("REQUEST_WEIGHT", WEIGHT_LIMIT),
            _rate_limit("ORDERS", ORDER_LIMIT),
        ],
        "exchangeFilters": [],
        "assets": [
            {"asset": asset, "marginAvailable": True, "autoAssetExchange": -10000}
            for asset in sorted(assets)
        ],
        "symbols": symbols,
    }


def _rate_limit(kind: str, limit: int) -> Payload:
    return {"rateLimitType": kind, "interval": "MINUTE", "intervalNum": 1, "limit": limit}


def symbol_info(contract: Contract) -> Payload:
    """Return a contract's rules."""
    rules, filters = contract.instrument, contract.filters
    tier = contract.tiers[0]
    return {
        "symbol": rules.symbol,
        "pair": rules.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": _NEVER_DELIVERED,
        "onboardDate": 0,
        "status": "TRADING",
        "maintMarginPercent": units_text(tier.rate * 100, 4),
        "requiredMarginPercent": units_text(divide(100 * UNIT, tier.leverage), 4),
        "baseAsset": rules.base,
        "quoteAsset": rules.quote,
        "marginAsset": rules.quote,
        "pricePrecision": contract.price_places,
        "quantityPrecision": contract.qty_places,
        "baseAssetPrecision": PLACES,
        "quotePrecision": PLACES,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "settlePlan": 0,
        "triggerProtect": units_text(filters.trigger_protect, 4),
        "liquidationFee": f"{rules.liquidation_fee:.6f}",
        "marketTakeBound": units_text(filters.take_bound, 2),
        "orderTypes": [kind.value for kind in OrderType if kind is not OrderType.LIQUIDATION],
        "timeInForce": [word.value for word in TimeInForce],
        "filters": _filters(contract),
    }


def _filters(contract: Contract) -> list[Payload]:
    rules, filters = contract.instrument, contract.filters
    step = contract.qty_text(1)
    lots = {"minQty": contract.qty_text(rules.min_lots), "stepSize": step}
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": contract.price_text(1),
            "maxPrice": str(HIGHEST_PRICE),
            "tickSize": contract.price_text(1),
        },
        {"filterType": "LOT_SIZE", "maxQty": contract.qty_text(contract.max_lots), **lots},
        {"filterType": "MARKET_LOT_SIZE", "maxQty": contract.qty_text(rules.max_lots), **lots},
        {"filterType": "MAX_NUM_ORDERS", "limit": filters.max_orders},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "limit": filters.max_stops},
        {"filterType": "MIN_NOTIONAL", "notional": units_text(contract.min_notional, 2)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": units_text(UNIT + filters.price_band, 4),
            "multiplierDown": units_text(UNIT - filters.price_band, 4),
            "multiplierDecimal": "4",
        },
    ]


def levels(listing: Listing, side: Side, count: int) -> list[list[str]]:
    """Return (price, quantity) from the best price on."""
    contract = listing.contract
    return [
        [contract.price_text(ticks), contract.qty_text(lots)]
        for ticks, lots in listing.book.levels(side, count)
    ]


def kline(contract: Contract, candle: Candle, length_ms: int) -> list[object]:
    """Return a bar of trades as REST shows it."""
    return [
        candle.open_ms,
        *(contract.price_text(ticks) for ticks in candle[1:5]),
        contract.qty_text(candle.lots),
        candle.open_ms + length_ms - 1,
        units_text(candle.quote),
        candle.trades,
        contract.qty_text(candle.buy_lots),
        units_text(candle.buy_quote),
        "0",
    ]


def price_kline(candle: Candle, length_ms: int) -> list[object]:
    """Return a bar of mark or index prices as REST shows it."""
    prices = [units_text(price) for price in candle[1:5]]
    return [candle.open_ms, *prices, "0", candle.open_ms + length_ms - 1, "0", 0, "0", "0", "0"]


def kline_event(contract: Contract, now_ms: int, bar: tuple[str, int, Candle, bool]) -> Payload:
    """Return a bar as the stream shows it; ``bar``: interval, its length, candle, closed."""
    interval, length_ms, candle, closed = bar
    row = kline(contract, candle, length_ms)
    body: Payload = {
        "t": row[0],
        "T": row[6],
        "s": contract.symbol,
        "i": interval,
        "f": 0,
        "L": 0,
        **dict(zip("ohlcv", row[1:6], strict=True)),
        "n": candle.trades,
        "x": closed,
        "q": row[7],
        "V": row[9],
        "Q": row[10],
        "B": "0",
    }
    return {"e": "kline", "E": now_ms, "s": contract.symbol, "k": body}


def trade(contract: Contract, row: PublicTrade) -> Payload:
    """Return a public trade as REST shows it."""
    return {
        "id": row.trade_id,
        "price": contract.price_text(row.ticks),
        "qty": contract.qty_text(row.lots),
        "quoteQty": units_text(row.quote),
        "time": row.ms,
        "isBuyerMaker": not row.buyer,
    }


def aggregate(contract: Contract, row: PublicTrade) -> Payload:
    """Return a public trade as an aggregate of itself alone, without its event fields."""
    return {
        "a": row.trade_id,
        "p": contract.price_text(row.ticks),
        "q": contract.qty_text(row.lots),
        "f": row.trade_id,
        "l": row.trade_id,
        "T": row.ms,
        "m": not row.buyer,
    }


def day(listing: Listing, now_ms: int) -> Payload:
    """Return the last 24 hours as REST shows them."""
    contract, last = listing.contract, listing.last
    whole = listing.candles.last_day(now_ms)
    if whole is None:
        whole = Candle(now_ms, last, last, last, last, 0, 0, 0, 0, 0)
    opened, lots, quote = whole.open, whole.lots, whole.quote
    newest = listing.trades[-1] if listing.trades else None
    price = contract.price_text
    return {
        "symbol": contract.symbol,
        "priceChange": price(last - opened),
        "priceChangePercent": decimal_text(divide((last - opened) * 100_000, opened or 1), 3),
        "weightedAvgPrice": contract.mean_price_text(quote, lots) if lots else price(last),
        "lastPrice": price(last),
        "lastQty": contract.qty_text(newest.lots if newest else 0),
        "openPrice": price(opened),
        "highPrice": price(whole.high),
        "lowPrice": price(whole.low),
        "volume": contract.qty_text(lots),
        "quoteVolume": units_text(quote, 2),
        "openTime": whole.open_ms,
        "closeTime": now_ms,
        "firstId": listing.trades[0].trade_id if listing.trades else 0,
        "lastId": newest.trade_id if newest else 0,
        "count": whole.trades,
    }


_DAY_KEYS = {
    "p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice", "c": "lastPrice",
    "Q": "lastQty", "o": "openPrice", "h": "highPrice", "l": "lowPrice", "v": "volume",
    "q": "quoteVolume", "O": "openTime", "C": "closeTime", "F": "firstId", "L": "lastId",
    "n": "count",
}  # fmt: skip


def day_event(listing: Listing, now_ms: int) -> Payload:
    """Return the last 24 hours as the stream shows them."""
    row = day(listing, now_ms)
    short = {key: row[name] for key, name in _DAY_KEYS.items()}
    return {"e": "24hrTicker", "E": now_ms, "s": row["symbol"], **short}


def premium(listing: Listing, now_ms: int) -> Payload:
    """Return mark, index and funding as REST shows them."""
    return {
        "symbol": listing.contract.symbol,
        "markPrice": units_text(listing.mark),
        "indexPrice": units_text(listing.index),
        "estimatedSettlePrice": units_text(listing.index),
        "lastFundingRate": units_text(listing.funding_rate),
        "interestRate": units_text(INTEREST_RATE),
        "nextFundingTime": listing.next_funding_ms,
        "time": now_ms,
    }


def mark_event(listing: Listing, now_ms: int) -> Payload:
    """Return mark, index and funding as the stream shows them."""
    return {
        "e": "markPriceUpdate",
        "E": now_ms,
        "s": listing.contract.symbol,
        "p": units_text(listing.mark),
        "P": units_text(listing.index),
        "i": units_text(listing.index),
        "r": units_text(listing.funding_rate),
        "T": listing.next_funding_ms,
    }


def best(listing: Listing) -> tuple[str, str, str, str]:
    """Return bid, its quantity, ask and its quantity; zeros for an empty side."""
    nothing = [["0", "0"]]
    (bid, bid_qty), *_ = levels(listing, Side.BUY, 1) or nothing
    (ask, ask_qty), *_ = levels(listing, Side.SELL, 1) or nothing
    return bid, bid_qty, ask, ask_qty


def best_event(listing: Listing, best: tuple[str, str, str, str], now_ms: int) -> Payload:
    """Return the best prices as the stream shows them."""
    bid, bid_qty, ask, ask_qty = best
    return {
        "e": "bookTicker",
        "u": listing.book.update_id,
        "s": listing.contract.symbol,
        "b": bid,
        "B": bid_qty,
        "a": ask,
        "A": ask_qty,
        "T": now_ms,
        "E": now_ms,
    }


def funding_info(contract: Contract, now_ms: int) -> Payload:
    """Return how often and within which bounds funding settles."""
    return {
        "symbol": contract.symbol,
        "interestRate": units_text(INTEREST_RATE),
        "time": now_ms,
        "fundingIntervalHours": contract.instrument.funding_interval_ms // HOUR_MS,
        "fundingFeeCap": _FUNDING_CAP,
        "fundingFeeFloor": -_FUNDING_CAP,
    }
