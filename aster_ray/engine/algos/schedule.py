"""How much of a parent is due by when, as far as time alone decides it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from aster_ray.engine.algos.almgren_chriss import Liquidity, days, usual_impact, weights
from aster_ray.engine.algos.config import Algorithm
from aster_ray.engine.algos.norms import Norms
from aster_ray.engine.algos.parent import Parent
from aster_ray.model.instrument import Instrument


class Timing(NamedTuple):
    """Over which time, in how many slices, how averse to risk, and what impact is expected.

    The last two are ``temporary_impact`` and ``permanent_impact`` of ``ExecutionConfig``.
    """

    schedule_ms: int
    slices: int
    risk_aversion: float = 0.0
    temporary_share: float = 0.01
    permanent_share: float = 0.1


def weights_of(
    algorithm: Algorithm, parent: Parent, instrument: Instrument, norms: Norms, timing: Timing
) -> tuple[float, ...]:
    """Return the share of each slice; what the norms do not tell is taken as flat."""
    count = timing.slices
    if algorithm in (Algorithm.MARKET, Algorithm.MAKER_FIRST):
        return (1.0,)
    if algorithm is Algorithm.VWAP:
        edges = [parent.decided_ms + timing.schedule_ms * k // count for k in range(count + 1)]
        shares = [norms.share(a, b) for a, b in pairwise(edges)]
        total = math.fsum(shares)
        if total > 0.0:
            return tuple(share / total for share in shares)
    known = norms.daily_lots > 0.0 and norms.daily_volatility > 0.0 and instrument.half_spread > 0.0
    if algorithm is Algorithm.ADAPTIVE and timing.risk_aversion > 0.0 and known:
        market = Liquidity(
            value=parent.decision_price * float(instrument.lot),
            half_spread=instrument.half_spread,
            daily_lots=norms.daily_lots,
            daily_volatility=norms.daily_volatility,
            temporary_share=timing.temporary_share,
            permanent_share=timing.permanent_share,
        )
        tau = days(timing.schedule_ms / count)
        return tuple(weights(usual_impact(market), timing.risk_aversion, count, tau))
    return (1.0 / count,) * count


def due_table(total: int, shares: Sequence[float]) -> tuple[int, ...]:
    """Return how many lots are due once each slice has begun; all of them with the last.

    Rounding never loses a lot: it is the sums that are rounded.
    """
    sums = list(accumulate(shares))
    return tuple(int(total * (share / sums[-1]) + 0.5) for share in sums)


def due_at(table: Sequence[int], schedule_ms: int, elapsed_ms: float) -> int:
    """Return how many lots are due so long after the decision."""
    if elapsed_ms < 0:
        return 0
    if elapsed_ms >= schedule_ms:
        return table[-1]
    return table[min(int(elapsed_ms * len(table) / schedule_ms), len(table) - 1)]
