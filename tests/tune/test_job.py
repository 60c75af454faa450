"""A sweep submitted to a head with token authentication, as to a cluster of any size."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from aster_ray.cli import main as aster
from tests.ports import free_ports

ROOT = Path(__file__).parents[2]
PATIENCE_S = 240
SWEEP = ["--strategy", "momentum", "--symbols", "BTC", "--timeframe", "4h", "--from", "2025-01-01"]
SWEEP += ["--grid", "fast=5,10", "--grid", "slow=20,40", "--json"]


class Head(NamedTuple):
    """A running head node."""

    url: str
    environment: dict[str, str]


def ray(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "ray.scripts.scripts", *arguments]


@pytest.fixture
def head() -> Iterator[Head]:
    """Start a head of its own, and end it by its process id: other nodes are not ours."""
    folder = tempfile.mkdtemp(prefix="r")  # short: socket paths below it have 107 characters
    gcs, dashboard, client, agent, agent_grpc = free_ports(5)
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    environment |= {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_TMPDIR": folder,
        "RAY_USAGE_STATS_ENABLED": "0",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    log = Path(folder) / "head.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            ray(
                "start",
                "--head",
                "--block",
                "--num-cpus=2",
                f"--port={gcs}",
                "--dashboard-host=127.0.0.1",
                f"--dashboard-port={dashboard}",
                f"--ray-client-server-port={client}",
                f"--dashboard-agent-listen-port={agent}",
                f"--dashboard-agent-grpc-port={agent_grpc}",
                "--disable-usage-stats",
            ),
            env=environment,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    started = Head(f"http://127.0.0.1:{dashboard}", environment)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while run(started, "job", "list").returncode != 0:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(1.0)
        yield started
    finally:
        process.terminate()
        process.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def run(head: Head, *arguments: str, token: str | None = None) -> subprocess.CompletedProcess[str]:
    command, verb, *rest = arguments
    changed = {} if token is None else {"RAY_AUTH_TOKEN": token}
    return subprocess.run(
        ray(command, verb, "--address", head.url, *rest),
        cwd=ROOT,
        env=head.environment | changed,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


def document(log: str) -> dict[str, Any]:
    """Return the JSON document between the lines of a job's log."""
    lines = log.splitlines()
    begin = lines.index("{")
    found: dict[str, Any] = json.loads("\n".join(lines[begin : lines.index("}", begin) + 1]))
    return found


@pytest.mark.slow
@pytest.mark.ray
def test_a_submitted_sweep_gives_the_local_rows_and_needs_the_token(
    head: Head, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = run(head, "job", "list", token=secrets.token_hex(32))
    assert refused.returncode != 0
    job = ["job", "submit", "--working-dir", ".", "--", "python", "-m", "tune.sweep"]
    done = run(head, *job, *SWEEP)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "succeeded" in done.stdout
    capsys.readouterr()
    assert aster(["sweep", *SWEEP]) == 0
    local = json.loads(capsys.readouterr().out)
    found = document(done.stdout)
    assert len(local["rows"]) == 4
    assert found["rows"] == local["rows"]
    failed = run(head, *job, "--strategy", "momentum", "--grid", "width=1,2")
    assert failed.returncode != 0
    assert "has no parameter 'width'" in failed.stdout
