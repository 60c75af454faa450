"""The text of a sweep's grid."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aster_ray import settings
from aster_ray.errors import ConfigError
from aster_ray.research.grid import parse_grid
from aster_ray.research.request import RunRequest, build_request


@pytest.fixture(scope="module")
def momentum() -> RunRequest:
    return build_request(settings.load(None, {}), ("momentum",))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("fast=8:24:4", (8.0, 12.0, 16.0, 20.0, 24.0)),
        ("fast=8:10", (8.0, 9.0, 10.0)),
        ("fast=8:11:2", (8.0, 10.0)),
        ("momentum.fast=8, 12", (8.0, 12.0)),
        ("stop_loss=0.1:0.3:0.1", (0.1, 0.2, 0.3)),
        ("stop_loss=0", (0.0,)),
    ],
)
def test_ranges_include_their_end(
    momentum: RunRequest, text: str, values: tuple[float, ...]
) -> None:
    (found,) = parse_grid([text], momentum).values()
    assert found == values


@given(
    first=st.integers(0, 50), steps=st.integers(0, 40), step=st.sampled_from([0.01, 0.1, 0.25, 1.0])
)
def test_a_range_ends_where_it_says(first: int, steps: int, step: float) -> None:
    momentum = build_request(settings.load(None, {}), ("momentum",))
    last = round(first + steps * step, 9)
    if last > 60:
        return
    values = parse_grid([f"adx_min={first}:{last!r}:{step!r}"], momentum)["adx_min"]
    assert len(values) == steps + 1
    assert values[-1] == pytest.approx(last)


def test_every_problem_is_reported_at_once(momentum: RunRequest) -> None:
    texts = ["fast=1:9999:5000", "slow=9:3:1", "slw=1", "adx_min=", "fast=3", "stop_loss=a"]
    with pytest.raises(ConfigError) as caught:
        parse_grid(texts, momentum)
    text = str(caught.value)
    for part in ("between 2 and 200", "must rise", "no parameter 'slw'", "at least one", "'a' is"):
        assert part in text


def test_a_grid_too_big_to_hold_is_refused(momentum: RunRequest) -> None:
    with pytest.raises(ConfigError, match="make it coarser"):
        parse_grid(["fast=2:200", "slow=3:500", "adx_period=2:100", "adx_min=0:60"], momentum)
    with pytest.raises(ConfigError, match="too many"):
        parse_grid(["stop_loss=0:0.5:1e-12"], momentum)


def test_a_sweep_needs_a_grid(momentum: RunRequest) -> None:
    with pytest.raises(ConfigError, match="needs a grid"):
        parse_grid([], momentum)


def test_several_strategies_are_told_apart_by_name() -> None:
    request = build_request(settings.load(None, {}), ("momentum", "mean_reversion"))
    grid = parse_grid(["momentum.stop_loss=0.1,0.2", "fast=8"], request)
    assert grid == {"momentum.stop_loss": (0.1, 0.2), "fast": (8.0,)}
    for text, expected in (
        ("stop_loss=0.1", r"several strategies have it; write momentum\.stop_loss="),
        ("grid.levels=5", "strategy 'grid' does not run here"),
        ("levels=5", "no strategy of this run has a parameter 'levels'"),
    ):
        with pytest.raises(ConfigError, match=expected):
            parse_grid([text], request)
