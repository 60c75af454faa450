"""``python -m tune.ppo``: an agent from the earlier bars, judged on the later ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aster_ray.models.artifact import read_artifact
from aster_ray.models.policy import load_policy
from aster_ray.research import observation
from tests.aster_ray.research.test_env import an_arena
from tune import node
from tune.ppo import main

MARKET = ["--symbols", "BTC", "--from", "2025-01-01", "--to", "2025-02-20", "--json"]


def trained(out: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert (
        main([*MARKET, "--preset", "smoke", "--iterations", "2", "--out", str(out), *options]) == 0
    )
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.usefixtures("ray_node")
def test_an_agent_is_learnt_judged_written_and_the_same_for_its_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = trained(tmp_path / "a", capsys)
    artifact = read_artifact(tmp_path / "a")
    assert artifact.version == first["version"]
    assert (tmp_path / "a-checkpoint" / "rllib_checkpoint.json").is_file()
    card = artifact.card
    assert card.training.end_ms < card.held_out.start_ms
    assert card.inputs == observation.inputs(("BTCUSDT",))
    assert {"flat", "always_long", "momentum", "buy_and_hold"} == set(card.baselines)
    assert card.verdict
    assert len(first["learning"]) == 2
    assert np.isfinite([row["policy_loss"] for row in first["learning"]]).all()
    policy = load_policy(artifact, card.inputs)
    assert policy.act(np.zeros((3, len(card.inputs.names)), np.float32)).shape == (3, 1)

    assert trained(tmp_path / "b", capsys)["version"] == first["version"]
    other = trained(tmp_path / "c", capsys, "--seed", "2")
    assert other["version"] != first["version"]


@pytest.mark.parametrize("symbols", [1, 2])
def test_the_vector_environment_is_what_gymnasium_expects(symbols: int) -> None:
    from aster_ray.research.env import EpisodeConfig, TradingEnv
    from tune.vector_env import REWARD_SCALE, VectorTrading

    arena, episodes = an_arena(symbols=symbols), EpisodeConfig(envs=4, steps=12, seed=3)
    env = VectorTrading({"arena": arena, "episodes": episodes})
    plain = TradingEnv(arena, episodes)
    seen, _ = env.reset(seed=5)
    assert env.observation_space.contains(seen)
    assert plain.reset(seed=5).tobytes() == seen.tobytes()
    for t in range(30):
        actions = env.action_space.sample()
        step = plain.step(np.asarray(actions).reshape(4, symbols))
        seen, reward, terminated, truncated, infos = env.step(actions)
        assert seen.tobytes() == step.observation.tobytes()
        assert reward.tolist() == (REWARD_SCALE * step.reward).astype(np.float32).tolist()
        assert (terminated.shape, truncated.shape, infos) == ((4,), (4,), {})
        assert truncated.all() == (t % 13 == 11)


FAULTS = {
    "an unknown preset": (["--preset", "huge"], "preset must be one of smoke, standard"),
    "a market too short": (["--to", "2025-01-09"], "take a longer period or shorter episodes"),
    "a holdout of everything": (["--holdout", "1"], "--holdout must lie above 0"),
    "no stop": (["--stop-loss", "0"], "stop_loss must lie above 0"),
    "a folder of something else": (["--out", "."], "holds files that are no model"),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_bad_input_is_one_line_and_starts_no_ray(
    fault: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def started() -> None:
        raise AssertionError("Ray was started")

    monkeypatch.setattr(node, "ray_node", started)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "note.txt").write_text("mine")
    arguments, message = FAULTS[fault]
    assert main([*MARKET[:-1], *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.strip().splitlines()) == 1
    assert message in captured.err
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_a_folder_that_is_no_checkpoint_is_not_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "agent-checkpoint").mkdir()
    (tmp_path / "agent-checkpoint" / "mine.txt").write_text("mine")
    assert main([*MARKET, "--out", str(tmp_path / "agent")]) == 2
    assert "is no checkpoint of an earlier agent" in capsys.readouterr().err
    assert (tmp_path / "agent-checkpoint" / "mine.txt").is_file()
