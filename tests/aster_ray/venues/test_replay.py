from __future__ import annotations

import numpy as np

from aster_ray.venues.replay import ReplayFeed
from tests.factories import a_market


def test_batches_are_the_tradable_rows_in_order() -> None:
    market = a_market(30, 2, start=12)
    feed = ReplayFeed(market)
    batches = list(feed.batches())
    assert len(feed) == len(batches) == 18
    assert [batch.seq for batch in batches] == list(range(18))
    for batch in batches:
        t = 12 + batch.seq
        assert batch.open_ms == market.open_ms[t]
        assert batch.close_ms == market.close_ms[t]
        assert batch.bars.tobytes() == market.bars[t].tobytes()
        assert batch.volume.tolist() == market.volume[t].tolist()
        assert batch.funding_rate.tolist() == market.funding_rate[t].tolist()


def test_a_reader_that_restarts_goes_on_where_it_was() -> None:
    feed = ReplayFeed(a_market(30, 2, start=12))
    assert [batch.seq for batch in feed.batches(15)] == [15, 16, 17]
    assert len(feed.history) == 12
    assert len(feed.history_until(5)) == 17
    assert feed.history_until(5).open_ms[-1] == feed.batch(4).open_ms


def test_history_holds_no_row_that_trades() -> None:
    market = a_market(30, 1, start=12)
    assert np.array_equal(ReplayFeed(market).history.open_ms, market.open_ms[:12])
    assert not len(ReplayFeed(a_market(5, 1, start=5)))
