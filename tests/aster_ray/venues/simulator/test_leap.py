"""Whatever is skipped when time leaps, accounts fare as if every step had been taken."""

from __future__ import annotations

import random
import statistics
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aster_ray.model.enums import Side
from aster_ray.model.ids import HOUR_MS, MINUTE_MS
from aster_ray.venues.simulator.account import IncomeType
from aster_ray.venues.simulator.order import Order, Status
from aster_ray.venues.simulator.refusals import Reason, RefusedError
from tests.aster_ray.venues.simulator.scenes import START_MS, Scene, a_market
from tests.aster_ray.venues.simulator.test_exchange import a_walk, audit

BARS = 90


def steps(scene: Scene) -> list[int]:
    """Count the steps that are really taken from now on."""
    taken: list[int] = []
    move = scene.exchange._move

    def counted(**how: Any) -> None:
        taken.append(scene.floor.now_ms)
        move(**how)

    scene.exchange._move = counted  # type: ignore[method-assign]
    return taken


def test_a_leap_shows_the_recorded_bars_and_stands_at_the_open_of_the_next() -> None:
    bars = a_walk(3, BARS)
    scene = Scene(a_market(bars, volume=41.5), leaps=True)
    taken = steps(scene)
    scene.wait(60)
    found = scene.btc.candles.bars(MINUTE_MS, START_MS, None, 100)
    assert [candle.open_ms for candle in found] == [START_MS + MINUTE_MS * n for n in range(61)]
    prices = [(c.open / 10, c.high / 10, c.low / 10, c.close / 10) for c in found[:60]]
    assert prices == [pytest.approx(bar) for bar in bars[:60]]
    assert {candle.lots for candle in found[:60]} == {41_500}
    assert found[60].open == found[60].close == round(bars[60][0] * 10) == scene.btc.last
    # Only where funding settles and where time stops are steps taken.
    assert len(taken) <= 2
    bid, ask = scene.btc.book.best(Side.BUY), scene.btc.book.best(Side.SELL)
    assert bid is not None
    assert ask is not None
    assert bid <= scene.btc.last <= ask
    audit(scene.floor)


def test_public_trades_and_the_mark_go_on_through_a_leap() -> None:
    scene = Scene(a_market(a_walk(4, BARS)), leaps=True)
    scene.wait(45.5)
    numbers = [trade.trade_id for trade in scene.btc.trades]
    times = [trade.ms for trade in scene.btc.trades]
    assert numbers == sorted(set(numbers))
    assert times == sorted(times)
    assert scene.btc.trades[-1].ms > START_MS + 45 * MINUTE_MS - 1
    marks = scene.btc.marks.bars(MINUTE_MS, START_MS, None, 100)
    assert len(marks) == 46
    assert abs(scene.btc.mark - scene.btc.last_units) < scene.btc.last_units // 100


def test_the_same_requests_between_the_same_leaps_give_the_same_messages() -> None:
    def played(*, looks: bool) -> list[dict[str, Any]]:
        scene, rng = Scene(a_market(a_walk(5, BARS)), leaps=True), random.Random(1)
        told = []
        for _ in range(20):
            scene.market(rng.choice(["BUY", "SELL"]), "0.03")
            if looks:  # what others read must not matter
                scene.btc.book.levels(Side.BUY, 5)
            scene.wait(rng.choice([1, 3, 5.25]))
            if looks:
                scene.floor.listings["ETHUSDT"].book.levels(Side.SELL, 5)
            told += scene.heard()
        return told

    assert played(looks=False) == played(looks=True)
    assert len(played(looks=False)) > 40


def far_below(scene: Scene, fraction: float) -> Order:
    """Place a bid that prices do not come near to."""
    price = round(scene.btc.last / 10 * (1.0 - fraction), 1)
    return scene.send(side="BUY", type="LIMIT", quantity="0.002", price=price, timeInForce="GTC")


def test_quotes_around_an_order_out_of_reach_follow_the_price() -> None:
    scene = Scene(a_market(a_walk(6, BARS, size=20.0)), leaps=True)
    order = far_below(scene, 0.015)
    quoted = []
    step = scene.btc.liquidity.step
    scene.btc.liquidity.step = lambda *a: (quoted.append(a), step(*a))[1]  # type: ignore[method-assign]
    scene.wait(60)
    assert order.is_open
    assert len(quoted) == 1  # at the end, whatever prices did in between
    bid, ask = scene.btc.book.best(Side.BUY), scene.btc.book.best(Side.SELL)
    assert bid is not None
    assert ask is not None
    assert order.ticks < bid <= scene.btc.last <= ask
    audit(scene.floor)


def test_who_looks_does_not_matter_while_orders_rest() -> None:
    def played(*, looks: bool) -> list[dict[str, Any]]:
        scene, rng = Scene(a_market(a_walk(5, BARS)), leaps=True), random.Random(2)
        told: list[dict[str, Any]] = []
        for _ in range(15):
            far_below(scene, rng.choice([0.0005, 0.002, 0.015]))
            if looks:
                scene.btc.book.levels(Side.BUY, 5)
            scene.wait(rng.choice([1, 3, 5.25]))
            if looks:
                scene.btc.book.levels(Side.SELL, 5)
            scene.market(rng.choice(["BUY", "SELL"]), "0.03")
            told += scene.heard()
        return told

    assert played(looks=False) == played(looks=True)
    assert len(played(looks=False)) > 40


