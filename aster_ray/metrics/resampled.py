"""What else the same returns could have given: whole paths by the stationary bootstrap.

The returns of a run are cut into equal steps of the UTC clock; a path chains as many steps as the
run has, in blocks as in ``significance`` (Politis and Romano 1994). Each step remembers how deep
and how high its bars went, so the drawdown of a path is measured on every bar, not on the ends of
steps; in the order that happened it is the run's own. It says how much of the curve was the order
of events. It is no forecast: it knows nothing that the run did not see.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from aster_ray.metrics.performance import DAY_MS, returns
from aster_ray.metrics.significance import MIN_RETURNS, RESAMPLES, block_length

METHOD = (
    "stationary bootstrap of returns per step, blocks of geometric length "
    "(Politis and Romano 1994); drawdown on every bar"
)
MEANING = "the same returns in other orders and repeats: what the order of events did; no forecast"
PERCENTILES = (5, 25, 50, 75, 95)
DRAWDOWNS = (0.05, 0.10, 0.20, 0.30, 0.50)
_LENGTHS_MS = tuple(minutes * 60_000 for minutes in (1, 5, 15, 60, 240, 480, 1_440))
_MAX_STEPS = 1_500
_BAND_POINTS = 60
_CHUNK = 125
_TOO_SHORT = f"fewer than {MIN_RETURNS} steps: too little to resample"


class Steps(NamedTuple):
    """A curve in D steps; everything is relative to the equity at the beginning of a step."""

    ms: np.ndarray  # i8[D + 1], ends of the steps, the start first
    last: np.ndarray  # f8[D], 1 + the return of the step
    low: np.ndarray  # f8[D], lowest point, the beginning included
    high: np.ndarray  # f8[D], highest point, the beginning included
    fall: np.ndarray  # f8[D], deepest drawdown within the step
    length_ms: int


class Paths(NamedTuple):
    """R resampled paths of D steps."""

    equity: np.ndarray  # f8[R, points], over the starting capital
    drawdown: np.ndarray  # f8[R], the deepest on any bar
    points: np.ndarray  # i8[points], ends of steps at which ``equity`` was kept


def step_length_ms(span_ms: int, timeframe_ms: int) -> int:
    """Return the shortest usual length, no shorter than a bar, that gives 1,500 steps at most."""
    fitting = [
        length
        for length in _LENGTHS_MS
        if length >= timeframe_ms and length % timeframe_ms == 0 and span_ms / length <= _MAX_STEPS
    ]
    return fitting[0] if fitting else max(DAY_MS, timeframe_ms)


def steps_of(ms: np.ndarray, equity: np.ndarray, timeframe_ms: int) -> Steps:
    """Cut a curve (the start first, equity above zero) at full steps of the UTC clock."""
    length = step_length_ms(int(ms[-1] - ms[0]), timeframe_ms)
    number = (ms[1:] - 1) // length
    begins = np.concatenate([[0], np.flatnonzero(np.diff(number)) + 1])
    ends = np.concatenate([begins[1:], [len(number)]])
    # One row per step; a shorter step repeats its last bar, which changes no extreme.
    reach = np.arange(int(np.max(ends - begins)))
    bars = equity[np.minimum(begins[:, None] + reach, ends[:, None] - 1) + 1]
    before = equity[begins]
    inside = np.concatenate([before[:, None], bars], axis=1)
    peak = np.maximum.accumulate(inside, axis=1)
    return Steps(
        ms=np.concatenate([ms[:1], ms[ends]]),
        last=equity[ends] / before,
        low=np.min(inside, axis=1) / before,
        high=np.max(inside, axis=1) / before,
        fall=np.max(1.0 - inside / peak, axis=1),
        length_ms=length,
    )


def drawn_order(count: int, block: int, draws: int, random: np.random.Generator) -> np.ndarray:
    """Return i8[draws, count], the step of the run that each step of each path repeats."""
    begins = random.random((draws, count)) < 1.0 / block
    begins[:, 0] = True
    place = np.arange(count)
    since = place - np.maximum.accumulate(np.where(begins, place, 0), axis=1)
    anywhere = random.integers(0, count, size=(draws, count))
    first = np.take_along_axis(anywhere, place - since, axis=1)
    order: np.ndarray = (first + since) % count
    return order


def chained(steps: Steps, order: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (equity f8[R, D + 1] over the start, deepest drawdown f8[R]) of chained steps."""
    ends = np.cumprod(steps.last[order], axis=1)
    begins = np.concatenate([np.ones((len(order), 1)), ends[:, :-1]], axis=1)
    high = np.maximum.accumulate(begins * steps.high[order], axis=1)
    # The peak before a step, then the deepest point in it: the other order is ``fall``.
    before = np.concatenate([np.ones((len(order), 1)), high[:, :-1]], axis=1)
    across = 1.0 - begins * steps.low[order] / before
    deepest = np.maximum(across, steps.fall[order]).max(axis=1)
    return np.concatenate([begins, ends[:, -1:]], axis=1), deepest


