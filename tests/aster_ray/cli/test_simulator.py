"""``aster simulator`` as a process: it serves, and ends when it is told."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest

from aster_ray import cli
from aster_ray.cli import simulator

START_MS = 1_735_689_600_000


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Return a folder with two hours of minutes of BTC."""
    folder = tmp_path / "bars"
    folder.mkdir()
    lines = ["ts,open,high,low,close,volume"]
    lines += [f"{START_MS + 60_000 * n},60000,60010,59990,60000,5" for n in range(120)]
    (folder / "venue_um_BTCUSDT_1m.csv").write_text("\n".join(lines) + "\n")
    return folder


def get(address: str) -> object:
    with urllib.request.urlopen(address, timeout=5) as response:
        return json.load(response)


def test_it_serves_a_recording_until_it_is_told_to_end(recording: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "aster_ray.cli", "simulator", "--json", "--port", "0"]
    command += ["--replay", str(recording), "--speed", "30", "--out", str(tmp_path / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            assert line, f"it ended: {text}"
            text += line
        payload = json.loads(text)
        try:
            assert payload["symbols"] == ["BTCUSDT"]
            assert get(f"{payload['http']}/fapi/v3/ping") == {}
            info = get(f"{payload['http']}/fapi/v3/exchangeInfo")
            assert isinstance(info, dict)
            assert [row["symbol"] for row in info["symbols"]] == ["BTCUSDT"]
            assert get(f"{payload['control']}/requests")
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 130
    assert json.loads((tmp_path / "out" / "simulator.json").read_text()) == payload


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_between_two_pieces_of_work(number: signal.Signals) -> None:
    done = []

    async def serve() -> None:
        try:
            while True:
                os.kill(os.getpid(), number)
                done.append("piece")
                await asyncio.sleep(0.01)
        finally:
            await asyncio.sleep(0)  # closes sockets
            done.append("closed")

    asyncio.run(simulator._until_told(serve()))
    assert done == ["piece", "closed"]


def test_the_section_says_what_no_option_does(tmp_path: Path, recording: Path) -> None:
    file = tmp_path / "aster.toml"
    text = f'[simulator]\nreplay = "{recording}"\npace = "stepped"\nport = 0\ntime = "recorded"\n'
    file.write_text(text)
    command = [sys.executable, "-m", "aster_ray.cli", "simulator", "--json", "--config", str(file)]
    with subprocess.Popen(
        [*command, "--time", "now"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        text = ""
        while not text.endswith("}\n"):
            line = process.stdout.readline()
            assert line, f"it ended: {text}"
            text += line
        payload = json.loads(text)
        process.send_signal(signal.SIGTERM)
    shown = {name: payload[name] for name in ("symbols", "pace", "speed", "time")}
    assert shown == {"symbols": ["BTCUSDT"], "pace": "stepped", "speed": 0.0, "time": "now"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--set", "simulator.pace=fast"], "pace must be one of wall, stepped"),
        (["--set", "simulator.deposit=0"], "deposit must be greater than 0"),
        (["--speed", "-1"], "speed must be within 0"),
        (["--pace", "fast"], "use wall or stepped"),
        (["--time", "tomorrow"], "use now or recorded"),
        (["--deposit", "much"], "--deposit must be an amount"),
        (["--port", "70000"], "less than or equal to 65535"),
        (["--replay", "nowhere"], "does not exist"),
        (["--symbols", "DOGE"], "DOGEUSDT is not in"),
        (["--from", "2025-01-01"], "no bar before"),
    ],
)
def test_what_cannot_be_served_is_named(
    arguments: list[str], words: str, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if "--replay" not in arguments:
        arguments = [*arguments, "--replay", str(recording)]
    assert cli.main(["simulator", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_a_recording_without_history_opens_in_its_middle(recording: Path) -> None:
    options = SimpleNamespace(symbols="BTC", start=None)
    market = simulator._market(options, str(recording), 7)  # type: ignore[arg-type]
    assert (len(market), market.start) == (120, 60)
    options.start = "2025-01-01T01:00:00"
    later = simulator._market(options, str(recording), 7)  # type: ignore[arg-type]
    assert later.open_ms[later.start] == START_MS + 3_600_000


def test_a_port_that_is_taken_is_named(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ["--replay", str(recording), "--port", str(port)]
        assert cli.main(["simulator", *arguments]) == 2
    assert f"--port {port}: Address already in use; name another" in capsys.readouterr().err
