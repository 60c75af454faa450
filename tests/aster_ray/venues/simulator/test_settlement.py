"""Fees, funding and isolated margin."""

from __future__ import annotations

import pytest

from aster_ray.model.ids import HOUR_MS
from aster_ray.venues.simulator.account import IncomeType
from aster_ray.venues.simulator.amounts import UNIT, to_units
from aster_ray.venues.simulator.order import PositionSide
from aster_ray.venues.simulator.preferences import (
    move_margin,
    set_leverage,
    set_margin_type,
    set_position_mode,
)
from aster_ray.venues.simulator.refusals import Reason, RefusedError
from tests.aster_ray.venues.simulator.scenes import Scene, a_market

ONE_WAY = ("BTCUSDT", PositionSide.BOTH)


def a_funded_scene(funding: float) -> Scene:
    return Scene(a_market(minutes=35, funding=funding), deposit="100000")


def test_fees_are_a_fraction_of_what_was_traded() -> None:
    scene = Scene()
    scene.market("BUY", "0.5")
    paid = sum(fill.commission for fill in scene.account.fills)
    notional = sum(fill.notional for fill in scene.account.fills)
    assert paid == pytest.approx(notional * 0.0004, abs=len(scene.account.fills))
    assert scene.account.wallet == to_units("10000") - paid
    commissions = [row for row in scene.account.income if row.kind is IncomeType.COMMISSION]
    assert [row.trade_id for row in commissions] == [f.trade_id for f in scene.account.fills]


@pytest.mark.parametrize(("rate", "side"), [(0.0001, "BUY"), (0.0001, "SELL"), (-0.0003, "BUY")])
def test_funding_is_paid_on_the_mark_at_its_hour(rate: float, side: str) -> None:
    scene = a_funded_scene(rate)
    scene.market(side, "1")
    assert scene.btc.next_funding_ms % (8 * HOUR_MS) == 0
    due = scene.btc.next_funding_ms
    before = scene.account.wallet
    scene.exchange.advance(due - 1)
    assert scene.account.wallet == before
    scene.heard()
    scene.exchange.advance(due)
    sign = 1 if side == "BUY" else -1
    payment = scene.account.wallet - before
    assert payment == pytest.approx(-sign * to_units("100000") * rate, rel=1e-4)
    row = scene.account.income[-1]
    assert (row.kind, row.amount, row.ms) == (IncomeType.FUNDING_FEE, payment, due)
    (event,) = [e for e in scene.heard() if e["e"] == "ACCOUNT_UPDATE"]
    assert (event["a"]["m"], event["a"]["P"]) == ("FUNDING_FEE", [])
    assert float(event["a"]["B"][0]["bc"]) * UNIT == pytest.approx(payment)
    assert scene.btc.next_funding_ms == due + 8 * HOUR_MS


def test_what_longs_pay_shorts_receive_to_the_last_unit() -> None:
    scene = a_funded_scene(0.00012345)
    scene.account.hedge = True
    scene.market("BUY", "0.777", positionSide="LONG")
    scene.market("SELL", "0.777", positionSide="SHORT")
    before = scene.account.wallet
    scene.exchange.advance(scene.btc.next_funding_ms)
    assert scene.account.wallet == before
    kinds = [row.kind for row in scene.account.income]
    assert kinds.count(IncomeType.FUNDING_FEE) == 2


def test_a_recording_without_funding_settles_the_interest_rate() -> None:
    assert Scene().btc.funding_rate == UNIT // 10_000


def test_an_isolated_position_has_margin_of_its_own() -> None:
    scene = a_funded_scene(0.0001)
    set_margin_type(scene.floor, scene.account, "BTCUSDT", isolated=True)
    scene.market("BUY", "1")
    position = scene.account.position("BTCUSDT")
    assert position.isolated == pytest.approx(position.cost / 20, rel=1e-9)
    assert scene.account.cross_wallet == scene.account.wallet - position.isolated
    scene.market("SELL", "0.25")
    assert position.isolated == pytest.approx(position.cost / 20, rel=1e-9)
    held, wallet = position.isolated, scene.account.wallet
    scene.heard()
    scene.exchange.advance(scene.btc.next_funding_ms)
    payment = scene.account.wallet - wallet
    assert payment < 0
    assert position.isolated == held + payment
    (event,) = [e for e in scene.heard() if e["e"] == "ACCOUNT_UPDATE"]
    assert [row["s"] for row in event["a"]["P"]] == ["BTCUSDT"]
    scene.market("SELL", "0.75")
    assert position.isolated == 0


