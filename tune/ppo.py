"""``python -m tune.ppo``: train RLlib's PPO on the kernel's environment and judge it honestly.

    python -m tune.ppo --preset smoke --symbols BTC
    python -m tune.ppo --data market --symbols BTC,ETH --timeframe 1h --out models/agent

It learns on windows of the earlier bars only and is judged once on the held-out later ones, costs
paid, beside being flat, always long, momentum and buy and hold. ``--out`` then holds the model
(``artifact.json``, ``policy.npz``, readable without Ray or torch) and, beside it in
``OUT-checkpoint``, what RLlib needs to train on. The same seed gives the same model.
"""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aster_ray.cli import api, output
from aster_ray.cli.options import MarketOptions
from aster_ray.cli.process import run_job
from aster_ray.errors import BadInputError, ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from aster_ray.models.artifact import Artifact
    from aster_ray.models.policy import Policy
    from aster_ray.research.agent import Judgement
    from aster_ray.research.env import EpisodeConfig
    from aster_ray.research.holdout import Split
    from aster_ray.research.prepare import Prepared

MODELS = Path("runs") / "models"
BASELINE = "momentum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """How much is learnt, and with which network."""

    iterations: int
    envs: int = 64
    steps: int = 256  # decisions per episode
    batch: int = 4096
    minibatch: int = 1024
    epochs: int = 4
    hidden: tuple[int, ...] = (64, 64)
    learning_rate: float = 3e-4
    discount: float = 0.99
    entropy: float = 0.01


PRESETS: Mapping[str, Preset] = {
    "smoke": Preset(iterations=8),
    "standard": Preset(iterations=250, steps=512),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ppo(MarketOptions):
    """What to learn on which bars."""

    preset: Annotated[str, typer.Option(help="smoke (seconds) or standard.")] = "standard"
    iterations: Annotated[
        int | None, typer.Option(help="Batches to learn from; none = the preset's.", min=1)
    ] = None
    holdout: Annotated[float, typer.Option(help="Fraction of the bars kept for the judgement.")] = (
        0.25
    )
    stop_loss: Annotated[
        float, typer.Option(help="Stop of every position, fraction of its entry.")
    ] = 0.05
    risk: Annotated[str | None, typer.Option(help="standard, conservative, aggressive or off.")] = (
        None
    )
    capital: Annotated[float | None, typer.Option(help="Starting equity.")] = None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job and return its exit code."""
    return run_job("python -m tune.ppo", Ppo, ppo, argv)


def ppo(options: Ppo) -> None:
    """Train an agent with PPO on past bars, judge it on held-out ones and write it to a folder."""
    if options.preset not in PRESETS:
        raise ConfigError([f"preset must be one of {', '.join(PRESETS)}, was {options.preset!r}"])
    preset = PRESETS[options.preset]
    if options.iterations is not None:
        preset = dataclasses.replace(preset, iterations=options.iterations)
    from aster_ray.models.artifact import check_model_folder, write_artifact
    from aster_ray.research.agent import judge_agent
    from aster_ray.research.env import Arena, EpisodeConfig, TradingEnv
    from aster_ray.research.holdout import split
    from aster_ray.research.prepare import prepare

    given = {name: getattr(options, name, None) for name in api.OPTION_PATHS}
    settings = api.load_settings(options.config, given, options.settings)
    folder = options.out or MODELS / f"ppo-{settings.data.timeframe}"
    check_model_folder(folder)
    place = folder.absolute()
    checkpoint = place.with_name(f"{place.name}-checkpoint")
    _check_checkpoint(checkpoint)
    prepared = prepare(api.request_run((BASELINE,), (), settings))
    parts = split(prepared.market, options.holdout)
    episodes = EpisodeConfig(
        envs=preset.envs,
        steps=preset.steps,
        stop_loss=options.stop_loss,
        seed=settings.session.seed,
    )
    arena = Arena(parts.fitted, prepared.setup, prepared.capital)
    TradingEnv(arena, episodes)  # refuses what cannot be, and compiles, before Ray is started
    with output.progress(options, "learn") as progress:
        policy, losses = _learn(arena, episodes, preset, checkpoint, progress)
    held_out = dataclasses.replace(prepared, market=parts.held_out)
    judgement = judge_agent(held_out, options.stop_loss, policy.act)
    artifact = _artifact(held_out, parts, judgement, policy, (preset, episodes))
    write_artifact(artifact, folder)
    payload = {
        "folder": str(folder),
        "checkpoint": str(checkpoint),
        "version": artifact.version,
        "card": artifact.card.plain(),
        "learning": losses,
    }
    output.emit(options, payload, lambda console: _show(console, artifact, folder))


