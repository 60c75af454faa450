"""How one parent is carried out: everything its algorithm depends on besides what it observes.

Whatever was estimated from the past (the day's volume curve, impact, volatility) has become the
``weights`` here, so that a restart needs the record of the parent and nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aster_ray.engine.algos.config import Algorithm, ExecutionConfig
from aster_ray.engine.algos.norms import Norms
from aster_ray.engine.algos.parent import Parent
from aster_ray.engine.algos.schedule import Timing, weights_of
from aster_ray.model.instrument import Instrument

_MOST_SLICES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """See ``ExecutionConfig`` for what each of these does.

    Attributes:
        window_ms: from the decision to the end of the schedule, when all must have been taken.
        weights: share of the parent that each slice of the window adds; they sum to 1.
    """

    algorithm: Algorithm
    window_ms: int
    weights: tuple[float, ...] = (1.0,)
    maker_first: bool = False
    rest_ms: int = 4_000
    requote_ms: int = 1_000
    requote_ticks: int = 1
    participation: float = 0.1
    max_participation: float = 0.0
    catch_up: float = 0.2
    wide_spread: float = 1.5
    tight_spread: float = 0.75
    patience: float = 0.15
    depth_share: float = 0.25
    reach: float = 2.0
    pause_ms: int = 1_000
    collar: float = 0.0
    retry_ms: int = 1_000
    stale_ms: int = 5_000

    @property
    def schedule_ms(self) -> int:
        """Return over how long slices begin: one that rests first must begin earlier."""
        return self.window_ms - (self.rest_ms if self.maker_first else 0)


_COPIED = (
    "requote_ms",
    "requote_ticks",
    "participation",
    "max_participation",
    "catch_up",
    "wide_spread",
    "tight_spread",
    "patience",
    "depth_share",
    "reach",
    "pause_ms",
    "collar",
    "retry_ms",
    "stale_ms",
)


def params_of(
    config: ExecutionConfig, parent: Parent, instrument: Instrument, norms: Norms
) -> Params:
    """Return how ``config`` wants a parent carried out, given what is usual in its market."""
    algorithm = config.algorithm_of(instrument.base, reduce_only=parent.reduce_only)
    maker_first = config.maker_first or algorithm is Algorithm.MAKER_FIRST
    until_deadline = parent.deadline_ms - parent.decided_ms
    window_ms = max(1, int(config.window * until_deadline))
    if algorithm in (Algorithm.MARKET, Algorithm.MAKER_FIRST):
        window_ms = min(window_ms, config.rest_ms) if maker_first else 1
    rest_ms = min(config.rest_ms, window_ms)
    schedule_ms = window_ms - (rest_ms if maker_first else 0)
    slices = min(max(1, schedule_ms // config.slice_ms), _MOST_SLICES)
    timing = Timing(
        schedule_ms,
        slices,
        config.risk_aversion,
        config.temporary_impact,
        config.permanent_impact,
    )
    return Params(
        algorithm=algorithm,
        window_ms=window_ms,
        weights=weights_of(algorithm, parent, instrument, norms, timing),
        maker_first=maker_first,
        rest_ms=rest_ms,
        **{name: getattr(config, name) for name in _COPIED},
    )


def params_record(params: Params) -> dict[str, Any]:
    """Return the parameters as JSON."""
    return {**dataclasses.asdict(params), "weights": list(params.weights)}


def params_from(record: Mapping[str, Any]) -> Params:
    """Return what ``params_record`` was given."""
    algorithm, weights = Algorithm(record["algorithm"]), tuple(record["weights"])
    return Params(**{**record, "algorithm": algorithm, "weights": weights})
