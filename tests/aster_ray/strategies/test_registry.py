from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aster_ray.errors import StrategyError
from aster_ray.strategies.contract import Strategy
from aster_ray.strategies.encode import ask, signal_columns
from aster_ray.strategies.parameters import misfits
from aster_ray.strategies.registry import STRATEGIES, load, names, resolve_params

MINE = """
from __future__ import annotations
import numpy as np
from aster_ray.strategies.contract import Parameter, Signals

class Mine:
    name = "mine"
    parameters = (Parameter("bars", 5, 1, 50, integer=True),)

    def warmup(self, params):
        return int(params["bars"])

    def signals(self, panel, params):
        return Signals(np.ones(panel.close.shape, np.int8))
"""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


def refusal(spec: str) -> str:
    with pytest.raises(StrategyError) as caught:
        load(spec)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", names())
def test_every_built_in_strategy_loads_under_its_own_name(name: str) -> None:
    strategy = load(name)
    assert isinstance(strategy, Strategy)
    assert strategy.name == name
    params = resolve_params(strategy, {})
    assert strategy.warmup(params) > 0
    assert all(not misfits(p, p.default) and p.doc for p in strategy.parameters)


def test_listing_names_loads_no_heavy_library() -> None:
    code = (
        "import sys; from aster_ray.strategies.registry import names; names();"
        "print([m for m in ('numba', 'talib', 'pandas') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_an_unknown_name_suggests_the_nearest() -> None:
    message = refusal("momentom")
    assert "unknown strategy 'momentom': did you mean momentum?" in message
    assert all(name in message for name in STRATEGIES)
    assert "FILE.py:Class" in refusal("")


def test_a_forgotten_ending_is_suggested(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(mine.parent)
    assert "did you mean mine.py?" in refusal("mine")


@pytest.mark.parametrize("suffix", ["", ":Mine"])
def test_a_file_loads_with_or_without_its_class(mine: Path, suffix: str, walk) -> None:
    strategy = load(f"{mine}{suffix}")
    assert strategy.name == "mine"
    assert (signal_columns([(strategy, {"bars": 5.0})], walk(9)).code == 1).all()


def test_an_edited_file_is_loaded_anew_and_an_equal_one_is_not(mine: Path) -> None:
    first = type(load(str(mine)))
    assert type(load(str(mine))) is first
    mine.write_text(MINE.replace('"mine"', '"ours"'))  # as long as before, in the same second
    assert load(str(mine)).name == "ours"
    assert not list(mine.parent.glob("__pycache__"))


def test_another_process_loads_it_by_path_under_the_same_module_name(mine: Path) -> None:
    code = (
        "import sys; from aster_ray.strategies.registry import load;"
        "print(type(load(sys.argv[1])).__module__)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(mine)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert out.stdout.strip() == type(load(str(mine))).__module__


def test_a_file_may_compile_its_own_rule(tmp_path: Path, walk) -> None:
    path = tmp_path / "quick.py"
    quick = MINE.replace("Mine", "Quick").replace(
        "class Quick",
        "from aster_ray._jit import kernel\n@kernel\ndef one(x):\n    return x + 1\nclass Quick",
    )
    path.write_text(
        quick.replace(
            "np.ones(panel.close.shape, np.int8)", "np.full(panel.close.shape, one(-2), np.int8)"
        )
    )
    signals = ask(load(str(path)), walk(3), {"bars": 5.0})
    assert (signals.direction == -1).all()
    assert np.issubdtype(signals.direction.dtype, np.integer)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert refusal(f"{tmp_path}/none.py:Mine") == (
        f"cannot read strategy file {tmp_path}/none.py: No such file or directory"
    )
    (tmp_path / "folder.py").mkdir()
    assert "Is a directory" in refusal(f"{tmp_path}/folder.py")


def test_a_missing_class_is_suggested(mine: Path) -> None:
    assert f"{mine} has no class 'Mime': did you mean Mine?" in refusal(f"{mine}:Mime")
    assert "it has Mine" in refusal(f"{mine}:Zebra")


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("def broken(:", "SyntaxError"),
        ("x = 1 / 0", "ZeroDivisionError: division by zero"),
        ("import math; math.sqrt('a')", "TypeError"),
        ("raise SystemExit(7)", "SystemExit: 7"),
    ],
)
def test_an_error_in_the_file_is_named_with_its_line(mine: Path, line: str, what: str) -> None:
    mine.write_text(f"# first\n\n{line}\n")
    message = refusal(str(mine))
    assert f"{mine.resolve()}, line 3: {what}" in message
    assert message == refusal(str(mine))  # a failed import leaves nothing behind


def test_a_file_that_is_no_python_text_is_refused(mine: Path) -> None:
    mine.write_bytes(b"\xff\xfe\x00")
    assert "mine.py" in refusal(str(mine))
    mine.write_bytes(b"x = 1\x00")
    assert "mine.py" in refusal(str(mine))


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ('name = "mine"', "name = 3", "Mine needs name, a string"),
        ("parameters = (", "parameters = [1] and (3,) or (", "needs parameters, a tuple"),
        ("def warmup", "def warm_up", "needs a method warmup()"),
        ("def signals", "def signal", "no class with a signals() method"),
        ("5, 1, 50", "60, 1, 50", "bars must be between 1 and 50, was 60"),
        ("    def warmup", "    def __init__(self, x): pass\n    def warmup", "without arguments"),
        (
            "    parameters = (",
            '    parameters = (Parameter("bars", 1, 1, 2), ',
            "two parameters have the same name",
        ),
    ],
)
def test_a_class_that_does_not_fit_is_told_what_it_lacks(mine, before, after, what) -> None:
    mine.write_text(MINE.replace(before, after, 1))
    message = refusal(str(mine))
    assert what in message
    assert "mine.py" in message


def test_of_several_classes_one_must_be_chosen(mine: Path) -> None:
    other = MINE.replace("Mine", "Other").replace("from __future__ import annotations", "")
    mine.write_text(MINE + other)
    assert f"choose with {mine}:Mine" in refusal(str(mine))
    assert type(load(f"{mine}:Other")).__name__ == "Other"


def test_an_error_in_signals_names_the_line_of_the_file(mine: Path, walk) -> None:
    mine.write_text(MINE.replace("panel.close.shape, np.int8", '"a", talib'))
    with pytest.raises(StrategyError) as caught:
        ask(load(str(mine)), walk(5), {"bars": 5.0})
    line = (
        MINE.splitlines().index("        return Signals(np.ones(panel.close.shape, np.int8))") + 1
    )
    assert f"mine.py, line {line}: NameError" in str(caught.value)
