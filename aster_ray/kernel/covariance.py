"""The EWMA covariance of mark returns (RiskMetrics 1996), from which limits know co-movement."""

from __future__ import annotations

import numpy as np

from aster_ray._jit import lean_kernel
from aster_ray.kernel.records import Book


@lean_kernel
def blend_covariance(
    covariance: np.ndarray,
    weight: np.ndarray,
    previous: np.ndarray,
    marks: np.ndarray,
    decay: float,
) -> None:
    """Blend one bar of mark returns into an EWMA covariance f8[N, N] (RiskMetrics 1996).

    After n returns it is ``sum d^k r[n-k] r'[n-k] / sum d^k`` over k = 0..n-1: divided by the
    weights there were, not by those of an endless past, which would count the bars before the
    first as bars without risk and show less of it than there is for some 1 / (1 - d) bars.
    ``weight`` f8[N, N] holds ``(1 - d) sum d^k``, zero before the first return of a pair. A symbol
    without a mark now or before contributes nothing; its entries keep their value.
    """
    count = len(marks)
    for a in range(count):
        if np.isnan(previous[a]) or np.isnan(marks[a]):
            continue
        ra = marks[a] / previous[a] - 1.0
        for b in range(a + 1):
            if np.isnan(previous[b]) or np.isnan(marks[b]):
                continue
            rb = marks[b] / previous[b] - 1.0
            old = decay * weight[a, b]
            new = old + (1.0 - decay)
            value = (old * covariance[a, b] + (1.0 - decay) * ra * rb) / new
            covariance[a, b] = value
            covariance[b, a] = value
            weight[a, b] = new
            weight[b, a] = new


@lean_kernel
def update_covariance(book: Book, decay: float, marks: np.ndarray) -> None:
    """Move the book's covariance by one bar; call it before the marks move."""
    blend_covariance(book.covariance, book.covariance_weight, book.positions.mark, marks, decay)


@lean_kernel
def covariance_path(
    marks: np.ndarray, decay: float, previous: np.ndarray, weight: np.ndarray, path: np.ndarray
) -> None:
    """Fill ``path`` f8[T, N, N] with the covariance after each row of ``marks`` f8[T, N].

    It depends on the market alone, so a sweep computes it once for all its accounts.
    ``previous`` f8[N] and ``weight`` f8[N, N] are scratch and start as NaN and zero.
    """
    count = marks.shape[1]
    for t in range(len(marks)):
        for a in range(count):
            for b in range(count):
                path[t, a, b] = path[t - 1, a, b] if t > 0 else 0.0
        blend_covariance(path[t], weight, previous, marks[t], decay)
        for n in range(count):
            if not np.isnan(marks[t, n]):
                previous[n] = marks[t, n]


@lean_kernel
def load_covariance(book: Book, known: np.ndarray) -> None:
    """Give the book one row of ``covariance_path``."""
    for a in range(len(known)):
        for b in range(len(known)):
            book.covariance[a, b] = known[a, b]
