"""Every fault in a person's own strategy is one line that names it, and nothing stale ever runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aster_ray import cli, settings
from aster_ray.config import read_assignments
from aster_ray.errors import ConfigError, StrategyError
from aster_ray.research.backtest import run_backtest
from aster_ray.research.request import build_request
from aster_ray.strategies.blame import blame, call
from aster_ray.strategies.contract import Ladder, Signals, Strategy
from aster_ray.strategies.encode import ask, encode
from aster_ray.strategies.momentum import Momentum
from aster_ray.strategies.parameters import resolve_params
from aster_ray.strategies.registry import load
from aster_ray.strategies.template import write_template

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""}

MINE = """
import numpy as np

from aster_ray.strategies.contract import Parameter, Signals


class Mine:
    name = "mine"
    parameters = {parameters}

    def warmup(self, params):
        return 1

    def signals(self, panel, params):
        return Signals(direction=np.full(panel.close.shape, {direction}, np.int8))
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return tmp_path / "mine.py"


def write(file: Path, parameters: str = "()", direction: object = 1, before: str = "") -> Path:
    file.write_text(before + MINE.format(parameters=parameters, direction=direction))
    return file


def refusal(spec: object) -> str:
    """Return the one line with which ``spec`` is refused."""
    with pytest.raises(StrategyError) as caught:
        load(str(spec))
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def said(strategy: Strategy, walk: Any) -> int:
    return int(ask(strategy, walk(3), {}).direction[0, 0])


