"""The parameter values of a sweep, as text: ``fast=8:24:4`` or ``fast=8,12,16``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from aster_ray.errors import ConfigError
from aster_ray.research.request import RunRequest
from aster_ray.strategies.contract import Parameter, Strategy
from aster_ray.strategies.parameters import misfits

MAX_SETS = 1_000_000


def parse_grid(
    texts: Sequence[str], request: RunRequest, most: int = MAX_SETS
) -> dict[str, tuple[float, ...]]:
    """Return parameter -> values, each checked against its strategy's bounds.

    A name that several strategies of the run have is written ``strategy.name``. ``most`` bounds the
    combinations; a search that draws from them rather than listing them may allow more.

    Raises:
        ConfigError: every problem at once.
    """
    if not texts:
        raise ConfigError(["a sweep needs a grid: give --grid name=from:to:step or name=a,b,c"])
    strategies = [strategy for strategy, _ in request.load_strategies()]
    problems: list[str] = []
    grid: dict[str, tuple[float, ...]] = {}
    for text in texts:
        name, _, values = text.partition("=")
        name = name.strip()
        if name in grid:
            problems.append(f"--grid {text}: {name} is given twice")
            continue
        try:
            grid[name] = _values(values.strip())
            parameter = _parameter(name, strategies)
        except ValueError as error:
            problems.append(f"--grid {text}: {error}")
        else:
            found = (problem for value in grid[name] for problem in misfits(parameter, value))
            problems += [f"--grid {text}: {problem}" for problem in found]
    sets = math.prod(map(len, grid.values()))
    if sets > most:
        problems.append(f"the grid has {sets:,} sets, more than {most:,}: make it coarser")
    if problems:
        raise ConfigError(problems)
    return grid


def _parameter(name: str, strategies: Sequence[Strategy]) -> Parameter:
    owner, _, plain = name.rpartition(".")
    asked = [strategy for strategy in strategies if owner in ("", strategy.name)]
    if not asked:
        running = ", ".join(strategy.name for strategy in strategies)
        raise ValueError(f"strategy {owner!r} does not run here; {running} do")
    found = [
        (strategy, parameter)
        for strategy in asked
        for parameter in strategy.parameters
        if parameter.name == plain
    ]
    if not found:
        if len(asked) > 1:
            raise ValueError(f"no strategy of this run has a parameter {plain!r}")
        known = ", ".join(parameter.name for parameter in asked[0].parameters)
        raise ValueError(f"{asked[0].name} has no parameter {plain!r}; it has {known}")
    if len(found) > 1:
        raise ValueError(f"several strategies have it; write {found[0][0].name}.{plain}=")
    return found[0][1]


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
    seen: set[float] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"{value:g} is given more than once: leave it out")
        seen.add(value)
    return values


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text.strip()!r} is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{text.strip()!r} is not a finite number")
    return value
