"""The HTTP side: token, size, one message per mistake, and numbers that survive the wire."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aster_ray.clock import ReplayClock
from aster_ray.config import Secret
from aster_ray.errors import ConfigError
from serve.api import build_api
from serve.gate import MOST_BYTES, read_token
from serve.schemas import Models, PredictRequest, PredictResponse
from serve.shelf import Refusal, Shelf
from tests.serve.asgi import Answer, call
from tests.serve.conftest import Served

TOKEN = "0123456789abcdef"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Direct:
    """Asks a shelf without Serve in between."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.asked = 0

    async def predict(self, request: PredictRequest) -> PredictResponse | Refusal:
        self.asked += 1
        return self.shelf.answer([request])[0]

    async def models(self) -> Models | Refusal:
        return self.shelf.listing()


@pytest.fixture
def direct(served: Served) -> Direct:
    shelf = Shelf(ReplayClock(int(served.bars.close_ms[-1])))
    shelf.load([str(served.folder)])
    return Direct(shelf)


@pytest.fixture
def api(direct: Direct) -> Any:
    return build_api(direct, Secret(TOKEN))


def ask(api: Any, question: Any, headers: dict[str, str] | None = None) -> Answer:
    body = question if isinstance(question, bytes) else json.dumps(question).encode()
    return call(api, "POST", "/v1/predict", body, BEARER if headers is None else headers)


def test_a_prediction_over_http_has_the_bits_of_the_offline_one(served: Served, api: Any) -> None:
    offline = served.model.predict(served.features)
    for end in (256, 1_000, 4_320):
        answer = ask(api, served.question(end, with_features=True))
        assert answer.status == 200
        found = answer.document
        assert found["probability_up"] == offline.probability[end - 1]
        assert found["interval"]["low"] == offline.low[end - 1]
        assert list(found["features"].values()) == served.features[end - 1].tolist()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Bearer {TOKEN[:-1]}"},
        {"Authorization": f"bearer {TOKEN}"},
        {"Authorization": f"Basic {TOKEN}"},
        {"X-Authorization": f"Bearer {TOKEN}"},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/predict"), ("GET", "/v1/models")])
@pytest.mark.parametrize("root", ["", "/aster", "/v2/aster"])
def test_without_the_token_nothing_is_read_or_said(
    api: Any,
    direct: Direct,
    served: Served,
    headers: dict[str, str],
    method: str,
    path: str,
    root: str,
) -> None:
    for body in (json.dumps(served.question(500)).encode(), b"{", b"x" * (MOST_BYTES + 1)):
        answer = call(api, method, path, body, headers, root)
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.document == {"error": "send the header Authorization: Bearer TOKEN"}
        assert TOKEN not in answer.body.decode()
    assert direct.asked == 0


def test_what_is_too_large_is_refused_whether_it_says_so_or_not(api: Any, direct: Direct) -> None:
    declared = {**BEARER, "Content-Length": str(MOST_BYTES + 1)}
    pieces = [b" " * 1_000_000] * 3
    for answer in (
        call(api, "POST", "/v1/predict", b"{}", declared),
        call(api, "POST", "/v1/predict", pieces, BEARER),
    ):
        assert answer.status == 413
        assert answer.document == {"error": f"the request is larger than {MOST_BYTES} bytes"}
    assert direct.asked == 0


def test_a_body_in_pieces_is_read_whole(api: Any, served: Served) -> None:
    body = json.dumps(served.question(500)).encode()
    pieces = [body[i : i + 1_000] for i in range(0, len(body), 1_000)]
    answer = call(api, "POST", "/v1/predict", pieces, BEARER)
    assert (answer.status, answer.body) == (200, ask(api, body).body)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (b"", "the body: field required"),
        (b"{", "the body: is no JSON: "),
        (b'{"instrument": "\xff"}', "the body: cannot be read as JSON"),
        (b"[" * 100_000, "the body: cannot be read as JSON"),
        (b"[]", "the body: input should be a valid dictionary or object"),
        ({"timeframe": 1}, "timeframe: input should be a valid string"),
        ({"bars": [[1, 2]]}, "bars[0]: list should have at least 6 items"),
        ({"bars": [[1, 2, 3, 4, 5, "x"]]}, "bars[0][5]: input should be a valid number"),
        ({"bars": [[0] * 6] * 10_081}, "bars: list should have at most 10080 items"),
        ({"leverage": 5}, "leverage: extra inputs are not permitted"),
        ({"timeframe": "4h"}, "timeframe '4h' is not that of model direction"),
    ],
)
def test_a_mistake_gets_one_message(api: Any, served: Served, change: Any, message: str) -> None:
    question = change if isinstance(change, bytes) else served.question(500, **change)
    answer = ask(api, question)
    assert answer.status == 422
    assert list(answer.document) == ["error"]
    assert answer.document["error"].startswith(message)
    assert "\n" not in answer.document["error"]


def test_nan_in_the_body_is_refused_as_a_number(api: Any, served: Served) -> None:
    body = json.dumps(served.question(500)).replace("[[", "[[NaN, ", 1).encode()
    assert ask(api, body).status == 422


def test_health_needs_no_token_and_readiness_a_model(api: Any) -> None:
    assert call(api, "GET", "/healthz").document == {"status": "ok"}
    assert call(api, "GET", "/readyz").document == {"status": "ready"}
    empty = build_api(Direct(Shelf(ReplayClock())), Secret(TOKEN))
    assert call(empty, "GET", "/healthz").status == 200
    answer = call(empty, "GET", "/readyz")
    assert (answer.status, answer.document) == (503, {"error": "no model is loaded"})


def test_what_is_not_known_to_be_open_is_closed(api: Any) -> None:
    for path in (
        "/",
        "/docs",
        "/v1",
        "/V1/models",
        "//v1/models",
        "/v1/../v1/models",
        "/healthz/x",
    ):
        for root in ("", "/aster"):
            assert call(api, "GET", path, root=root).status == 401
    for root in ("", "/aster"):
        assert call(api, "GET", "/healthz", root=root).status == 200
    answer = call(api, "GET", "/v1/predict", headers=BEARER)
    assert (answer.status, answer.document) == (405, {"error": "method not allowed"})
    assert answer.headers["allow"] == "POST"


def test_models_are_listed(api: Any, served: Served) -> None:
    [model] = call(api, "GET", "/v1/models", headers=BEARER).document["models"]
    assert model["version"] == served.model.version
    assert model["lookback"] == 256


def test_the_documentation_names_the_token_and_every_refusal(api: Any) -> None:
    document = call(api, "GET", "/openapi.json").document
    operation = document["paths"]["/v1/predict"]["post"]
    assert operation["security"] == [{"HTTPBearer": []}]
    assert {"200", "401", "413", "422", "503"} <= set(operation["responses"])
    fields = document["components"]["schemas"]["PredictRequest"]["properties"]
    assert "open_ms (UTC milliseconds)" in json.dumps(fields["bars"])
    answer = call(api, "GET", "/docs", headers=BEARER)
    assert (answer.status, answer.document) == (404, {"error": "not found"})


def test_a_token_is_needed_and_kept_out_of_sight(tmp_path: Any) -> None:
    for environ in ({}, {"ASTER_API_TOKEN": "short"}, {"ASTER_API_TOKEN_FILE": "/nowhere"}):
        with pytest.raises(ConfigError, match="ASTER_API_TOKEN"):
            read_token(environ)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    token = read_token({"ASTER_API_TOKEN_FILE": str(tmp_path / "token")})
    assert token.value == TOKEN
    assert TOKEN not in f"{token!r} {token}"
