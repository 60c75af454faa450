"""Prove that a strategy reads no future: garble it, and nothing said before may change a bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from typing import NamedTuple

import numpy as np

from aster_ray.errors import AsterError, StrategyError
from aster_ray.strategies.contract import Ladder, Panel, Params, Signals, Strategy
from aster_ray.strategies.encode import ask
from aster_ray.strategies.series import cut

_PRICES = ("open", "high", "low", "close", "volume", "mark", "funding_rate")


class LookAhead(NamedTuple):
    """Something said up to ``row`` changed when only later bars did: the future was read."""

    row: int
    later: str  # what became of the later bars
    column: str
    changed: int  # first row in which a bit differs

    def __str__(self) -> str:
        return (
            f"row {self.row}, later bars {self.later}: {self.column} changed at row {self.changed}"
        )


class Refusal(NamedTuple):
    """The strategy failed on impossible bars: no sign of reading ahead, nor of the contrary."""

    row: int
    later: str
    error: str

    def __str__(self) -> str:
        return f"row {self.row}, later bars {self.later}: {self.error}"


Problem = LookAhead | Refusal


def poison_check(
    strategy: Strategy, params: Params, panel: Panel, rows: Sequence[int]
) -> list[Problem]:
    """Return every broken promise; an empty list means causal on every row tried.

    For each row ``t`` the bars after it are replaced by random prices, by NaN and by huge numbers,
    and once they are removed; every signal at rows ``<= t`` must keep its bits.
    """
    problems: list[Problem] = []
    with np.errstate(all="ignore"):  # garbage may overflow; what matters is the past
        honest = _columns(ask(strategy, panel, params), panel)
        for row in rows:
            for kind, garbled in _garbled(panel, row):
                try:
                    poisoned = _columns(ask(strategy, garbled, params), garbled)
                except AsterError as error:
                    problems.append(Refusal(row, kind, str(error)))
                    continue
                problems.extend(
                    LookAhead(row, kind, name, first)
                    for name, values in honest.items()
                    if (first := _first_change(values, poisoned[name], row)) is not None
                )
    return problems


def _garbled(panel: Panel, row: int) -> Iterator[tuple[str, Panel]]:
    """Yield the panel with every bar after ``row`` replaced, by kind of garbage."""
    random = np.random.default_rng(row)
    later = len(panel.open_ms) - row - 1

    def with_later(make: str) -> Panel:
        columns = {}
        for name in _PRICES:
            values = getattr(panel, name).copy()
            if make == "random":
                # Evenly over the orders of magnitude: as often below real prices as above.
                values[row + 1 :] = 10.0 ** random.uniform(-3.0, 6.0, (later, values.shape[1]))
            else:
                values[row + 1 :] = np.nan if make == "missing" else 1e300
            columns[name] = values
        return replace(panel, **columns)

    for make in ("random", "missing", "huge"):
        yield make, with_later(make)
    yield "absent", cut(panel, row + 1)


def _columns(signals: Signals, panel: Panel) -> dict[str, np.ndarray]:
    """Return every column of the answer at full size, by name."""
    shape = panel.close.shape
    columns = {}
    ladder = signals.ladder or Ladder(np.full(shape, np.nan), np.full(shape, np.nan), np.nan)
    for owner, prefix in ((signals, ""), (ladder, "ladder.")):
        for field in fields(owner):
            if field.name == "ladder":
                continue
            values = np.asarray(getattr(owner, field.name))
            if values.ndim and values.shape != shape:
                raise StrategyError(
                    f"{prefix}{field.name} must be a number or have shape {shape} "
                    f"(bars, symbols), had {values.shape}"
                )
            columns[prefix + field.name] = np.broadcast_to(values, shape)
    return columns


def _first_change(before: np.ndarray, after: np.ndarray, row: int) -> int | None:
    """Return the first row up to ``row`` in which a bit differs; any NaN equals any other."""
    old = np.ascontiguousarray(before[: row + 1], dtype=np.float64)
    new = np.ascontiguousarray(after[: row + 1], dtype=np.float64)
    same = (old.view(np.int64) == new.view(np.int64)) | (np.isnan(old) & np.isnan(new))
    changed = np.flatnonzero(~same.all(axis=1))
    return int(changed[0]) if len(changed) else None
