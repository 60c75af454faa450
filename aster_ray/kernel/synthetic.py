"""The built-in market's prices: one factor, regimes, stochastic volatility and jumps.

Only ``+ - * / sqrt`` and comparisons on integers drawn beforehand: these are exact in IEEE
arithmetic, so a seed gives the same bits on every machine. ``exp``, ``log`` and ``pow`` are not.
"""

from __future__ import annotations

import math

import numpy as np

from aster_ray._jit import kernel

# Columns of the factor, one row a minute.
SHOCK, SIGMA, DRIFT, JUMP, GAP = range(5)
# Columns of the regime table: mean minutes, drift a minute, volatility multiple, pull to the mean.
STAY, PUSH, SCALE, PULL = range(4)
# Columns of a symbol's profile.
START, VOLATILITY, LOADING, TICKS_PER_UNIT, LOTS_PER_UNIT, TURNOVER = range(6)
# Words of random bits a minute: for the factor, and for each symbol.
FACTOR_WORDS, SYMBOL_WORDS = 3, 4

_MINUTE_SIGMA = 1.0 / math.sqrt(525_600.0)  # of an annual volatility of 1
_NORMAL_SCALE = math.sqrt(3.0) / 65_536.0  # four uniform 16-bit numbers have this deviation
_UNIT = 1.0 / 4_294_967_296.0
# Unsigned, or compiled shifts would copy the sign bit.
_U16, _U32, _U48 = np.uint64(16), np.uint64(32), np.uint64(48)
_LOW16, _LOW32 = np.uint64(0xFFFF), np.uint64(0xFFFFFFFF)
_BIT0, _NO_BITS = np.uint64(1), np.uint64(0)
_LARGEST_MOVE = 0.2
# Jumps a minute, of the market and of one symbol alone; as many again come as gaps, on the hour,
# because news is released on the hour: then every timeframe up to 1h sees them between two bars.
_MARKET_JUMPS, _OWN_JUMPS = 0.00009, 0.00005


@kernel
def normal(word: np.uint64) -> float:
    """Return a bell-shaped number of mean 0 and deviation 1 from 64 random bits."""
    low = (word & _LOW16) + ((word >> _U16) & _LOW16)
    total = low + ((word >> _U32) & _LOW16) + (word >> _U48)
    return (float(total) - 131_070.0) * _NORMAL_SCALE


@kernel
def high_unit(word: np.uint64) -> float:
    """Return a number in [0, 1) from the upper half of 64 random bits."""
    return float(word >> _U32) * _UNIT


@kernel
def low_unit(word: np.uint64) -> float:
    """Return a number in [0, 1) from the lower half of 64 random bits."""
    return float(word & _LOW32) * _UNIT


@kernel
def next_variance(variance: float, shock: float, speed: float, roughness: float) -> float:
    """Move a variance of mean 1 by one minute; it clusters, and it never dies."""
    moved = variance + speed * (1.0 - variance) + roughness * math.sqrt(variance) * shock
    return min(max(moved, 0.15), 8.0)


@kernel
def next_regime(regime: int, unit: float, regimes: np.ndarray, chances: np.ndarray) -> int:
    """Stay with the regime's persistence, else draw the next from its row of ``chances``."""
    leave = 1.0 / regimes[regime, STAY]
    if unit >= leave:
        return regime
    drawn = unit / leave
    for candidate in range(len(regimes)):
        drawn -= chances[regime, candidate]
        if drawn < 0.0:
            return candidate
    return regime


@kernel
def _jump(unit: float, chance: float, up: bool) -> float:
    """Return a rare move of 1.5 to 4 %, else zero."""
    if unit >= chance:
        return 0.0
    size = 0.015 + 0.025 * unit / chance
    return size if up else -size