def order_of(rng: random.Random, price: float) -> dict[str, Any]:
    """Draw an order of a kind that may lie dormant."""
    side = rng.choice(["BUY", "SELL"])
    away = round(price + rng.choice([-1, 1]) * rng.choice([5.0, 30.0, 90.0, 400.0]), 1)
    kind = rng.choice(["LIMIT", "STOP_MARKET", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"])
    fields: dict[str, Any] = {"side": side, "type": kind, "quantity": "0.002"}
    if kind == "LIMIT":
        # A maker, so that which one fills does not hang on how deep the book is at the moment.
        price_of = price - 5.0 - abs(away - price) if side == "BUY" else price + 5.0
        return {**fields, "price": round(price_of, 1), "timeInForce": "GTC"}
    if kind == "TRAILING_STOP_MARKET":
        return {**fields, "callbackRate": "0.1"}
    return {**fields, "stopPrice": away}


def fate(order: Order | Reason) -> object:
    """Return what became of an order and in which minute."""
    if isinstance(order, Reason):
        return order
    return order.request, order.status, order.updated_ms // MINUTE_MS


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_an_order_fares_in_a_leap_as_in_a_walk(seed: int) -> None:
    """Whether it triggers and fills, and in which minute, does not depend on what is skipped.

    It is alone: at which price another one trades hangs on the depth of the book at the moment,
    and what waits follows that price too.
    """
    fates = []
    for leaps in (False, True):
        rng = random.Random(seed)
        scene = Scene(a_market(a_walk(seed, 40), volume=600.0), deposit="100000", leaps=leaps)
        scene.wait(rng.randrange(10))
        order: Order | Reason
        try:
            order = scene.send(**order_of(rng, scene.btc.last / 10))
        except RefusedError as refused:
            order = refused.reason
        scene.wait(28)
        audit(scene.floor)
        fates.append(fate(order))
    assert fates[1] == fates[0]


@pytest.mark.parametrize("isolated", [False, True])
def test_who_is_liquidated_in_a_walk_is_liquidated_in_a_leap(isolated: bool) -> None:
    falls = [100_000.0 - 40 * n for n in range(BARS)]
    bars = [(price, price, price - 40, price - 40) for price in falls]
    ends = []
    for leaps in (False, True):
        scene = Scene(a_market(bars, mark=[bar[3] for bar in bars]), deposit="300", leaps=leaps)
        if isolated:
            scene.account.isolated.add("BTCUSDT")
        scene.account.leverage["BTCUSDT"] = 50
        scene.market("BUY", "0.1")
        scene.wait(80)
        assert scene.lots() == 0
        income = scene.account.income
        (ended,) = [row for row in income if row.kind is IncomeType.INSURANCE_CLEAR]
        ends.append(ended.ms // MINUTE_MS)
    # The mark hangs on the middle of the book too, which a leap samples at the opens of bars.
    assert abs(ends[0] - ends[1]) <= 1


def test_funding_is_paid_in_a_leap_at_its_moment_on_the_mark() -> None:
    bars = a_walk(8, BARS)
    paid = []
    for leaps in (False, True):
        scene = Scene(a_market(bars, funding=0.0003), leaps=leaps)
        scene.market("BUY", "0.01")
        scene.wait(60)
        rows = [row for row in scene.account.income if row.kind is IncomeType.FUNDING_FEE]
        paid.append([(row.ms, row.amount) for row in rows])
    assert [ms for ms, _ in paid[1]] == [START_MS + 30 * MINUTE_MS]
    (walked,), (leapt,) = paid
    assert leapt[1] == pytest.approx(walked[1], rel=2e-3)


def test_a_position_with_its_stop_far_away_is_skipped_and_near_it_every_step_is_taken() -> None:
    bars = a_walk(6, BARS, size=20.0)
    lowest = min(bar[2] for bar in bars[:60])
    scene = Scene(a_market(bars), leaps=True)
    scene.market("BUY", "0.01")
    stop = scene.send(side="SELL", type="STOP_MARKET", stopPrice=95_000.0, closePosition="true")
    taken = steps(scene)
    scene.wait(60)
    assert len(taken) <= 3
    assert stop.is_open
    near = Scene(a_market(bars), leaps=True)
    near.market("BUY", "0.01")
    level = round(statistics.median([lowest, bars[0][0]]), 1)
    hit = near.send(side="SELL", type="STOP_MARKET", stopPrice=level, closePosition="true")
    row = next(n for n, bar in enumerate(bars) if bar[2] <= level)
    near.wait(60)
    assert hit.status is Status.FILLED
    assert hit.updated_ms // MINUTE_MS == (START_MS // MINUTE_MS) + row


def test_a_leap_beyond_the_end_stands_at_the_last_close() -> None:
    bars = a_walk(9, 30)
    scene = Scene(a_market(bars), leaps=True)
    scene.exchange.leap(START_MS + 10 * HOUR_MS)
    assert scene.exchange.is_over
    assert scene.btc.last == round(bars[-1][3] * 10)
    assert scene.market("BUY", "0.01").status is Status.FILLED
