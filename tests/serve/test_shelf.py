"""Answers are those of the model itself, bit for bit, and what makes no sense is refused."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aster_ray.clock import ReplayClock
from aster_ray.errors import ModelError
from aster_ray.features import catalogue
from aster_ray.models.artifact import write_artifact
from serve.schemas import PredictRequest, PredictResponse
from serve.shelf import Refusal, Shelf
from tests.aster_ray.models.made import SMOKE, planted, trained
from tests.serve.conftest import Served

NOW = 4_000  # row after which nothing has closed yet


@pytest.fixture
def shelf(served: Served) -> Shelf:
    shelf = Shelf(ReplayClock(int(served.bars.close_ms[NOW - 1])))
    shelf.load([str(served.folder)])
    return shelf


def answered(shelf: Shelf, question: dict[str, Any]) -> PredictResponse:
    [answer] = shelf.answer([PredictRequest.model_validate(question)])
    assert isinstance(answer, PredictResponse), answer
    return answer


def refused(shelf: Shelf, question: dict[str, Any]) -> str:
    [answer] = shelf.answer([PredictRequest.model_validate(question)])
    assert isinstance(answer, Refusal), answer
    assert answer.status == 422
    assert "\n" not in answer.error
    return answer.error


def test_an_answer_has_the_bits_of_the_model_asked_offline(served: Served, shelf: Shelf) -> None:
    offline = served.model.predict(served.features)
    for end in range(300, NOW, 271):
        for count in (256, 290):
            question = served.question(end, bars=served.rows(end, count), with_features=True)
            answer = answered(shelf, question)
            assert answer.features is not None
            # No skew: what serving sees is what training saw at that row.
            assert list(answer.features.values()) == served.features[end - 1].tolist()
            assert answer.probability_up == offline.probability[end - 1]
            assert answer.expected_return == offline.expected_return[end - 1]
            interval = (answer.interval.low, answer.interval.high)
            assert interval == (offline.low[end - 1], offline.high[end - 1])
            assert answer.close_ms == served.bars.close_ms[end - 1]


def test_a_batch_answers_each_question_as_if_it_were_alone(served: Served, shelf: Shelf) -> None:
    questions = [served.question(end) for end in (400, 900, 2_000)]
    questions.insert(1, served.question(500, timeframe="4h"))
    requests = [PredictRequest.model_validate(question) for question in questions]
    together = shelf.answer(requests)
    assert isinstance(together[1], Refusal)
    assert together == [shelf.answer([request])[0] for request in requests]


def test_features_by_name_are_answered_like_the_bars_they_came_from(
    served: Served, shelf: Shelf
) -> None:
    named = dict(zip(catalogue.NAMES, served.features[799].tolist(), strict=True))
    by_name = answered(shelf, served.question(800, bars=None, features=named))
    by_bars = answered(shelf, served.question(800))
    assert by_name.probability_up == by_bars.probability_up
    assert by_name.close_ms is None


def test_the_answer_says_which_model_and_what_to_doubt(served: Served, shelf: Shelf) -> None:
    answer = answered(shelf, served.question(NOW))
    assert answer.model.version == served.model.version
    assert answer.feature_digest == served.model.card.inputs.digest
    assert (answer.horizon, answer.interval.level) == (4, 0.9)
    assert answer.warnings[0] == served.model.card.verdict
    assert not any("ago" in warning for warning in answer.warnings)
    late = answered(shelf, served.question(NOW - 5))
    assert "the latest bar closed 5 bars ago" in late.warnings
    other = answered(shelf, served.question(NOW, instrument="sol"))
    assert "SOLUSDT was not trained on: the model saw BTCUSDT, ETHUSDT" in other.warnings
    assert other.instrument == "SOLUSDT"
    without = [row[:6] for row in served.rows(NOW)]
    given = answered(shelf, served.question(NOW, bars=without))
    assert "funding rates were not given: taken as 0" in given.warnings
    holes = served.rows(NOW, 258)
    del holes[100:102]
    found = answered(shelf, served.question(NOW, bars=holes))
    assert any(w.startswith("2 bars are missing among the last 256") for w in found.warnings)
    wild = served.rows(NOW)
    wild[-1][2] *= 1.5
    found = answered(shelf, served.question(NOW, bars=wild))
    assert any(w.startswith("beyond what training saw: ") for w in found.warnings)


def with_row(row: int, index: int, value: float) -> Any:
    def change(rows: list[list[float]]) -> list[list[float]]:
        rows[row][index] = value
        return rows

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[1:], "bars has 255 rows, the model needs 256: send more history"),
        (lambda rows: [*rows[:9], rows[9][:6], *rows[10:]], "bars[9] has 6 numbers, bars[0] has 7"),
        (lambda rows: [*rows[:9], rows[10], rows[9], *rows[11:]], "bars[10] does not come after"),
        (lambda rows: [*rows[:9], rows[8], *rows[9:]], "bars[9] does not come after"),
        (with_row(3, 0, 5.0), "bars[3] opens at a time that is no multiple of 3600000 ms"),
        (with_row(0, 0, -3.6e15), "bars[0] opens before 2001: times are UTC milliseconds"),
        (with_row(-1, 0, 4e12 - 4e12 % 3_600_000), "bars[255] has not closed yet"),
        (with_row(7, 2, 0.0), "bars[7] needs 0 < low <= open, close <= high"),
        (with_row(7, 3, 1e9), "bars[7] needs 0 < low <= open, close <= high"),
        (with_row(7, 3, -1.0), "bars[7] needs 0 < low <= open, close <= high"),
        (with_row(7, 5, -1.0), "bars[7] has a negative volume"),
        (with_row(7, 6, 2.0), "bars[7] has a funding rate beyond 1"),
    ],
)
def test_bars_that_cannot_be_are_refused_by_row(
    served: Served, shelf: Shelf, change: Any, message: str
) -> None:
    question = served.question(NOW)
    question["bars"] = change(question["bars"])
    assert message in refused(shelf, question)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"timeframe": "4h"}, "timeframe '4h' is not that of model direction, which reads 1h"),
        ({"instrument": "?"}, "symbol '?' cannot be read"),
        ({"model": "other"}, "model 'other' is not served: name one of direction"),
        ({"bars": None}, "give either bars or features"),
        ({"features": {}}, "give either bars or features"),
        ({"bars": None, "features": {"rsi_14": 0.5, "moon": 1.0}}, "and has unknown moon"),
    ],
)
def test_questions_that_make_no_sense_are_refused(
    served: Served, shelf: Shelf, changes: dict[str, Any], message: str
) -> None:
    assert message in refused(shelf, served.question(NOW, **changes))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_get_nowhere(served: Served, value: float) -> None:
    question = served.question(NOW)
    question["bars"][5][4] = value
    with pytest.raises(ValueError, match="finite"):
        PredictRequest.model_validate(question)


def test_prices_beyond_arithmetic_are_refused_not_answered(served: Served, shelf: Shelf) -> None:
    question = served.question(NOW)
    for row in question["bars"][:200]:
        row[1:5] = [1e-300] * 4
    for row in question["bars"][200:]:
        row[1:6] = [1e300] * 5
    assert "is not finite: check the prices" in refused(shelf, question)


def test_another_model_takes_over_and_a_bad_one_changes_nothing(
    served: Served, shelf: Shelf, tmp_path: Path
) -> None:
    market_decisions = planted_decisions()
    newer = trained(market_decisions, config=SMOKE)
    write_artifact(newer, tmp_path / "newer")
    before = answered(shelf, served.question(NOW))
    shelf.load([str(tmp_path / "newer")])
    assert answered(shelf, served.question(NOW)).model.version == newer.version
    shelf.load([str(served.folder)])
    broken = shutil.copytree(served.folder, tmp_path / "broken")
    (broken / "model.ubj").write_bytes(b"not what was written")
    for folders, message in (
        ([str(broken)], r"model.ubj was changed after it was written"),
        ([str(tmp_path / "absent")], "no model at"),
        ([str(served.folder)] * 2, "two models are named direction"),
        ([], "no model is configured"),
    ):
        shelf.load(folders)
        assert message in (shelf.listing().problem or "")
        assert answered(shelf, served.question(NOW)) == before
    shelf.load([str(served.folder)])
    assert shelf.listing().problem is None


def planted_decisions() -> Any:
    from aster_ray.data.source import MarketRequest, load_market
    from aster_ray.models.dataset import build_dataset
    from tests.aster_ray.models.made import LABEL

    market = load_market(MarketRequest(symbols=("BTCUSDT",)))
    return planted(build_dataset(market, catalogue.NAMES, LABEL), 0.5)


def test_without_any_model_a_bad_one_is_an_error(tmp_path: Path) -> None:
    shelf = Shelf(ReplayClock())
    with pytest.raises(ModelError, match="no model at"):
        shelf.load([str(tmp_path / "absent")])
    assert len(shelf) == 0


def test_the_listing_says_what_to_send_and_how_good_it_was(shelf: Shelf, served: Served) -> None:
    [info] = shelf.listing().models
    assert (info.name, info.timeframe, info.horizon, info.lookback) == ("direction", "1h", 4, 256)
    assert info.features == list(catalogue.NAMES)
    assert info.verdict == served.model.card.verdict
    assert json.loads(info.model_dump_json())["held_out"]["auc"][0] is not None
    assert np.isfinite(info.held_out["auc"][0] or math.nan)
