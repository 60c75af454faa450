"""The sweep benchmark end to end, small; nothing here asserts a speed."""

from __future__ import annotations

import math

import pytest

from tests.bench import peer, sweep
from tests.bench.studies import BUILT_IN, GRIDS, RECORDED, a_study, last_bars

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("strategy", sorted(GRIDS))
def test_the_grid_has_a_thousand_sets_and_the_market_exactly_the_bars_asked_for(
    strategy: str,
) -> None:
    assert math.prod(map(len, GRIDS[strategy].values())) == 1_000
    study = a_study(strategy, BUILT_IN, 3_000)
    assert (len(study.sets), study.bars) == (1_000, 3_000)
    assert study.market.start > 0  # and behind as much warm-up as the slowest set needs
    assert last_bars(study.market, 10).start == study.market.start


def test_what_a_user_would_have_on_is_on() -> None:
    study = a_study("momentum", BUILT_IN, 3_000)
    limits, rules = study.prepared.setup.limits[0], study.prepared.setup.rules[0]
    assert limits["enabled"] == 1
    assert limits["holding_ms"] > 0
    assert min(rules["taker_fee"], rules["maker_fee"], rules["slippage"]) > 0.0
    assert (study.market.bars[:, 0, 7] != 0.0).any()  # funding settles
    assert all(own["stop_loss"] > 0.0 for own in study.params)


@pytest.mark.slow
def test_a_small_sweep_gives_figures_for_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "sources", lambda: [BUILT_IN, RECORDED])
    for row in sweep.run(4_000, 20, 1):
        assert (row.sets, row.bars) == (20, 4_000)
        assert row.ours > 0.0
        assert row.single > 0.0
        assert row.ratio == pytest.approx(row.ours / row.vectorbt)
        # The same signals: they differ by limits, exit plans, and stops on the bar of an entry.
        assert row.trips == pytest.approx(row.peer_trips, rel=0.25)


@pytest.mark.slow
def test_a_process_measures_a_block_as_one_call_does() -> None:
    study = a_study("momentum", BUILT_IN, 3_000)
    study = study.of(study.sets[: peer.BLOCK + 3])
    other = peer.Peer(study, 0.01, 2)
    try:
        (first, second), spent = other.run()
    finally:
        other.close()
    assert (len(first.trades), len(second.trades)) == (peer.BLOCK, 3)
    assert first.trades.sum() > 0
    assert spent > 0.0
