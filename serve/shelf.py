"""The models that are loaded, and their answers: no Ray here, so tests ask it directly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aster_ray.clock import Clock
from aster_ray.errors import BadInputError, ModelError
from aster_ray.features import catalogue
from aster_ray.features.bars import SymbolBars
from aster_ray.model.ids import parse_symbol, parse_timeframe
from aster_ray.models.artifact import read_artifact
from aster_ray.models.boosted import BoostedModel
from aster_ray.models.card import ModelCard
from serve.schemas import (
    Interval,
    ModelInfo,
    ModelName,
    Models,
    PredictRequest,
    PredictResponse,
)

# An honest verdict begins so; any other is passed on as a warning.
_GOOD = "EDGE"
_STALE_BARS = 2
_FIRST_MS = 978_307_200_000  # 2001-01-01: what lies before is seconds, or a mistake


class Refusal(NamedTuple):
    """Why a question cannot be answered: an HTTP status and one clear message."""

    status: int
    error: str


class Question(NamedTuple):
    """A request that was understood: the row a model is asked about."""

    model: BoostedModel
    features: np.ndarray  # f8[F]
    close_ms: int | None
    warnings: tuple[str, ...]


class Shelf:
    """Models by name. Loading replaces all of them at once, or none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._models: dict[str, BoostedModel] = {}
        self.problem: str | None = None

    def __len__(self) -> int:
        return len(self._models)

    def load(self, folders: Sequence[str]) -> None:
        """Load the models in ``folders`` in the place of those there are.

        A model that cannot be read leaves everything as it was: the old ones go on answering and
        ``problem`` says why.

        Raises:
            ModelError: nothing is loaded yet, so there is nothing to go on with.
        """
        try:
            if not folders:
                raise ModelError("no model is configured: name the folder of one")
            loaded = [_warmed(BoostedModel(read_artifact(Path(folder)))) for folder in folders]
            names = [model.card.name for model in loaded]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ModelError(f"two models are named {', '.join(twice)}; serve one of them")
        except ModelError as error:
            if not self._models:
                raise
            self.problem = str(error)
        else:
            self._models = {model.card.name: model for model in loaded}
            self.problem = None

    def listing(self) -> Models:
        """Return what can be asked."""
        return Models(
            models=[_info(model) for model in self._models.values()], problem=self.problem
        )

    def answer(self, requests: Sequence[PredictRequest]) -> list[PredictResponse | Refusal]:
        """Return one answer or refusal per request; models see all rows meant for them at once."""
        asked = [self._understand(request) for request in requests]
        groups: dict[str, dict[int, Question]] = {}
        for i, one in enumerate(asked):
            if isinstance(one, Question):
                groups.setdefault(one.model.version, {})[i] = one
        answers: dict[int, PredictResponse] = {}
        for group in groups.values():
            model = next(iter(group.values())).model
            found = model.predict(np.stack([one.features for one in group.values()]))
            for row, (i, question) in enumerate(group.items()):
                numbers = tuple(float(column[row]) for column in found)
                answers[i] = _response(requests[i], question, numbers)
        return [one if isinstance(one, Refusal) else answers[i] for i, one in enumerate(asked)]

    def _understand(self, request: PredictRequest) -> Question | Refusal:
        try:
            model = self._named(request.model)
            card = model.card
            if request.timeframe != card.timeframe:
                raise BadInputError(
                    f"timeframe {request.timeframe!r} is not that of model {card.name}, which "
                    f"reads {card.timeframe} bars"
                )
            symbol = parse_symbol(request.instrument).venue_id
            if (request.bars is None) == (request.features is None):
                raise BadInputError("give either bars or features")
            notes = [] if card.verdict.startswith(_GOOD) else [card.verdict]
            if symbol not in card.symbols:
                notes.append(
                    f"{symbol} was not trained on: the model saw {', '.join(card.symbols)}"
                )
            if request.bars is not None:
                return self._from_bars(model, request.bars, notes)
            return _from_features(model, request.features or {}, notes)
        except BadInputError as error:
            return Refusal(422, str(error))

    def _named(self, name: str | None) -> BoostedModel:
        models = self._models  # another thread may put others in their place at any moment
        if name is None and len(models) == 1:
            return next(iter(models.values()))
        if name not in models:
            raise BadInputError(f"model {name!r} is not served: name one of {', '.join(models)}")
        return models[name]

    def _from_bars(
        self, model: BoostedModel, bars: list[list[float]], notes: list[str]
    ) -> Question:
        card = model.card
        length = parse_timeframe(card.timeframe)
        need = catalogue.lookback(card.inputs.names)
        table = checked_bars(bars, length, need, self._clock.now_ms())
        opens = table[0].astype(np.int64)
        missing = int((opens[-1] - opens[-need]) // length) - (need - 1)
        if missing:
            notes.append(f"{missing} bars are missing among the last {need}: windows run over them")
        if len(bars[0]) < 7:
            notes.append("funding rates were not given: taken as 0")
        close_ms = int(opens[-1]) + length
        late = (self._clock.now_ms() - close_ms) // length
        if late >= _STALE_BARS:
            notes.append(f"the latest bar closed {late} bars ago")
        last = table.shape[1] - 1
        series = SymbolBars.of(opens + length, table[1:], begin=last)
        features = catalogue.matrix(series, card.inputs.names, begin=last)[last]
        if not np.isfinite(features).all():
            name = card.inputs.names[int(np.argmin(np.isfinite(features)))]
            raise BadInputError(f"bars move so far that {name} is not finite: check the prices")
        return Question(model, features, close_ms, (*notes, *_unseen(card, features)))


def _warmed(model: BoostedModel) -> BoostedModel:
    """Ask once about bars that stand still: the first question must not wait for a compiler."""
    names = model.card.inputs.names
    count = catalogue.lookback(names)
    columns = np.ones((6, count))
    bars = SymbolBars.of(np.arange(count, dtype=np.int64), columns, begin=count - 1)
    model.predict(catalogue.matrix(bars, names, begin=count - 1)[-1:])
    return model


def checked_bars(bars: list[list[float]], length: int, need: int, now_ms: int) -> np.ndarray:
    """Return f8[7, R]: open time, open, high, low, close, volume, funding rate.

    Raises:
        BadInputError: naming the first row that is wrong, and how.
    """
    if len(bars) < need:
        raise BadInputError(f"bars has {len(bars)} rows, the model needs {need}: send more history")
    width = len(bars[0])
    odd = next((row for row, bar in enumerate(bars) if len(bar) != width), None)
    if odd is not None:
        raise BadInputError(f"bars[{odd}] has {len(bars[odd])} numbers, bars[0] has {width}")
    table = np.zeros((7, len(bars)))
    table[:width] = np.array(bars, dtype=np.float64).T
    opened, first, high, low, close, volume, funding = table
    top, bottom = np.maximum(first, close), np.minimum(first, close)
    with np.errstate(invalid="ignore"):  # an infinite time has no remainder; it is refused first
        off_grid = opened % length != 0.0
        order = np.diff(opened, prepend=-np.inf)
    faults = {
        "has a number that is not finite": ~np.isfinite(table).all(axis=0),
        f"opens at a time that is no multiple of {length} ms": off_grid,
        "does not come after the bar before it": order <= 0.0,
        "opens before 2001: times are UTC milliseconds": opened < _FIRST_MS,
        "has not closed yet": opened + length > now_ms,
        "needs 0 < low <= open, close <= high": ~((low > 0) & (low <= bottom) & (top <= high)),
        "has a negative volume": volume < 0.0,
        "has a funding rate beyond 1": np.abs(funding) > 1.0,
    }
    for fault, wrong in faults.items():
        if wrong.any():
            raise BadInputError(f"bars[{int(np.argmax(wrong))}] {fault}")
    return table


def _from_features(model: BoostedModel, given: dict[str, float], notes: list[str]) -> Question:
    names = model.card.inputs.names
    missing = [name for name in names if name not in given]
    unknown = sorted(given.keys() - set(names))
    if missing or unknown:
        parts = [f"lacks {', '.join(missing)}"] * bool(missing)
        parts += [f"has unknown {', '.join(unknown)}"] * bool(unknown)
        raise BadInputError(f"features {' and '.join(parts)}")
    bad = [name for name in names if not math.isfinite(given[name])]
    if bad:
        raise BadInputError(f"features.{bad[0]} must be a finite number, was {given[bad[0]]}")
    features = np.array([given[name] for name in names], dtype=np.float64)
    return Question(model, features, None, (*notes, *_unseen(model.card, features)))


def _unseen(card: ModelCard, features: np.ndarray) -> list[str]:
    """Name features beyond what training saw, where trees can only repeat their outermost leaf."""
    seen = card.parameters.get("seen", {})
    beyond = [
        name
        for name, value in zip(card.inputs.names, features.tolist(), strict=True)
        if name in seen and not seen[name][0] <= value <= seen[name][1]
    ]
    return [f"beyond what training saw: {', '.join(beyond)}"] if beyond else []


def _response(
    request: PredictRequest, question: Question, numbers: tuple[float, ...]
) -> PredictResponse:
    model, card = question.model, question.model.card
    probability, expected, low, high = numbers
    named = dict(zip(card.inputs.names, question.features.tolist(), strict=True))
    return PredictResponse(
        model=ModelName(kind=card.kind, name=card.name, version=model.version),
        instrument=parse_symbol(request.instrument).venue_id,
        timeframe=card.timeframe,
        close_ms=question.close_ms,
        horizon=card.label.horizon,
        probability_up=probability,
        expected_return=expected,
        interval=Interval(low=low, high=high, level=model.level),
        feature_digest=card.inputs.digest,
        features=named if request.with_features else None,
        warnings=list(question.warnings),
    )


def _info(model: BoostedModel) -> ModelInfo:
    card = model.card
    return ModelInfo(
        kind=card.kind,
        name=card.name,
        version=model.version,
        symbols=list(card.symbols),
        timeframe=card.timeframe,
        horizon=card.label.horizon,
        lookback=catalogue.lookback(card.inputs.names),
        features=list(card.inputs.names),
        feature_digest=card.inputs.digest,
        held_out={
            name: [estimate.value, estimate.low, estimate.high]
            for name, estimate in card.metrics.items()
        },
        verdict=card.verdict,
    )
