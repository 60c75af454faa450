"""The market the exchange plays, and what must hold whatever is sent to it."""

from __future__ import annotations

import contextlib
import random
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aster_ray.model.enums import Side
from aster_ray.model.ids import MINUTE_MS
from aster_ray.venues.simulator.account import Account, IncomeType
from aster_ray.venues.simulator.book import MARKET
from aster_ray.venues.simulator.candles import Candle
from aster_ray.venues.simulator.floor import Floor
from aster_ray.venues.simulator.order import Status
from aster_ray.venues.simulator.refusals import Reason, RefusedError
from tests.aster_ray.venues.simulator.scenes import HISTORY, START_MS, Scene, a_market

Bars = list[tuple[float, float, float, float]]


def a_walk(seed: int, minutes: int = 20, size: float = 60.0) -> Bars:
    """Return bars that wander."""
    rng, close, bars = random.Random(seed), 100_000.0, []
    for _ in range(minutes):
        opened = close
        close = round(opened + rng.uniform(-size, size), 1)
        high = round(max(opened, close) + rng.uniform(0, size / 3), 1)
        low = round(min(opened, close) - rng.uniform(0, size / 3), 1)
        bars.append((opened, high, low, close))
    return bars


def test_without_accounts_the_exchange_prints_the_recorded_bars() -> None:
    bars = a_walk(3)
    scene = Scene(a_market(bars, volume=41.5))
    scene.wait(len(bars))
    found = scene.btc.candles.bars(MINUTE_MS, START_MS, None, 100)
    assert [candle.open_ms for candle in found] == [
        START_MS + MINUTE_MS * row for row in range(len(bars))
    ]
    prices = [(c.open / 10, c.high / 10, c.low / 10, c.close / 10) for c in found]
    assert np.allclose(prices, bars, atol=1e-9)
    assert {candle.lots for candle in found} == {41_500}
    assert scene.exchange.is_over


def test_history_is_there_before_the_first_trade() -> None:
    scene = Scene()
    past = scene.btc.candles.bars(MINUTE_MS, None, START_MS - 1, 1000)
    assert len(past) == HISTORY
    assert past[-1][:6] == (START_MS - MINUTE_MS, *[1_000_000] * 4, 60_000)
    hour = scene.btc.candles.bars(60 * MINUTE_MS, START_MS - HISTORY * MINUTE_MS, None, 1)
    assert hour[0].lots >= HISTORY * 60_000
    assert isinstance(hour[0], Candle)


def test_the_same_calls_give_the_same_messages() -> None:
    told = []
    for _ in range(2):
        scene = Scene(a_market(a_walk(5)))
        scene.market("BUY", "0.5")
        scene.limit("SELL", "0.3", 100_010)
        scene.wait(15)
        scene.market("SELL", "0.1")
        told.append((scene.heard(), list(scene.btc.trades)))
    assert told[0] == told[1]
    assert len(told[0][0]) > 5


def test_our_taker_takes_liquidity_and_ours_at_rest_gives_it() -> None:
    scene = Scene(deposit="100000")
    ask = scene.btc.book.best(Side.SELL)
    before = scene.btc.book.lots_within(Side.BUY, None)
    order = scene.market("BUY", "5")
    assert order.status is Status.FILLED
    assert scene.btc.book.lots_within(Side.BUY, None) == before - 5_000
    assert ask is not None
    assert order.cost > scene.btc.contract.notional(5_000, ask)  # it walked the book
    resting = scene.limit("SELL", "0.2", 100_001)
    levels = dict(scene.btc.book.levels(Side.SELL, 100))
    assert levels[1_000_010] >= 200
    assert resting.entry is not None


def test_the_index_goes_straight_from_one_recorded_value_to_the_next() -> None:
    bars: Bars = [(100_000.0,) * 4] * 10
    scene = Scene(a_market(bars, mark=[100_010.0] * 10))
    seen = [scene.btc.index / 10**8]
    for _ in range(5):
        scene.wait(0.25)
        seen.append(scene.btc.index / 10**8)
    assert seen == [100_002.5, 100_005.0, 100_007.5, 100_010.0, 100_010.0, 100_010.0]


