"""The training job from its options to its artifact."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aster_ray.models.artifact import read_artifact
from aster_ray.models.boosted import BoostedModel
from tune.train import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "lstm"], "model must be xgboost, was 'lstm'"),
        (["--preset", "fast"], "preset must be one of smoke, standard, was 'fast'"),
        (["--horizon", "0"], "horizon must be at least 1 bar, was 0"),
        (["--label", "sign"], "label must be one of log_return, triple_barrier, was 'sign'"),
        (["--symbols", "DOGE"], "DOGE"),
        (["--from", "2025-06-25"], "part has 60 decisions"),
        (["--timeframe", "2h"], "timeframe"),
    ],
)
def test_bad_input_is_one_line_and_starts_nothing(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "model"
    assert main([*arguments, "--out", str(out), "--json"]) == 2
    assert message in json.loads(capsys.readouterr().err)["error"]
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path, capsys) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["--preset", "smoke", "--out", str(tmp_path)]) == 2
    assert "holds files that are no model" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.slow
@pytest.mark.ray
def test_training_twice_writes_the_same_bytes_and_prints_what_it_found(
    ray_node: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--preset", "smoke", "--symbols", "BTC,ETH", "--seed", "3"]
    assert main([*arguments, "--out", str(tmp_path / "a")]) == 0
    shown = capsys.readouterr().out
    assert main([*arguments, "--out", str(tmp_path / "b"), "--json"]) == 0
    payload = json.loads(capsys.readouterr().out)
    for file in ("artifact.json", "model.ubj"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    artifact = read_artifact(tmp_path / "a")
    assert payload["version"] == artifact.version == BoostedModel(artifact).version
    assert payload["card"] == artifact.card.plain()
    assert artifact.card.name == "xgboost-1h-h4"
    assert artifact.card.origin.seed == 3
    # Said to whoever reads, and the same as in the document.
    for words in ("contrarian", "net bps", "walk-forward folds", artifact.card.verdict):
        assert words in shown
