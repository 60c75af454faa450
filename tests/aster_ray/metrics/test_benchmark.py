from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aster_ray.metrics.benchmark import buy_and_hold
from tests.aster_ray.metrics.accounts import Ledger, flat_market, set_funding


def test_one_symbol_worked_by_hand() -> None:
    market = flat_market([[100.0], [110.0], [121.0]])
    held = buy_and_hold(Ledger(market).facts())
    qty = 10_000 / (100.0 * 1.0005 * 1.001)
    assert held.equity == pytest.approx([qty * 100, qty * 110, qty * 121])
    assert held.fees == pytest.approx(qty * 100.05 * 0.001)
    assert held.slippage == pytest.approx(qty * 0.05)
    assert held.fees + held.slippage + qty * 100 == pytest.approx(10_000)


def test_shares_are_equal_and_a_late_symbol_waits_as_cash() -> None:
    market = flat_market([[100.0, np.nan], [100.0, 50.0], [100.0, 100.0]])
    facts = Ledger(market).facts(
        equity=np.ones(3), gross=np.ones(3), taker_fee=np.zeros(2), market_cost=np.zeros(2)
    )
    assert buy_and_hold(facts).equity.tolist() == [10_000.0, 10_000.0, 15_000.0]


def test_a_gap_keeps_the_last_mark() -> None:
    market = flat_market([[100.0], [np.nan], [90.0]])
    facts = Ledger(market).facts(equity=np.ones(3), gross=np.ones(3))
    equity = buy_and_hold(facts).equity
    assert equity[0] == equity[1] > equity[2]


def test_funding_is_paid_from_the_bar_after_entry() -> None:
    market = flat_market([[100.0]] * 3)
    set_funding(market, 0, 0, 7.0)
    set_funding(market, 2, 0, 1.0)
    facts = Ledger(market).facts(taker_fee=np.zeros(1), market_cost=np.zeros(1))
    held = buy_and_hold(facts)
    assert held.equity.tolist() == [10_000.0, 10_000.0, 9_900.0]
    assert held.funding == 100.0


def test_entry_is_at_the_first_tradable_open_not_in_the_warm_up() -> None:
    market = replace(flat_market([[50.0], [100.0], [200.0]]), start=1)
    book = Ledger(market)
    facts = book.facts(
        close_ms=market.close_ms[1:], equity=np.ones(2), gross=np.ones(2), taker_fee=np.zeros(1)
    )
    assert buy_and_hold(facts).equity[1] == pytest.approx(20_000 / 1.0005)


def test_only_traded_symbols_are_held() -> None:
    market = flat_market([[100.0, 1.0], [200.0, 1.0]])
    facts = Ledger(market).facts(
        sleeves=(("momentum", 0),), taker_fee=np.zeros(2), market_cost=np.zeros(2)
    )
    assert buy_and_hold(facts).equity.tolist() == [10_000.0, 20_000.0]


def test_no_bars_hold_nothing() -> None:
    empty = np.empty(0)
    facts = Ledger(flat_market([[1.0]])).facts(
        close_ms=np.empty(0, np.int64), equity=empty, gross=empty
    )
    assert len(buy_and_hold(facts).equity) == 0
