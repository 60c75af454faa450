"""Searching for the next wish by whole strides, and refusing without deciding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray._jit import lean_kernel
from aster_ray.kernel import idle
from aster_ray.kernel.records import EXIT_LONG, EXIT_SHORT, LONG, SHORT
from aster_ray.kernel.simulator import Simulator
from aster_ray.model.enums import Denial
from tests.factories import CAPITAL, a_market, a_setup, says


@lean_kernel
def next_wish(code: np.ndarray, t: int, end: int) -> int:
    return idle.next_wish(code, t, end)


@given(
    st.integers(1, 3),
    st.integers(0, 400),
    st.lists(st.tuples(st.integers(0, 399), st.integers(1, 15)), max_size=4),
    st.data(),
)
def test_the_next_wish_is_the_first_row_that_has_one(
    count: int, rows: int, bits: list[tuple[int, int]], data: st.DataObject
) -> None:
    code = np.zeros((rows, count), np.int8)
    for at, value in bits:
        if at < rows:
            code[at, at % count] = value
    t = data.draw(st.integers(0, rows))
    end = data.draw(st.integers(t, rows))
    wishes = np.flatnonzero((code[t:end] & (LONG | SHORT)).any(axis=1))
    assert next_wish(code, t, end) == (t + wishes[0] if len(wishes) else end)


@pytest.mark.parametrize(
    ("confidence", "reason"), [(0.9, Denial.DAILY_OPENS), (0.1, Denial.LOW_CONFIDENCE)]
)
def test_an_account_that_may_not_trade_refuses_each_wish_once(
    confidence: float, reason: Denial
) -> None:
    """A wish that stands is refused once; another one, or the same after a silence, again."""
    market = a_market(400, 1, gaps=0.0, volatility=0.001)
    said = says(code=0, stop_loss=0.05, confidence=confidence)
    code = np.zeros((400, 1), np.int8)
    begin = market.start + 10
    wishes = [LONG, LONG, LONG, 0, LONG, SHORT, SHORT, EXIT_LONG | LONG, EXIT_SHORT, LONG]
    code[begin : begin + len(wishes), 0] = wishes
    simulator = Simulator(market, a_setup(1, 1, max_daily_opens=0), CAPITAL)
    signals = said._replace(code=code)
    quick, _ = simulator.run(signals)
    traced, trace = simulator.trace(signals)
    assert quick.denials[reason] == 5 == quick.denials.sum()
    assert quick.denials.tolist() == traced.denials.tolist()
    assert (trace.equity[market.start :] == CAPITAL).all()
    assert quick.account[0]["bar"] == 400 - market.start
