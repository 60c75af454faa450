"""The columns against TA-Lib and against the formulas in their own text, written the slow way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import talib

from aster_ray.features import catalogue
from aster_ray.features.bars import SymbolBars
from aster_ray.features.catalogue import FEATURES

Window = dict[str, np.ndarray]
Oracle = Callable[[Window], float]


def deviation(close: np.ndarray, bars: int = 168) -> float:
    return float(np.std(np.diff(np.log(close))[-bars:]))


def a_return(bars: int) -> Oracle:
    return lambda w: float(
        np.log(w["close"][-1] / w["close"][-1 - bars]) / deviation(w["close"]) / np.sqrt(bars)
    )


def a_distance(period: int) -> Oracle:
    return lambda w: float(
        np.log(w["close"][-1] / talib.EMA(w["close"][-8 * period :], period)[-1])
        / (deviation(w["close"]) * np.sqrt(period))
    )


def bollinger(w: Window) -> float:
    upper, middle, lower = talib.BBANDS(w["close"], 20, 2.0, 2.0)
    return float(4.0 * (w["close"][-1] - middle[-1]) / (upper[-1] - lower[-1]))


def yang_zhang(w: Window) -> float:
    n = 72
    o, h, low, c = (np.log(w[name]) for name in ("open", "high", "low", "close"))
    overnight = np.var(o[-n:] - c[-n - 1 : -1], ddof=1)
    inside = np.var(c[-n:] - o[-n:], ddof=1)
    rogers = np.mean(((h - c) * (h - o) + (low - c) * (low - o))[-n:])
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    return float(0.5 * np.log(overnight + k * inside + (1 - k) * rogers))


def volume_z(w: Window) -> float:
    turnover = (w["volume"] * w["close"])[-168:]
    level = np.log1p(turnover / turnover.mean())
    return float((level[-1] - level.mean()) / level.std())


def lean(w: Window) -> float:
    r = np.diff(np.log(w["close"]))[-24:]
    return float((np.sum(r[r > 0] ** 2) - np.sum(r[r < 0] ** 2)) / np.sum(r**2))


def signed_volume(w: Window) -> float:
    volume = w["volume"][-24:]
    return float(np.sum(np.sign(np.diff(w["close"])[-24:]) * volume) / volume.sum())


def a_hand(function: Callable[[float], float], hours: int, shift: int) -> Oracle:
    return lambda w: float(
        function(2 * np.pi * ((w["close_ms"][-1] / 3_600_000 - shift) % hours) / hours)
    )


ORACLES: dict[str, Oracle] = {
    **{f"return_{bars}": a_return(bars) for bars in (1, 4, 12, 24, 72, 168)},
    "range_position_168": lambda w: float(
        talib.WILLR(w["high"], w["low"], w["close"], 168)[-1] / 50.0 + 1.0
    ),
    "rsi_14": lambda w: float(talib.RSI(w["close"], 14)[-1] / 50.0 - 1.0),
    "bollinger_z_20": bollinger,
    "ema_distance_12": a_distance(12),
    "ema_distance_32": a_distance(32),
    "adx_14": lambda w: float(talib.ADX(w["high"], w["low"], w["close"], 14)[-1] / 100.0),
    "di_difference_14": lambda w: float(
        talib.PLUS_DI(w["high"], w["low"], w["close"], 14)[-1] / 100.0
        - talib.MINUS_DI(w["high"], w["low"], w["close"], 14)[-1] / 100.0
    ),
    "log_deviation_168": lambda w: float(np.log(deviation(w["close"]))),
    "deviation_ratio_24_168": lambda w: float(
        np.log(deviation(w["close"], 24) / deviation(w["close"]))
    ),
    "parkinson_24": lambda w: float(
        0.5 * np.log(np.mean(np.log(w["high"] / w["low"])[-24:] ** 2) / (4 * np.log(2)))
    ),
    "yang_zhang_72": yang_zhang,
    "semivariance_lean_24": lean,
    "volume_z_168": volume_z,
    "signed_volume_24": signed_volume,
    "close_location": lambda w: float(
        (2 * w["close"] - w["high"] - w["low"])[-1] / (w["high"] - w["low"])[-1]
    ),
    "funding_24": lambda w: float(1e4 * w["funding_rate"][-24:].sum()),
    "hour_sine": a_hand(np.sin, 24, 0),
    "hour_cosine": a_hand(np.cos, 24, 0),
    "week_sine": a_hand(np.sin, 168, 96),
    "week_cosine": a_hand(np.cos, 168, 96),
}


def test_every_feature_has_an_oracle() -> None:
    assert ORACLES.keys() == FEATURES.keys()


@pytest.mark.parametrize("name", ORACLES)
def test_a_column_is_what_its_formula_says(btc: SymbolBars, name: str) -> None:
    column = catalogue.matrix(btc, [name])[:, 0]
    need = FEATURES[name].lookback
    for end in range(need, len(btc), 97):
        window = {
            field: getattr(btc, field)[end - need : end]
            for field in ("close_ms", "open", "high", "low", "close", "volume", "funding_rate")
        }
        assert column[end - 1] == pytest.approx(ORACLES[name](window), rel=1e-8, abs=1e-9)


@pytest.mark.parametrize("name", ["adx_14", "rsi_14"])
def test_a_window_is_long_enough_to_agree_with_the_endless_indicator(
    btc: SymbolBars, name: str
) -> None:
    column = catalogue.matrix(btc, [name])[:, 0]
    endless = {
        "rsi_14": talib.RSI(btc.close, 14) / 50.0 - 1.0,
        "adx_14": talib.ADX(btc.high, btc.low, btc.close, 14) / 100.0,
    }[name]
    assert np.nanmax(np.abs(column - endless)) < 2e-5


def test_monday_midnight_is_where_the_week_begins() -> None:
    monday = 1_735_516_800_000  # 2024-12-30 00:00 UTC
    bars = SymbolBars.of(monday + 42 * 3_600_000 * np.arange(3), np.ones((6, 3)))
    week = catalogue.matrix(bars, ["week_sine", "week_cosine"])
    np.testing.assert_allclose(week, [[0, 1], [1, 0], [0, -1]], atol=1e-12)
