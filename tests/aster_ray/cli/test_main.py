"""The contract of every verb: exit codes, one line of error, JSON, interruption."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from aster_ray import __version__, cli
from aster_ray.errors import HaltedError

ROOT = Path(__file__).parents[3]
Capture = pytest.CaptureFixture[str]


def refused(capsys: Capture, *arguments: str) -> str:
    """Run a command that must end with exit code 2 and one line; return the line."""
    assert cli.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["bactest"], "Did you mean 'backtest'?"),
        (["data", "delete"], "No such command 'delete'"),
        (["data"], "Missing command"),
        (["backtest", "--capitol", "5"], "--capital"),
        (["backtest", "--capital", "much"], "--capital"),
        (["backtest", "--capital", "0"], "session.capital must be greater than 0"),
        (["backtest", "--capital", "-1"], "session.capital must be greater than 0"),
        (["backtest", "--capital", "nan"], "expected a finite number"),
        (["backtest", "--set", "risk.max_gros=1"], "did you mean 'max_gross'?"),
        (["backtest", "--set", "rsk.max_gross=1"], "did you mean 'risk'?"),
        (["backtest", "--set", "nonsense"], "write section.key=value"),
        (["backtest", "--from", "2025-01-01", "--to", "2024-01-01"], "runs backwards"),
        (["backtest", "--from", "soon"], "'soon' is not a date"),
        (["backtest", "--timeframe", "2h"], "data.timeframe must be one of 1m"),
        (["backtest", "--risk", "bold"], "risk.profile must be one of"),
        (["backtest", "--strategy", "momentun"], "unknown strategy 'momentun'"),
        (["backtest", "--strategy", "absent.py:Mine"], "absent.py"),
        (["backtest", "--param", "fst=3"], "has a parameter 'fst'"),
        (["backtest", "--param", "momentum.fast=9999"], "fast must be between"),
        (["backtest", "--param", "levels"], "write name=value"),
        (["backtest", "--symbols", "NOPE"], "NOPE"),
        (["backtest", "--data", "nowhere"], "'nowhere' does not exist"),
        (["backtest", "--config", "nowhere.toml"], "cannot read nowhere.toml"),
        (["sweep", "--strategy", "momentum"], "needs a grid"),
        (["sweep", "--grid", "stop_loss=0.1"], "several strategies have it"),
        (["sweep", "--strategy", "momentum", "--grid", "fast=24:8:4"], "must rise"),
        (["sweep", "--strategy", "momentum", "--grid", "size=1"], "no parameter 'size'"),
        (["sweep", "--strategy", "momentum", "--grid", "fast=8.5"], "whole number"),
        (["sweep", "--strategy", "momentum", "--grid", "fast=8,12,8"], "8 is given more than once"),
        (["backtest", "--symbols", ","], "expected values between the commas"),
        (["backtest", "--capital", "1e13"], "session.capital must be at most 1e+12"),
        (["backtest", "--warmup", "-1"], "data.warmup must be"),
        (["data", "verify"], "nothing to verify"),
        (["data", "list", "--data", "nowhere"], "does not exist"),
        (["data", "import", "nowhere", "catalog"], "nowhere"),
        (["report", "nowhere"], "no report at nowhere"),
        (["strategy", "new", "Not A Name"], "strategy name"),
        (["help", "confg"], "did you mean config?"),
    ],
)
def test_bad_input_is_one_clear_message(
    capsys: Capture, arguments: list[str], expected: str, tmp_path: Path
) -> None:
    assert expected in refused(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []  # nothing half-written


def test_an_empty_directory_is_refused(capsys: Capture, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "empty" in refused(capsys, "backtest", "--data", "empty")


@pytest.mark.parametrize("verb", ["backtest", "sweep", "paper"])
def test_an_unwritable_output_is_refused_before_the_work(
    capsys: Capture, tmp_path: Path, verb: str
) -> None:
    (tmp_path / "file").write_text("")
    grid = ["--strategy", "momentum", "--grid", "fast=8,9"] if verb == "sweep" else []
    for out in ("file", "file/deeper", "."):
        assert "--out" in refused(capsys, verb, *grid, "--out", out)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_all_problems_are_told_at_once(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "aster.toml").write_text("[risk]\nmax_gros = 1\n")
    monkeypatch.setenv("ASTER__SIZING__MODE", "all")
    line = refused(capsys, "config", "check", "--capital", "0")
    for part in ("aster.toml: unknown key", "sizing.mode", "session.capital"):
        assert part in line


def test_errors_are_json_when_asked(capsys: Capture) -> None:
    assert cli.main(["backtest", "--strategy", "nope", "--json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "unknown strategy" in json.loads(err)["error"]


def test_a_failure_that_no_input_mends_ends_with_one(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def halt(*_: object) -> None:
        raise HaltedError("halted: resume first")

    monkeypatch.setattr(cli.guides.output, "emit", halt)
    assert cli.main(["version"]) == 1
    assert capsys.readouterr().err == "error: halted: resume first\n"


def interrupt() -> None:
    raise KeyboardInterrupt


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def hang_up() -> None:
    os.kill(os.getpid(), signal.SIGHUP)


@pytest.mark.usefixtures("a_terminal")
@pytest.mark.parametrize("stop", [interrupt, terminate, hang_up])
def test_an_interruption_ends_with_130(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch, stop: Callable[[], None]
) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)
    monkeypatch.setattr(cli.guides.output, "emit", lambda *_: stop())
    assert cli.main(["version"]) == 130
    assert capsys.readouterr().err == "error: interrupted\n"
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)) == before


def test_a_reader_that_leaves_is_no_error() -> None:
    script = (
        f'"{sys.executable}" -m aster_ray.cli strategy list | head -1; echo "${{PIPESTATUS[0]}}"'
    )
    result = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert result.stdout.splitlines()[-1] == "0"
    assert result.stderr == ""


def test_version_and_help(capsys: Capture) -> None:
    assert cli.main(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"version": __version__}
    assert cli.main([]) == 0
    assert "backtest" in capsys.readouterr().out
    assert cli.main(["help"]) == 0
    topics = [line.split()[2] for line in capsys.readouterr().out.splitlines()]
    for topic in topics:
        assert cli.main(["help", topic]) == 0
        assert len(capsys.readouterr().out) > 100


def test_help_of_a_verb_says_what_it_does_and_where_to_read_on(capsys: Capture) -> None:
    for verb, told in (
        ("backtest", "fills.parquet"),
        ("sweep", "--warmup N"),
        ("strategy", "aster strategy new"),
        ("paper", "at a simulated exchange"),
    ):
        assert cli.main(["help", verb]) == 0
        text = capsys.readouterr().out
        assert f"aster {verb} --help" in text
        assert told in text
    assert "did you mean backtest?" in refused(capsys, "help", "backtst")


def test_an_interrupt_after_the_work_is_done_does_not_end_it_by_a_signal() -> None:
    script = """
import os, signal, sys
from aster_ray.cli import main

class Late:
    def __init__(self):
        self.kill, self.arguments = os.kill, (os.getpid(), signal.SIGINT)

    def __del__(self):  # while Python takes itself down
        self.kill(*self.arguments)

late = Late()
sys.argv = ["aster", "version"]
code = main()
os.kill(os.getpid(), signal.SIGINT)
sys.exit(code)
"""
    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert (result.returncode, result.stdout) == (0, f"aster-ray {__version__}\n")
    assert result.stderr == ""
