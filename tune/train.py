"""``python -m tune.train``: train a model, judge it on held-out decisions, write its artifact.

On a laptop it starts a Ray node of its own; under ``ray job submit`` it runs on the cluster it was
submitted to. One task per walk-forward fold and one for the model itself: they are small, so plain
tasks of one core each are faster than Ray Train, whose start alone takes longer.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import ray
import typer

from aster_ray.cli import api, output
from aster_ray.cli.options import MarketOptions
from aster_ray.cli.process import run_job
from aster_ray.data.source import load_market
from aster_ray.errors import ConfigError
from aster_ray.features import catalogue
from aster_ray.model.ids import timeframe_name
from aster_ray.models.artifact import Artifact, check_model_folder, write_artifact
from aster_ray.models.boosted import KIND
from aster_ray.models.card import Origin
from aster_ray.models.dataset import Dataset, build_dataset
from aster_ray.models.training import (
    Setting,
    TrainingConfig,
    checked,
    conclude,
    grow,
    plan_training,
    run_fold,
)
from aster_ray.research.prepare import sources_digest
from aster_ray.research.request import market_request
from tune.node import ray_node

if TYPE_CHECKING:
    from rich.console import Console

    from aster_ray.kernel.market import Market
    from aster_ray.settings import Settings

MODELS = Path("runs") / "models"


@dataclass(frozen=True, slots=True, kw_only=True)
class Train(MarketOptions):
    """What to train on which bars."""

    model: Annotated[str, typer.Option(help="xgboost.")] = KIND
    preset: Annotated[str, typer.Option(help="smoke (seconds) or standard.")] = "standard"
    horizon: Annotated[int | None, typer.Option(help="Bars ahead; none = the preset's.")] = None
    label: Annotated[str | None, typer.Option(help="log_return or triple_barrier.")] = None


def train(options: Train) -> None:
    """Train a model on bars, judge it on held-out ones and write it to a folder."""
    if options.model != KIND:
        raise ConfigError([f"model must be {KIND}, was {options.model!r}"])
    config = checked(options.preset, options.horizon, options.label)
    given = {name: getattr(options, name, None) for name in api.OPTION_PATHS}
    settings = api.load_settings(options.config, given, options.settings)
    name = f"{KIND}-{settings.data.timeframe}-h{config.horizon}"
    folder = options.out if options.out is not None else MODELS / name
    check_model_folder(folder)
    market = load_market(market_request(settings, catalogue.lookback(config.features)))
    setting = _setting(name, settings, config, market)
    dataset = build_dataset(market, config.features, config.taught())
    artifact = _run(dataset, config, setting)
    write_artifact(artifact, folder)
    payload = {"folder": str(folder), "version": artifact.version, "card": artifact.card.plain()}
    output.emit(options, payload, lambda console: _show(console, artifact, folder))


def _run(dataset: Dataset, config: TrainingConfig, setting: Setting) -> Artifact:
    """Train every fold and the model itself as tasks, then judge."""
    seed = setting.origin.seed
    plan = plan_training(dataset, config, setting.timeframe_ms)
    with ray_node():
        remote: Any = ray.remote(num_cpus=1)
        shared = ray.put(dataset)
        folds = [remote(run_fold).remote(shared, split, config, seed) for split in plan.folds]
        grown = remote(grow).remote(shared, plan.parts, config, seed)
        finished: Any = ray.get([grown, *folds])
    return conclude(dataset, plan, config, finished[0], finished[1:], setting)


def _setting(name: str, settings: Settings, config: TrainingConfig, market: Market) -> Setting:
    costs = settings.costs
    effective = settings.plain(identity_only=True)
    surroundings = {section: effective[section] for section in ("data", "costs")}
    return Setting(
        name=name,
        symbols=market.symbols,
        timeframe=timeframe_name(market.timeframe_ms),
        timeframe_ms=market.timeframe_ms,
        origin=Origin(
            data=market.digest(),
            sources=sources_digest(),
            config=config.digest(surroundings),
            seed=settings.session.seed,
        ),
        cost=2.0 * (costs.taker_fee + costs.slippage + costs.half_spread),
    )


def _show(console: Console, artifact: Artifact, folder: Path) -> None:
    """Print the judgement beside the baselines."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    card = artifact.card
    console.print(f"model {card.name} {artifact.version[:12]} in {folder}", markup=False)
    console.print(
        f"{', '.join(card.symbols)} {card.timeframe}: learnt from {card.training.rows:,} "
        f"decisions, judged on {card.held_out.rows:,} later ones",
        markup=False,
    )
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("measure", "model", "95 %", *card.baselines):
        table.add_column(column.replace("_", " "), justify="left" if not table.columns else "right")
    for name in card.metrics:
        table.add_row(name.replace("_", " "), *_cells(name, card.metrics, card.baselines))
    console.print(table)
    areas = ", ".join(f"{fold['auc']:.4f}" for fold in card.parameters["folds"] if "auc" in fold)
    console.print(f"AUC of the walk-forward folds before: {areas or 'none'}", markup=False)
    console.print(card.verdict, markup=False, soft_wrap=True)


def _cells(
    name: str, own: Mapping[str, Any], baselines: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:.4f}"

    estimate = own[name]
    known = estimate.low is not None
    interval = f"{number(estimate.low)} to {number(estimate.high)}" if known else "-"
    others = [number(rows[name].value) if name in rows else "" for rows in baselines.values()]
    return [number(estimate.value), interval, *others]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job and return its exit code."""
    return run_job("tune.train", Train, train, argv)


if __name__ == "__main__":
    sys.exit(main())
