"""Candles and round trips as inline SVG: what the page shows before its script runs, and on paper.

Candles stretch with the page; the marks of entries and exits keep their shape, because they lie
in an outer drawing that is not stretched and are placed by percentages.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np

from aster_ray.metrics.candles import Candles
from aster_ray.metrics.charts import (
    HEIGHT,
    WIDTH,
    foot_texts,
    grid,
    label_format,
    side_texts,
    ticks,
)
from aster_ray.metrics.round_trips import RoundTrip

_TICKS = 5
# The shapes every mark refers to; once per page.
MARKS = (
    '<svg class="marks" aria-hidden="true"><defs><path id="enter-long" d="M0-6 5 4H-5Z"/>'
    '<path id="enter-short" d="M0 6 5-4H-5Z"/><path id="leave" d="M-3.5-3.5 3.5 3.5M-3.5 3.5 '
    '3.5-3.5"/></defs></svg>'
)


class _Frame(NamedTuple):
    """What the plot shows: times and prices at its edges."""

    left: float
    right: float
    low: float
    high: float

    def x(self, ms: float) -> float:
        return (ms - self.left) / (self.right - self.left)

    def y(self, price: float) -> float:
        return (self.high - price) / (self.high - self.low)

    def holds(self, trip: RoundTrip) -> bool:
        return self.left <= trip.entry_ms <= self.right and self.left <= trip.exit_ms <= self.right


def candle_chart(
    title: str,
    candles: Candles,
    trips: Sequence[RoundTrip],
    axis: Sequence[tuple[float, str]] = (),
) -> str:
    """Return candles with their round trips; ``axis`` are moments (UTC ms) with their text."""
    prices = candles.prices
    levels = [price for trip in trips for price in (trip.entry_price, trip.exit_price)]
    low = min([float(np.min(prices[:, 2])), *levels])
    high = max([float(np.max(prices[:, 1])), *levels])
    room = 0.03 * ((high - low) or max(high, 1e-9))
    frame = _Frame(
        float(candles.ms[0]),
        float(candles.ms[-1] + candles.step_ms),
        low - room,
        high + room,
    )
    spec = label_format(frame.low, frame.high, count=_TICKS)
    labels = [(frame.y(at), format(at, spec)) for at in ticks(frame.low, frame.high, _TICKS)]
    shapes = [*grid([y for y, _ in labels]), *_bodies(candles, frame)]
    inside = [trip for trip in trips if frame.holds(trip)]
    shapes += [_span(trip, frame) for trip in inside]
    marks = "".join(_marks(trip, frame) for trip in inside)
    texts = [*side_texts(labels), *foot_texts([(frame.x(at), text) for at, text in axis])]
    return (
        f'<div class="plot price"><svg role="img" aria-label="{escape(title)}">'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" width="100%" '
        f'height="100%">{"".join(shapes)}</svg>{marks}</svg>{"".join(texts)}</div>'
    )


def _bodies(candles: Candles, frame: _Frame) -> list[str]:
    """Return four paths: wicks and bodies of the candles that rose and of those that fell."""
    width = candles.step_ms / (frame.right - frame.left) * WIDTH
    left = (candles.ms - frame.left) / (frame.right - frame.left) * WIDTH
    heights = (frame.high - candles.prices) / (frame.high - frame.low) * HEIGHT
    rose = candles.prices[:, 3] >= candles.prices[:, 0]
    shapes = []
    for style, chosen in (("gain", rose), ("loss", ~rose)):
        wicks, bodies = [], []
        rows = zip(left[chosen].tolist(), heights[chosen].tolist(), strict=True)
        for x, (opened, high, low, close) in rows:
            wicks.append(f"M{x + width / 2:.1f} {high:.1f}V{low:.1f}")
            bodies.append(
                f"M{x + 0.15 * width:.1f} {opened:.1f}H{x + 0.85 * width:.1f}V{close:.1f}"
                f"H{x + 0.15 * width:.1f}Z"
            )
        if wicks:
            shapes.append(f'<path class="wick {style}" d="{"".join(wicks)}"/>')
            shapes.append(f'<path class="body {style}" d="{"".join(bodies)}"/>')
    return shapes


def _span(trip: RoundTrip, frame: _Frame) -> str:
    style = "gain" if trip.net > 0.0 else "loss"
    begin = f"{frame.x(trip.entry_ms) * WIDTH:.1f} {frame.y(trip.entry_price) * HEIGHT:.1f}"
    end = f"{frame.x(trip.exit_ms) * WIDTH:.1f} {frame.y(trip.exit_price) * HEIGHT:.1f}"
    return f'<path class="trip {style}" d="M{begin}L{end}"/>'


def _marks(trip: RoundTrip, frame: _Frame) -> str:
    enter = "enter-long" if trip.side > 0 else "enter-short"
    found = _mark(enter, frame.x(trip.entry_ms), frame.y(trip.entry_price))
    if trip.is_open:
        return found
    return found + _mark("leave", frame.x(trip.exit_ms), frame.y(trip.exit_price))


def _mark(shape: str, x: float, y: float) -> str:
    return f'<use class="{shape}" href="#{shape}" x="{x * 100:.2f}%" y="{y * 100:.2f}%"/>'
