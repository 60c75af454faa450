from __future__ import annotations

import hashlib

import numpy as np
import pytest

from aster_ray.data.resample import resample
from aster_ray.data.synthetic import (
    DAYS,
    EPOCH_MS,
    MINUTES,
    PROFILES,
    SYMBOLS,
    synthetic_entries,
    synthetic_symbol,
)
from aster_ray.data.validate import check_funding, inspect_bars
from aster_ray.model.ids import TIMEFRAMES

MINUTE_MS, HOUR_MS, SEED = 60_000, 3_600_000, 7


def closes(seed: int = SEED) -> np.ndarray:
    return np.column_stack(
        [synthetic_symbol(symbol, HOUR_MS, seed).bars.values[:, 3] for symbol in SYMBOLS]
    )


def test_a_seed_gives_the_same_bits_on_every_machine() -> None:
    state = hashlib.sha256()
    for symbol in SYMBOLS:
        bars, mark, funding = synthetic_symbol(symbol, HOUR_MS, SEED)
        for column in (bars.values, mark.values, funding.rate):
            state.update(np.ascontiguousarray(column, dtype="<f8").tobytes())
    assert state.hexdigest()[:16] == "b956c748fcc29e77"


def test_another_seed_is_another_market() -> None:
    assert not np.array_equal(closes(1), closes(2))


@pytest.mark.parametrize("name", list(TIMEFRAMES))
def test_every_timeframe_shows_the_same_prices(name: str) -> None:
    minutes = synthetic_symbol("PENGUUSDT", MINUTE_MS, SEED)
    found = synthetic_symbol("PENGUUSDT", TIMEFRAMES[name], SEED)
    built = resample(minutes.bars, TIMEFRAMES[name])
    assert np.array_equal(found.bars.values, built.values)
    assert len(found.bars.open_ms) == MINUTES * MINUTE_MS // TIMEFRAMES[name]
    assert found.bars.open_ms[0] == EPOCH_MS


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_bars_pass_the_checks_of_recorded_data(symbol: str) -> None:
    bars, mark, funding = synthetic_symbol(symbol, MINUTE_MS, SEED)
    assert inspect_bars(bars).warnings() == ()
    assert inspect_bars(mark, has_volume=False).warnings() == ()
    check_funding(funding)
    assert np.array_equal(bars.values[1:, 0] > 0, np.ones(MINUTES - 1, np.bool_))
    ticks = PROFILES[symbol][3]
    assert np.array_equal(np.round(bars.values[:, :4] * ticks) / ticks, bars.values[:, :4])


@pytest.mark.parametrize("seed", [SEED, 1, 2, 3])
def test_returns_look_like_crypto(seed: int) -> None:
    prices = closes(seed)
    returns = np.diff(np.log(prices), axis=0)
    annual = returns.std(axis=0) * np.sqrt(24 * 365)
    assert (annual > 0.4).all()
    assert (annual < 1.3).all()
    correlation = np.corrcoef(returns.T)[np.triu_indices(len(SYMBOLS), 1)]
    assert correlation.min() > 0.3
    assert correlation.max() < 0.9
    standard = (returns - returns.mean(axis=0)) / returns.std(axis=0)
    assert ((standard**4).mean(axis=0) > 4.0).all()
    size = np.abs(standard)
    clustering = [np.corrcoef(size[1:, n], size[:-1, n])[0, 1] for n in range(len(SYMBOLS))]
    assert min(clustering) > 0.05
    start = np.array([PROFILES[symbol][0] for symbol in SYMBOLS])
    assert (prices > 0.1 * start).all()
    assert (prices < 10.0 * start).all()


def test_volume_rises_with_the_size_of_moves() -> None:
    bars = synthetic_symbol("BTCUSDT", HOUR_MS, SEED).bars.values
    move = np.abs(bars[:, 3] / bars[:, 0] - 1.0)
    assert np.corrcoef(move, bars[:, 4])[0, 1] > 0.1


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_funding_has_both_signs_around_its_usual_rate(symbol: str) -> None:
    rates = synthetic_symbol(symbol, HOUR_MS, SEED).funding.rate
    assert len(rates) == DAYS * 3
    assert 0.05 < np.mean(rates < 0.0) < 0.5
    assert abs(np.mean(rates) - 0.0001) < 0.0002


def test_the_mark_follows_the_close() -> None:
    bars, mark, _ = synthetic_symbol("SOLUSDT", HOUR_MS, SEED)
    drift = np.abs(mark.values[:, 3] / bars.values[:, 3] - 1.0)
    assert drift.mean() < 0.001
    assert drift.max() < 0.05
    assert drift.max() > 0.0


def test_some_hours_open_with_a_gap() -> None:
    bars = synthetic_symbol("ETHUSDT", HOUR_MS, SEED).bars.values
    gaps = np.abs(bars[1:, 0] / bars[:-1, 3] - 1.0)
    assert np.count_nonzero(gaps > 0.005) >= 10


def test_shared_arrays_cannot_be_changed() -> None:
    bars = synthetic_symbol("BTCUSDT", HOUR_MS, SEED).bars
    with pytest.raises(ValueError, match="read-only"):
        bars.values[0, 0] = 1.0


def test_entries_agree_with_the_market() -> None:
    entries = {entry[2:5]: entry for entry in synthetic_entries()}
    assert len(entries) == len(SYMBOLS) * (2 * len(TIMEFRAMES) + 1)
    bars, _, funding = synthetic_symbol("SUIUSDT", HOUR_MS, SEED)
    told = entries["SUIUSDT", "bars", "1h"]
    assert told[5:] == (len(bars.open_ms), bars.open_ms[0], bars.open_ms[-1])
    told = entries["SUIUSDT", "funding", ""]
    assert told[5:] == (len(funding.rate), funding.settle_ms[0], funding.settle_ms[-1])
