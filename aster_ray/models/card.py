"""What is known about a trained model, as it stands in ``artifact.json``.

There is no date in it: the same data, code, configuration and seed give the same bytes, and with
them the same version.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from typing import Any

from aster_ray.errors import ModelError

FORMAT = "aster-ray/model/1"
Json = Any  # null, truth, number, text, list or object


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the model reads, column by column.

    Attributes:
        names: features or observations, in the order of the model's columns.
        digest: of their definitions, not of their names alone; see ``definition_digest``.
    """

    names: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What the model was taught to say.

    Attributes:
        kind: ``log_return``, ``triple_barrier``, ``policy`` ...
        horizon: bars after the decision that the answer is about.
        parameters: every number that changes the label.
    """

    kind: str
    horizon: int
    parameters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What the model was made from: four digests and a seed that together name the training run."""

    data: str
    sources: str
    config: str
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A period: close times of its first and last decision in UTC milliseconds, and how many."""

    start_ms: int
    end_ms: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A measure on held-out data with its 95 % interval; None where it is undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """Everything about a model but its weights.

    Attributes:
        kind: who can load the payload: ``xgboost``, ``ppo`` ...
        name: what a person calls it; lower-case words joined by ``-``.
        symbols, timeframe: the market it was trained on.
        inputs, label, origin: see their classes.
        training, held_out: decisions it learnt from, and decisions it was judged on.
        metrics: name -> estimate on the held-out decisions.
        baselines: rule -> the same metrics of a rule that needs no training.
        verdict: one honest sentence about what the held-out decisions show.
        parameters: hyper-parameters and whatever the loader needs beside the payload.
        packages: library -> version that trained it.
    """

    kind: str
    name: str
    symbols: tuple[str, ...]
    timeframe: str
    inputs: Inputs
    label: Label
    origin: Origin
    training: Span
    held_out: Span
    metrics: Mapping[str, Estimate]
    baselines: Mapping[str, Mapping[str, Estimate]]
    verdict: str
    parameters: Mapping[str, Json]
    packages: Mapping[str, str]

    def plain(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self), allow_nan=False))
        return values

    @classmethod
    def parse(cls, values: object, origin: str) -> ModelCard:
        """Return the card that ``values`` (from JSON) describe.

        Raises:
            ModelError: a key is missing or unknown, or a value has another type; names ``origin``.
        """
        card = _parsed(cls, values, origin)
        assert isinstance(card, ModelCard)  # noqa: S101 - tells the type checker
        return card


def definition_digest(definitions: Sequence[str]) -> str:
    """Return a hash of input definitions in their order: texts that change with the numbers."""
    text = json.dumps(list(definitions), ensure_ascii=True)
    return hashlib.blake2s(text.encode(), digest_size=16).hexdigest()


def version_of(card: ModelCard, payload: Mapping[str, str]) -> str:
    """Return the content digest that is the model's version; ``payload`` is file -> digest."""
    text = json.dumps([FORMAT, card.plain(), dict(payload)], sort_keys=True, allow_nan=False)
    return hashlib.blake2s(text.encode(), digest_size=16).hexdigest()


def _parsed(hint: Any, value: object, where: str) -> Any:
    """Return ``value`` as ``hint``, or raise a ModelError that names ``where``."""
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint):
        return _parsed_class(typing.cast(type[Any], hint), value, where)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:  # a value or None
        return None if value is None else _parsed(arguments[0], value, where)
    if origin is tuple and isinstance(value, list):
        return tuple(_parsed(arguments[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if origin is Mapping and isinstance(value, dict):
        return {key: _parsed(arguments[1], value[key], f"{where}.{key}") for key in value}
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if math.isfinite(value):
            return float(value)
    elif hint in (int, str) and type(value) is hint:
        return value
    raise ModelError(f"{where} has an unexpected value {value!r}; train the model again")


def _parsed_class(kind: type[Any], value: object, where: str) -> Any:
    if not isinstance(value, dict):
        raise ModelError(f"{where} must be an object, was {value!r}; train the model again")
    hints = typing.get_type_hints(kind)
    fields = {item.name: item for item in dataclasses.fields(kind)}
    unknown = sorted(value.keys() - fields.keys())
    needed = {
        name
        for name, item in fields.items()
        if item.default is MISSING and item.default_factory is MISSING
    }
    missing = sorted(needed - value.keys())
    if unknown or missing:
        parts = [f"lacks {', '.join(missing)}"] * bool(missing)
        parts += [f"has unknown {', '.join(unknown)}"] * bool(unknown)
        raise ModelError(f"{where} {' and '.join(parts)}; train the model again")
    return kind(**{name: _parsed(hints[name], value[name], f"{where}.{name}") for name in value})
