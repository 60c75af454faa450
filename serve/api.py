"""The HTTP side of predictions: routes, one error shape, documentation. No Ray here."""

from __future__ import annotations

from typing import Any, Protocol

from fastapi import FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

import aster_ray
from aster_ray.config import Secret
from serve.gate import Gate
from serve.schemas import Models, PredictRequest, PredictResponse, Problem
from serve.shelf import Refusal

# Documents the scheme; the gate has checked the token before a route is reached.
_BEARER = HTTPBearer(auto_error=False, description="The token of ASTER_API_TOKEN.")
_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "No or another token."},
    413: {"model": Problem, "description": "The request is too large."},
    422: {"model": Problem, "description": "The request makes no sense; one message says why."},
    503: {"model": Problem, "description": "No model is loaded, or none answers in time."},
}


class Predicting(Protocol):
    """Whoever knows the models."""

    async def predict(self, request: PredictRequest) -> PredictResponse | Refusal:
        """Answer one question."""
        ...

    async def models(self) -> Models | Refusal:
        """List what can be asked."""
        ...


def build_api(predicting: Predicting, token: Secret) -> FastAPI:
    """Return the ASGI application in front of ``predicting``."""
    api = FastAPI(
        title="aster-ray predictions",
        version=aster_ray.__version__,
        description="Calibrated forecasts from closed bars. Returns are log returns before costs.",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
    )
    api.add_middleware(Gate, token=token)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(HTTPException, _other)
    secured = [Security(_BEARER)]

    @api.post("/v1/predict", responses=_REFUSALS, dependencies=secured)
    async def predict(request: PredictRequest) -> PredictResponse:
        """Forecast the bars that follow the latest closed one."""
        answer: PredictResponse = _or_refused(await predicting.predict(request))
        return answer

    @api.get("/v1/models", responses=_REFUSALS, dependencies=secured)
    async def models() -> Models:
        """List the models that are loaded, with what held-out data said of them."""
        listing: Models = _or_refused(await predicting.models())
        return listing

    @api.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Say that this process answers."""
        return {"status": "ok"}

    @api.get("/readyz", responses={503: _REFUSALS[503]})
    async def readyz() -> dict[str, str]:
        """Say that a model can be asked."""
        found: Models = _or_refused(await predicting.models())
        if not found.models:
            raise _Refused(Refusal(503, "no model is loaded"))
        return {"status": "ready" if found.problem is None else "ready, with a problem"}

    @api.exception_handler(_Refused)
    async def refused(_request: Request, error: _Refused) -> JSONResponse:
        return JSONResponse({"error": error.refusal.error}, error.refusal.status)

    return api


class _Refused(Exception):  # noqa: N818 - an answer, not a fault
    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


def _or_refused(answer: Any) -> Any:
    if isinstance(answer, Refusal):
        raise _Refused(answer)
    return answer


async def _other(_request: Request, error: Exception) -> JSONResponse:
    """Say in the one shape there is what the framework refuses: a path, a method, a body."""
    assert isinstance(error, HTTPException)  # noqa: S101 - tells the type checker
    if error.status_code == 400:  # not even broken JSON: no text, or nested without an end
        return JSONResponse({"error": "the body: cannot be read as JSON"}, 422)
    return JSONResponse({"error": str(error.detail).lower()}, error.status_code, error.headers)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    """Say the first thing that is wrong, where, and nothing of what was sent beside it."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - tells the type checker
    first = error.errors()[0]
    parts = [part for part in first["loc"] if part != "body"]
    if first["type"] == "json_invalid":
        place, message = "the body", f"is no JSON: {first['ctx']['error']}"
    else:
        place = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in parts).lstrip(".")
        message = str(first["msg"])
        message = message[:1].lower() + message[1:]
    return JSONResponse({"error": f"{place or 'the body'}: {message}"}, 422)
