from __future__ import annotations

import numpy as np

from aster_ray.engine.messages import BarBatch, SignalBatch
from aster_ray.engine.wire import (
    one_row,
    pack_bars,
    pack_orders,
    pack_report,
    pack_signals,
    unpack_bars,
    unpack_orders,
    unpack_report,
    unpack_signals,
)
from aster_ray.kernel.records import LONG
from tests.factories import Session, a_bar, a_market, an_open_setup, random_signals, says


def assert_same(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    assert type(one) is type(other)
    for left, right in zip(one, other, strict=True):
        if isinstance(left, np.ndarray):
            assert isinstance(right, np.ndarray)
            assert (left.dtype, left.shape) == (right.dtype, right.shape)
            assert left.tobytes() == right.tobytes()
            assert right.flags.writeable
        elif isinstance(left, tuple):
            assert isinstance(right, tuple)
            assert_same(left, right)
        else:
            assert left == right


def a_batch() -> BarBatch:
    market = a_market(30, 3, 2, gaps=0.3)
    t = int(np.flatnonzero(np.isnan(market.bars[:, :, 3]).any(axis=1))[0])
    return BarBatch(7, 1, 2, market.bars[t], market.volume[t], market.funding_rate[t])


def test_bars_arrive_as_they_were_sent() -> None:
    assert_same(unpack_bars(pack_bars(a_batch())), a_batch())


def test_of_signals_one_row_is_sent() -> None:
    market = a_market(30, 3, 2)
    columns = random_signals(market, 2, 2, ladders=True)
    found = unpack_signals(pack_signals(SignalBatch(a_batch(), columns, 17)))
    assert_same(found, SignalBatch(a_batch(), one_row(columns, 17), 0))
    # a column that never changes has one row to begin with
    assert one_row(says(6), 17).code.tolist() == says(6).code.tolist()


def test_reports_and_orders_arrive_as_they_were_sent() -> None:
    session = Session(an_open_setup(enabled=0))
    first = session.close(a_bar(100.0), says(code=LONG))
    second = session.close(a_bar(100.0))
    for closed in (first, second):
        assert_same(unpack_report(pack_report(closed.report)), closed.report)
        assert_same(unpack_orders(pack_orders(closed.orders)), closed.orders)
