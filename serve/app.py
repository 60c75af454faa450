"""The application Serve builds from ``serve/config/predict.yaml``: ``serve.app:build``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from ray.serve import Application

from serve.gate import read_token
from serve.predictors import PredictApi, Predictor

# GPUs of each replica that holds models; trees need none.
GPUS = "ASTER_PREDICT_GPUS"


class PredictArgs(BaseModel):
    """``args`` of the application in a Serve config file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: Annotated[list[str], Field(description="Folders of the models to serve.")] = []


def build(args: PredictArgs | Mapping[str, Any]) -> Application:
    """Return HTTP replicas in front of replicas that hold the models.

    ``user_config`` of the deployment ``predictor`` overrides ``args.models`` and, unlike them, can
    be changed without a restart.

    Raises:
        ConfigError: there is no token to ask callers for.
    """
    models = PredictArgs.model_validate(args).models
    read_token(os.environ)  # missing, it is said here once and not by every replica again and again
    gpus = float(os.environ.get(GPUS, "0"))
    predictor: Any = Predictor  # Ray's decorators hide what they return
    api: Any = PredictApi
    application: Application = api.options(ray_actor_options={"num_cpus": 0.1}).bind(
        predictor.options(
            user_config={"models": models},
            ray_actor_options={"num_cpus": 0.1, "num_gpus": gpus},
        ).bind()
    )
    return application
