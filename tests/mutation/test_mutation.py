"""The mutation run itself: what it breaks, what it sees, and that the kernel's tests notice all."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutation.equivalents import known, wrong
from tests.mutation.hunt import KILLED, SURVIVED
from tests.mutation.mutants import ROOT, Mutant, mutants_of
from tests.mutation.operators import replacements

EXITS = "aster_ray/kernel/exits.py"


def changed(source: str, codes: dict[str, int] | None = None) -> set[str]:
    """Return what a mutation makes of one expression or statement."""
    node: ast.AST = ast.parse(source).body[0]
    if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Await):
        node = node.value
    return {ast.unparse(ast.fix_missing_locations(x)) for x in replacements(node, codes or {})}


@pytest.mark.parametrize(
    ("source", "mutants"),
    [
        ("a < b", {"a <= b", "a >= b"}),
        ("a >= b", {"a > b", "a < b"}),
        ("a == b", {"a != b"}),
        ("a <= b < c", {"a < b < c", "a > b < c", "a <= b <= c", "a <= b >= c"}),
        ("a + b", {"a - b"}),
        ("a / b", {"a * b"}),
        ("a & b", {"a | b"}),
        ("a and b", {"a or b", "a", "b"}),
        ("a or b or c", {"a and b and c", "b or c", "a or c", "a or b"}),
        ("not a", {"a"}),
        ("-a", {"a"}),
        ("5", {"6", "4", "0"}),
        ("1.0", {"2.0", "0.0"}),
        ("True", {"False"}),
        ("'text'", set()),
        ("min(a, b)", {"max(a, b)"}),
        ("np.floor(a)", {"np.ceil(a)"}),
        ("abs(a)", {"a"}),
        ("a if b else c", {"a", "c"}),
        ("if a: b", {"if True:\n    b", "if False:\n    b"}),
        ("a += b", {"a -= b", "pass"}),
        ("a = b", {"pass"}),
    ],
)
def test_a_mutation_is_one_small_mistake(source: str, mutants: set[str]) -> None:
    assert changed(source) == mutants


def test_a_code_becomes_the_next_one_that_means_something_else() -> None:
    codes = {"NONE": 0, "HALTED": 2, "BELOW": 5, "FLAT": 0}
    assert changed("HALTED", codes) == {"BELOW"}
    assert changed("FLAT", codes) == {"HALTED"}
    assert changed("equity", codes) == set()


def test_every_function_of_a_file_has_mutants_with_names_of_their_own() -> None:
    mutants = mutants_of(EXITS)
    functions = ast.parse((ROOT / EXITS).read_text()).body
    names = {node.name for node in functions if isinstance(node, ast.FunctionDef)}
    assert {mutant.function for mutant in mutants} == names
    assert len({mutant.key for mutant in mutants}) == len(mutants) > 100
    tier = [m for m in mutants if m.function == "tier_of" and "(0, 0.0)" in m.change]
    assert tier[0].change == "return (0, 0.0) -> (dropped)"
    assert (ROOT / EXITS).read_text().splitlines()[
        tier[0].lines.start - 1
    ] == "        return 0, 0.0"


def test_only_interpreted_functions_are_broken() -> None:
    mutant = mutants_of(EXITS)[0]
    with pytest.raises(TypeError, match="set NUMBA_DISABLE_JIT=1 first"):
        mutant.install()


def test_the_list_of_equivalents_is_held_against_what_was_found() -> None:
    one, other = mutants_of(EXITS)[:2]
    gone = replace(one, change="a -> b").key
    elsewhere = ("aster_ray/kernel/other.py", "f", "a -> b")
    fates: dict[Mutant, str] = {one: SURVIVED, other: KILLED}
    found = list(wrong([one.key, other.key, gone, elsewhere], fates, [EXITS]))
    assert [text.rpartition(": ")[2] for text in found] == [
        "not equivalent, a test finds it",
        "no such mutant",
    ]


def test_an_entry_has_a_reason_and_stands_once() -> None:
    assert all(len(reason) > 15 for reason in known().values())
    row = '[["a.py".f]]\nbecause = "it is"\nchanges = ["x -> y"]\n'
    assert known(row) == {("a.py", "f", "x -> y"): "it is"}
    with pytest.raises(ValueError, match=r"listed twice: a\.py: f: x -> y"):
        known(row + row)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.mutation", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_tests_of_the_kernel_find_every_mutant() -> None:
    found = run()
    print(found.stdout)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.slow
def test_a_test_that_says_nothing_is_found_out(tmp_path: Path) -> None:
    quiet = tmp_path / "test_quiet.py"
    quiet.write_text(
        "from aster_ray.kernel.exits import profit\n"
        "def test_it_runs() -> None:\n"
        "    profit(100.0, 90.0, -1, 3.0)\n"
    )
    found = run(EXITS, "--tests", str(quiet))
    assert found.returncode == 1
    survivor = ": profit: return side * (price - entry_price) * basis -> (dropped)"
    assert survivor in found.stdout, found.stdout + found.stderr


@pytest.mark.slow
def test_tests_that_fail_anyway_find_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "test_broken.py"
    broken.write_text("def test_it_fails() -> None:\n    assert False\n")
    found = run(EXITS, "--tests", str(broken))
    assert found.returncode == 1
    assert "test_broken.py::test_it_fails" in found.stdout, found.stdout + found.stderr
    assert "fails without any mutant" in found.stdout
