"""What the algorithms pay at the simulated exchange for the same orders.

Its book heals within seconds and has no permanent impact, and resting orders are met whole when
the quotes run through them: it flatters patience, and resting more. So what is asserted is only
that slicing pays in a thin book, far beyond the noise, and that the record explains every cent.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from aster_ray.engine.algos.norms import Norms
from aster_ray.engine.algos.parent_orders import ParentOrders
from aster_ray.engine.algos.shortfall import PARTS, Shortfall
from aster_ray.venues.simulator.amounts import UNIT
from tests.aster_ray.engine.algos.exchange_host import BTC, ExchangeHost, walking_bars

THIN = 6.0  # BTC a minute; the best price shows about 0.3
NORMS = Norms(daily_lots=THIN * 1_440 / 0.001, daily_volatility=0.012)

ALGORITHMS: dict[str, dict[str, Any]] = {
    "market": {"algorithm": "market"},
    "twap": {"algorithm": "twap"},
    "vwap": {"algorithm": "vwap"},
    "pov": {"algorithm": "pov", "participation": 0.5},
    "adaptive": {"algorithm": "adaptive"},
    "almgren_chriss": {"algorithm": "adaptive", "risk_aversion": 0.1},
    "maker_first": {"algorithm": "maker_first"},
    "twap_maker_first": {"algorithm": "twap", "maker_first": True},
    "adaptive_maker_first": {"algorithm": "adaptive", "maker_first": True},
}


def cost(name: str, lots: int, seed: int | None = None) -> tuple[Shortfall, ExchangeHost]:
    """Return what an order decided at the first moment of a market has cost."""
    bars = walking_bars(6, seed) if seed is not None else None
    host = ExchangeHost(bars, THIN, **ALGORITHMS[name])
    return host.carry_out(lots, NORMS), host


@pytest.mark.parametrize("name", ["market", "pov", "almgren_chriss", "adaptive_maker_first"])
def test_the_record_is_what_the_exchange_booked(name: str) -> None:
    found, host = cost(name, -12_000, seed=3)
    account, lot = host.scene.account, float(BTC.lot)
    assert found.filled == -sum(fill.lots for fill in account.fills) == -12_000
    paid = sum(fill.notional for fill in account.fills) / UNIT
    fees = sum(fill.commission for fill in account.fills) / UNIT
    assert found.fees == pytest.approx(fees, abs=1e-9)
    assert found.total == pytest.approx(12_000 * lot * found.decision_price - paid + fees, abs=1e-6)
    assert found.total == math.fsum(getattr(found, part) for part in PARTS)
    assert found.children == len(host.sent) > 0
    again = ParentOrders({"BTCUSDT": BTC}, host.config, host.journal)
    assert not again.states
    assert host.journal[-1]["fees"] == found.fees


@pytest.mark.parametrize("lots", [30_000, -30_000])
def test_in_a_thin_book_pieces_cost_less_than_one_market_order(lots: int) -> None:
    """Thirty BTC where the best price shows a third of one; the price itself stands still."""
    found = {name: cost(name, lots)[0] for name in ("market", "twap", "adaptive")}
    assert {one.filled for one in found.values()} == {lots}
    whole = found.pop("market")
    assert whole.impact > 0.6 * whole.total  # the other four tenths are the fee
    for pieces in found.values():
        assert pieces.total < 0.5 * whole.total
        assert pieces.impact < 0.1 * whole.impact
    # Who looks at the depth goes through fewer levels than who looks at the clock.
    assert 0.0 <= found["adaptive"].impact < 0.5 * found["twap"].impact


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vwap", "pov", "almgren_chriss"])
def test_so_do_the_pieces_of_the_others(name: str) -> None:
    whole, pieces = cost("market", 30_000)[0], cost(name, 30_000)[0]
    assert pieces.filled == 30_000
    assert pieces.total < 0.5 * whole.total
    assert pieces.impact < 0.1 * whole.impact


def test_restarts_change_neither_the_children_nor_the_cost() -> None:
    plain, first = cost("twap_maker_first", 9_000, seed=5)
    host = ExchangeHost(walking_bars(6, 5), THIN, **ALGORITHMS["twap_maker_first"])
    restarted = host.carry_out(9_000, NORMS, restart_ms=5_000)
    assert restarted == plain
    assert list(host.sent) == list(first.sent)
    assert host.journal == first.journal


@pytest.mark.slow
@pytest.mark.parametrize("name", ["twap", "adaptive"])
def test_pieces_cost_less_on_average_in_markets_that_move(name: str) -> None:
    """Two dozen markets, the same order in each: two standard errors, though waiting is a risk."""
    saved = [
        cost("market", lots, seed)[0].bps() - cost(name, lots, seed)[0].bps()
        for seed in range(24)
        for lots in (30_000 if seed % 2 else -30_000,)
    ]
    error = float(np.std(saved, ddof=1)) / math.sqrt(len(saved))
    assert float(np.mean(saved)) > 2.0 * error


def test_a_large_order_at_rest_in_a_thin_book_comes_to_rest() -> None:
    """It once withdrew and put back the same lots for ever, within one moment."""
    host = ExchangeHost(walking_bars(10, 0), THIN, **ALGORITHMS["adaptive_maker_first"])
    found = host.carry_out(-30_000, NORMS)
    moments = Counter(record["ms"] for record in host.journal if record["kind"] == "algo_place")
    assert max(moments.values()) <= 3
    assert found.filled == -30_000
    assert found.children < 300