def test_margin_is_moved_in_and_out_of_an_isolated_position() -> None:
    scene = Scene()
    set_margin_type(scene.floor, scene.account, "BTCUSDT", isolated=True)
    scene.market("BUY", "1")
    position = scene.account.position("BTCUSDT")
    held = position.isolated
    move_margin(scene.floor, scene.account, ONE_WAY, to_units("1000"), add=True)
    assert position.isolated == held + to_units("1000")
    move_margin(scene.floor, scene.account, ONE_WAY, to_units("900"), add=False)
    for amount, add, reason in (
        ("0", True, Reason.AMOUNT_NOT_POSITIVE),
        ("9000", True, Reason.CROSS_INSUFFICIENT),
        ("200", False, Reason.ISOLATED_INSUFFICIENT),
    ):
        with pytest.raises(RefusedError) as refused:
            move_margin(scene.floor, scene.account, ONE_WAY, to_units(amount), add=add)
        assert refused.value.reason is reason
    assert scene.account.wallet == scene.account.cross_wallet + position.isolated


def test_margin_that_covers_a_loss_stays() -> None:
    scene = Scene()
    set_margin_type(scene.floor, scene.account, "BTCUSDT", isolated=True)
    scene.market("BUY", "1")
    move_margin(scene.floor, scene.account, ONE_WAY, to_units("1500"), add=True)
    scene.btc.mark = to_units("99000")  # lost 1,000, and 50 less is needed at 20x
    with pytest.raises(RefusedError) as refused:
        move_margin(scene.floor, scene.account, ONE_WAY, to_units("600"), add=False)
    assert refused.value.reason is Reason.ISOLATED_INSUFFICIENT
    move_margin(scene.floor, scene.account, ONE_WAY, to_units("500"), add=False)


def test_only_isolated_positions_that_are_there_take_margin() -> None:
    scene = Scene()
    for isolated, reason in ((False, Reason.NOT_ISOLATED), (True, Reason.MARGIN_NO_POSITION)):
        if isolated:
            set_margin_type(scene.floor, scene.account, "BTCUSDT", isolated=True)
        with pytest.raises(RefusedError) as refused:
            move_margin(scene.floor, scene.account, ONE_WAY, UNIT, add=True)
        assert refused.value.reason is reason


def test_leverage_is_held_to_brackets_positions_and_margin() -> None:
    scene = Scene()
    set_leverage(scene.floor, scene.account, "BTCUSDT", 50)
    assert scene.account.leverage_of("BTCUSDT") == 50
    assert scene.heard()[-1]["ac"] == {"s": "BTCUSDT", "l": 50}
    scene.market("BUY", "2")
    for leverage, reason in (
        (0, Reason.BAD_LEVERAGE),
        (126, Reason.BAD_LEVERAGE),
        (125, Reason.MAX_POSITION),
        (10, Reason.LEVERAGE_TOO_LOW),
    ):
        with pytest.raises(RefusedError) as refused:
            set_leverage(scene.floor, scene.account, "BTCUSDT", leverage)
        assert refused.value.reason is reason
        assert scene.account.leverage_of("BTCUSDT") == 50


def test_isolated_leverage_is_not_lowered_under_a_position() -> None:
    scene = Scene()
    set_margin_type(scene.floor, scene.account, "BTCUSDT", isolated=True)
    scene.market("BUY", "0.1")
    with pytest.raises(RefusedError) as refused:
        set_leverage(scene.floor, scene.account, "BTCUSDT", 10)
    assert refused.value.reason is Reason.ISOLATED_LEVERAGE


def test_modes_change_only_when_nothing_is_open_and_only_to_something_else() -> None:
    scene = Scene()

    def attempt(change: str) -> Reason | None:
        try:
            if change == "margin":
                set_margin_type(scene.floor, scene.account, "BTCUSDT", isolated=True)
            else:
                set_position_mode(scene.floor, scene.account, hedge=True)
        except RefusedError as refused:
            return refused.reason
        return None

    order = scene.limit("BUY", "0.1", 99_000)
    assert attempt("margin") is Reason.MARGIN_TYPE_ORDERS
    assert attempt("mode") is Reason.POSITION_MODE_ORDERS
    scene.exchange.cancel(order)
    scene.market("BUY", "0.1")
    assert attempt("margin") is Reason.MARGIN_TYPE_POSITION
    assert attempt("mode") is Reason.POSITION_MODE_POSITION
    scene.market("SELL", "0.1")
    assert [attempt("margin"), attempt("mode")] == [None, None]
    assert attempt("margin") is Reason.SAME_MARGIN_TYPE
    assert attempt("mode") is Reason.SAME_POSITION_MODE
    assert scene.heard()[-1]["ai"]["d"] is True
    set_margin_type(scene.floor, scene.account, "BTCUSDT", isolated=False)
    assert scene.account.isolated == set()
