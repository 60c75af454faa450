"""The application as Serve wires it, without a cluster."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from aster_ray.errors import ConfigError, ModelError
from serve.app import PredictArgs, build
from serve.predictors import Predictor
from tests.serve.conftest import Served


def test_a_replica_reads_its_models_from_user_config_and_nothing_else(served: Served) -> None:
    kind: Any = Predictor
    replica = kind.func_or_class()
    with pytest.raises(ModelError, match="no model is loaded"):
        replica.check_health()
    for config in ({}, {"models": "runs/model"}, {"models": [], "device": "gpu"}):
        with pytest.raises(ModelError, match="user_config must be models:"):
            asyncio.run(replica.reconfigure(config))
    with pytest.raises(ModelError, match="no model is configured"):
        asyncio.run(replica.reconfigure({"models": []}))
    asyncio.run(replica.reconfigure({"models": [str(served.folder)]}))
    replica.check_health()
    listing = asyncio.run(replica.models())
    assert listing.models[0].version == served.model.version
    asyncio.run(replica.reconfigure({"models": ["absent"]}))
    replica.check_health()
    assert "no model at absent" in asyncio.run(replica.models()).problem


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTER_API_TOKEN", "0123456789abcdef")


def test_without_a_token_nothing_is_deployed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASTER_API_TOKEN")
    with pytest.raises(ConfigError, match="ASTER_API_TOKEN, or the file ASTER_API_TOKEN_FILE"):
        build(PredictArgs(models=["runs/model"]))


def test_what_cannot_start_is_given_up_soon() -> None:
    application: Any = build(PredictArgs(models=["runs/model"]))
    [predictor] = application._bound_deployment.init_args
    for bound in (application, predictor):
        assert bound._bound_deployment._deployment_config.max_constructor_retry_count == 3


def test_arguments_that_nobody_knows_are_refused() -> None:
    """Serve passes ``args`` of a config file as they stand there."""
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        build({"model": "runs/model"})


@pytest.mark.parametrize(("given", "gpus"), [(None, 0.0), ("0.5", 0.5)])
def test_gpus_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, given: str | None, gpus: float
) -> None:
    if given is None:
        monkeypatch.delenv("ASTER_PREDICT_GPUS", raising=False)
    else:
        monkeypatch.setenv("ASTER_PREDICT_GPUS", given)
    application: Any = build(PredictArgs(models=["runs/model"]))
    [predictor] = application._bound_deployment.init_args
    deployment = predictor._bound_deployment
    assert deployment.user_config == {"models": ["runs/model"]}
    options = deployment.ray_actor_options
    assert options == {"num_cpus": 0.1, "num_gpus": gpus}
