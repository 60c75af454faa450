"""The sample of a service unit: systemd takes it, and so does the command it starts."""

from __future__ import annotations

import configparser
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from actors.host import notify_service
from aster_ray.cli import build_app
from aster_ray.log import is_secret

UNIT = Path(__file__).parents[2] / "serve" / "config" / "aster-paper.service"


def unit() -> configparser.RawConfigParser:
    # A unit repeats keys (Environment=), which a plain parser refuses; the last one wins here.
    parser = configparser.RawConfigParser(strict=False, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(UNIT.read_text())
    return parser


def test_the_command_it_starts_is_understood() -> None:
    program, verb, *arguments = shlex.split(unit()["Service"]["ExecStart"])
    assert program.endswith("/bin/aster")
    command = typer.main.get_command(build_app())
    context = command.commands[verb].make_context(verb, arguments)  # type: ignore[attr-defined]
    assert verb == "paper"
    assert context.params["as_json"] is True
    assert context.params["detach"] is False  # the service manager keeps the main process itself


def test_stopping_it_is_an_orderly_end() -> None:
    service = unit()["Service"]
    assert service["KillMode"] == "mixed"  # SIGTERM to the main process, not to its actors
    assert service["KillSignal"] == "SIGTERM"
    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"] == "2"
    assert service["Type"] == "notify"
    assert service["TimeoutStopSec"]
    assert service["NoNewPrivileges"] == "yes"


def test_it_holds_no_secret() -> None:
    settings = [
        line.removeprefix("Environment=").partition("=")[0]
        for line in UNIT.read_text().splitlines()
        if line.startswith("Environment=")
    ]
    assert "RAY_AUTH_MODE" in settings
    assert not any(map(is_secret, settings))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    """Only the program is replaced by one that is there."""
    program = shlex.split(unit()["Service"]["ExecStart"])[0]
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(program, sys.executable))
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line for line in result.stderr.splitlines() if UNIT.name in line]
    assert (result.returncode, told) == (0, []), result.stderr


def test_the_service_manager_hears_when_it_trades(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        notify_service("READY=1")
        assert manager.recv(64) == b"READY=1"
    notify_service("READY=1")  # it has gone: nothing to worry about
    monkeypatch.delenv("NOTIFY_SOCKET")
    notify_service("READY=1")
