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
    """One curve: its CSS class, its x and y values, and whether the area to zero is filled.

    With ``lower`` it is a band from there up to ``y``. A NaN breaks the line.
    """

    style: str
    x: np.ndarray
    y: np.ndarray
    filled: bool = False
    lower: np.ndarray | None = None


class Bar(NamedTuple):
    """One row of a horizontal bar chart; ``start`` is where a floating bar begins."""

    name: str
    value: float
    text: str
    start: float = 0.0
    is_total: bool = False


def thinned(x: np.ndarray, y: np.ndarray, limit: int = MAX_POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Return at most ``limit`` points that keep both ends and the extremes of every stretch."""
    kept = kept_rows([y], limit)
    return x[kept], y[kept]


def kept_rows(columns: Sequence[np.ndarray], limit: int = MAX_POINTS) -> np.ndarray:
    """Return at most ``limit`` rows: both ends and each column's extremes in every stretch."""
    count = len(columns[0])
    if count <= limit:
        return np.arange(count)
    stretches = max((limit - 2) // (2 * len(columns)), 1)
    edges = np.linspace(0, count, stretches + 1).astype(int)
    keep = {0, count - 1}
    for column in columns:
        low, high = np.nan_to_num(column, nan=np.inf), np.nan_to_num(column, nan=-np.inf)
        for begin, end in pairwise(edges.tolist()):
            keep.add(begin + int(np.argmin(low[begin:end])))
            keep.add(begin + int(np.argmax(high[begin:end])))
    return np.array(sorted(keep))


def label_format(low: float, high: float, is_percent: bool = False, count: int = 4) -> str:
    """Return the format that tells the ticks of a range apart without idle digits."""
    scale = 100.0 if is_percent else 1.0
    found = ticks(low * scale, high * scale, count)
    step = found[1] - found[0] if len(found) > 1 else max(abs(found[0]), 1e-9)
    # A step such as 2.5 needs one digit more than its size says.
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    digits += abs(step * 10**digits - round(step * 10**digits)) > 1e-6
    return f".{digits}%" if is_percent else f",.{digits}f"


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
    marks = [(math.log10(at), format(at, label_format)) for at in log_ticks(*extent(lines))]
    scaled = [
        line._replace(
            y=np.log10(line.y), lower=None if line.lower is None else np.log10(line.lower)
        )
        for line in lines
    ]
    return _curves(title, scaled, axis, marks)


def line_chart(
    title: str, lines: Sequence[Line], axis: Sequence[tuple[float, str]], label_format: str
) -> str:
    """Return curves over a common x; ``axis`` are x positions with their text."""
    marks = [(at, format(at, label_format)) for at in ticks(*extent(lines))]
    return _curves(title, lines, axis, marks)


def extent(lines: Sequence[Line]) -> tuple[float, float]:
    """Return the lowest and the highest value of any line; 0 and 0 where there is none."""
    values = [line.y for line in lines] + [line.lower for line in lines if line.lower is not None]
    known = [column[~np.isnan(column)] for column in values]
    known = [column for column in known if len(column)]
    if not known:
        return 0.0, 0.0
    return min(float(np.min(one)) for one in known), max(float(np.max(one)) for one in known)


def _curves(
    title: str,
    lines: Sequence[Line],
    axis: Sequence[tuple[float, str]],
    labels: Sequence[tuple[float, str]],
) -> str:
    low, high = extent(lines)
    if not high > low:
        low, high = low - max(abs(low), 1.0) * 0.01, high + max(abs(high), 1.0) * 0.01
    left = min(float(line.x[0]) for line in lines)
    span = max(float(line.x[-1]) for line in lines) - left or 1.0
    shapes = grid([(high - value) / (high - low) for value, _ in labels])
    base = (high - min(max(0.0, low), high)) / (high - low) * HEIGHT
    for line in lines:
        rows = kept_rows([line.y] if line.lower is None else [line.y, line.lower])
        x = (line.x[rows] - left) / span * WIDTH
        shapes += _drawn(line, x, _heights(line.y[rows], low, high), base)
        if line.lower is not None:
            below = _heights(line.lower[rows], low, high)
            points = (
                f"{_points(x, _heights(line.y[rows], low, high))} {_points(x[::-1], below[::-1])}"
            )
            shapes.append(f'<polygon class="area {line.style}" points="{points}"/>')
    marks = [((high - value) / (high - low), text) for value, text in labels]
    places = [((x - left) / span, text) for x, text in axis]
    return plot(title, shapes, [*side_texts(marks), *foot_texts(places)])


def _heights(values: np.ndarray, low: float, high: float) -> np.ndarray:
    found: np.ndarray = (high - values) / (high - low) * HEIGHT
    return found


def _points(x: np.ndarray, y: np.ndarray) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x.tolist(), y.tolist(), strict=True))


def _drawn(line: Line, x: np.ndarray, y: np.ndarray, base: float) -> list[str]:
    """Return the pieces of a line between its gaps."""
    if line.lower is not None:
        return []
    shapes = []
    known = ~np.isnan(y)
    cuts = np.flatnonzero(np.diff(known.astype(np.int8))) + 1
    for begin, end in pairwise([0, *cuts.tolist(), len(y)]):
        if not known[begin]:
            continue
        points = _points(x[begin:end], y[begin:end])
        if line.filled:
            area = f"{x[begin]:.1f},{base:.1f} {points} {x[end - 1]:.1f},{base:.1f}"
            shapes.append(f'<polygon class="area {line.style}" points="{area}"/>')
        shapes.append(f'<polyline class="line {line.style}" points="{points}"/>')
    return shapes


def grid(heights: Sequence[float]) -> list[str]:
    """Return horizontal lines at fractions of the height, 0 at the top."""
    return [
        f'<line class="grid" x1="0" x2="{WIDTH}" y1="{y * HEIGHT:.1f}" y2="{y * HEIGHT:.1f}"/>'
        for y in heights
    ]


def side_texts(marks: Sequence[tuple[float, str]]) -> list[str]:
    """Return labels beside the plot at fractions of its height."""
    return [
        f'<span class="y" style="top:{y * 100:.2f}%">{escape(text)}</span>' for y, text in marks
    ]


def foot_texts(places: Sequence[tuple[float, str]]) -> list[str]:
    """Return labels below the plot at fractions of its width; every second can be spared."""
    return [
        f'<span class="x{" spare" if place % 2 else ""}" '
        f'style="left:{x * 100:.2f}%">{escape(text)}</span>'
        for place, (x, text) in enumerate(places)
    ]


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
    return plot(title, shapes, texts)


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


def plot(title: str, shapes: Sequence[str], texts: Sequence[str]) -> str:
    """Return a drawing that fills the width of the page, with its labels laid over it."""
    return (
        f'<div class="plot"><svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" '
        f'role="img" aria-label="{escape(title)}">{"".join(shapes)}</svg>{"".join(texts)}</div>'
    )
