from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aster_ray.engine.execution_desk import ExecutionDesk
from aster_ray.kernel.records import Book
from aster_ray.model.order import OrderKind
from tests.factories import (
    Session,
    a_market,
    a_setup,
    an_open_setup,
    random_signals,
)

Resting = tuple[int, str, int, int, float]  # symbol or sleeve, kind, level, lots, price


def resting_at_venue(book: Book, strategies: int) -> Iterator[Resting]:
    """Read what rests from the paper venue's own book, knowing nothing of the desk."""
    half = book.levels.shape[1] // 2
    for n in range(len(book.positions)):
        lots = book.sleeves["order_lots"][n * strategies : (n + 1) * strategies]
        if lots.any():
            yield n, "market" if lots.sum() else "cross", -1, int(lots.sum()), math.inf
    for i, sleeve in enumerate(book.sleeves):
        if np.isnan(sleeve["spacing"]):
            if sleeve["lots"]:
                for kind in ("stop", "take_profit"):
                    if not np.isnan(sleeve[kind]):
                        yield i, kind, -1, -int(sleeve["lots"]), float(sleeve[kind])
            continue
        for k, level in enumerate(book.levels[i]):
            if level["state"] == 1:
                yield i, "ladder_entry", k, int(level["lots"]), float(level["price"])
            elif level["state"] == 2:
                yield i, "ladder_exit", k, -int(level["lots"]), float(level["exit_price"])
        for side, name in ((slice(0, half), "stop"), (slice(half, None), "stop_high")):
            held = book.levels[i][side]
            lots = int(held["lots"][held["state"] == 2].sum())
            if lots:
                yield i, "stop", -1, -lots, float(sleeve[name])


def resting_at_desk(desk: ExecutionDesk) -> Iterator[Resting]:
    for order in desk.orders.values():
        request = order.request
        if not order.is_done:
            netted = request.kind in (OrderKind.MARKET, OrderKind.CROSS)
            price = math.inf if netted else request.price
            owner = request.symbol if netted else request.sleeve
            yield owner, request.kind.value, request.level, request.lots, price


def assert_in_line(session: Session) -> None:
    expected = Counter(resting_at_venue(session.venue.book, session.setup.strategies))
    assert Counter(resting_at_desk(session.execution)) == expected
    assert not session.execution.in_flight()


@given(st.integers(0, 2**31), st.booleans(), st.sampled_from([0.002, 0.01, 0.04]))
@settings(max_examples=25)
@example(0, True, 0.04)
def test_what_the_desk_holds_open_is_what_rests_at_the_venue(
    seed: int, ladders: bool, volatility: float
) -> None:
    market = a_market(120, 2, seed, volatility=volatility, gaps=0.05)
    signals = random_signals(market, 2, seed, ladders=ladders, busy=0.3)
    session = Session(a_setup(2, 2, taker_fee=0.0006, slippage=0.0005, recentre_bars=6))
    session._warm_up(market)
    for t in range(market.start, len(market)):
        session.close(market.bars[t], signals, t)
        assert_in_line(session)


@given(st.integers(0, 2**31), st.sampled_from([5.0, 20.0]))
@settings(max_examples=15)
def test_it_stays_so_through_liquidations(seed: int, leverage: float) -> None:
    market = a_market(120, 2, seed, volatility=0.03, gaps=0.05)
    signals = random_signals(market, 2, seed, ladders=True, busy=0.3)
    setup = an_open_setup(
        2, 2, leverage=leverage, fixed_fraction=leverage / 3, enabled=0, recentre_bars=6
    )
    session = Session(setup)
    session._warm_up(market)
    for t in range(market.start, len(market)):
        session.close(market.bars[t], signals, t)
        assert_in_line(session)
