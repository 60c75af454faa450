"""Which decisions a model may learn from before it is asked about later ones.

Neighbouring labels share their bars, so a random split puts the answers of the test into the
training: on pure noise it scores 90 %. Here training always lies before the test, everything whose
label is not known by then is purged, and an embargo is left between the two.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aster_ray.errors import ModelError

LEAST_ROWS = 200


class Split(NamedTuple):
    """Row numbers to learn from and to be judged on."""

    train: np.ndarray
    test: np.ndarray


class Parts(NamedTuple):
    """Row numbers of the three parts of a period, in the order of time."""

    development: np.ndarray  # trees are grown on it
    calibration: np.ndarray  # probabilities and intervals are fitted on it
    held_out: np.ndarray  # the result is measured on it, once


def divide(
    close_ms: np.ndarray,
    end_ms: np.ndarray,
    embargo_ms: int,
    calibration: float = 0.15,
    held_out: float = 0.25,
) -> Parts:
    """Cut a period into three, each purged against the one that follows.

    Args:
        close_ms: i8[M], when a decision is taken.
        end_ms: i8[M], when its label is known.
        embargo_ms: kept free between the last label of one part and the first decision of the next.
        calibration: share of the distinct close times.
        held_out: share of the distinct close times.

    Raises:
        ModelError: a part has fewer than 200 decisions.
    """
    times = np.unique(close_ms)
    second = _moment(times, 1.0 - held_out)
    first = _moment(times, 1.0 - held_out - calibration)
    development = _settled(close_ms, end_ms, first, embargo_ms)
    middle = _settled(close_ms, end_ms, second, embargo_ms)
    parts = Parts(
        development, middle[close_ms[middle] >= first], np.flatnonzero(close_ms >= second)
    )
    for name, rows in parts._asdict().items():
        _require(name.replace("_", "-"), rows)
    return parts


def walk_forward(
    close_ms: np.ndarray, end_ms: np.ndarray, folds: int, embargo_ms: int
) -> list[Split]:
    """Return ``folds`` splits: each tests the next block of time on all that was settled before it.

    The period is cut into ``folds + 1`` blocks of equal time; the first is only learnt from.
    """
    times = np.unique(close_ms)
    edges = [_moment(times, (k + 1) / (folds + 1)) for k in range(folds)] + [int(times[-1]) + 1]
    splits = []
    for k in range(folds):
        test = np.flatnonzero((close_ms >= edges[k]) & (close_ms < edges[k + 1]))
        split = Split(_settled(close_ms, end_ms, edges[k], embargo_ms), test)
        _require(f"training of fold {k + 1}", split.train)
        _require(f"test of fold {k + 1}", split.test)
        splits.append(split)
    return splits


def _settled(
    close_ms: np.ndarray, end_ms: np.ndarray, moment_ms: int, embargo_ms: int
) -> np.ndarray:
    """Return the rows whose label is known, embargo included, when ``moment_ms`` comes."""
    return np.flatnonzero((close_ms < moment_ms) & (end_ms + embargo_ms <= moment_ms))


def _moment(times: np.ndarray, share: float) -> int:
    return int(times[min(round(share * len(times)), len(times) - 1)])


def _require(name: str, rows: np.ndarray) -> None:
    if len(rows) < LEAST_ROWS:
        raise ModelError(
            f"the {name} part has {len(rows)} decisions, {LEAST_ROWS} are the least that says "
            "anything; ask for a longer period, more symbols or a shorter timeframe"
        )
