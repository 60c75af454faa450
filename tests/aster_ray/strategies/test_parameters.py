from __future__ import annotations

import math

import pytest

from aster_ray.errors import ConfigError
from aster_ray.strategies.momentum import Momentum
from aster_ray.strategies.parameters import none_at_zero, resolve_params


def test_defaults_fill_in_the_declared_order() -> None:
    params = resolve_params(Momentum(), {"slow": 100, "fast": 10})
    assert list(params) == [parameter.name for parameter in Momentum.parameters]
    assert params["slow"] == 100.0
    assert all(type(value) is float for value in params.values())


def test_every_problem_is_told_at_once() -> None:
    given = {"fst": 3, "slow": 1_000, "fast": 2.5, "adx_min": math.nan, "stop_loss": "3%"}
    with pytest.raises(ConfigError) as caught:
        resolve_params(Momentum(), given)
    assert caught.value.exit_code == 2
    assert list(caught.value.problems) == [
        "strategy momentum: unknown parameter 'fst', did you mean fast?",
        "strategy momentum: fast must be a whole number, was 2.5",
        "strategy momentum: slow must be between 3 and 500, was 1000",
        "strategy momentum: adx_min must be between 0 and 60, was nan",
        "strategy momentum: stop_loss must be a number, was '3%'",
    ]


@pytest.mark.parametrize("value", [True, None, [1], math.inf, -math.inf])
def test_what_is_no_finite_number_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match="fast"):
        resolve_params(Momentum(), {"fast": value})


def test_a_strategy_judges_its_parameters_together() -> None:
    with pytest.raises(ConfigError, match="fast must be below slow, was 50 against 50"):
        resolve_params(Momentum(), {"fast": 50, "slow": 50})


def test_zero_switches_a_stop_off() -> None:
    assert math.isnan(none_at_zero(0.0))
    assert none_at_zero(0.02) == 0.02
