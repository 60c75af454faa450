"""The parameter values of a sweep, as text: ``fast=8:24:4`` or ``fast=8,12,16``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from aster_ray.errors import ConfigError
from aster_ray.research.request import RunRequest
from aster_ray.strategies.contract import Strategy
from aster_ray.strategies.parameters import misfits

MAX_SETS = 10_000_000


def parse_grid(texts: Sequence[str], request: RunRequest) -> dict[str, tuple[float, ...]]:
    """Return parameter -> values, each checked against the bounds of the strategy swept.

    Raises:
        ConfigError: every problem at once.
    """
    loaded = request.load_strategies()
    if len(loaded) != 1:
        raise ConfigError([f"a sweep needs exactly one strategy, {len(loaded)} were given"])
    if not texts:
        raise ConfigError(["a sweep needs a grid: give --grid name=from:to:step or name=a,b,c"])
    problems: list[str] = []
    grid: dict[str, tuple[float, ...]] = {}
    for text in texts:
        name, _, values = text.partition("=")
        name = name.strip().rpartition(".")[2]
        if name in grid:
            problems.append(f"--grid {text}: {name} is given twice")
            continue
        try:
            grid[name] = _values(values.strip())
        except ValueError as error:
            problems.append(f"--grid {text}: {error}")
        else:
            problems += [f"--grid {text}: {p}" for p in _misfits(loaded[0][0], name, grid[name])]
    sets = math.prod(map(len, grid.values()))
    if sets > MAX_SETS:
        problems.append(f"the grid has {sets:,} sets, more than {MAX_SETS:,}: make it coarser")
    if problems:
        raise ConfigError(problems)
    return grid


def _misfits(strategy: Strategy, name: str, values: tuple[float, ...]) -> list[str]:
    known = {parameter.name: parameter for parameter in strategy.parameters}
    if name not in known:
        return [f"{strategy.name} has no parameter {name!r}; it has {', '.join(known)}"]
    return [problem for value in values for problem in misfits(known[name], value)]


def _values(text: str) -> tuple[float, ...]:
    if ":" in text:
        parts = [_number(part) for part in text.split(":")]
        if len(parts) not in (2, 3):
            raise ValueError("write from:to:step")
        first, last, step = parts if len(parts) == 3 else (*parts, 1.0)
        if not step > 0.0 or last < first:
            raise ValueError("from:to:step must rise and have a positive step")
        # A hair above the division, so that 0.1:0.3:0.1 includes 0.3.
        count = math.floor((last - first) / step * (1.0 + 1e-12) + 1e-9) + 1
        if count > MAX_SETS:
            raise ValueError(f"{count:,} values are too many")
        return tuple(round(first + index * step, 12) for index in range(count))
    values = tuple(_number(part) for part in text.split(",") if part.strip())
    if not values:
        raise ValueError("give at least one value")
    return tuple(dict.fromkeys(values))


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text.strip()!r} is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{text.strip()!r} is not a finite number")
    return value