def test_nothing_trades_in_a_gap_and_prices_go_on_after_it() -> None:
    market = a_market([(100_000.0,) * 4] * 6)
    market.bars[HISTORY + 2 : HISTORY + 4, 0] = np.nan
    market.volume[HISTORY + 2 : HISTORY + 4, 0] = 0.0
    scene = Scene(market)
    order = scene.limit("BUY", "0.05", 99_990)
    scene.wait(1.9)
    last, mark = scene.btc.trades[-1], scene.btc.mark
    scene.wait(2)
    assert scene.btc.trades[-1] == last
    assert scene.btc.mark == mark
    assert order.is_open
    scene.wait(2)
    assert scene.btc.trades[-1].trade_id > last.trade_id
    assert scene.btc.index == 100_000 * 10**8
    opens = [bar.open_ms for bar in scene.btc.candles.bars(MINUTE_MS, START_MS, None, 10)]
    assert [(ms - START_MS) // MINUTE_MS for ms in opens] == [0, 1, 4, 5]


def test_a_tape_that_ends_leaves_prices_where_they_are() -> None:
    scene = Scene(a_market(minutes=2))
    scene.wait(10)
    last = scene.btc.last
    scene.wait(60)
    assert scene.exchange.is_over
    assert scene.btc.last == last
    assert scene.market("BUY", "0.01").status is Status.FILLED


def test_a_done_order_cannot_be_canceled() -> None:
    scene = Scene()
    order = scene.limit("BUY", "0.1", 99_000)
    scene.exchange.cancel(order)
    assert order.status is Status.CANCELED
    assert order.entry is None
    with pytest.raises(RefusedError) as refused:
        scene.exchange.cancel(order)
    assert refused.value.reason is Reason.UNKNOWN_ORDER


# --- whatever is sent -----------------------------------------------------------------------------


def audit(floor: Floor) -> None:
    """Assert everything that must hold between any two calls."""
    for listing in floor.listings.values():
        bid, ask = listing.book.best(Side.BUY), listing.book.best(Side.SELL)
        assert bid is None or ask is None or bid < ask
        resting: dict[tuple[int, int], int] = {}
        for side in Side:
            for entry in listing.book.entries(side):
                assert entry.lots > 0
                if entry.owner != MARKET:
                    resting[entry.owner, entry.order_id] = entry.lots
        expected = {
            (account.number, order.order_id): order.left
            for account in floor.accounts
            for order in account.resting(listing.contract.symbol)
            if order.entry is not None
        }
        assert resting == expected
    for account in floor.accounts:
        audit_account(floor, account)


def audit_account(floor: Floor, account: Account) -> None:
    sums: dict[IncomeType, int] = defaultdict(int)
    for row in account.income:
        sums[row.kind] += row.amount
    assert account.wallet == sum(sums.values())
    lots: dict[Any, int] = defaultdict(int)
    by_order: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    paid = fees = profit = 0
    for fill in account.fills:
        key = (fill.symbol, fill.position_side)
        order = account.orders[fill.order_id]
        if order.request.only_closes:
            held = lots[key]
            assert held * fill.side < 0, "an order that only closes opened"
            assert fill.lots <= abs(held), "an order that only closes flipped the position"
        lots[key] += fill.side * fill.lots
        paid += fill.side * fill.notional
        fees += fill.commission
        profit += fill.profit
        by_order[fill.order_id][0] += fill.lots
        by_order[fill.order_id][1] += fill.notional
    cost = 0
    for key, position in account.positions.items():
        assert position.lots == lots[key]
        assert position.isolated >= 0 or IncomeType.FUNDING_FEE in sums
        cost += position.cost
    assert sums[IncomeType.REALIZED_PNL] == profit == cost - paid
    assert sums[IncomeType.COMMISSION] == -fees
    for order in account.orders.values():
        assert [order.filled, order.cost] == by_order[order.order_id]
        assert 0 <= order.filled <= order.lots or order.request.close_position
        assert (order.status is Status.FILLED) <= (order.left == 0)
        assert order.is_open == (order.order_id in account.open_orders)
    for symbol, listing in floor.listings.items():
        waiting = {o.order_id for a in floor.accounts for o in a.resting(symbol) if o.waiting}
        assert waiting == set(listing.waiting)


actions = st.lists(
    st.fixed_dictionaries(
        {
            "who": st.integers(0, 1),
            "side": st.sampled_from(["BUY", "SELL"]),
            "type": st.sampled_from(
                ["LIMIT"] * 4 + ["MARKET"] * 2 + ["STOP_MARKET", "TAKE_PROFIT", "TRAIL", "CANCEL"]
            ),
            "tif": st.sampled_from(["GTC", "GTC", "IOC", "FOK", "GTX"]),
            "qty": st.integers(1, 60),
            "away": st.integers(-60, 60),
            "reduce": st.booleans(),
            "wait": st.sampled_from([0.0, 0.0, 0.25, 1.0]),
            "stp": st.sampled_from(["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"]),
        }
    ),
    max_size=40,
)


def perform(scene: Scene, accounts: list[Account], action: dict[str, Any]) -> None:
    account = accounts[action["who"]]
    if action["type"] == "CANCEL":
        for order in account.resting()[:2]:
            scene.exchange.cancel(order)
        return
    params: dict[str, Any] = {
        "side": action["side"],
        "quantity": f"{action['qty'] * 0.05:.3f}",
        "stpMode": action["stp"],
    }
    near = scene.btc.last / 10 + action["away"] / 10
    kind = action["type"]
    if kind == "LIMIT":
        params |= {"type": kind, "price": f"{near:.1f}", "timeInForce": action["tif"]}
    elif kind == "MARKET":
        params |= {"type": kind}
    elif kind == "TRAIL":
        params |= {"type": "TRAILING_STOP_MARKET", "callbackRate": "0.1"}
    else:
        params |= {"type": kind, "stopPrice": f"{near:.1f}"}
        if kind == "TAKE_PROFIT":
            params |= {"price": f"{near + 1:.1f}"}
    if account.hedge:
        params["positionSide"] = "LONG" if action["reduce"] else "SHORT"
    elif action["reduce"]:
        params["reduceOnly"] = "true"
    scene.send(account, **params)


@pytest.mark.parametrize("leaps", [False, True])
@pytest.mark.parametrize("mode", ["one-way", "hedge", "isolated"])
@settings(max_examples=25)
@given(actions=actions, seed=st.integers(0, 5))
def test_money_and_position_are_conserved_whatever_is_sent(
    mode: str, leaps: bool, actions: list[dict[str, Any]], seed: int
) -> None:
    scene = Scene(a_market(a_walk(seed, 45, size=90.0)), deposit="40000", leaps=leaps)
    accounts = [scene.account, scene.exchange.account("0xBBBB")]
    for account in accounts:
        account.hedge = mode == "hedge"
        if mode == "isolated":
            account.isolated.add("BTCUSDT")
    for action in actions:
        with contextlib.suppress(RefusedError):  # it changed nothing, which the audit sees
            perform(scene, accounts, action)
        audit(scene.floor)
        if action["wait"]:
            scene.wait(action["wait"])
            audit(scene.floor)


def test_two_accounts_trading_with_each_other_move_no_money_but_fees() -> None:
    scene = Scene(deposit="100000")
    other = scene.exchange.account("0xBBBB")
    scene.limit("BUY", "1", 100_000.1)
    maker = scene.account.resting()[0]
    scene.send(other, side="SELL", type="LIMIT", quantity="1", price=100_000.1, timeInForce="IOC")
    assert maker.status is Status.FILLED
    total = sum(a.wallet for a in (scene.account, other))
    fees = sum(f.commission for a in (scene.account, other) for f in a.fills)
    cost = sum(a.position("BTCUSDT").cost for a in (scene.account, other))
    assert (total + fees, cost) == (2 * scene.exchange.deposit, 0)