def resampled_paths(steps: Steps, timeframe_ms: int, seed: int) -> tuple[Paths, int]:
    """Return ``RESAMPLES`` paths and the expected block length in steps."""
    count = len(steps.last)
    block = block_length(count, max(steps.length_ms, timeframe_ms))
    points = np.unique(np.linspace(0, count, min(count, _BAND_POINTS) + 1).astype(np.int64))
    random = np.random.default_rng(seed)
    kept, deepest = [], []
    for _ in range(0, RESAMPLES, _CHUNK):
        equity, fall = chained(steps, drawn_order(count, block, _CHUNK, random))
        kept.append(equity[:, points])
        deepest.append(fall)
    return Paths(np.concatenate(kept), np.concatenate(deepest), points), block


def resampled_report(
    ms: np.ndarray, equity: np.ndarray, timeframe_ms: int, seed: int
) -> dict[str, Any]:
    """Return the section of the report: the band, its ends and the chance of deep drawdowns.

    ``drawdown_beyond`` maps a depth (fraction) to the share of paths that fell further.
    What is undefined is None, with the reason under ``undefined``.
    """
    section: dict[str, Any] = {
        "method": METHOD,
        "meaning": MEANING,
        "draws": RESAMPLES,
        "seed": seed,
        "step_ms": None,
        "steps": None,
        "block_steps": None,
        "total_return": None,
        "max_drawdown": None,
        "loss": None,
        "drawdown_beyond": None,
        "band": None,
        "undefined": _TOO_SHORT,
    }
    if len(returns(equity)) == 0:
        reason = "equity reached zero: nothing can follow" if len(equity) > 1 else _TOO_SHORT
        return section | {"undefined": reason}
    steps = steps_of(ms, equity, timeframe_ms)
    count = len(steps.last)
    known = {"step_ms": steps.length_ms, "steps": count}
    if count < MIN_RETURNS:
        return section | known
    if float(np.ptp(equity)) == 0.0:
        return section | known | {"undefined": "equity never moved: every path is the same"}
    paths, block = resampled_paths(steps, timeframe_ms, seed)
    final, deepest = paths.equity[:, -1] - 1.0, paths.drawdown
    band = np.quantile(paths.equity, [rank / 100.0 for rank in PERCENTILES], axis=0)
    return (
        section
        | known
        | {
            "block_steps": block,
            "total_return": _percentiles(final),
            "max_drawdown": _percentiles(deepest),
            "loss": float(np.mean(final < 0.0)),
            "drawdown_beyond": {
                f"{depth:.2f}": float(np.mean(deepest > depth)) for depth in DRAWDOWNS
            },
            "band": {
                "ms": steps.ms[paths.points],
                **{
                    f"p{rank}": equity[0] * row for rank, row in zip(PERCENTILES, band, strict=True)
                },
            },
            "undefined": None,
        }
    )


def _percentiles(values: np.ndarray) -> dict[str, float]:
    found = np.quantile(values, [rank / 100.0 for rank in PERCENTILES])
    return {f"p{rank}": float(value) for rank, value in zip(PERCENTILES, found, strict=True)}
