"""Sessions on Ray whose own journals are in a database: as with files, also when something dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actors.pulse import load
from aster_ray import topology
from aster_ray.research.replay import replay_session
from aster_ray.research.session import load_session
from aster_ray.research.standing import read_ledger
from aster_ray.store.journals import POSTGRESQL, SQLITE
from tests.actors.sessions import Killer, a_request, run
from tests.aster_ray.store.servers import PostgresServer, served

pytestmark = [pytest.mark.ray, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
DAYS, SPEED, PATIENCE_S = 12, 40, 300.0
CLOSES = DAYS * 24


@pytest.fixture(scope="module")
def with_files(ray_node: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the session with files, which nothing disturbed."""
    folder = tmp_path_factory.mktemp("files") / "session"
    run(a_request(DAYS), folder)
    return folder


def assert_same_session(folder: Path, with_files: Path, kind: str) -> None:
    """Assert the same orders, fills, trades and equity, to the byte, and a faithful record."""
    session = load_session(folder)
    assert session.place.kind == kind
    assert not list(folder.glob("*.journal"))
    for name in ("orders", "fills", "trades", "equity"):
        file = f"{name}.parquet"
        assert (folder / file).read_bytes() == (with_files / file).read_bytes(), name
    replayed = replay_session(folder)
    assert (replayed.closes, replayed.differences, replayed.unfinished) == (CLOSES, [], 0)
    assert read_ledger(folder) == read_ledger(with_files)


def test_a_session_with_sqlite_is_the_one_with_files_whoever_is_killed(
    with_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTER__STORE__JOURNAL", "sql")
    killer = Killer({topology.RISK: 60, topology.EXECUTOR: 140})
    result = run(a_request(DAYS, speed=SPEED), tmp_path / "session", killer)
    died = {one["pid"] for one in result.report["session"]["recoveries"]}
    assert died == set(killer.killed.values())
    assert len(died) == 2
    assert_same_session(tmp_path / "session", with_files, SQLITE)


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """Return a server that this test may end."""
    yield from served()


class Paper:
    """``aster paper`` in a process of its own, as its folder shows it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        period = ["--plain", "--from", "2025-02-01", "--to", f"2025-02-{DAYS}"]
        command = [sys.executable, "-m", "aster_ray.cli", "paper", *period]
        command += ["--speed", str(SPEED), "--out", str(folder), "--json"]
        environment = {**os.environ, "PYTHONWARNINGS": "", "RAY_AUTH_MODE": "token"}
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=pipe)

    def wait(self, until: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not until():
            assert self._process.poll() is None, "it ended too early"
            assert time.monotonic() < end, "it does not come that far"
            time.sleep(0.1)

    def closes(self) -> int:
        there = (self.folder / "session.json").exists()
        return int(read_ledger(self.folder).get("closes", 0)) if there else 0

    def pid(self, role: str) -> int:
        return load(self.folder)[0][role].pids[-1]

    def kill(self, role: str) -> int:
        """Kill an actor; return the process that was."""
        pid = self.pid(role)
        os.kill(pid, signal.SIGKILL)
        return pid

    def ended(self) -> tuple[int, str]:
        output, _ = self._process.communicate(timeout=PATIENCE_S)
        return self._process.returncode, output.decode()

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            self._process.communicate(timeout=PATIENCE_S)

    def said(self, event: str) -> set[str]:
        """Return which processes logged something."""
        logs = self.folder.glob("logs/*.log")
        return {log.stem for log in logs if f'"{event}"' in log.read_text(encoding="utf-8")}


@pytest.mark.long
def test_a_session_with_postgresql_outlives_its_server_and_its_actors(
    with_files: Path, own_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTER__STORE__JOURNAL", "sql")
    monkeypatch.setenv("ASTER__STORE__URL", own_server.create(f"ray-{tmp_path.name}"[-60:]))
    paper = Paper(tmp_path / "session")
    try:
        paper.wait(lambda: paper.closes() >= 60)
        killed = paper.kill(topology.RISK)
        paper.wait(lambda: paper.pid(topology.RISK) != killed)
        paper.wait(lambda: paper.closes() >= 150)
        own_server.end(signal.SIGQUIT)  # as a crash
        paper.wait(lambda: bool(paper.said("database_away")))
        killed = paper.kill(topology.EXECUTOR)  # its successor finds no server either
        paper.wait(lambda: paper.pid(topology.EXECUTOR) != killed)
        own_server.start()
        code, output = paper.ended()
    finally:
        paper.end()
    assert code == 0
    assert json.loads(output)["session"]["closes"] == CLOSES
    assert paper.said("database_is_back")
    assert_same_session(tmp_path / "session", with_files, POSTGRESQL)
