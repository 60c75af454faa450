"""Load compiled code before it is needed: on throwaway desks, with messages as they arrive."""

from __future__ import annotations

import dataclasses

import numpy as np

from aster_ray.engine.messages import BarBatch, OrderBatch, SignalBatch, VenueReport
from aster_ray.engine.strategy_desk import StrategyDesk
from aster_ray.engine.wire import (
    COLUMN_FORMS,
    pack_bars,
    pack_orders,
    pack_report,
    unpack_bars,
    unpack_orders,
    unpack_report,
)
from aster_ray.kernel.evidence import (
    Execution,
    protective_level,
    settle_funding,
    settle_limit,
    settle_liquidation,
    settle_market,
    settle_stop,
)
from aster_ray.kernel.fills import round_to_tick
from aster_ray.kernel.records import SignalColumns
from aster_ray.kernel.step import accept
from aster_ray.model.enums import IntentKind
from aster_ray.research.prepare import Prepared
from aster_ray.venues.replay import ReplayFeed


def warm_all(prepared: Prepared) -> None:
    """Compile what the actors will load, once for all of them."""
    warm_strategies(prepared)
    warm_risk(prepared)
    if prepared.request.trades_at_venue:
        warm_account(prepared)
    else:
        warm_venue(prepared)


def warm_account(prepared: Prepared) -> None:
    """Let an account at a venue hear of every kind of evidence, about nothing."""
    account = prepared.venue_account("warm")
    book, setup = account.book, account.setup
    nothing = Execution(0, 1.0, 0.0, 1.0, 0)
    accept(book, book.intents[:0])
    settle_market(book, setup, 0, nothing)
    settle_stop(book, setup, 0, nothing)
    settle_liquidation(book, setup, 0, nothing)
    settle_funding(book, setup, 0, 0.0, 0)
    protective_level(book, setup, 0)
    round_to_tick(1.0, 0.1)
    one = Execution(1, 1.0, 0.0, 1.0, 0)
    settle_limit(book, setup, 0, -1, one)  # last: it opens a position


def warm_strategies(prepared: Prepared) -> None:
    """Ask the strategies about the first close."""
    history = _feed(prepared).history
    for batch in _first(prepared):
        StrategyDesk(prepared.strategies, history).on_bars(batch)


def warm_risk(prepared: Prepared) -> None:
    """Let a risk desk decide on the first close, with nothing said and nothing filled."""
    desk = prepared.risk_desk()
    for batch in _first(prepared):
        sleeves = len(desk.book.sleeves)
        columns = (np.zeros((1, sleeves, *tail), dtype) for dtype, tail in COLUMN_FORMS)
        nothing = VenueReport(batch.seq, batch.close_ms, desk.book.fills[:0])
        report = unpack_report(pack_report(nothing))
        desk.on_close(SignalBatch(batch, SignalColumns(*columns), 0), report)


def warm_venue(prepared: Prepared) -> None:
    """Let a venue see the first close and take one order, of nothing."""
    venue = prepared.paper_venue()
    for batch in _first(prepared):
        venue.observe(batch)
        denied = venue.book.intents[:1].copy()
        denied["kind"] = int(IntentKind.DENIED)
        nothing = OrderBatch(batch.seq, batch.close_ms, denied, 0.0, 0.0, 0)
        venue.submit(unpack_orders(pack_orders(nothing)))


def _first(prepared: Prepared) -> list[BarBatch]:
    """Return the first close as it arrives; none where there is none."""
    feed = _feed(prepared)
    return [unpack_bars(pack_bars(feed.batch(0)))] if len(feed) else []


def _feed(prepared: Prepared) -> ReplayFeed:
    """Return the market to warm up with: a live one has nothing but its last known bar yet."""
    market = prepared.market
    if market.start == len(market):
        market = dataclasses.replace(market, start=market.start - 1)
    return ReplayFeed(market)
