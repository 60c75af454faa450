from __future__ import annotations

import math

import numpy as np
import pytest

from aster_ray.errors import ConfigError, StrategyError
from aster_ray.strategies.momentum import Momentum
from aster_ray.strategies.parameters import none_at_zero, resolve_params, warmup_of


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


def test_numbers_of_numpy_are_numbers_and_huge_ones_are_out_of_bounds() -> None:
    assert resolve_params(Momentum(), {"fast": np.int64(9)})["fast"] == 9.0
    for huge, shown in ((10**400, "inf"), (-(10**400), "-inf")):
        with pytest.raises(ConfigError, match=f"fast must be between 2 and 200, was {shown}$"):
            resolve_params(Momentum(), {"fast": huge})


@pytest.mark.parametrize(
    ("answer", "told"),
    [("too near", ["too near"]), (["a", "b"], ["a", "b"]), (None, []), ((), []), ("", [])],
)
def test_problems_may_be_one_text_several_or_nothing(answer: object, told: list[str]) -> None:
    class Judge(Momentum):
        name = "judge"

        def problems(self, params: object) -> object:
            return answer

    if not told:
        assert resolve_params(Judge(), {})["fast"] == 21.0
        return
    with pytest.raises(ConfigError) as caught:
        resolve_params(Judge(), {})
    assert list(caught.value.problems) == [f"strategy judge: {text}" for text in told]


@pytest.mark.parametrize("answer", [True, 5, [1], {"fast": "too near"}])
def test_problems_that_are_no_texts_are_refused(answer: object) -> None:
    class Judge(Momentum):
        name = "judge"

        def problems(self, params: object) -> object:
            return answer

    with pytest.raises(StrategyError, match=r"strategy judge: problems\(\) must return a tuple"):
        resolve_params(Judge(), {})


class Patient(Momentum):
    name = "patient"

    def __init__(self, bars: object) -> None:
        self._bars = bars

    def warmup(self, params: object) -> object:
        return self._bars


@pytest.mark.parametrize(("bars", "expected"), [(0, 0), (48.0, 48), (10.2, 11), (np.int64(7), 7)])
def test_a_warm_up_is_a_number_of_bars(bars: object, expected: int) -> None:
    assert warmup_of(Patient(bars), {}) == expected
    assert type(warmup_of(Patient(bars), {})) is int


@pytest.mark.parametrize("bars", [None, "48", -1, math.nan, math.inf, True, [3]])
def test_a_warm_up_that_is_none_is_refused(bars: object) -> None:
    with pytest.raises(StrategyError, match=r"strategy patient: warmup\(\) must return a number"):
        warmup_of(Patient(bars), {})
