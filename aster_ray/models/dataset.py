"""Decisions to learn from: one row per symbol and closed bar, with what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from aster_ray.errors import ModelError
from aster_ray.features import catalogue
from aster_ray.features.bars import bars_of
from aster_ray.features.labels import labels_of
from aster_ray.kernel.market import Market
from aster_ray.models.card import Inputs, Label, Span, definition_digest


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """M decisions in the order of time, then symbol.

    Attributes:
        features: f8[M, F], finite, in the order of ``inputs``.
        log_return: f8[M], the label: what a unit position earns before costs, as a log return.
        delayed: f8[M], the same for whoever acts one bar late.
        close_ms: i8[M], when the decision is taken.
        end_ms: i8[M], when its label is known.
        symbol: i8[M], index of its symbol.
    """

    features: np.ndarray
    log_return: np.ndarray
    delayed: np.ndarray
    close_ms: np.ndarray
    end_ms: np.ndarray
    symbol: np.ndarray

    def __len__(self) -> int:
        return len(self.close_ms)

    @property
    def up(self) -> np.ndarray:
        """f8[M]: 1 where the label is a gain, else 0."""
        return (self.log_return > 0.0).astype(np.float64)

    @property
    def span(self) -> Span:
        """Return the period of the decisions."""
        return Span(start_ms=int(self.close_ms[0]), end_ms=int(self.close_ms[-1]), rows=len(self))

    def take(self, rows: np.ndarray) -> Dataset:
        """Return the decisions at ``rows`` (indices or a mask)."""
        return Dataset(*(getattr(self, field.name)[rows] for field in fields(self)))


def catalogue_inputs(names: Sequence[str]) -> Inputs:
    """Return features of the catalogue as a model's inputs."""
    return Inputs(names=tuple(names), digest=definition_digest(catalogue.definitions(names)))


def build_dataset(market: Market, names: Sequence[str], label: Label) -> Dataset:
    """Return every decision of a market whose features and label are defined.

    Args:
        market: rows before ``market.start`` are warm-up and give no decision.
        names: features of the catalogue.
        label: kind, horizon and, for barriers, ``width``.

    Raises:
        ModelError: there is no such decision.
    """
    parts = [_symbol_rows(market, n, names, label) for n in range(len(market.symbols))]
    whole = Dataset(
        *(
            np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(Dataset)
        )
    )
    if not len(whole):
        raise ModelError(
            f"no decision has both its {catalogue.lookback(names)} bars before it and its "
            f"{label.horizon} bars after it; ask for a longer period"
        )
    return whole.take(np.lexsort((whole.symbol, whole.close_ms)))


def _symbol_rows(market: Market, n: int, names: Sequence[str], label: Label) -> Dataset:
    bars, rows = bars_of(market, n)
    features = catalogue.matrix(bars, names)
    labels = labels_of(label.kind, bars, label.horizon, label.parameters.get("width", 1.5))
    late = np.append(labels.log_return[1:], np.nan)
    usable = (rows >= market.start) & np.isfinite(features).all(axis=1)
    usable &= np.isfinite(labels.log_return) & np.isfinite(late)
    kept = np.flatnonzero(usable)
    return Dataset(
        features[kept],
        labels.log_return[kept],
        late[kept],
        bars.close_ms[kept],
        bars.close_ms[labels.end[kept]],
        np.full(len(kept), n),
    )
