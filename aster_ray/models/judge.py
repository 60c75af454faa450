"""What held-out decisions say about a model: beside rules without training, and after costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from aster_ray.models.calibrate import Predictions
from aster_ray.models.card import Estimate
from aster_ray.models.dataset import Dataset
from aster_ray.models.measures import (
    Measure,
    auc,
    estimates,
    mean_of,
    rank_correlation,
    squared_error,
    surprise,
)

CLIMATOLOGY = "climatology"
_TEN_THOUSAND = 1e4
# Only the most confident tenth of decisions is traded.
CONFIDENT = 0.9


class Judgement(NamedTuple):
    """Estimates of the model and of each baseline, and the verdict in words."""

    metrics: dict[str, Estimate]
    baselines: dict[str, dict[str, Estimate]]
    verdict: str


class Rule(NamedTuple):
    """A forecast without training: a direction per row and the probability of a gain it implies."""

    score: np.ndarray
    probability: np.ndarray


def baseline_rules(past: Dataset, later: Dataset, names: tuple[str, ...]) -> dict[str, Rule]:
    """Return the rules a model must beat, their probabilities counted on ``past``.

    ``climatology`` says the past share of gains; ``last_return`` that the last bar goes on,
    ``contrarian`` that it turns, ``momentum`` that the week goes on.
    """
    share = float(np.mean(past.up))
    rules = {CLIMATOLOGY: Rule(np.zeros(len(later)), np.full(len(later), share))}
    signs = {"last_return": ("return_1", 1.0), "contrarian": ("return_1", -1.0)}
    signs["momentum"] = ("return_168", 1.0)
    for rule, (feature, direction) in signs.items():
        if feature not in names:
            continue
        column = names.index(feature)
        before = np.sign(past.features[:, column]) * direction
        now = np.sign(later.features[:, column]) * direction
        odds = {
            side: (float(np.sum(past.up[before == side])) + 1.0) / (np.sum(before == side) + 2.0)
            for side in (-1.0, 0.0, 1.0)
        }
        rules[rule] = Rule(now, np.array([odds[side] for side in now.tolist()]))
    return rules


def confident_margin(probability: np.ndarray) -> float:
    """Return how far from one half the most confident tenth of ``probability`` lies."""
    return float(np.quantile(np.abs(probability - 0.5), CONFIDENT))


def judge(
    later: Dataset,
    predictions: Predictions,
    rules: Mapping[str, Rule],
    margin: float,
    cost: float,
    weights: list[np.ndarray],
) -> Judgement:
    """Measure a model on decisions it has not seen.

    Args:
        later: the held-out decisions.
        predictions: the model's answers to them.
        rules: see ``baseline_rules``.
        margin: decisions at least so far from one half are traded; found on earlier decisions.
        cost: of a round trip, as a fraction of notional.
        weights: of the resamples; see ``measures.block_weights``.
    """
    up, rows = later.up, len(later)
    usual = surprise(rules[CLIMATOLOGY].probability, up)
    measures = _forecast(predictions.probability, predictions.probability, later)
    measures["skill"] = mean_of(usual - surprise(predictions.probability, up))
    inside = (later.log_return >= predictions.low) & (later.log_return <= predictions.high)
    measures["coverage"] = mean_of(inside.astype(np.float64))
    measures |= _trades(later, predictions.probability, margin, cost)
    found = estimates(measures, rows, weights)
    baselines = {
        name: estimates(_forecast(rule.score, rule.probability, later), rows, weights)
        for name, rule in rules.items()
    }
    return Judgement(found, baselines, _verdict(found, cost))


def _forecast(score: np.ndarray, probability: np.ndarray, later: Dataset) -> dict[str, Measure]:
    up = later.up
    centre = 0.5 if score is probability else 0.0
    hit = np.where(score == centre, np.nan, ((score > centre) == (up > 0.0)).astype(np.float64))
    return {
        "auc": auc(score, up),
        "rank_correlation": rank_correlation(score, later.log_return),
        "accuracy": mean_of(hit),
        "brier": mean_of(squared_error(probability, up)),
        "log_loss": mean_of(surprise(probability, up)),
    }


def _trades(
    later: Dataset, probability: np.ndarray, margin: float, cost: float
) -> dict[str, Measure]:
    """Return what one trade a confident decision earns on average, in basis points of notional."""
    distance = np.abs(probability - 0.5)
    taken = (distance >= margin) & (distance > 0.0)
    side = np.sign(probability - 0.5)

    def earned(log_return: np.ndarray, charge: float) -> np.ndarray:
        return np.where(taken, (side * np.expm1(log_return) - charge) * _TEN_THOUSAND, np.nan)

    return {
        "traded": mean_of(taken.astype(np.float64)),
        "gross_bps": mean_of(earned(later.log_return, 0.0)),
        "net_bps": mean_of(earned(later.log_return, cost)),
        "delayed_net_bps": mean_of(earned(later.delayed, cost)),
    }


def _verdict(found: Mapping[str, Estimate], cost: float) -> str:
    """Return one sentence by fixed rules: what must hold is said before anybody has looked."""
    area, skill, late = found["auc"], found["skill"], found["delayed_net_bps"]
    charged = cost * _TEN_THOUSAND
    if not _above(area, 0.5):
        return (
            f"NO EDGE: {_words('AUC', area)} does not differ from 0.5, a coin: nothing was "
            "learnt; do not trade on it"
        )
    if not _above(skill, 0.0):
        return (
            f"INCONCLUSIVE: the order of gains and losses was forecast ({_words('AUC', area)}), "
            "but the probabilities are no better than the usual share of gains "
            f"({_words('log-loss skill', skill)}); do not trade on it"
        )
    earned = (
        f"confident trades earned {_words('', found['gross_bps'])} bps before costs of "
        f"{charged:.1f}, and one bar late {_words('', late)} bps after them"
    )
    if not _above(late, 0.0):
        return f"NOT WORTH TRADING: direction was forecast ({_words('AUC', area)}), but {earned}"
    return (
        f"EDGE ON THESE DECISIONS: {_words('AUC', area)}, {earned}; one period of one market "
        "proves no more"
    )


def _above(estimate: Estimate, bound: float) -> bool:
    return estimate.low is not None and estimate.low > bound


def _words(name: str, estimate: Estimate) -> str:
    def number(value: float | None) -> str:
        return "none" if value is None else f"{value:.4g}"

    interval = f" [{number(estimate.low)}, {number(estimate.high)}]"
    return f"{name} {number(estimate.value)}{interval if estimate.low is not None else ''}".strip()
