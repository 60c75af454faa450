"""A small version of what the benchmark checks before it times anything."""

from __future__ import annotations

import numpy as np
import pytest

from tests.bench import equality, peer
from tests.bench.studies import BUILT_IN, GRIDS, RECORDED, a_plain_study, recorded_folder, sources

# vectorbt's own dependencies warn on import; what they warn of is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("strategy", sorted(GRIDS))
@pytest.mark.parametrize("source", sources())
def test_trades_and_pnl_equal_those_of_vectorbt(strategy: str, source: str) -> None:
    found = equality.compare(a_plain_study(strategy, source, 6_000, 3))
    assert found.differences == []
    assert found.longs > 10
    assert found.shorts > 10


def test_recorded_bars_are_compared_where_they_are() -> None:
    assert sources() == ([RECORDED, BUILT_IN] if recorded_folder() else [BUILT_IN])


@pytest.mark.parametrize("name", ["fees", "slippage"])
def test_a_ten_millionth_more_of_a_cost_is_noticed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = peer.terms_of

    def distorted(*arguments: object) -> peer.Terms:
        terms = honest(*arguments)
        return terms._replace(**{name: getattr(terms, name) * (1.0 + 1e-7)})

    monkeypatch.setattr(peer, "terms_of", distorted)
    found = equality.compare(a_plain_study("momentum", BUILT_IN, 4_000, 2))
    assert any("PnL of round trip" in text for text in found.differences)


def test_a_signal_executed_one_bar_late_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = peer.portfolio

    def late(terms: peer.Terms, codes: list[np.ndarray], *stops: np.ndarray) -> object:
        return honest(terms, [np.roll(code, 1) for code in codes], *stops)

    monkeypatch.setattr(peer, "portfolio", late)
    found = equality.compare(a_plain_study("mean_reversion", BUILT_IN, 4_000, 1))
    assert any("entry of round trip 0" in text for text in found.differences)


def test_silence_on_one_side_proves_nothing() -> None:
    found = equality.compare(a_plain_study("momentum", BUILT_IN, 40, 1))
    assert found.differences[-1].startswith("nothing to compare")


def test_a_missing_round_trip_is_named() -> None:
    whole = equality.Trades(*(np.arange(1, 4) for _ in range(3)), np.ones(3))
    short = equality.Trades(*(column[:2] for column in whole))
    assert equality.differences(whole, whole) == []
    assert equality.differences(whole, short) == ["3 round trips against 2"]
