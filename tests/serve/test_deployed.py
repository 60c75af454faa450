"""Train, deploy through the Serve config file, ask over HTTP, lose a replica, change the model."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import pytest
import yaml

from aster_ray.data.source import MarketRequest, load_market
from aster_ray.features import catalogue
from aster_ray.features.bars import bars_of
from aster_ray.models.artifact import read_artifact
from aster_ray.models.boosted import BoostedModel
from tests.ports import free_ports
from tests.serve.conftest import Served

ROOT = Path(__file__).parents[2]
PATIENCE_S = 240
TOKEN = secrets.token_hex(16)


class Node(NamedTuple):
    """A head of our own with Serve on it."""

    process: subprocess.Popen[bytes]
    folder: Path
    environment: dict[str, str]
    dashboard: int
    http: int

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    def ask(self, path: str, question: Any = None, token: str = TOKEN) -> tuple[int, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http}{path}",
            data=None if question is None else json.dumps(question).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except OSError as error:
            return 0, str(error)

    def replicas(self, deployment: str) -> list[psutil.Process]:
        """Return the processes of a deployment's replicas below our own head."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            try:
                if f"ServeReplica:predict:{deployment}" in " ".join(child.cmdline()):
                    found.append(child)
            except psutil.Error:
                continue
        return found


def until(done: Callable[[], Any], what: str) -> Any:
    """Wait for ``done`` to be true and return what it says."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := done()):
        assert time.monotonic() < deadline, what
        time.sleep(0.5)
    return found


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """Start a head, and end it by its process id: other nodes are not ours."""
    folder = Path(tempfile.mkdtemp(prefix="r"))  # short: socket paths have 107 characters
    gcs, dashboard, client, agent, grpc, http, stats, metrics = free_ports(8)
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    environment |= {
        "ASTER_API_TOKEN": TOKEN,
        "PYTHONPATH": str(ROOT),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(metrics),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(stats),
        "RAY_TMPDIR": str(folder),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    ports = {"port": gcs, "dashboard-port": dashboard, "ray-client-server-port": client}
    ports |= {"dashboard-agent-listen-port": agent, "dashboard-agent-grpc-port": grpc}
    start = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block"]
    start += [f"--{name}={port}" for name, port in ports.items()]
    start += ["--dashboard-host=127.0.0.1", "--num-cpus=2", "--disable-usage-stats"]
    with (folder / "head.log").open("wb") as log:
        process = subprocess.Popen(
            start, env=environment, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        yield Node(process, folder, environment, dashboard, http)
    finally:
        process.terminate()
        process.wait(timeout=90)
        shutil.rmtree(folder, ignore_errors=True)


def deploy(node: Node, model: Path) -> None:
    """Deploy the shipped config file with our port and ``model``, once the head answers."""
    document = yaml.safe_load((ROOT / "serve" / "config" / "predict.yaml").read_text())
    document["http_options"]["port"] = node.http
    predictor = document["applications"][0]["deployments"][1]
    predictor["user_config"]["models"] = [str(model)]
    file = node.folder / "predict.yaml"
    file.write_text(yaml.safe_dump(document))
    assert node.run("-m", "serve.configuration", str(file)).returncode == 0
    address = f"http://127.0.0.1:{node.dashboard}"
    arguments = ("-m", "ray.serve.scripts", "deploy", str(file), "--address", address)
    until(lambda: node.run(*arguments).returncode == 0, f"{(node.folder / 'head.log').read_text()}")


def question_of(model: BoostedModel, end: int = 1_000) -> tuple[dict[str, Any], float]:
    """Return a question about the built-in market and the answer the model gives offline."""
    market = load_market(MarketRequest(symbols=("BTCUSDT",)))
    bars, _ = bars_of(market, 0)
    served = Served(Path(), model, bars, catalogue.matrix(bars, catalogue.NAMES))
    offline = model.predict(served.features[end - 1 : end])
    return served.question(end), float(offline.probability[0])


def version(node: Node) -> Any:
    status, listing = node.ask("/v1/models")
    return status == 200 and listing["models"][0]["version"]


def latencies(node: Node, question: Any, rate: float, seconds: float) -> list[float]:
    """Ask at a fixed rate, one after another, and return the milliseconds each answer took."""
    taken = []
    begin = time.perf_counter()
    for i in range(int(rate * seconds)):
        time.sleep(max(0.0, begin + i / rate - time.perf_counter()))
        asked = time.perf_counter()
        status, _ = node.ask("/v1/predict", question)
        assert status == 200
        taken.append(1e3 * (time.perf_counter() - asked))
    return taken


@pytest.mark.slow
@pytest.mark.ray
def test_a_trained_model_is_served_survives_a_kill_and_gives_way_to_a_newer_one(
    node: Node, tmp_path: Path
) -> None:
    for seed in ("7", "8"):
        train = ("-m", "tune.train", "--preset", "smoke", "--symbols", "BTC,ETH", "--seed", seed)
        done = node.run(*train, "--out", str(tmp_path / seed), "--json")
        assert done.returncode == 0, done.stderr
    first, second = (BoostedModel(read_artifact(tmp_path / seed)) for seed in ("7", "8"))
    question, offline = question_of(first)

    deploy(node, tmp_path / "7")
    until(lambda: node.ask("/readyz")[0] == 200, "no model became ready")
    assert node.ask("/v1/predict", question, token="wrong" * 4)[0] == 401
    status, answer = node.ask("/v1/predict", question)
    assert status == 200
    assert answer["model"]["version"] == first.version
    assert answer["probability_up"] == offline  # the bits of the model asked offline

    taken = latencies(node, question, rate=20.0, seconds=10.0)
    p50, p99 = np.percentile(taken, [50, 99])
    print(
        f"\npredict over HTTP, c=1, 20 req/s, {len(taken)} requests: p50 {p50:.1f} ms, "
        f"p99 {p99:.1f} ms, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )

    victims = until(lambda: len(r := node.replicas("predictor")) == 2 and r, "two replicas")
    os.kill(victims[0].pid, signal.SIGKILL)
    until(lambda: node.ask("/v1/predict", question)[0] == 200, "no answer after a kill")
    status, again = node.ask("/v1/predict", question)
    assert (status, again["probability_up"]) == (200, offline)
    until(
        lambda: {r.pid for r in node.replicas("predictor")} - {v.pid for v in victims},
        "the killed replica did not come back",
    )

    changed = threading.Event()
    failures: list[Any] = []

    def keep_asking() -> None:
        while not changed.is_set():
            status, found = node.ask("/v1/predict", question)
            if status != 200:
                failures.append((status, found))

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        deploy(node, tmp_path / "8")
        until(lambda: version(node) == second.version, "the newer model does not answer")
    finally:
        changed.set()
        asking.join()
    assert failures == []
