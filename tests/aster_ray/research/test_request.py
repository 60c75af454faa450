"""What a run is made of: strategies found, parameters settled, one digest."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aster_ray import settings
from aster_ray.config import read_assignments
from aster_ray.errors import ConfigError, StrategyError
from aster_ray.research.request import RunRequest, build_request
from aster_ray.strategies.template import write_template


def loaded(*assignments: str) -> settings.Settings:
    return settings.load(None, {}, read_assignments(assignments))


def request(
    *strategies: str, params: tuple[str, ...] = (), sets: tuple[str, ...] = ()
) -> RunRequest:
    return build_request(loaded(*sets), strategies, params)


def test_parameters_come_from_defaults_file_and_options_in_that_order() -> None:
    sets = ("strategies.momentum.fast=12", "strategies.momentum.slow=60")
    (name, params), *others = request("momentum", params=("slow=70",), sets=sets).strategies
    assert name == "momentum"
    assert (params["fast"], params["slow"], params["adx_period"]) == (12.0, 70.0, 14.0)
    assert not others


def test_the_configured_strategies_run_unless_named() -> None:
    assert [name for name, _ in request().strategies] == [
        "momentum",
        "mean_reversion",
        "volatility",
        "grid",
    ]
    assert [name for name, _ in request("grid", "grid").strategies] == ["grid"]


def test_a_parameter_finds_its_only_owner_and_a_shared_one_must_be_named() -> None:
    chosen = dict(request(params=("levels=6",)).strategies)
    assert chosen["grid"]["levels"] == 6.0
    with pytest.raises(ConfigError, match=r"several strategies have it; write momentum\.stop_loss"):
        request("momentum", "mean_reversion", params=("stop_loss=0.1",))
    one = dict(request("momentum", "mean_reversion", params=("momentum.stop_loss=0.1",)).strategies)
    assert one["momentum"]["stop_loss"] == 0.1
    assert one["mean_reversion"]["stop_loss"] != 0.1


def test_every_problem_of_every_strategy_is_reported_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        request(
            params=("momentum.fast=9999", "grid.levels=5.5", "x.y=1", "nothing=1", "fast=z"),
            sets=("strategies.momentun.fast=3",),
        )
    assert len(caught.value.problems) == 6


def test_an_unknown_strategy_is_refused() -> None:
    with pytest.raises(StrategyError, match="unknown strategy"):
        request("momentun")


def test_the_digest_covers_parameters_sections_and_a_strategys_own_file(tmp_path: Path) -> None:
    base = request("momentum")
    assert base.digest() == request("momentum").digest()
    assert base.digest() != request("momentum", params=("fast=12",)).digest()
    assert base.digest() != request("momentum", sets=("costs.taker_fee=0.001",)).digest()
    assert base.digest() == request("momentum", sets=("data.path=elsewhere",)).digest()

    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    file = write_template("my_idea", here)
    copy = Path(shutil.copy(file, there))
    assert request(str(file)).digest() == request(str(copy)).digest()
    assert str(tmp_path) not in str(request(str(file)).config())
    copy.write_text(copy.read_text() + "\n# changed\n")
    assert request(str(file)).digest() != request(str(copy)).digest()


def test_the_market_request_has_the_longest_warm_up() -> None:
    both = request("momentum", "grid")
    wanted = both.market_request()
    assert wanted.warmup == max(s.warmup(p) for s, p in both.load_strategies())
    assert wanted.seed == 7
