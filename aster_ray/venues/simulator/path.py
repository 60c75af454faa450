"""What happened inside a bar: a sequence of prints that has exactly its prices and volume."""

from __future__ import annotations

import itertools
import random
from typing import NamedTuple

from aster_ray.model.enums import Side


class TickBar(NamedTuple):
    """A bar in ticks and lots."""

    open: int
    high: int
    low: int
    close: int
    lots: int


class Print(NamedTuple):
    """One trade of the market with itself: price, who was the taker, how much (may be 0)."""

    ticks: int
    side: Side
    lots: int


FEWEST_STEPS = 4  # open, two extremes, close


def bar_prints(bar: TickBar, steps: int, rng: random.Random) -> list[Print]:
    """Return ``steps`` prints whose open, high, low, close and volume are those of the bar.

    A rising bar visits its low first, a falling one its high. The four prices always trade, so a
    bar of less volume than that gains the missing lots; a bar without volume trades nothing.

    Raises:
        ValueError: fewer than ``FEWEST_STEPS``.
    """
    if steps < FEWEST_STEPS:
        raise ValueError(f"a bar takes at least {FEWEST_STEPS} steps, was {steps}")
    first, second = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
    turns = sorted(rng.sample(range(1, steps - 1), 2)) if steps > FEWEST_STEPS else [1, 2]
    anchors = {0: bar.open, turns[0]: first, turns[1]: second, steps - 1: bar.close}
    prices = _walk(bar, anchors, steps, rng)
    lots = _portions(bar.lots, anchors, steps, rng)
    prints = []
    before, side = prices[0], Side.BUY if rng.random() < 0.5 else Side.SELL
    for ticks, portion in zip(prices, lots, strict=True):
        if ticks != before:
            side = Side.BUY if ticks > before else Side.SELL
        elif rng.random() < 0.5:
            side = Side.BUY if side is Side.SELL else Side.SELL
        prints.append(Print(ticks, side, portion))
        before = ticks
    return prints


def _walk(bar: TickBar, anchors: dict[int, int], steps: int, rng: random.Random) -> list[int]:
    """Go from anchor to anchor, straying a little, never out of the bar."""
    prices = [0] * steps
    stops = sorted(anchors)
    reach = max(1, (bar.high - bar.low) // 12)
    for begin, end in itertools.pairwise(stops):
        start, goal = anchors[begin], anchors[end]
        prices[begin] = start
        for step in range(begin + 1, end):
            straight = start + (goal - start) * (step - begin) // (end - begin)
            stray = straight + rng.randint(-reach, reach)
            prices[step] = min(max(stray, bar.low), bar.high)
    prices[-1] = bar.close
    return prices


def _portions(lots: int, anchors: dict[int, int], steps: int, rng: random.Random) -> list[int]:
    """Split a volume, keeping one lot for each anchor."""
    if lots == 0:
        return [0] * steps
    portions = [1 if step in anchors else 0 for step in range(steps)]
    left = lots - len(anchors)
    if left <= 0:
        return portions
    weights = [rng.random() ** 2 for _ in range(steps)]
    total = sum(weights) or 1.0
    shares = [int(left * weight / total) for weight in weights]
    shares[rng.randrange(steps)] += left - sum(shares)
    return [portion + share for portion, share in zip(portions, shares, strict=True)]
