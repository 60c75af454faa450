"""Settle the numbers a strategy is run with: defaults, bounds, and every problem at once."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from numbers import Real

from aster_ray.errors import ConfigError, StrategyError
from aster_ray.strategies.blame import call
from aster_ray.strategies.contract import Parameter, Params, Strategy


def none_at_zero(fraction: float) -> float:
    """Return NaN, the kernel's "none", for a stop or take profit that is switched off with 0."""
    return fraction if fraction > 0.0 else math.nan


def _number(value: object) -> float | None:
    """Return any real number, numpy's too, as f8; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    try:
        return float(value)
    except OverflowError:  # a whole number of more than 308 digits
        return math.inf if value == abs(value) else -math.inf


def misfits(parameter: Parameter, value: object) -> Sequence[str]:
    """Name what is wrong with one value; empty when it fits."""
    number = _number(value)
    if number is None:
        return (f"{parameter.name} must be a number, was {value!r}",)
    if not parameter.low <= number <= parameter.high:  # also refuses NaN
        bounds = f"{parameter.low:g} and {parameter.high:g}"
        return (f"{parameter.name} must be between {bounds}, was {number:g}",)
    if parameter.integer and not number.is_integer():
        return (f"{parameter.name} must be a whole number, was {number:g}",)
    return ()


def flaws(parameter: Parameter) -> Sequence[str]:
    """Name what is wrong with a declaration; empty when it can be set, swept and shown."""
    name: object = parameter.name  # whatever a person's file gave
    if not isinstance(name, str) or not name.isidentifier():
        return (f"a parameter's name must be a word like entry_bars, was {name!r}",)
    found = []
    for bound in ("low", "high"):
        value = getattr(parameter, bound)
        number = _number(value)
        if number is None or not math.isfinite(number):
            found.append(f"{bound} of {name} must be a finite number, was {value!r}")
    return found or misfits(parameter, parameter.default)


def _together(strategy: Strategy, params: Params) -> Sequence[str]:
    """Return what the strategy itself finds wrong with its parameters."""
    found = call(strategy, "problems", params)
    if found is None or found == "":
        return ()
    if isinstance(found, str):  # forgiving: a tuple of one is easily written without its comma
        return (found,)
    if not isinstance(found, list | tuple) or not all(isinstance(text, str) for text in found):
        raise StrategyError(
            f"strategy {strategy.name}: problems() must return a tuple of texts, returned {found!r}"
        )
    return found


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
        number = _number(value)
        if not wrong and number is not None:
            params[name] = number
    if not problems and hasattr(strategy, "problems"):
        problems.extend(_together(strategy, params))
    if problems:
        raise ConfigError([f"strategy {strategy.name}: {problem}" for problem in problems])
    return params


def warmup_of(strategy: Strategy, params: Params) -> int:
    """Return how many bars the strategy must see before it may be trusted.

    Raises:
        StrategyError: ``warmup()`` failed or did not return a number of bars.
    """
    bars = call(strategy, "warmup", params)
    number = _number(bars)
    if number is None or not 0.0 <= number < math.inf:
        raise StrategyError(
            f"strategy {strategy.name}: warmup() must return a number of bars, 0 or more, "
            f"returned {bars!r}"
        )
    return math.ceil(number)
