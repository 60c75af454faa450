"""Every feature is causal, forgets, has no scale, and keeps its numbers as long as its text."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from aster_ray.errors import ModelError
from aster_ray.features import catalogue
from aster_ray.features.bars import SymbolBars, bars_of
from aster_ray.features.catalogue import FEATURES, NAMES
from aster_ray.models.card import definition_digest
from tests.aster_ray.features.columns import columns_of, piece
from tests.factories import a_market

LOOKBACK = catalogue.lookback(NAMES)
CLOCK = ("hour_sine", "hour_cosine", "week_sine", "week_cosine")
Column = Callable[[SymbolBars], np.ndarray]


def bits(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values).view(np.int64)


def reads_the_future(column: Column, bars: SymbolBars) -> bool:
    """Garble all bars after a few rows and see whether anything up to those rows changes."""
    honest = column(bars)
    draw = np.random.default_rng(1)
    for row in (LOOKBACK, 400, 700, len(bars) - 2):
        for garbage in (10.0 ** draw.uniform(-3.0, 6.0), 1e150, 1e-150, None):
            columns = columns_of(bars)
            end = len(bars)
            if garbage is None:
                end = row + 1
            else:
                columns[:, row + 1 :] = garbage
            poisoned = column(SymbolBars.of(bars.close_ms[:end], columns[:, :end]))
            if not np.array_equal(bits(poisoned[: row + 1]), bits(honest[: row + 1])):
                return True
    return False


@pytest.mark.compiled
@pytest.mark.parametrize("name", NAMES)
def test_no_feature_reads_the_future(rough: SymbolBars, name: str) -> None:
    assert not reads_the_future(lambda bars: catalogue.matrix(bars, [name])[:, 0], rough)


@pytest.mark.parametrize(
    "column",
    [
        lambda bars: np.roll(bars.close, -1),
        lambda bars: bars.close - bars.close.mean(),
        lambda bars: bars.close / bars.close.max(),
        lambda bars: np.convolve(bars.volume, np.ones(3), "same"),
    ],
)
def test_the_poison_finds_whoever_reads_the_future(rough: SymbolBars, column: Column) -> None:
    assert reads_the_future(column, rough)


@pytest.mark.compiled
@pytest.mark.parametrize("name", NAMES)
def test_a_feature_forgets_what_is_older_than_its_lookback(rough: SymbolBars, name: str) -> None:
    """To the last bit: a request of exactly that many bars is answered as training was."""
    whole = catalogue.matrix(rough, [name])
    need = FEATURES[name].lookback
    for end in range(need, len(rough) + 1, 61):
        found = catalogue.matrix(piece(rough, end - need, end), [name])
        assert bits(found[-1]) == bits(whole[end - 1])
        short = catalogue.matrix(piece(rough, end - need + 1, end), [name])
        assert np.isnan(short).all()


@pytest.mark.parametrize("name", [name for name in NAMES if name not in CLOCK])
def test_a_lookback_is_no_longer_than_needed(btc: SymbolBars, name: str) -> None:
    """The oldest bar of the window counts: moved, it changes the number on some rows."""
    need, honest = FEATURES[name].lookback, catalogue.matrix(btc, [name])
    changed = 0
    rows = range(400, 1400, 100)
    for row in rows:
        columns = columns_of(btc)
        columns[:4, row - need + 1] *= 1.5
        columns[1, row - need + 1] *= 1.5
        columns[4:, row - need + 1] += 1.0
        found = catalogue.matrix(SymbolBars.of(btc.close_ms, columns), [name])
        changed += int(found[row, 0] != honest[row, 0])
    assert changed


@pytest.mark.parametrize("name", NAMES)
def test_a_feature_is_undefined_until_it_has_its_bars_and_finite_ever_after(
    rough: SymbolBars, btc: SymbolBars, name: str
) -> None:
    for bars in (rough, btc):
        column = catalogue.matrix(bars, [name])[:, 0]
        first = FEATURES[name].lookback - 1
        assert np.isnan(column[:first]).all()
        assert np.isfinite(column[first:]).all()


def test_the_last_row_alone_has_the_bits_of_the_whole_matrix(rough: SymbolBars) -> None:
    whole = catalogue.matrix(rough, NAMES)
    last = len(rough) - 1
    alone = SymbolBars.of(rough.close_ms, columns_of(rough), begin=last)
    found = catalogue.matrix(alone, NAMES, begin=last)
    assert np.array_equal(bits(found[last]), bits(whole[last]))
    assert np.isnan(found[:last]).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_feature_has_no_scale(btc: SymbolBars, name: str) -> None:
    """The same market in another currency and another unit of volume says the same."""
    columns = columns_of(btc)[:, :600]
    columns[:4] *= 1e-4
    columns[4] *= 1e6
    other = SymbolBars.of(btc.close_ms[:600], columns)
    here = catalogue.matrix(piece(btc, 0, 600), [name])
    np.testing.assert_allclose(catalogue.matrix(other, [name]), here, rtol=1e-6, atol=1e-8)


def test_a_market_that_stands_still_is_neutral() -> None:
    columns = np.full((6, 400), 50.0)
    columns[5] = 0.0
    bars = SymbolBars.of(3_600_000 * np.arange(1, 401), columns)
    last = dict(zip(NAMES, catalogue.matrix(bars, NAMES)[-1], strict=True))
    logs = {"log_deviation_168", "parkinson_24", "yang_zhang_72"}
    assert {last[name] for name in logs} == {np.log(1e-6)}
    # The mean of equal prices may miss them by their last bit, and its logarithm with it.
    assert all(abs(last[name]) < 1e-6 for name in last.keys() - logs - set(CLOCK))


def test_outages_are_left_out_and_rows_say_where_each_bar_stood() -> None:
    market = a_market(500, 2, seed=5, gaps=0.1)
    bars, rows = bars_of(market, 1)
    assert len(bars) == len(rows) < 500
    assert np.array_equal(bars.close, market.bars[rows, 1, 3])
    assert np.array_equal(bars.close_ms, market.close_ms[rows])
    assert np.isnan(np.delete(market.bars[:, 1, 3], rows)).all()


# Definition and number at the last hour of the built-in market. Whoever changes a number raises
# the feature's revision, so that models trained on the old one are refused; then this follows.
GOLDEN: dict[str, tuple[str, float]] = {
    "return_1": ("147a2d11", 0.23116305713690447),
    "return_4": ("a597dd61", 0.6710250956659464),
    "return_12": ("772eb731", 0.551615012319173),
    "return_24": ("5f761c81", -1.4533364903208223),
    "return_72": ("f28d9390", -0.07943414769361633),
    "return_168": ("c30a5cd5", 0.3640519777714731),
    "range_position_168": ("c9a6c11f", 0.07297187117814863),
    "rsi_14": ("09f73f64", -0.06619003447536263),
    "bollinger_z_20": ("908fbdba", 0.5280581435872383),
    "ema_distance_12": ("f572ef34", 0.10546755890332254),
    "ema_distance_32": ("e8a3644a", -0.17483490646532313),
    "adx_14": ("da12b5e6", 0.19504503593487033),
    "di_difference_14": ("0ce3e7a8", 0.00653612040788051),
    "log_deviation_168": ("1d7061a5", -5.1893477365748915),
    "deviation_ratio_24_168": ("ee98f8cc", 0.14351282557083334),
    "parkinson_24": ("83a066b2", -5.140226504298579),
    "yang_zhang_72": ("ed1a5d62", -5.309474138703802),
    "semivariance_lean_24": ("7a9d4de3", -0.3793633878585026),
    "volume_z_168": ("394e5d3b", -0.10088177324598233),
    "signed_volume_24": ("334cf58d", -0.14485823017226251),
    "close_location": ("825ae588", -0.25800492610838105),
    "funding_24": ("ec8b95dc", 7.05),
    "hour_sine": ("98200cb6", 0.0),
    "hour_cosine": ("8af6c184", 1.0),
    "week_sine": ("77930c89", 0.0),
    "week_cosine": ("4e41338d", 1.0),
}


@pytest.mark.parametrize("name", NAMES)
def test_numbers_change_only_with_their_definition(btc: SymbolBars, name: str) -> None:
    digest, value = GOLDEN[name]
    assert definition_digest([FEATURES[name].definition])[:8] == digest
    assert catalogue.matrix(btc, [name], len(btc) - 1)[-1, 0] == pytest.approx(value, rel=1e-9)


def test_names_that_are_unknown_or_doubled_are_refused_in_one_line() -> None:
    with pytest.raises(ModelError, match="unknown feature retrun_4: did you mean return_4"):
        catalogue.select(["retrun_4"])
    with pytest.raises(ModelError, match="once each: rsi_14"):
        catalogue.lookback(["rsi_14", "adx_14", "rsi_14"])
    with pytest.raises(ModelError, match="none given"):
        catalogue.definitions([])


def test_every_feature_says_what_it_is() -> None:
    for feature in FEATURES.values():
        assert feature.formula
        assert feature.source
        assert feature.definition.startswith(f"{feature.name} r{feature.revision} [")
    assert len({feature.definition for feature in FEATURES.values()}) == len(FEATURES) == 26
