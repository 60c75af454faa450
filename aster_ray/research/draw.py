"""Sets drawn at random from a grid, without listing the grid."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence

from aster_ray.errors import ConfigError
from aster_ray.research.sweep import Sets

# Draws per wanted set before a grid counts as exhausted of combinations its strategy allows.
_PATIENCE = 200

Values = tuple[float, ...]


def draw_sets(
    grid: Mapping[str, Sequence[float]],
    settle: Callable[[Sequence[float]], Sets],
    count: int,
    seed: int,
) -> list[tuple[Values, Sets]]:
    """Return up to ``count`` distinct allowed sets as (values, parameters), the same for a seed.

    Args:
        grid: parameter -> the values to draw from.
        settle: as ``sweep.settler`` returns; a ConfigError means the set is not allowed.
        count: sets wanted; fewer come back where the grid has no more.
        seed: of the draw.
    """
    columns = list(grid.values())
    total = math.prod(map(len, columns))
    source = random.Random(seed)
    seen: set[int] = set()
    found: list[tuple[Values, Sets]] = []
    refused: list[str] = []
    for _ in range(_PATIENCE * count):
        if len(found) == count or len(seen) == total:
            break
        place = source.randrange(total)
        if place in seen:
            continue
        seen.add(place)
        values = at(columns, place)
        try:
            found.append((values, settle(values)))
        except ConfigError as error:
            refused += error.problems
    if not found:
        raise ConfigError(list(dict.fromkeys(refused))[:8] or ["grid must name a parameter"])
    return found


def at(columns: Sequence[Sequence[float]], place: int) -> Values:
    """Return the combination at ``place`` of the grid; the last name runs first."""
    values: list[float] = []
    for column in reversed(columns):
        place, index = divmod(place, len(column))
        values.append(column[index])
    return tuple(reversed(values))
