"""Sessions whose orders go through the real client to a simulated exchange of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from actors import simulated
from actors.place import PLACE, placed
from aster_ray.cli import api, main
from aster_ray.errors import AsterError, BadInputError
from aster_ray.research.session import Session
from tests.actors.sessions import is_alive

PERIOD = ("--from", "2025-03-01", "--to", "2025-03-03")
PATIENCE_S = 240.0


def traded(folder: Path, plan: Mapping[str, int], plans: Path, *options: str) -> dict[str, Any]:
    """Run ``aster paper`` as it is; let its actors die as planned; return the report."""
    command = [sys.executable, "-m", "aster_ray.cli", "paper", "--json", *PERIOD]
    command += ["--symbols", "BTC,ETH,SOL", "--out", str(folder), *options]
    environment = {**os.environ, "ASTER_FAILPOINTS": str(plans)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=sys.stderr)
    session = folder / "session.json"
    end = time.monotonic() + PATIENCE_S
    while not session.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    token = json.loads(session.read_text())["token"]
    (plans / f"{token}.json").write_text(json.dumps(dict(plan)))
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    report: dict[str, Any] = json.loads(output)
    return report


@pytest.mark.slow
@pytest.mark.parametrize(
    "plan",
    [
        {},
        {
            "executor/before-journal": 10,
            "executor/after-journal": 20,
            "executor/venue-before-log": 30,
            "executor/evidence-before-journal": 40,
            "executor/evidence-after-send": 50,
            "risk/after-journal": 60,
        },
    ],
    ids=["undisturbed", "the executor dies five times, the risk desk once"],
)
def test_the_report_agrees_with_the_exchanges_own_ledger(
    plan: dict[str, int], tmp_path: Path
) -> None:
    plans = tmp_path / "plans"
    plans.mkdir()
    report = traded(tmp_path / "session", plan, plans)
    session = report["session"]
    found = session["exchange"]
    assert found["agrees"], found
    assert found["fills"] > 20
    assert session["closes"] == 72
    deaths = {role: facts["restarts"] for role, facts in session["actors"].items()}
    expected = {"executor": 5, "risk": 1} if plan else {}
    assert {role: count for role, count in deaths.items() if count} == expected
    assert main(["replay", str(tmp_path / "session")]) == 0  # decisions, given the venue's word


class Running:
    """A session of its own process group, as a person starts it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "aster_ray.cli", "paper", *PERIOD, "--symbols", "BTC,ETH"]
        self.process = subprocess.Popen(
            [*command, "--speed", "5", "--out", str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def trade(self) -> Running:
        """Wait until it trades."""
        journal, end = self.folder / "venue.journal", time.monotonic() + PATIENCE_S
        while not journal.exists() or journal.stat().st_size < 20_000:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end
            time.sleep(0.05)
        return self

    @property
    def exchange(self) -> int:
        """Return the process of its exchange."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        (found,) = [
            int(pid)
            for pid in children.split()
            if b"simulator" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        return found

    def end(self) -> tuple[int, str, str]:
        """Return its exit code and what it said."""
        out, err = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, out, err


def is_gone(pid: int) -> bool:
    """Return whether a process ends within ten seconds."""
    end = time.monotonic() + 10.0
    while is_alive(pid) and time.monotonic() < end:
        time.sleep(0.05)
    return not is_alive(pid)


@pytest.mark.slow
def test_ctrl_c_drains_the_session_and_still_compares_the_books(tmp_path: Path) -> None:
    session = Running(tmp_path / "session").trade()
    exchange = session.exchange
    os.killpg(session.process.pid, signal.SIGINT)
    code, out, err = session.end()
    assert code == 130, err
    assert "our books and the exchange's own ledger agree to the last cent" in out
    report = json.loads((session.folder / "report.json").read_text())
    assert report["session"]["exchange"]["agrees"]
    assert 0 < report["session"]["closes"] < 72
    assert is_gone(exchange)


@pytest.mark.slow
def test_a_session_whose_exchange_dies_ends_and_says_so(tmp_path: Path) -> None:
    session = Running(tmp_path / "session").trade()
    os.kill(session.exchange, signal.SIGKILL)
    code, _, err = session.end()
    assert code == 1
    assert "the simulated exchange of session" in err.splitlines()[-1]
    assert "ended (killed by SIGKILL)" in err.splitlines()[-1]
    assert not (session.folder / "report.json").exists()


@pytest.mark.slow
def test_an_exchange_does_not_outlive_the_process_it_belongs_to(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    command = [sys.executable, "-m", "aster_ray.cli", "paper", "--detach", "--json", *PERIOD]
    command += ["--symbols", "BTC,ETH", "--speed", "2", "--out", str(folder)]
    begun = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert begun.returncode == 0, begun.stderr
    host = json.loads(begun.stdout)["pid"]
    children = Path(f"/proc/{host}/task/{host}/children").read_text().split()
    (exchange,) = [
        int(pid) for pid in children if b"simulator" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(host, signal.SIGKILL)
    assert is_gone(exchange)


def test_orders_for_an_exchange_that_is_not_there_go_nowhere_else(tmp_path: Path) -> None:
    session = a_session(tmp_path)
    with pytest.raises(BadInputError, match=r"exchange of session .* is not running"):
        placed(session, {})
    place = {"rest": "http://127.0.0.1:9", "stream": "ws://127.0.0.1:9", "control": "http://h/c"}
    found: Any = placed(session, {PLACE: json.dumps(place)}).request.settings
    assert (found.venue.rest, found.venue.control) == ("http://127.0.0.1:9", "http://h/c")
    assert (found.venue.wallet, found.venue.agent_key.value) == ("", "")
    plain = session._replace(request=session.request.on_paper())
    assert placed(plain, {}) is plain


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import sys; sys.exit('no such market')", "does not start: no such market"),
        ("pass", "does not start: no answer"),
    ],
)
def test_an_exchange_that_does_not_start_says_why(
    script: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = a_session(tmp_path)
    (tmp_path / "logs").mkdir()
    monkeypatch.setattr(simulated, "_command", lambda _prepared: [sys.executable, "-c", script])
    prepared: Any = None
    with (
        pytest.raises(AsterError, match=said),
        simulated.exchange_of(session, prepared) as exchange,
    ):
        exchange.open()
    assert PLACE not in os.environ


def a_session(folder: Path) -> Session:
    """Return a session that brings an exchange, of which nothing is written."""
    settings = api.load_settings(assignments=["session.orders=simulator", "venue.wallet=0xabc"])
    return Session(folder, "token", api.request_run((), (), settings), {})


@pytest.mark.parametrize(
    "rest", ["", "https://fapi.asterdex.com", "http://127.0.0.1.example.org", "http://10.0.0.2:1"]
)
def test_real_money_is_out_of_reach(
    rest: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "session"
    settings = ["--set", "session.orders=venue"]
    if rest:
        stream = rest.replace("http", "ws")
        settings += ["--set", f"venue.rest={rest}", "--set", f"venue.stream={stream}"]
    assert main(["paper", *settings, "--out", str(out)]) == 2
    assert "would trade real money" in capsys.readouterr().err
    assert not out.exists()
