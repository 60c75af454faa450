"""Static charts as inline SVG and HTML: no script, readable on a phone.

An SVG stretches to the width of the page with lines that keep their thickness; the labels are
HTML laid over it, so that they keep their size. Every text that comes from outside is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import pairwise
from typing import NamedTuple

import numpy as np

WIDTH, HEIGHT = 1000, 300
MAX_POINTS = 600


class Line(NamedTuple):
    """One curve: its CSS class, its x and y values, and whether the area to zero is filled."""

    style: str
    x: np.ndarray
    y: np.ndarray
    filled: bool = False


class Bar(NamedTuple):
    """One row of a horizontal bar chart; ``start`` is where a floating bar begins."""

    name: str
    value: float
    text: str
    start: float = 0.0
    is_total: bool = False


def thinned(x: np.ndarray, y: np.ndarray, limit: int = MAX_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Return at most ``limit`` points that keep both ends and the extremes of every stretch."""
    if len(x) <= limit:
        return x, y
    edges = np.linspace(0, len(x), limit // 2 + 1).astype(int)
    keep = {0, len(x) - 1}
    for begin, end in pairwise(edges.tolist()):
        keep.add(begin + int(np.argmin(y[begin:end])))
        keep.add(begin + int(np.argmax(y[begin:end])))
    kept = np.array(sorted(keep))
    return x[kept], y[kept]


def ticks(low: float, high: float, count: int = 4) -> list[float]:
    """Return round values inside ``low..high``, about ``count`` of them."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw)
    first = math.ceil(low / step)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten inside ``low..high``, both above zero."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    return [value for value in values if low <= value <= high]


def log_chart(
    title: str, lines: Sequence[Line], axis: Sequence[tuple[float, str]], label_format: str
) -> str:
    """Return curves above zero on a logarithmic scale, where equal steps are equal returns."""
    low = min(float(np.min(line.y)) for line in lines)
    high = max(float(np.max(line.y)) for line in lines)
    marks = [(math.log10(at), format(at, label_format)) for at in log_ticks(low, high)]
    scaled = [line._replace(y=np.log10(line.y)) for line in lines]
    return _curves(title, scaled, axis, marks)


def line_chart(
    title: str, lines: Sequence[Line], axis: Sequence[tuple[float, str]], label_format: str
) -> str:
    """Return curves over a common x; ``axis`` are x positions with their text."""
    low = min(float(np.min(line.y)) for line in lines)
    high = max(float(np.max(line.y)) for line in lines)
    marks = [(at, format(at, label_format)) for at in ticks(low, high)]
    return _curves(title, lines, axis, marks)


def _curves(
    title: str,
    lines: Sequence[Line],
    axis: Sequence[tuple[float, str]],
    labels: Sequence[tuple[float, str]],
) -> str:
    low = min(float(np.min(line.y)) for line in lines)
    high = max(float(np.max(line.y)) for line in lines)
    if not high > low:
        low, high = low - max(abs(low), 1.0) * 0.01, high + max(abs(high), 1.0) * 0.01
    left = min(float(line.x[0]) for line in lines)
    span = max(float(line.x[-1]) for line in lines) - left or 1.0

    def at_y(value: float) -> float:
        return (high - value) / (high - low)

    marks = [(at_y(value), text) for value, text in labels]
    shapes = [
        f'<line class="grid" x1="0" x2="{WIDTH}" y1="{y * HEIGHT:.1f}" y2="{y * HEIGHT:.1f}"/>'
        for y, _ in marks
    ]
    base = at_y(min(max(0.0, low), high)) * HEIGHT
    for line in lines:
        x, y = thinned(line.x, line.y)
        points = " ".join(
            f"{(a - left) / span * WIDTH:.1f},{at_y(b) * HEIGHT:.1f}"
            for a, b in zip(x.tolist(), y.tolist(), strict=True)
        )
        if line.filled:
            area = f"0,{base:.1f} {points} {WIDTH},{base:.1f}"
            shapes.append(f'<polygon class="area {line.style}" points="{area}"/>')
        shapes.append(f'<polyline class="line {line.style}" points="{points}"/>')
    texts = [
        f'<span class="y" style="top:{y * 100:.2f}%">{escape(text)}</span>' for y, text in marks
    ]
    texts += [
        f'<span class="x{" spare" if place % 2 else ""}" '
        f'style="left:{(x - left) / span * 100:.2f}%">{escape(text)}</span>'
        for place, (x, text) in enumerate(axis)
    ]
    return _plot(title, shapes, texts)


def histogram(title: str, values: np.ndarray, label_format: str, bins: int = 31) -> str:
    """Return how often values fall into equal bins; gains and losses in their own colours."""
    low, high = float(np.min(values)), float(np.max(values))
    if not high > low:
        low, high = low - 0.5 * max(abs(low), 1e-9), high + 0.5 * max(abs(high), 1e-9)
    # Zero is an edge, so that no bar mixes gains with losses.
    step = (high - low) / bins
    first, last = math.floor(low / step), math.floor(high / step) + 1
    edges = np.arange(first, last + 1) * step
    counts, _ = np.histogram(values, edges)
    tallest, width = max(int(counts.max()), 1), WIDTH / len(counts)
    shapes = []
    for place, count in enumerate(counts.tolist()):
        if count == 0:
            continue
        size = count / tallest * HEIGHT
        style = "gain" if first + place >= 0 else "loss"
        bounds = f"{edges[place]:{label_format}} to {edges[place + 1]:{label_format}}: {count}"
        shapes.append(
            f'<rect class="{style}" x="{place * width:.1f}" y="{HEIGHT - size:.1f}" '
            f'width="{width * 0.92:.1f}" height="{size:.1f}"><title>{escape(bounds)}</title></rect>'
        )
    span = float(edges[-1] - edges[0])
    texts = [
        f'<span class="x" style="left:{(tick - edges[0]) / span * 100:.2f}%">'
        f"{tick:{label_format}}</span>"
        for tick in ticks(float(edges[0]), float(edges[-1]))
    ]
    texts.append(f'<span class="y" style="top:0%">{tallest}</span>')
    return _plot(title, shapes, texts)


def bar_chart(bars: Sequence[Bar]) -> str:
    """Return horizontal bars, floating ones for the steps of a waterfall."""
    ends = [0.0] + [bar.start for bar in bars] + [bar.start + bar.value for bar in bars]
    low, span = min(ends), (max(ends) - min(ends)) or 1.0
    rows = []
    for bar in bars:
        begin = (min(bar.start, bar.start + bar.value) - low) / span * 100
        width = abs(bar.value) / span * 100
        style = "total" if bar.is_total else "gain" if bar.value >= 0.0 else "loss"
        rows.append(
            f'<div class="bar"><span class="name">{escape(bar.name)}</span><span class="track">'
            f'<i class="{style}" style="left:{begin:.2f}%;width:{width:.2f}%">'
            f'</i></span><span class="number">{escape(bar.text)}</span></div>'
        )
    return f'<div class="bars">{"".join(rows)}</div>'


def _plot(title: str, shapes: Sequence[str], texts: Sequence[str]) -> str:
    return (
        f'<div class="plot"><svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(title)}">{"".join(shapes)}</svg>{"".join(texts)}</div>'
    )
