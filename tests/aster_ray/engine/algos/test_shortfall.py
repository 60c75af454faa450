from __future__ import annotations

import json
import math

import pytest
from hypothesis import HealthCheck, given, settings

from aster_ray.engine.algos.child import Style
from aster_ray.engine.algos.config import Algorithm
from aster_ray.engine.algos.machine import advance
from aster_ray.engine.algos.observe import ChildUpdate, Evidence
from aster_ray.engine.algos.shortfall import (
    HEADER,
    PARTS,
    shortfall,
    shortfall_from,
    shortfall_record,
    shortfall_table,
)
from tests.aster_ray.engine.algos.test_invariants import Life, cases, seeds
from tests.aster_ray.engine.algos.venue import a_book, a_parent, a_plan, at, some_params, tick


def told(child_id: str, filled: int, price: float, fee: float | None = 0.0) -> ChildUpdate:
    return ChildUpdate(
        child_id=child_id,
        ms=at(30),
        evidence=Evidence.DONE,
        filled=filled,
        cost=filled * price,
        fee=fee,
    )


def test_a_take_that_is_worked_out_by_hand() -> None:
    """Sells 1,000 lots of 0.001 decided at 100; quotes are 99.70 / 99.90 when it takes."""
    params = some_params(Algorithm.MARKET, 1, window_ms=1)
    state, (take,) = advance(a_plan(a_parent(-1_000), params), a_book(0, 99.70, 99.90))
    state, _ = advance(state, told(take.child_id, 600, 99.65, 0.03))
    found = shortfall(state, 99.50)
    assert (found.filled, found.average_price, found.notional) == (-600, 99.65, 100.0)
    assert found.delay == pytest.approx(0.6 * 0.20)
    assert found.spread == pytest.approx(0.6 * 0.10)
    assert found.impact == pytest.approx(0.6 * 0.05)
    assert found.fees == 0.03
    assert found.opportunity == pytest.approx(0.4 * 0.50)
    assert found.total == pytest.approx(0.6 * 0.35 + 0.03 + 0.4 * 0.5)
    assert found.bps() == pytest.approx(1e4 * found.total / 100.0)
    assert found.bps("fees") == pytest.approx(3.0)


def test_what_rested_earns_the_half_spread() -> None:
    params = some_params(Algorithm.MAKER_FIRST, 1, window_ms=4_000, maker_first=True)
    state, (rest,) = advance(a_plan(params=params), a_book(0, 99.90, 100.10))
    assert rest.style is Style.REST
    state, _ = advance(state, told(rest.child_id, 1_000, 99.90, -0.01))
    found = shortfall(state)
    assert (found.spread, found.delay, found.why) == (pytest.approx(-0.1), 0.0, "filled")
    assert found.impact == pytest.approx(0.0, abs=1e-12)
    assert found.total == pytest.approx(-0.11)


def test_without_quotes_everything_is_impact_and_the_last_fill_is_the_price() -> None:
    params = some_params(Algorithm.MARKET, 1, window_ms=1)
    state, (take,) = tick(a_plan(params=params), 0)
    state, _ = advance(state, told(take.child_id, 500, 100.2))
    found = shortfall(state)
    assert (found.delay, found.spread, found.final_price) == (0.0, 0.0, 100.2)
    assert found.impact == pytest.approx(0.1)
    assert found.opportunity == pytest.approx(0.1)
    assert shortfall(a_plan()).total == 0.0


def test_a_fee_the_venue_did_not_tell_is_reckoned_at_its_rates() -> None:
    market = some_params(Algorithm.MARKET, 1, window_ms=1)
    rests = some_params(Algorithm.MAKER_FIRST, 1, window_ms=4_000, maker_first=True)
    for params, rate in ((market, 0.0006), (rests, 0.0002)):
        state, (child,) = advance(a_plan(params=params), a_book(0))
        state, _ = advance(state, told(child.child_id, 1_000, 100.0, None))
        assert shortfall(state).fees == pytest.approx(rate * 100.0)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases, seeds)
def test_the_parts_are_the_whole_difference_to_the_paper_portfolio(case, seed) -> None:  # type: ignore[no-untyped-def]
    life = Life(case, seed)
    state = life.run()
    found = shortfall(state, 101.5)
    side, lot = int(life.parent.side), 0.001
    cost = math.fsum(child.cost for child in state.children)
    paper = side * (101.5 - 100.0) * life.parent.total
    real = side * (101.5 * state.filled - cost)
    assert found.total == pytest.approx((paper - real) * lot + found.fees, abs=1e-9)
    assert found.total == math.fsum(getattr(found, part) for part in PARTS)
    assert shortfall_from(json.loads(json.dumps(shortfall_record(found)))) == found


def test_the_table_sums_by_symbol_and_algorithm() -> None:
    params = some_params(Algorithm.MARKET, 1, window_ms=1)
    every = []
    for lots, filled, price in ((1_000, 1_000, 100.5), (3_000, 1_500, 100.1)):
        state, (take,) = tick(a_plan(a_parent(lots), params), 0)
        state, _ = advance(state, told(take.child_id, filled, price, 0.1))
        every.append(shortfall(state, 100.0))
    one, total = (dict(zip(HEADER, row, strict=True)) for row in shortfall_table(every))
    assert (one["symbol"], one["algorithm"], total["symbol"]) == ("BTCUSDT", "market", "all")
    assert (one["orders"], one["children"], one["notional"]) == (2, 3, 400.0)
    assert one["filled"] == pytest.approx((100 + 150) / 400)
    assert one["total"] == pytest.approx(0.5 + 0.15 + 0.2)
    assert one["total_bps"] == pytest.approx(1e4 * 0.85 / 400)
    assert one["impact_bps"] == pytest.approx(1e4 * 0.65 / 400)
    assert {name: one[name] for name in HEADER[2:]} == {name: total[name] for name in HEADER[2:]}
    assert shortfall_table([]) == []
