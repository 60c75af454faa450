"""``cluster.yaml``, offline: Ray's own schema, then what the schema leaves open."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.exceptions import ValidationError

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "cluster.yaml").read_text()
Config = dict[str, Any]

# What a GCE instance may carry; Ray hands ``node_config`` to the API unread.
NODE_KEYS = {
    "canIpForward",
    "disks",
    "guestAccelerators",
    "labels",
    "machineType",
    "metadata",
    "minCpuPlatform",
    "networkInterfaces",
    "scheduling",
    "serviceAccounts",
    "tags",
}
PROVIDER_KEYS = {
    "availability_zone",
    "cache_stopped_nodes",
    "gcp_credentials",
    "project_id",
    "region",
    "type",
    "use_internal_ips",
}
# Accelerator -> the machine families that can carry it.
CARRIERS = {"nvidia-tesla-t4": ("n1-",), "nvidia-l4": ("g2-",)}
SECRETS = re.compile(
    r"AIza[\w-]{30}|-----BEGIN|gh[pousr]_\w{20}|ya29\.|\b[0-9a-fA-F]{32,}\b|"
    r"(?i:password|secret_key|private_key)\s*[:=]\s*\S"
)


def cluster() -> Config:
    loaded: Config = yaml.safe_load(TEXT)
    return loaded


def commands(config: Config) -> Iterator[str]:
    for key, value in config.items():
        if key.endswith("_commands"):
            yield from value


def _node_problems(name: str, node: Config) -> Iterator[str]:
    config = node["node_config"]
    for key in set(config) - NODE_KEYS:
        yield f"{name}: unknown node_config key {key}"
    accelerators = config.get("guestAccelerators", [])
    gpus = sum(one["acceleratorCount"] for one in accelerators)
    if node["resources"].get("GPU", 0) != gpus:
        yield f"{name}: promises another number of GPUs than it carries"
    scheduling = config.get("scheduling", {})
    if not isinstance(scheduling, dict):
        yield f"{name}: scheduling must be an object"
        return
    for one in accelerators:
        families = CARRIERS.get(one["acceleratorType"], ())
        if not config.get("machineType", "").startswith(families or "?"):
            yield f"{name}: {config.get('machineType')} cannot carry {one['acceleratorType']}"
        if scheduling.get("onHostMaintenance") != "TERMINATE":
            yield f"{name}: a GPU node must be terminated on host maintenance"
        if scheduling.get("provisioningModel") != "SPOT" or scheduling.get("automaticRestart"):
            yield f"{name}: a GPU node must be spot, without automatic restart"
        items = {item["key"]: item["value"] for item in config.get("metadata", {}).get("items", [])}
        if items.get("install-nvidia-driver") != "True":
            yield f"{name}: nobody installs the GPU's driver"


def problems(config: Config) -> list[str]:
    """Name everything Ray would accept and Google, or an operator, would regret."""
    provider, nodes = config["provider"], config["available_node_types"]
    found = [f"provider: unknown key {key}" for key in set(provider) - PROVIDER_KEYS]
    if not str(provider.get("availability_zone", "")).startswith(provider.get("region", "?")):
        found.append("provider: availability_zone lies outside region")
    for name, node in nodes.items():
        found += _node_problems(name, node)
        if name != config["head_node_type"] and node.get("min_workers", 0) != 0:
            found.append(f"{name}: costs money while nobody works")
    head = nodes[config["head_node_type"]]
    if head["resources"].get("GPU") or "provisioningModel" in head["node_config"]["scheduling"]:
        found.append("head: must have no GPU and must not be spot")
    starts = [command for command in commands(config) if "ray start" in command]
    if len(starts) != 2 or any("RAY_AUTH_MODE=token" not in command for command in starts):
        found.append("every node must be started with RAY_AUTH_MODE=token")
    if "~/.ray/auth_token" not in config["file_mounts"]:
        found.append("the token does not reach the nodes")
    head_start = "".join(config["head_start_ray_commands"])
    if "--dashboard-host=127.0.0.1" not in head_start:
        found.append("the dashboard listens beyond the head")
    if "RAY_SERVE_ENABLE_HA_PROXY=1" not in head_start:
        found.append("Serve starts without HAProxy")
    for kind in ("**/.env*", "**/*.pem"):
        if kind not in config.get("rsync_exclude", []):
            found.append(f"files like {kind} would be copied to every node")
    return found


def validate(config: Config) -> Config:
    """Run what `ray up` runs before it talks to the cloud."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared: Config = prepare_config(copy.deepcopy(config))
    validate_config(prepared)
    return prepared


