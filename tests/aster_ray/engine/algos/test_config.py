from __future__ import annotations

from pathlib import Path

import pytest

from aster_ray import config, settings
from aster_ray.engine.algos.config import Algorithm, ExecutionConfig
from aster_ray.errors import ConfigError


def test_a_market_order_is_the_default_and_a_symbol_may_have_its_own(tmp_path: Path) -> None:
    assert ExecutionConfig().algorithm_of("BTC", reduce_only=False) is Algorithm.MARKET
    file = tmp_path / "aster.toml"
    file.write_text('[execution]\nalgorithm = "twap"\n[execution.algorithms]\nbtc = "adaptive"\n')
    found = settings.load(file).execution
    assert found.algorithm_of("BTC", reduce_only=False) is Algorithm.ADAPTIVE
    assert found.algorithm_of("ETH", reduce_only=False) is Algorithm.TWAP
    assert found.algorithm_of("BTC", reduce_only=True) is Algorithm.MARKET
    described = settings.schema()["properties"]["execution"]["properties"]["algorithms"]
    assert described["additionalProperties"] == {"type": "string"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("algorithm=twab", "did you mean 'twap'"),
        ("algorithms.BTC=fast", "algorithms.BTC must be one of market, twap"),
        ("algorithms=twap", "execution.algorithms is a table of key = text"),
        ("window=0", "window must be greater than 0"),
        ("window=1.5", "window must be at most 1"),
        ("participation=0", "participation must be greater than 0"),
        ("max_participation=0.05", "max_participation must be 0 or at least participation 0.1"),
        ("depth_share=2", "depth_share must be at most 1"),
        ("slice_ms=10", "slice_ms must be between 100 and 3.6e+06"),
        ("rest_ms=-1", "rest_ms must be between 100"),
        ("collar=0.9", "collar must be between 0 and 0.5"),
        ("wide_spread=0.5", "wide_spread must be between 1 and 100"),
        ("permanent_impact=0", "permanent_impact must be greater than 0"),
        ("risk_aversion=-1", "risk_aversion must be at least 0"),
    ],
)
def test_what_is_out_of_range_is_named(given: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings.load(options=config.read_assignments([f"execution.{given}"]))
    assert message in str(caught.value)


def test_the_deadline_leaves_time_before_the_next_close_but_some_to_trade() -> None:
    found = ExecutionConfig(deadline_ms=5_000)
    assert found.deadline(0, 60_000) == 55_000
    assert found.deadline(0, 6_000) == 3_000
    assert found.deadline(0, 1) == 1


def test_a_configuration_is_used_once_anything_in_it_is_no_market_order() -> None:
    assert not ExecutionConfig().is_used
    assert not ExecutionConfig(algorithms={"BTC": "market"}).is_used
    assert ExecutionConfig(algorithms={"BTC": "twap"}).is_used
    assert ExecutionConfig(reduce_algorithm="twap").is_used
    assert ExecutionConfig(maker_first=True).is_used
