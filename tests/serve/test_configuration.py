"""The Serve config file names nothing that Serve would ignore."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from aster_ray import topology
from serve.configuration import main, read_config

CONFIG = Path(__file__).parents[2] / "serve" / "config" / "predict.yaml"


def test_the_shipped_file_is_right_and_names_what_the_code_names() -> None:
    document = read_config(CONFIG)
    [application] = document["applications"]
    assert application["name"] == topology.PREDICT_APP
    assert application["import_path"] == "serve.app:build"
    names = {deployment["name"] for deployment in application["deployments"]}
    assert names == {topology.PREDICT_API, topology.PREDICTOR}
    assert document["http_options"]["host"] == "127.0.0.1"
    assert main([str(CONFIG)]) == 0


@pytest.mark.parametrize(
    ("path", "key", "value", "problem"),
    [
        ((), "proxy", 1, "proxy is unknown; known are "),
        (("http_options",), "prot", 1, "http_options.prot is unknown"),
        (("applications", 0), "imports", "x", "applications.0.imports is unknown"),
        (("applications", 0, "deployments", 1), "num_replica", 2, "1.num_replica is unknown"),
        (
            ("applications", 0, "deployments", 1),
            "autoscaling_config",
            {"min_replica": 1},
            "deployments.1.autoscaling_config.min_replica is unknown",
        ),
        (
            ("applications", 0, "deployments", 0),
            "ray_actor_options",
            {"num_gpu": 1},
            "deployments.0.ray_actor_options.num_gpu is unknown",
        ),
        (("applications", 0, "deployments", 0), "num_replicas", "two", "num_replicas"),
    ],
)
def test_a_misspelt_key_is_found_at_any_depth(
    tmp_path: Path, capsys, path: tuple[Any, ...], key: str, value: Any, problem: str
) -> None:
    document = yaml.safe_load(CONFIG.read_text())
    place = document
    for step in path:
        place = place[step]
    place[key] = value
    (tmp_path / "serve.yaml").write_text(yaml.safe_dump(document))
    assert main([str(tmp_path / "serve.yaml")]) == 2
    assert problem in capsys.readouterr().err


def test_what_is_no_config_is_said_in_one_line(tmp_path: Path, capsys) -> None:
    (tmp_path / "a.yaml").write_text("[unclosed")
    (tmp_path / "b.yaml").write_text("- 1")
    for file in ("a.yaml", "b.yaml", "absent.yaml"):
        assert main([str(tmp_path / file)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert main([]) == 2
