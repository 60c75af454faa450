"""What is asked and answered over HTTP; the field descriptions are the API's documentation."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

# A week of minutes: more bars than any feature looks back on, few enough to check at once.
MOST_BARS = 10_080

Row = Annotated[
    list[float],
    Field(
        min_length=6,
        max_length=7,
        description="open_ms (UTC milliseconds), open, high, low, close, volume in base asset, and "
        "optionally the sum of the funding rates settled during the bar.",
    ),
]


class PredictRequest(BaseModel):
    """A question about one instrument: its latest closed bars, or the features by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    instrument: Annotated[str, Field(max_length=64, description="E.g. BTCUSDT or BTC/USDT:USDT.")]
    timeframe: Annotated[str, Field(max_length=8, description="Length of a bar, e.g. 1h.")]
    model: Annotated[
        str | None, Field(max_length=64, description="Name of the model; may be left out if one.")
    ] = None
    bars: Annotated[
        list[Row] | None,
        Field(
            max_length=MOST_BARS,
            description="Closed bars in the order of time, the latest last; at least as many as "
            "the model's look-back.",
        ),
    ] = None
    features: Annotated[
        dict[str, float] | None,
        Field(description="Every feature of the model by name, instead of bars."),
    ] = None
    with_features: Annotated[
        bool, Field(description="Return the feature values the answer is made of.")
    ] = False


class ModelName(BaseModel):
    """Which model answered."""

    kind: str
    name: str
    version: Annotated[str, Field(description="Digest of everything the model consists of.")]


class Interval(BaseModel):
    """Log returns between which the outcome lies with probability ``level``."""

    low: float
    high: float
    level: float


class PredictResponse(BaseModel):
    """What is to be expected over the horizon, before costs."""

    model: ModelName
    instrument: str
    timeframe: str
    close_ms: Annotated[
        int | None, Field(description="Close of the latest bar; null where features were given.")
    ]
    horizon: Annotated[int, Field(description="Bars ahead.")]
    probability_up: Annotated[float, Field(description="Chance of a gain, 0 to 1, calibrated.")]
    expected_return: Annotated[float, Field(description="Log return, before costs.")]
    interval: Interval
    feature_digest: Annotated[str, Field(description="Of the definitions of the features.")]
    features: dict[str, float] | None = None
    warnings: list[str]


class ModelInfo(BaseModel):
    """A model that can be asked."""

    kind: str
    name: str
    version: str
    symbols: list[str]
    timeframe: str
    horizon: int
    lookback: Annotated[int, Field(description="Closed bars a request needs at least.")]
    features: list[str]
    feature_digest: str
    held_out: Annotated[
        dict[str, list[float | None]],
        Field(description="Measure on held-out decisions: value and 95 % interval."),
    ]
    verdict: str


class Models(BaseModel):
    """What is loaded, and what could not be."""

    models: list[ModelInfo]
    problem: Annotated[
        str | None, Field(description="Why the latest change of models was not taken.")
    ] = None


class Problem(BaseModel):
    """One clear message."""

    error: str