def _check_checkpoint(folder: Path) -> None:
    """Refuse to replace what is no checkpoint of RLlib."""
    if folder.exists() and not (folder / "rllib_checkpoint.json").is_file():
        raise BadInputError(f"{folder} is no checkpoint of an earlier agent: move it away")


def _learn(
    arena: Any,
    episodes: EpisodeConfig,
    preset: Preset,
    checkpoint: Path,
    progress: output.Progress,
) -> tuple[Policy, list[dict[str, float]]]:
    """Train, write RLlib's checkpoint, and return the network with a row per iteration."""
    import ray

    from tune.learner import build, extracted, losses_of
    from tune.node import ray_node

    with ray_node():
        algorithm = build(preset, episodes, ray.put(arena))
        try:
            history = []
            for done in range(preset.iterations):
                history.append(losses_of(algorithm.train()))
                progress(done + 1, preset.iterations)
            shutil.rmtree(checkpoint, ignore_errors=True)
            algorithm.save_to_path(str(checkpoint))
            return extracted(algorithm, len(arena.market.symbols)), history
        finally:
            algorithm.stop()


def _artifact(
    prepared: Prepared,
    parts: Split,
    judgement: Judgement,
    policy: Policy,
    how: tuple[Preset, EpisodeConfig],
) -> Artifact:
    import importlib.metadata

    from aster_ray.model.ids import timeframe_name
    from aster_ray.models.artifact import make_artifact
    from aster_ray.models.card import Label, ModelCard, Origin, Span
    from aster_ray.models.policy import KIND, pack_policy
    from aster_ray.research import observation
    from aster_ray.research.prepare import sources_digest

    preset, episodes = how
    market, fitted = parts.held_out, parts.fitted
    timeframe = timeframe_name(market.timeframe_ms)
    begin = max(fitted.start, observation.lookback() - 1)
    card = ModelCard(
        kind=KIND,
        name=f"{KIND}-{timeframe}",
        symbols=market.symbols,
        timeframe=timeframe,
        inputs=observation.inputs(market.symbols),
        label=Label(kind="policy", horizon=1, parameters={"stop_loss": episodes.stop_loss}),
        origin=Origin(
            data=market.digest(),
            sources=sources_digest(),
            config=prepared.request.digest(),
            seed=episodes.seed,
        ),
        training=Span(
            start_ms=int(fitted.close_ms[begin]),
            end_ms=int(fitted.close_ms[-1]),
            rows=len(fitted) - begin,
        ),
        held_out=Span(
            start_ms=int(market.close_ms[market.start]),
            end_ms=int(market.close_ms[-1]),
            rows=len(market) - market.start,
        ),
        metrics=judgement.metrics,
        baselines=judgement.baselines,
        verdict=judgement.verdict,
        parameters={
            **dataclasses.asdict(preset),
            "targets": list(observation.TARGETS),
            "decisions_learnt_from": preset.iterations * preset.batch,
        },
        packages={name: importlib.metadata.version(name) for name in ("ray", "torch", "numpy")},
    )
    return make_artifact(card, pack_policy(policy))


def _show(console: Console, artifact: Artifact, folder: Path) -> None:
    """Print the judgement beside the baselines."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    card = artifact.card
    console.print(f"model {card.name} {artifact.version[:12]} in {folder}", markup=False)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("measure", "agent", *card.baselines):
        table.add_column(column.replace("_", " "), justify="left" if not table.columns else "right")
    for name, estimate in card.metrics.items():
        rows = [base[name].value if name in base else None for base in card.baselines.values()]
        cells = ("-" if value is None else f"{value:.4f}" for value in (estimate.value, *rows))
        table.add_row(name.replace("_", " "), *cells)
    console.print(table)
    console.print(card.verdict, markup=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