def test_an_edit_within_the_same_second_runs_the_new_content(mine: Path, walk) -> None:
    """Neither time nor size tell, and bytecode of the old content lies beside the file."""
    stamp = write(mine).stat()
    command = [sys.executable, "-c", "import mine"]
    subprocess.run(command, cwd=mine.parent, check=True, env=ENVIRONMENT)
    assert list(mine.parent.glob("__pycache__/mine.*.pyc"))
    old = load(str(mine))
    assert said(old, walk) == 1
    write(mine, direction=0)
    os.utime(mine, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert mine.stat().st_size == stamp.st_size
    assert said(load(str(mine)), walk) == 0
    assert said(old, walk) == 1  # what runs already is left alone


def test_a_compiled_rule_of_ones_own_is_recompiled_after_an_edit(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, walk
) -> None:
    monkeypatch.setenv("ASTER_CACHE_DIR", str(tmp_path / "cache"))
    rule = "from aster_ray._jit import kernel\n\n@kernel\ndef wish(price):\n    return {}\n"
    answers = []
    for wish in (1, 0, 1):
        write(mine, direction="int(wish(1.0))", before=rule.format(wish))
        os.utime(mine, (1e9, 1e9))
        answers.append(said(load(str(mine)), walk))
    assert answers == [1, 0, 1]


@pytest.mark.parametrize("content", [b"x = 1\n\0\n", b"# coding: klingon\nx = 1\n"])
def test_a_file_that_is_no_python_at_all_is_named(mine: Path, content: bytes) -> None:
    mine.write_bytes(content)
    assert refusal(mine).startswith(f"cannot import strategy file {mine}")
    assert "embedded null byte" in refusal("a\0b.py")


def test_a_failed_import_leaves_nothing_behind(mine: Path) -> None:
    mine.write_text("\n\nraise SystemExit(3)\n")
    for _ in range(2):  # the second attempt must not find half a module
        told = refusal(mine)
        assert told == f"cannot import strategy file {mine}, line 3: SystemExit: 3"


@pytest.mark.parametrize(
    ("parameters", "fault"),
    [
        ("[Parameter('x', 5, 1, 10)]", "needs parameters, a tuple of Parameter"),
        ("Parameter('x', 5, 1, 10)", "needs parameters, a tuple of Parameter"),
        ("('x',)", "needs parameters, a tuple of Parameter"),
        ("(Parameter('x', 50, 1, 10),)", "x must be between 1 and 10, was 50"),
        ("(Parameter('x', 5, 10, 1),)", "x must be between 10 and 1, was 5"),
        ("(Parameter('x', 2.5, 1, 10, integer=True),)", "x must be a whole number, was 2.5"),
        ("(Parameter('x', True, 0, 1),)", "x must be a number, was True"),
        ("(Parameter('x', 5, '1', 10),)", "low of x must be a finite number, was '1'"),
        ("(Parameter('x', 5, 1, float('inf')),)", "high of x must be a finite number, was inf"),
        ("(Parameter('x', 10**400, 1, 10),)", "x must be between 1 and 10, was inf"),
        ("(Parameter(1, 5, 1, 10),)", "parameter's name must be a word like entry_bars, was 1"),
        ("(Parameter('a.b', 5, 1, 10),)", "name must be a word like entry_bars, was 'a.b'"),
        ("(Parameter('x', 5, 1, 10),) * 2", "two parameters have the same name"),
    ],
)
def test_bad_parameters_are_refused_before_anything_runs(
    mine: Path, parameters: str, fault: str
) -> None:
    told = refusal(write(mine, parameters))
    assert told.startswith(f"{mine}: Mine")
    assert told.endswith(fault)


def test_parameters_may_be_numbers_of_numpy(mine: Path) -> None:
    write(mine, "(Parameter('x', np.int64(5), 1, np.float32(10)),)")
    assert resolve_params(load(str(mine)), {"x": np.int64(7)}) == {"x": 7.0}


def test_what_a_method_raises_names_the_line_and_clear_errors_pass(mine: Path) -> None:
    write(mine).write_text(mine.read_text().replace("return 1", "return params['nope']"))
    with pytest.raises(StrategyError) as caught:
        call(load(str(mine)), "warmup", {})
    told = f"strategy mine: warmup() failed at {mine}, line 12: KeyError: 'nope'"
    assert str(caught.value) == told

    class Strict(Momentum):
        def warmup(self, params: object) -> int:
            raise params["error"]  # type: ignore[index]

    for error in (ConfigError(["use fewer bars"]), KeyboardInterrupt()):
        with pytest.raises(type(error)) as passed:
            call(Strict(), "warmup", {"error": error})
        assert passed.value is error


def test_a_helper_that_does_not_parse_is_blamed_itself(mine: Path) -> None:
    helper = mine.with_name("helper.py")
    with pytest.raises(SyntaxError) as caught:
        compile("x = 1\nif x\n", str(helper), "exec")
    assert blame(caught.value, str(mine)).startswith(f"{helper}, line 2: SyntaxError: ")


def test_each_broken_ladder_is_named_with_its_row(walk) -> None:
    panel = walk(6, 3)

    def spoilt(usual: float, value: float) -> np.ndarray:
        values = np.full((6, 3), usual)
        values[3, 2] = value
        return values

    whole = {"centre": spoilt(100.0, 100.0), "spacing": spoilt(0.01, 0.01), "levels": 4.0}
    for change, told in (
        ({"levels": spoilt(3.0, 2.5)}, "levels must be whole numbers, was 2.5 at row 3 of S2USDT"),
        ({"levels": 2.5}, "levels must be whole numbers, was 2.5 at every row"),
        ({"spacing": spoilt(0.01, 0.2)}, "must stay below 1 .* was 1 at row 3 of S2USDT"),
        ({"levels": 11}, "levels must be within 1..10, was 11 at every row"),
    ):
        signals = Signals(np.zeros((6, 3), np.int8), ladder=Ladder(**{**whole, **change}))
        with pytest.raises(StrategyError, match=f"strategy mine: .*ladder.*{told}"):
            encode([signals], panel, ["mine"])
    with pytest.raises(StrategyError, match="ladder must be a Ladder or None, was tuple"):
        encode([Signals(np.zeros((6, 3), np.int8), ladder=(100.0, 0.01))], panel, ["mine"])


@pytest.mark.parametrize("name", ["random", "numpy", "talib", "types", "aster_ray"])
def test_a_new_strategy_may_not_hide_a_module(tmp_path: Path, name: str) -> None:
    """``random.py`` in the current folder ends every ``python -m`` started there."""
    with pytest.raises(StrategyError, match="that of an installed Python module"):
        write_template(name, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["signals", "panel", "parameter", "params", "sequence"])
def test_a_new_strategy_may_be_named_like_one_of_its_imports(
    tmp_path: Path, name: str, walk
) -> None:
    strategy = load(str(write_template(name, tmp_path)))
    assert strategy.name == name
    assert ask(strategy, walk(400), resolve_params(strategy, {})).direction.any()


def test_a_file_in_the_current_folder_is_already_there_rather_than_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    write_template("my_idea", Path())
    with pytest.raises(StrategyError, match="already there"):
        write_template("my_idea", Path())


def test_a_new_strategy_trades_through_the_python_api(tmp_path: Path) -> None:
    file = write_template("my_idea", tmp_path)
    period = read_assignments(["data.symbols=BTC,SOL", "data.end=2025-02-15"])
    chosen = settings.load(None, {}, period)
    result = run_backtest(build_request(chosen, (str(file),), ("entry_bars=24", "exit_bars=12")))
    assert len(result.fills) > 10
    assert set(result.fills["symbol"]) == {0, 1}
    assert np.isfinite(result.equity).all()


def test_a_new_strategy_trades_from_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["strategy", "new", "my_idea"]) == 0
    assert "aster backtest --strategy my_idea.py" in capsys.readouterr().out
    options = ["--symbols", "BTC,SOL", "--to", "2025-02-15", "--json"]
    assert cli.main(["backtest", "--strategy", "my_idea.py", *options]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["round_trips"]["all"]["round_trips"] > 3
    assert str(tmp_path) not in json.dumps(report)


@pytest.mark.parametrize(
    ("before", "after", "fault"),
    [
        ('params["entry_bars"], params["exit_bars"]))', "entry))", "warmup() failed"),
        ('params["exit_bars"] <=', 'params["exit"] <=', "problems() failed"),
        ("talib.MAX(", "talib.MAXIMUM(", "signals() failed"),
        ("class MyIdea:", "class MyIdea", "SyntaxError"),
    ],
)
def test_the_command_tells_a_fault_in_one_line_and_ends_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, before: str, after: str, fault: str
) -> None:
    monkeypatch.chdir(tmp_path)
    file = write_template("my_idea", Path())
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))
    options = ["--symbols", "BTC", "--to", "2025-01-20"]
    assert cli.main(["backtest", "--strategy", "my_idea.py", *options]) == 2
    told = capsys.readouterr().err
    assert fault in told
    assert "my_idea.py, line " in told
    assert told.count("\n") == 1
