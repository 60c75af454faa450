"""The coverage gate counts branches, package by package, and lets nothing slip."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console

from tests import branch_coverage
from tests.branch_coverage import failures, rows, show


def a_file(branches: int, taken: int) -> dict[str, Any]:
    return {
        "summary": {
            "num_statements": 10,
            "covered_lines": 10,
            "num_branches": branches,
            "covered_branches": taken,
        }
    }


def test_files_are_summed_by_package_and_the_total_comes_last() -> None:
    table = rows(
        {
            "aster_ray/clock.py": a_file(2, 2),
            "aster_ray/data/files.py": a_file(10, 9),
            "aster_ray/data/inner/deep.py": a_file(10, 10),
        }
    )
    assert [(row.package, row.branches, row.branches_taken) for row in table] == [
        ("foundations", 2, 2),
        ("data", 20, 19),
        ("all of aster_ray", 22, 21),
    ]
    assert table[-1].lines == 30
    assert failures(table) == []


def test_a_package_that_is_short_is_named_even_if_the_rest_makes_up_for_it() -> None:
    table = rows({"aster_ray/data/a.py": a_file(1000, 1000), "aster_ray/cli/b.py": a_file(10, 8)})
    assert failures(table) == ["cli: 80.0% of branches taken, 90% needed"]


@pytest.mark.parametrize("package", ["kernel", "engine"])
def test_what_decides_over_money_needs_more(package: str) -> None:
    def judged(taken: int) -> list[str]:
        return failures(rows({f"aster_ray/{package}/a.py": a_file(100, taken)}))

    assert judged(95) == []
    assert judged(94) == [f"{package}: 94.0% of branches taken, 95% needed"]


def test_lines_alone_do_not_pass() -> None:
    table = rows({"aster_ray/data/a.py": a_file(10, 0)})
    assert table[0].lines_reached == table[0].lines
    assert len(failures(table)) == 2  # the package and the total


def test_nothing_measured_is_a_failure_and_nothing_to_choose_is_none() -> None:
    assert failures(rows({})) == ["no branch of aster_ray was measured"]
    plain = rows({"aster_ray/data/a.py": a_file(0, 0), "aster_ray/cli/b.py": a_file(2, 2)})
    assert failures(plain) == []


def test_the_table_shows_the_share_beside_what_is_needed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(Console(width=100), rows({"aster_ray/kernel/a.py": a_file(1000, 912)}))
    line = next(text for text in capsys.readouterr().out.splitlines() if "912" in text)
    assert "91.2%" in line
    assert "95%" in line


def test_the_gate_fails_on_a_file_no_test_has_run(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "aster_ray" / "kernel"
    package.mkdir(parents=True)
    ran, idle = package / "ran.py", package / "idle.py"
    ran.write_text("for _ in range(2):\n    pass\n")
    idle.write_text("def unused(x):\n    if x:\n        return 1\n    return 2\n")
    (tmp_path / "aster_ray" / "__init__.py").touch()
    (package / "__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text(
        '[tool.coverage.run]\nbranch = true\nsource = ["aster_ray"]\n'
    )
    measured = branch_coverage.Coverage()
    code = compile(ran.read_text(), str(ran), "exec")
    with measured.collect():
        exec(code, {})
    measured.save()
    assert branch_coverage.main() == 1
    told = capsys.readouterr().out
    assert "idle.py" in told
    assert "kernel: 50.0% of branches taken, 95% needed" in told