@kernel
def simulate_factor(
    words: np.ndarray, regimes: np.ndarray, chances: np.ndarray, hours: np.ndarray
) -> np.ndarray:
    """Return f8[T, 5]: what moves all symbols together, minute by minute.

    Args:
        words: u8[T, 3] random bits.
        regimes: f8[R, 4] in the columns above; the first is where the market begins.
        chances: f8[R, R], where a regime leads when it ends.
        hours: f8[24], volatility by UTC hour.
    """
    rows = len(words)
    factor = np.zeros((rows, 5))
    regime = 0
    variance = 1.0
    level, usual = 1.0, 1.0
    for row in range(rows):
        regime = next_regime(regime, high_unit(words[row, 2]), regimes, chances)
        variance = next_variance(variance, normal(words[row, 1]), 0.0008, 0.022)
        shock = normal(words[row, 0])
        sigma = math.sqrt(variance) * regimes[regime, SCALE] * hours[(row // 60) % 24]
        drift = regimes[regime, PUSH] - regimes[regime, PULL] * (level / usual - 1.0)
        drift -= 0.000002 * (level - 1.0)  # six months never lead to another order of magnitude
        jump = _jump(low_unit(words[row, 2]), _MARKET_JUMPS, shock > 0.05)
        gap = 0.0
        if row % 60 == 0:
            gap = _jump(low_unit(words[row, 0]), 60.0 * _MARKET_JUMPS, normal(words[row, 2]) > 0.0)
        factor[row, SHOCK] = shock
        factor[row, SIGMA] = sigma
        factor[row, DRIFT] = drift
        factor[row, JUMP] = jump
        factor[row, GAP] = gap
        level *= 1.0 + drift + jump + gap + 0.5 * sigma * _MINUTE_SIGMA * shock
        usual += (level - usual) * 0.0007  # the last day
    return factor


@kernel
def snap(price: float, ticks_per_unit: float) -> float:
    """Return the nearest price on the tick grid, at least one tick."""
    return max(math.floor(price * ticks_per_unit + 0.5), 1.0) / ticks_per_unit


@kernel
def simulate_symbol(
    words: np.ndarray, factor: np.ndarray, profile: np.ndarray, bars: np.ndarray
) -> None:
    """Write one symbol's minutes into ``bars`` f8[T, 5]: open, high, low, close, volume.

    Args:
        words: u8[T, 4] random bits.
        factor: f8[T, 5] from ``simulate_factor``.
        profile: f8[6] in the columns above; ``LOADING`` is the correlation with the factor.
        bars: the output.
    """
    annual, loading = profile[VOLATILITY], profile[LOADING]
    own = math.sqrt(1.0 - loading * loading)
    beta = annual * loading / 0.5
    price, variance = profile[START], 1.0
    for row in range(len(words)):
        variance = next_variance(variance, normal(words[row, 1]), 0.0006, 0.02)
        sigma = annual * _MINUTE_SIGMA * factor[row, SIGMA]
        move = sigma * (
            loading * factor[row, SHOCK] + own * math.sqrt(variance) * normal(words[row, 0])
        )
        move += beta * factor[row, DRIFT]
        move += beta * factor[row, JUMP]
        move += annual * _jump(
            high_unit(words[row, 3]), _OWN_JUMPS, words[row, 0] & _BIT0 == _NO_BITS
        )
        gap = beta * factor[row, GAP]
        if row % 60 == 0:
            gap += annual * _jump(
                low_unit(words[row, 0]), 60.0 * _OWN_JUMPS, words[row, 1] & _BIT0 == _NO_BITS
            )
        move = min(max(move, -_LARGEST_MOVE), _LARGEST_MOVE)
        start = price * (1.0 + min(max(gap, -_LARGEST_MOVE), _LARGEST_MOVE))
        price = start * (1.0 + move)
        reach = 0.6 * sigma * math.sqrt(variance)
        top = max(start, price) * (1.0 + reach * high_unit(words[row, 2]))
        floor = min(start, price) * (1.0 - reach * low_unit(words[row, 2]))
        ticks = profile[TICKS_PER_UNIT]
        bars[row, 0], bars[row, 3] = snap(start, ticks), snap(price, ticks)
        bars[row, 1], bars[row, 2] = snap(top, ticks), snap(floor, ticks)
        bars[row, 4] = _volume(words[row, 3], factor[row, SIGMA] * variance, move / sigma, profile)


@kernel
def _volume(word: np.uint64, activity: float, surprise: float, profile: np.ndarray) -> float:
    """Return base volume on the lot grid: more when the market is busy or surprised."""
    turnover = profile[TURNOVER] * (0.2 + 0.8 * activity) * (0.3 + min(abs(surprise), 8.0))
    lots = profile[LOTS_PER_UNIT]
    return snap(turnover / profile[START] * (0.5 + low_unit(word)), lots)


@kernel
def simulate_mark(bars: np.ndarray, ticks_per_unit: float, mark: np.ndarray) -> None:
    """Write f8[T, 5] mark prices: the close followed closely, without its spikes."""
    fine = ticks_per_unit * 100.0  # venues quote the mark finer than the tick
    level = bars[0, 0]
    for row in range(len(bars)):
        start = level
        level += 0.45 * (bars[row, 3] - level)
        mark[row, 0], mark[row, 3] = snap(start, fine), snap(level, fine)
        mark[row, 1], mark[row, 2] = (
            max(mark[row, 0], mark[row, 3]),
            min(mark[row, 0], mark[row, 3]),
        )
        mark[row, 4] = 0.0


@kernel
def simulate_funding(words: np.ndarray, close: np.ndarray, minutes: int) -> np.ndarray:
    """Return f8[T / minutes] rates: they revert to 0.01 % and lean with the last days' trend."""
    settlements = len(close) // minutes
    rates = np.empty(settlements)
    trend, rate = 0.0, 0.0001
    for index in range(settlements):
        row = index * minutes
        if index > 0:
            trend += 0.25 * (close[row] / close[row - minutes] - 1.0 - trend)
        rate += 0.4 * (0.0001 + 0.03 * trend - rate) + 0.00004 * normal(words[row])
        rates[index] = math.floor(min(max(rate, -0.003), 0.003) * 1e8 + 0.5) / 1e8
    return rates
