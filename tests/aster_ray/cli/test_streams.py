"""A person's strategy may print, and may not end the program."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aster_ray import cli
from aster_ray.cli.streams import results, results_only
from aster_ray.strategies.template import write_template

Capture = pytest.CaptureFixture[str]
Answer = Callable[..., dict[str, Any]]
SHORT = ["--symbols", "BTC", "--to", "2025-01-31"]
GRID = ["--grid", "entry_bars=24,48,72", "--grid", "exit_bars=12,24"]


def mine(line: str, before: str = "direction = ") -> list[str]:
    """Return the option of a strategy that runs ``line`` first in signals(), or elsewhere."""
    file = write_template("my_idea", Path())
    text = file.read_text()
    file.write_text(text.replace(before, f"{line}\n        {before}", 1))
    return ["--strategy", str(file)]


@pytest.mark.parametrize("verb", [["backtest"], ["sweep", *GRID], ["config", "check"]])
def test_what_a_strategy_prints_goes_to_standard_error(capsys: Capture, verb: list[str]) -> None:
    file = write_template("my_idea", Path())
    text = file.read_text().replace(
        "direction = ", "print('at', len(panel.open_ms))\n        direction = ", 1
    )
    text = text.replace("return int(max(", "print('warming'); return int(max(", 1)
    file.write_text(text + f"\n\nprint('imported by {verb[0]}')\n")  # a file is run once
    before = sys.stdout
    assert cli.main([*verb, *SHORT, "--strategy", str(file), "--json"]) == 0
    assert sys.stdout is before
    out, err = capsys.readouterr()
    assert isinstance(json.loads(out), dict)
    assert "imported" in err
    assert ("at " in err) == (verb[0] != "config")


def test_tables_are_free_of_it_too(capsys: Capture) -> None:
    assert cli.main(["backtest", *SHORT, *mine("print('chatty')")]) == 0
    out, err = capsys.readouterr()
    assert "buy and hold" in out
    assert "chatty" not in out
    assert "chatty" in err


def test_a_strategy_that_calls_exit_has_failed(capsys: Capture, tmp_path: Path) -> None:
    for code in ("0", "3", ""):
        options = mine(f"import sys; sys.exit({code})")
        assert cli.main(["backtest", *SHORT, *options]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert "strategy my_idea: signals() failed at " in err
        assert "SystemExit" in err
        assert "may not end the program" in err
        assert err.count("\n") == 1
        assert [path.name for path in tmp_path.iterdir() if path.suffix == ""] == []
        Path("my_idea.py").unlink()


def test_an_error_of_several_lines_is_told_on_one(capsys: Capture) -> None:
    assert cli.main(["backtest", *SHORT, *mine("raise ValueError('one\\n  two')")]) == 2
    err = capsys.readouterr().err
    assert "ValueError: one two" in err
    assert err.count("\n") == 1


def test_results_keep_standard_output_and_tell_its_kind(capsys: Capture) -> None:
    before = results()
    with results_only():
        assert results() is before
        assert sys.stdout is not before
        assert sys.stdout.isatty() is before.isatty()
        print("aside", flush=True)
        results().write("result")
    assert sys.stdout is before
    assert capsys.readouterr() == ("result", "aside\n")
