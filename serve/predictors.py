"""The deployments: replicas that hold the models, and replicas that speak HTTP."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any

from ray import serve as ray_serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException

from aster_ray import topology
from aster_ray.clock import LiveClock
from aster_ray.errors import ModelError
from serve.api import build_api
from serve.gate import read_token
from serve.schemas import Models, PredictRequest, PredictResponse
from serve.shelf import Refusal, Shelf

# A forecast later than this is of no use to whoever trades on it.
DEADLINE_S = 5.0
_MOST_AT_ONCE = 32
# A model or a token that is not there does not come by waiting: fail, and say why.
_ATTEMPTS = 3
_NOBODY = Refusal(503, "no model answers; try again")


@ray_serve.deployment(
    name=topology.PREDICTOR,
    max_ongoing_requests=4 * _MOST_AT_ONCE,
    health_check_period_s=2,
    health_check_timeout_s=10,
    graceful_shutdown_timeout_s=5,
    max_constructor_retry_count=_ATTEMPTS,
)
class Predictor:
    """Answers from the models ``user_config`` names: ``{"models": ["runs/model"]}``.

    Changing ``user_config`` loads the new models while the old ones go on answering.
    """

    def __init__(self) -> None:
        self._shelf = Shelf(LiveClock())

    async def reconfigure(self, config: Mapping[str, Any]) -> None:
        """Load other models; Serve calls it at the start and at every change.

        Raises:
            ModelError: ``config`` is of another shape, or nothing is loaded and nothing can be.
        """
        folders = config.get("models")
        if set(config) != {"models"} or not isinstance(folders, list):
            raise ModelError(f"user_config must be models: [FOLDER, ...], was {dict(config)!r}")
        # In a thread of its own, so that questions are answered meanwhile.
        await asyncio.to_thread(self._shelf.load, [str(folder) for folder in folders])

    def check_health(self) -> None:
        """Let Serve replace a replica that has no model."""
        if not len(self._shelf):
            raise ModelError("no model is loaded")

    async def models(self) -> Models:
        """List what can be asked."""
        return self._shelf.listing()

    # Whoever waits already is answered together; nobody waits for company.
    @ray_serve.batch(max_batch_size=_MOST_AT_ONCE, batch_wait_timeout_s=0.0)
    async def predict(self, requests: list[PredictRequest]) -> list[PredictResponse | Refusal]:
        """Answer the questions of one batch."""
        return self._shelf.answer(requests)


@ray_serve.deployment(
    name=topology.PREDICT_API,
    max_ongoing_requests=256,
    health_check_period_s=2,
    health_check_timeout_s=10,
    graceful_shutdown_timeout_s=5,
    max_constructor_retry_count=_ATTEMPTS,
)
@ray_serve.ingress()
class PredictApi:
    """Speaks HTTP and passes questions on to the predictors."""

    def __init__(self, predictor: Any) -> None:
        self._predictor = predictor
        self._token = read_token(os.environ)

    def __serve_build_asgi_app__(self) -> Any:
        return build_api(self, self._token)

    async def predict(self, request: PredictRequest) -> PredictResponse | Refusal:
        """Answer one question."""
        answer: PredictResponse | Refusal = await _answered(self._predictor.predict.remote(request))
        return answer

    async def models(self) -> Models | Refusal:
        """List what can be asked."""
        answer: Models | Refusal = await _answered(self._predictor.models.remote())
        return answer


async def _answered(call: Any) -> Any:
    try:
        return await asyncio.wait_for(call, DEADLINE_S)
    except (RayError, RayServeException, TimeoutError):
        return _NOBODY
