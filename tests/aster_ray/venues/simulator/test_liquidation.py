"""Accounts that cannot keep their margin."""

from __future__ import annotations

from typing import Any

import pytest

from aster_ray.model.enums import Side
from aster_ray.venues.simulator.account import IncomeType
from aster_ray.venues.simulator.floor import PUBLIC
from aster_ray.venues.simulator.order import OrderType, Status
from aster_ray.venues.simulator.preferences import set_margin_type
from tests.aster_ray.venues.simulator.scenes import Bar, Scene, a_market


def falling(*levels: float) -> list[Bar]:
    bars: list[Bar] = [(100_000.0,) * 4]
    before = 100_000.0
    for level in levels:
        bars += [(before, max(before, level), min(before, level), level), (level,) * 4]
        before = level
    return bars


def a_scene(*levels: float, deposit: str = "10000", **market: Any) -> Scene:
    return Scene(a_market(falling(*levels), **market), deposit=deposit)


@pytest.mark.parametrize(
    ("side", "levels"), [("BUY", (95_500, 94_000)), ("SELL", (104_500, 106_000))]
)
def test_a_position_is_taken_over_when_the_mark_reaches_its_liquidation_price(
    side: str, levels: tuple[float, float]
) -> None:
    scene = a_scene(*levels)
    scene.market(side, "1.9")
    position = scene.account.position("BTCUSDT")
    ruin = scene.floor.margins.liquidation_price(scene.account, position)
    sign = 1 if side == "BUY" else -1
    mark = scene.btc.mark
    while position.lots and not scene.exchange.is_over:
        mark = scene.btc.mark
        scene.wait(0.25)
    assert sign * (mark - ruin) > 0 >= sign * (scene.btc.mark - ruin)
    order = list(scene.account.orders.values())[-1]
    assert (order.kind, order.status) == (OrderType.LIQUIDATION, Status.NEW_INSURANCE)
    assert order.request.client_id.startswith("autoclose-")
    assert order.request.side is (Side.SELL if side == "BUY" else Side.BUY)
    assert scene.account.wallet >= 0
    assert scene.account.wallet == sum(row.amount for row in scene.account.income)


def test_open_orders_go_first_and_everybody_is_told() -> None:
    scene = a_scene(95_280, 94_000)
    scene.market("BUY", "1.9")
    resting = scene.limit("SELL", "0.1", 101_000)
    stop = scene.send(side="SELL", type="STOP_MARKET", quantity="0.1", stopPrice=90_000)
    scene.floor.told.clear()
    scene.wait(6)
    assert (resting.status, stop.status) == (Status.CANCELED, Status.CANCELED)
    told = list(scene.floor.told)
    kinds = [payload["e"] for _, payload in told]
    assert "MARGIN_CALL" in kinds
    assert kinds.count("MARGIN_CALL") == 1
    (public,) = [payload for who, payload in told if who == PUBLIC]
    assert (public["e"], public["o"]["S"], public["o"]["q"]) == ("forceOrder", "SELL", "1.900")
    (taken,) = [
        payload["o"]
        for _, payload in told
        if payload["e"] == "ORDER_TRADE_UPDATE" and payload["o"]["x"] == "CALCULATED"
    ]
    assert (taken["X"], taken["o"], taken["f"]) == ("NEW_INSURANCE", "LIQUIDATION", "IOC")


def test_the_fund_pays_what_a_gap_leaves_missing() -> None:
    scene = a_scene(94_900)
    scene.market("BUY", "1.9")
    fund = scene.floor.fund
    # A gap: the next price is far beyond bankruptcy.
    scene.btc.mark = scene.btc.index = 80_000 * 10**8
    scene.exchange._liquidator.check()
    assert scene.account.wallet == 0
    cleared = [r.amount for r in scene.account.income if r.kind is IncomeType.INSURANCE_CLEAR]
    assert len(cleared) == 1
    assert cleared[0] > 0
    assert scene.floor.fund == fund - cleared[0]


def test_the_fee_takes_no_more_than_what_is_left() -> None:
    scene = a_scene(95_000, 94_000)
    scene.market("BUY", "1.9")
    scene.wait(6)
    cleared = [r.amount for r in scene.account.income if r.kind is IncomeType.INSURANCE_CLEAR]
    assert len(cleared) == 1
    assert cleared[0] < 0
    assert scene.floor.fund == -cleared[0]
    # 2.5 % of 180,000 is more than the account had left.
    assert scene.account.wallet == 0


def test_of_several_positions_the_heaviest_goes_first_and_the_rest_may_stay() -> None:
    scene = a_scene()
    scene.market("BUY", "1.8")
    scene.market("BUY", "1", symbol="ETHUSDT")
    # The wallet shrinks until maintenance just fails; closing the large one frees enough.
    margins = scene.floor.margins
    kept = sum(map(margins.maintenance, scene.account.held()))
    spare = margins.balance(scene.account) - kept
    scene.account.post(IncomeType.TRANSFER, -spare - 1, "", scene.floor.now_ms)
    scene.exchange._liquidator.check()
    taken = [o for o in scene.account.orders.values() if o.kind is OrderType.LIQUIDATION]
    assert taken[0].request.symbol == "BTCUSDT"
    assert scene.lots() == 0
    assert scene.account.wallet >= 0


def test_an_isolated_position_falls_alone() -> None:
    scene = a_scene(94_000, 93_000, deposit="50000")
    set_margin_type(scene.floor, scene.account, "BTCUSDT", isolated=True)
    scene.market("BUY", "2")
    scene.market("BUY", "1", symbol="ETHUSDT")
    kept = scene.account.cross_wallet
    other = scene.limit("BUY", "1", 2_900, symbol="ETHUSDT")
    mine = scene.limit("BUY", "0.1", 90_000)
    scene.wait(6)
    assert scene.lots() == 0
    assert scene.account.position("ETHUSDT").lots == 1_000
    assert (other.is_open, mine.status) == (True, Status.CANCELED)
    assert scene.account.wallet == scene.account.cross_wallet == kept


def test_a_healthy_account_is_left_alone() -> None:
    scene = a_scene(99_000, 101_000)
    scene.market("BUY", "1")
    scene.wait(6)
    assert scene.lots() == 1_000
    assert not any(payload["e"] == "MARGIN_CALL" for payload in scene.heard())


def test_a_margin_call_comes_again_only_after_recovery() -> None:
    scene = a_scene(95_250, 99_000, 95_250)
    scene.market("BUY", "1.9")
    scene.wait(12)
    calls = [payload for payload in scene.heard() if payload["e"] == "MARGIN_CALL"]
    assert scene.lots() == 1_900
    assert len(calls) == 2
    assert float(calls[0]["p"][0]["mm"]) > 0
