"""Settle the numbers a strategy is run with: defaults, bounds, and every problem at once."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence

from aster_ray.errors import ConfigError
from aster_ray.strategies.contract import Parameter, Strategy


def none_at_zero(fraction: float) -> float:
    """Return NaN, the kernel's "none", for a stop or take profit that is switched off with 0."""
    return fraction if fraction > 0.0 else math.nan


def misfits(parameter: Parameter, value: object) -> Sequence[str]:
    """Name what is wrong with one value; empty when it fits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return (f"{parameter.name} must be a number, was {value!r}",)
    if not parameter.low <= value <= parameter.high:  # also refuses NaN
        bounds = f"{parameter.low:g} and {parameter.high:g}"
        return (f"{parameter.name} must be between {bounds}, was {value:g}",)
    if parameter.integer and value != int(value):
        return (f"{parameter.name} must be a whole number, was {value:g}",)
    return ()


def resolve_params(strategy: Strategy, given: Mapping[str, object]) -> dict[str, float]:
    """Return every parameter of ``strategy`` in its declared order, defaults filled in.

    An optional method ``problems(params)`` of the strategy may name what parameters together
    break, e.g. that ``fast`` must be below ``slow``.

    Raises:
        ConfigError: all problems at once.
    """
    known = {parameter.name: parameter for parameter in strategy.parameters}
    problems: list[str] = []
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(known) or 'none'}"
            problems.append(f"unknown parameter {name!r}, {hint}")
    params: dict[str, float] = {}
    for name, parameter in known.items():
        value = given.get(name, parameter.default)
        wrong = misfits(parameter, value)
        problems.extend(wrong)
        if not wrong and isinstance(value, int | float):
            params[name] = float(value)
    together = getattr(strategy, "problems", None)
    if not problems and together is not None:
        problems.extend(together(params))
    if problems:
        raise ConfigError([f"strategy {strategy.name}: {problem}" for problem in problems])
    return params
