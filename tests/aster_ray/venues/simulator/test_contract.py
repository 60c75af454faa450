from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray.data.instruments import packaged_instruments
from aster_ray.errors import BadInputError
from aster_ray.venues.simulator.amounts import UNIT, to_units
from aster_ray.venues.simulator.contract import Contract, contract_of
from aster_ray.venues.simulator.refusals import Reason, RefusedError
from tests.factories import an_instrument

PACKAGED = [contract_of(instrument) for instrument in packaged_instruments().values()]
BTC = next(contract for contract in PACKAGED if contract.symbol == "BTCUSDT")
contracts = st.sampled_from(PACKAGED)


@given(contracts, st.integers(-(10**9), 10**9), st.integers(1, 10**7))
def test_notional_is_exact(contract: Contract, lots: int, ticks: int) -> None:
    rules = contract.instrument
    assert contract.notional(lots, ticks) == lots * rules.lot * ticks * rules.tick * UNIT
    assert contract.worth(lots, ticks * contract.tick_units) == contract.notional(lots, ticks)


@given(contracts, st.integers(1, 10**6), st.integers(1, 10**6))
def test_what_the_exchange_writes_it_reads(contract: Contract, lots: int, ticks: int) -> None:
    lots = min(lots, contract.max_lots)
    assert contract.read_qty(contract.qty_text(lots), market=False) == lots
    ticks = min(ticks, contract.max_ticks)
    assert contract.read_price(contract.price_text(ticks)) == ticks


@given(contracts, st.integers(0, 10**9))
def test_maintenance_margin_is_that_of_the_kernel(contract: Contract, notional: int) -> None:
    exact = contract.maintenance(notional * UNIT)
    assert exact == pytest.approx(contract.instrument.maintenance_margin(notional) * UNIT, abs=2)


@given(contracts, st.integers(0, 10**17))
def test_margin_never_falls_as_the_position_grows(contract: Contract, notional: int) -> None:
    assert contract.maintenance(notional + UNIT) >= contract.maintenance(notional)


@given(contracts, st.integers(1, 10**15))
def test_a_price_lies_between_its_ticks(contract: Contract, price: int) -> None:
    low, high = contract.ticks_below(price), contract.ticks_above(price)
    assert low * contract.tick_units <= price <= high * contract.tick_units
    assert high - low <= 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", Reason.MISSING),
        ("nan", Reason.MISSING),
        ("abc", Reason.MISSING),
        ("0", Reason.PRICE_NEGATIVE),
        ("-1", Reason.PRICE_NEGATIVE),
        ("1000000.1", Reason.PRICE_ABOVE_MAX),
        ("0.05", Reason.PRICE_BELOW_MIN),
        ("100000.07", Reason.PRICE_TICK),
        ("100000.000000001", Reason.PRECISION),
    ],
)
def test_bad_prices_are_refused_with_their_code(text: str, reason: Reason) -> None:
    with pytest.raises(RefusedError) as refused:
        BTC.read_price(text)
    assert refused.value.reason is reason


@pytest.mark.parametrize(
    ("text", "market", "reason"),
    [
        ("x", False, Reason.MISSING),
        ("0", False, Reason.QTY_NEGATIVE),
        ("0.0001", False, Reason.PRECISION),
        ("100.001", False, Reason.QTY_ABOVE_MAX),
        ("10.001", True, Reason.QTY_ABOVE_MAX),
    ],
)
def test_bad_quantities_are_refused_with_their_code(
    text: str, market: bool, reason: Reason
) -> None:
    with pytest.raises(RefusedError) as refused:
        BTC.read_qty(text, market=market)
    assert refused.value.reason is reason


def test_a_stop_price_has_its_own_codes() -> None:
    for text, reason in (("-1", Reason.STOP_NEGATIVE), ("1e9", Reason.STOP_ABOVE_MAX)):
        with pytest.raises(RefusedError) as refused:
            BTC.read_price(text, "stopPrice")
        assert refused.value.reason is reason


def test_lots_below_the_minimum_and_off_the_step_are_told_apart() -> None:
    coarse = contract_of(an_instrument(lot=Decimal("0.005"), min_lots=2))
    for text, reason in (("0.005", Reason.QTY_BELOW_MIN), ("0.012", Reason.QTY_STEP)):
        with pytest.raises(RefusedError) as refused:
            coarse.read_qty(text, market=False)
        assert refused.value.reason is reason


def test_trailing_zeros_are_not_precision() -> None:
    assert BTC.read_qty("0.0010000000000", market=False) == 1
    assert BTC.read_price("100000.10000000000") == 1_000_001


def test_an_average_price_has_more_decimals_than_a_price() -> None:
    cost = BTC.notional(1, 1_000_000) + BTC.notional(2, 1_000_001)
    assert BTC.mean_price_text(cost, 3) == "100000.06667"
    assert BTC.mean_price_text(0, 0) == "0.00000"
    assert BTC.mean_price_text(-cost, -3) == "100000.06667"


def test_leverage_decides_the_largest_position() -> None:
    assert BTC.max_leverage == 125
    assert BTC.max_notional(125) == to_units(50_000)
    assert BTC.max_notional(20) == to_units(20_000_000)
    assert BTC.max_notional(126) == 0
    assert BTC.max_notional(1) > to_units(300_000_000)


def test_a_contract_that_cannot_be_exact_is_refused() -> None:
    fine = an_instrument(tick=Decimal("0.00001"), lot=Decimal("0.0001"))
    with pytest.raises(BadInputError, match="simulated exactly"):
        contract_of(fine)


def test_a_refusal_carries_code_text_and_status() -> None:
    refused = RefusedError(Reason.MIN_NOTIONAL, "5.0", status=400)
    assert (refused.code, refused.status) == (-4164, 400)
    assert refused.text == (
        "Order's notional must be no smaller than 5.0 (unless you choose reduce only)"
    )