def test_ray_accepts_it_and_the_lint_finds_nothing() -> None:
    prepared = validate(cluster())
    assert problems(prepared) == []
    assert set(prepared["available_node_types"]) == {"head", "cpu_worker", "t4_worker", "l4_worker"}


def test_no_secret_is_in_it() -> None:
    assert not SECRETS.search(TEXT)
    assert SECRETS.search(f"token: {'0a' * 16}")


def test_it_says_what_it_costs_at_most_and_what_its_token_opens() -> None:
    config = cluster()
    nodes = config["available_node_types"]
    cpu, workers = nodes["cpu_worker"], config["max_workers"]
    gpus = sum(one["max_workers"] for one in nodes.values() if one["resources"].get("GPU"))
    text = " ".join(line.removeprefix("#").strip() for line in TEXT.splitlines())
    assert (
        f"Never more than {workers} workers at once, of them at most {cpu['max_workers']} with "
        f"{cpu['resources']['CPU']} cores and {gpus} with a GPU."
    ) in text
    for fact in ("ray-autoscaler-sa-v1", "default-allow-ssh", "labels.ray-cluster-name=NAME"):
        assert fact in TEXT


def test_what_git_ignores_goes_to_no_cluster() -> None:
    # `ray job submit --working-dir .` leaves out what .gitignore names, and nothing else.
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {".env*", "*.pem", ".venv/", "runs/"} <= set(ignored)


def test_it_installs_this_checkout_with_the_pinned_versions() -> None:
    config = cluster()
    install = next(command for command in config["setup_commands"] if "-e " in command)
    assert "-c constraints.txt" in install
    assert config["file_mounts"]["~/aster-ray"] == "."
    assert "cd ~/aster-ray" in install


def node(config: Config, name: str) -> Config:
    found: Config = config["available_node_types"][name]
    return found


REFUSED_BY_RAY: dict[str, Callable[[Config], object]] = {
    "an unknown key": lambda c: c.update(max_worker=3),
    "no provider": lambda c: c.pop("provider"),
    "a head type that is none": lambda c: c.update(head_node_type="queen"),
    "a node type without resources": lambda c: node(c, "cpu_worker").pop("resources"),
    "half a core": lambda c: node(c, "cpu_worker")["resources"].update(CPU=1.5),
    "more workers at least than at most": lambda c: node(c, "t4_worker").update(min_workers=9),
    "commands that are one text": lambda c: c.update(setup_commands="make"),
}
LEFT_TO_THE_LINT: dict[str, Callable[[Config], object]] = {
    "an unknown provider key": lambda c: c["provider"].update(zone="x"),
    "a zone of another region": lambda c: c["provider"].update(region="europe-west4"),
    "a misspelt instance key": lambda c: node(c, "head")["node_config"].update(machine_type="n2"),
    "a GPU that is not there": lambda c: node(c, "cpu_worker")["resources"].update(GPU=1),
    "a GPU node that migrates": lambda c: node(c, "t4_worker")["node_config"]["scheduling"].update(
        onHostMaintenance="MIGRATE"
    ),
    "a GPU node at full price": lambda c: node(c, "l4_worker")["node_config"]["scheduling"].pop(
        "provisioningModel"
    ),
    "an L4 on the wrong machine": lambda c: node(c, "l4_worker")["node_config"].update(
        machineType="n1-standard-8"
    ),
    "a GPU without its driver": lambda c: node(c, "t4_worker")["node_config"].pop("metadata"),
    "workers that never leave": lambda c: node(c, "cpu_worker").update(min_workers=1),
    "a head that may vanish": lambda c: node(c, "head")["node_config"]["scheduling"].update(
        provisioningModel="SPOT"
    ),
    "a start without the token": lambda c: c.update(
        worker_start_ray_commands=["ray start --address=$RAY_HEAD_IP:6379"]
    ),
    "a token left behind": lambda c: c["file_mounts"].pop("~/.ray/auth_token"),
    "secrets of the checkout": lambda c: c.pop("rsync_exclude"),
    "a dashboard for everybody": lambda c: c.update(
        head_start_ray_commands=[
            line.replace("127.0.0.1", "0.0.0.0") for line in c["head_start_ray_commands"]
        ]
    ),
}


@pytest.mark.parametrize("fault", sorted(REFUSED_BY_RAY))
def test_ray_refuses(fault: str) -> None:
    config = cluster()
    REFUSED_BY_RAY[fault](config)
    with pytest.raises((ValidationError, ValueError, KeyError, TypeError, AssertionError)):
        validate(config)


@pytest.mark.parametrize("fault", sorted(LEFT_TO_THE_LINT))
def test_the_lint_refuses_what_ray_lets_pass(fault: str) -> None:
    config = cluster()
    LEFT_TO_THE_LINT[fault](config)
    assert problems(validate(config)) != []
