"""A session that runs by itself, operated from other processes as a person or a script does."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from aster_ray.cli.guides import TOPICS
from aster_ray.engine.command import commands_of
from aster_ray.engine.journal import read_journal
from aster_ray.research.session import RISK_JOURNAL
from aster_ray.research.tenure import Phase, is_held, read_host
from tests.actors.failing import failing
from tests.actors.sessions import is_alive

ROOT = Path(__file__).parents[2]
SECRET = "correct-horse-battery-staple"
pytestmark = [pytest.mark.ray, pytest.mark.slow]


class Answer(NamedTuple):
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


def aster(*arguments: str, timeout: float = 300.0, **environ: str) -> Answer:
    result = subprocess.run(
        [sys.executable, "-m", "aster_ray.cli", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        env={**os.environ, "PYTHONWARNINGS": "", "EXCHANGE_API_SECRET": SECRET, **environ},
    )
    return Answer(result.returncode, result.stdout, result.stderr)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answer]:
    """A detached session of some 2,000 closes at 10 a second, ended in any case."""
    folder = str(tmp_path_factory.mktemp("operation") / "one")
    period = ("--plain", "--from", "2025-02-01", "--to", "2025-04-30", "--speed", "10")
    found = aster("paper", "--detach", *period, "--out", folder, "--json", timeout=900)
    try:
        yield found
    finally:
        aster("stop", folder)


def test_a_session_is_started_looked_at_paused_resumed_and_stopped(started: Answer) -> None:
    """One story in one test: each step needs the one before."""
    assert (started.code, started.err) == (0, "")
    folder = Path(started.document["folder"])
    assert started.document["stop"] == f"aster stop {folder}"
    assert is_held(folder)
    assert os.getpgid(started.document["pid"]) != os.getpgid(0)

    seen = aster("status", str(folder), "--json")
    assert seen.code == 0, seen
    document = seen.document
    assert (document["source"], document["trading_state"]) == ("actors", "active")
    assert {"feed", "strategy", "risk", "executor", "ledger", "supervisor"} == set(
        document["actors"]
    )
    assert all(row["pid"] and row["restarts"] == 0 for row in document["actors"].values())
    assert "account active" in aster("status", str(folder)).out

    assert aster("paper", "--detach", "--out", str(folder)).code == 2
    _refuse_strangers(folder)

    paused = aster("pause", str(folder), "--reason", "news", "--json")
    assert (paused.code, paused.document["state"], paused.document["number"]) == (0, "reducing", 1)
    again = aster("pause", str(folder), "--json")
    assert (again.code, again.document["number"]) == (0, None)
    assert aster("status", str(folder), "--json").document["trading_state"] == "reducing"
    resumed = aster("resume", str(folder), "--json")
    assert (resumed.document["state"], resumed.document["number"]) == ("active", 2)

    told = aster("logs", str(folder), "--actor", "risk", "--json")
    assert told.code == 0, told
    lines = [json.loads(line)["event"] for line in told.out.splitlines()]
    assert lines[-2:] == ["command", "command"]

    stopped = aster("stop", str(folder), "--json")
    assert (stopped.code, stopped.document["stopped"]) == (0, True), stopped
    assert aster("stop", str(folder), "--json").document["stopped"] is False
    assert aster("pause", str(folder)).code == 1
    _is_whole(folder)


def _refuse_strangers(folder: Path) -> None:
    """Somebody with another token, or none, neither sees nor changes anything."""
    before = read_journal(folder / RISK_JOURNAL).records
    for verb in ("status", "pause", "stop"):
        wrong = aster(verb, str(folder), RAY_AUTH_TOKEN="0" * 64)
        assert (wrong.code, wrong.out) == (2, "")
        assert "refuses the token" in wrong.err
        assert len(wrong.err.splitlines()) == 1
    missing = aster("pause", str(folder), HOME="/nonexistent", RAY_AUTH_TOKEN="")
    assert missing.code == 2, missing
    assert "token" in missing.err
    assert not commands_of(before)
    assert not commands_of(read_journal(folder / RISK_JOURNAL).records)
    assert is_held(folder)


def documented() -> set[str]:
    """Return what `aster help sessions` says a finished session holds."""
    text = (TOPICS["sessions"].__doc__ or "").partition("Journals are")[0]
    kinds = r"json|journal|log|out|html|parquet|stop|sqlite\.lock|sqlite"
    names = re.findall(rf"[\w./]+\.(?:{kinds})\b", text)
    return {name for name in names if name != "logs/NAME.log"}


def _is_whole(folder: Path) -> None:
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    logs = {name for name in found if re.fullmatch(r"logs/[a-z]+\.log(\.[1-4])?", name)}
    assert {Path(name).stem for name in logs} == {
        "host", "feed", "strategy", "risk", "executor", "ledger", "supervisor"
    }  # fmt: skip
    leases = {name for name in found if name.startswith("lease/")}  # named after the account
    assert leases
    # This one trades on paper, and nobody followed it.
    assert found - logs - leases == documented() - {"logs/exchange.out", "drift.json"}
    record = read_host(folder)
    assert record is not None
    assert (record.phase, record.exit_code, record.failure) == (Phase.ENDED, 0, "")
    seen = aster("status", str(folder), "--json")
    assert (seen.code, seen.document["source"]) == (1, "journals")
    assert seen.document["report"]
    assert seen.document["actors"] == {}
    replayed = aster("replay", str(folder), "--json")
    assert (replayed.code, replayed.document["differences"]) == (0, [])
    states = [
        one.instruction.state for one in commands_of(read_journal(folder / RISK_JOURNAL).records)
    ]
    assert states == [1, 0]
    _holds_no_secret(folder)


def _holds_no_secret(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes(), path


def test_a_secret_in_an_exception_reaches_no_file_and_no_terminal(tmp_path: Path) -> None:
    file, folder = tmp_path / "telltale.py", tmp_path / "one"
    file.write_text(failing("'refused: ' + os.environ['EXCHANGE_API_SECRET']"))
    period = ("--plain", "--from", "2025-02-01", "--to", "2025-02-05")
    failed = aster(
        "paper", *period, "--strategy", str(file), "--out", str(folder), "--json", timeout=600
    )
    assert failed.code == 1, failed
    assert "refused: ***" in failed.err
    assert SECRET not in failed.err + failed.out
    assert "refused: ***" in (folder / "logs" / "strategy.log").read_text()
    record = read_host(folder)
    assert record is not None
    assert "refused: ***" in record.failure
    _holds_no_secret(folder)
    seen = aster("status", str(folder), "--json")
    assert seen.code == 1
    assert "refused: ***" in seen.document["problems"][0]


def test_a_detached_session_that_cannot_start_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    bad = aster("paper", "--detach", "--symbols", "NOPE", "--out", str(folder))
    assert bad.code == 2
    assert "NOPE" in bad.err
    assert not folder.exists()


def test_a_killed_host_takes_its_actors_along_and_status_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    period = ("--plain", "--from", "2025-02-01", "--to", "2025-04-30", "--speed", "5")
    begun = aster("paper", "--detach", *period, "--out", str(folder), "--json", timeout=900)
    assert begun.code == 0, begun
    actors = aster("status", str(folder), "--json").document["actors"]
    os.kill(begun.document["pid"], signal.SIGKILL)
    pids = [row["pid"] for row in actors.values()]
    for _ in range(300):
        if not any(map(is_alive, pids)):
            break
        time.sleep(0.1)
    assert not any(map(is_alive, pids))
    assert not is_held(folder)
    seen = aster("status", str(folder), "--json")
    assert (seen.code, seen.document["source"]) == (1, "journals")
    assert seen.document["process"]["phase"] == "died"
    assert seen.document["account"]["closes"] > 0
    assert "is gone" in seen.document["problems"][0]
    stopped = aster("stop", str(folder), "--json")
    assert (stopped.code, stopped.document["stopped"]) == (0, False)
