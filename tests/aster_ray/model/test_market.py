from __future__ import annotations

from aster_ray.model.market import Bar, Observation, Quote, observe_bar, observe_quote


def test_a_bar_is_observed_at_its_close() -> None:
    bar = Bar(open_ms=60_000, open=10.0, high=12.0, low=9.0, close=11.0, volume=5.0)
    assert observe_bar(bar, 60_000) == Observation(120_000, 10.0, 12.0, 9.0, 11.0)


def test_a_quote_is_one_price_four_times() -> None:
    seen = observe_quote(Quote(ts_ms=5, bid=99.0, bid_qty=1.0, ask=101.0, ask_qty=2.0))
    assert seen == Observation(5, 100.0, 100.0, 100.0, 100.0)
