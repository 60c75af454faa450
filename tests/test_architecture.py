"""The shape of the code base: layers, sizes, time, places and names."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PACKAGES = ("aster_ray", "actors", "serve", "tune")
MAX_FILE, MAX_FUNCTION, MAX_PARAMETERS = 300, 60, 6
ALLOWED_ENTRIES = {
    *PACKAGES,
    "tests",
    "pyproject.toml",
    "README.md",
    "Makefile",
    "constraints.txt",
    "cluster.yaml",
    "LICENSE",
    ".ci",
    ".gitignore",
}
# Of this project, or brought by the virtual environment.
NOT_PINNED = {"aster-ray", "pip", "setuptools", "wheel"}
# A name that says nothing about what is inside.
BANNED_NAMES = {"manager", "helper", "helpers", "util", "utils", "handler", "misc", "common"}
WALL_CLOCK = {
    ("time", "time"),
    ("time", "time_ns"),
    ("time", "monotonic"),
    ("time", "monotonic_ns"),
    ("time", "perf_counter"),
    ("time", "perf_counter_ns"),
    ("time", "sleep"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}
HEAVY = ("ray", "numba", "pandas", "pyarrow", "torch", "plotly", "talib")


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    arguments = node.args
    return len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs)


def oversized(source: str) -> Iterator[str]:
    """Name every function past the budget."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > MAX_FUNCTION:
                yield f"{node.name} has {lines} lines"
            if parameters(node) > MAX_PARAMETERS:
                yield f"{node.name} has {parameters(node)} parameters"


def test_the_budget_check_itself_finds_what_is_too_big() -> None:
    long_body = "def f():\n" + "    x = 1\n" * MAX_FUNCTION
    assert list(oversized(long_body)) == ["f has 61 lines"]
    assert list(oversized("def f(a, b, c, *, d, e, g, h): ...")) == ["f has 7 parameters"]


def test_every_module_fits_its_budget() -> None:
    found = []
    for path in sources(*PACKAGES):
        text = path.read_text()
        if text.count("\n") > MAX_FILE:
            found.append(f"{relative(path)} has {text.count(chr(10))} lines")
        found += [f"{relative(path)}: {problem}" for problem in oversized(text)]
    assert not found, "\n".join(found)


def test_imports_point_down() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run(
        [tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_the_domain_never_imports_ray_nor_numba_beside_jit() -> None:
    for path in sources("aster_ray"):
        roots = {name.split(".")[0] for name in imported(path)}
        assert "ray" not in roots, relative(path)
        assert path.parent.name == "_jit" or "numba" not in roots, relative(path)


def test_hosts_do_not_shadow_ray_libraries() -> None:
    for path in sources("actors", "serve", "tune"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                bare = {alias.name for alias in node.names} & {"serve", "tune"}
                assert not bare, f"{relative(path)}: write `from ray import serve as ray_serve`"


def test_only_the_clock_reads_the_time() -> None:
    found = []
    for path in sources(*PACKAGES):
        if path == ROOT / "aster_ray" / "clock.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
                owner = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
                if (owner, node.attr) in WALL_CLOCK:
                    found.append(f"{relative(path)}:{node.lineno}: {owner}.{node.attr}")
            if isinstance(node, ast.ImportFrom) and node.module == "time":
                found.append(f"{relative(path)}:{node.lineno}: from time import")
    assert not found, "\n".join(found)


def tracked() -> list[Path]:
    """Return the files of the repository; all of them where git is not there to ask."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_path_of_any_machine() -> None:
    machine = re.compile(r"(?<![\w.])/(?:work|home|root|Users|opt|tmp/venv)/")
    found = [
        f"{relative(path)}:{number}: {line.strip()}"
        for path in tracked()
        if path.suffix in (".py", ".toml", ".md", ".txt", ".yaml", ".html") or path.suffix == ""
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if machine.search(line) and path != Path(__file__)
    ]
    assert not found, "\n".join(found)


def test_the_top_level_holds_only_what_belongs_there() -> None:
    entries = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert entries <= ALLOWED_ENTRIES


def test_names_say_what_is_inside() -> None:
    found = []
    for path in sources(*PACKAGES):
        if set(path.stem.lower().split("_")) & BANNED_NAMES:
            found.append(relative(path))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", node.name)
                if words and words[-1].lower() in BANNED_NAMES:
                    found.append(f"{relative(path)}:{node.lineno}: {node.name}")
    assert not found, "\n".join(found)


def test_nothing_unfinished_is_left() -> None:
    marks = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|NotImplementedError|not implemented yet")
    found = [
        f"{relative(path)}:{number}"
        for path in sources(*PACKAGES)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if marks.search(line)
    ]
    assert not found, "\n".join(found)


def test_no_exception_is_swallowed_broadly() -> None:
    found = []
    for path in sources(*PACKAGES):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler):
                names = {getattr(child, "id", "") for child in ast.walk(node.type or node)}
                is_broad = node.type is None or names & {"Exception", "BaseException"}
                if is_broad and not any(isinstance(child, ast.Raise) for child in ast.walk(node)):
                    found.append(f"{relative(path)}:{node.lineno}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["backtest", "--help"], ["help", "start"], ["version"]]
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    script = (
        "import sys\n"
        "from aster_ray.cli import main\n"
        f"code = main({arguments!r})\n"
        f"print('LOADED', [name for name in {HEAVY!r} if name in sys.modules])\n"
        "sys.exit(code)"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "LOADED []"


def test_importing_the_package_loads_nothing_heavy() -> None:
    script = f"import sys, aster_ray; print([n for n in {HEAVY!r} if n in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_packaging_names_every_package_and_keeps_models_out_of_the_base() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    base = {re.split(r"[<>=\[]", need)[0] for need in project["project"]["dependencies"]}
    assert not base & {"torch", "xgboost", "scikit-learn", "optuna"}
    pinned = {
        line.split("==")[0].lower()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    assert {name.lower() for name in base} <= pinned
    found = set(project["tool"]["setuptools"]["packages"]["find"]["include"])
    assert found == {f"{name}*" for name in PACKAGES}


def test_every_pin_installs_on_every_python_that_the_project_supports() -> None:
    """One pin that a supported Python refuses, and pip tries its neighbours for ever, silently."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    first = Version(project["requires-python"].removeprefix(">=").split(",")[0])
    beyond = Version(project["requires-python"].split("<")[1])
    versions = [f"3.{minor}.0" for minor in range(first.minor, beyond.minor)]
    assert versions[0] == "3.11.0"
    pins = {
        canonicalize_name(line.split("==")[0]): line.split("==")[1]
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    installed = {
        canonicalize_name(one.name): one
        for one in importlib.metadata.distributions(path=[sysconfig.get_path("purelib")])
        if canonicalize_name(one.name) not in NOT_PINNED
    }
    assert {name: pins.get(name) for name in installed} == {
        name: Version(one.version).public for name, one in installed.items()
    }
    assert {
        f"{name} {one.version} on Python {version}"
        for name, one in installed.items()
        for version in versions
        if version not in SpecifierSet(one.metadata["Requires-Python"] or "")
    } == set()
