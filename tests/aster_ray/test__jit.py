"""The compile cache: never stale, independent of place and file times, harmless when unwritable."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aster_ray import _jit
from aster_ray._jit import cache

CALLEE = """
from aster_ray._jit import kernel
@kernel
def fee(price):
    return price * {rate}
"""
CALLER = """
from aster_ray._jit import kernel
from aster_ray.callee import fee
from aster_ray.numbers import BASE
@kernel
def cost(price):
    return fee(price) + BASE
"""
REPORT = """
import {module} as probe
result = probe.cost(100.0)
print(result, sum(probe.cost._cache_hits.values()))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    folder = root / "aster_ray"
    folder.mkdir(parents=True)
    shutil.copytree(Path(_jit.__file__).parent, folder / "_jit")
    (folder / "__init__.py").write_text("")
    (folder / "numbers.py").write_text("BASE = 1.0\n")
    (folder / "callee.py").write_text(CALLEE.format(rate=0.5))
    (folder / "caller.py").write_text(CALLER)
    return root


def start(root: Path, cache: Path, module: str = "aster_ray.caller") -> subprocess.Popen[str]:
    environment = os.environ | {
        "PYTHONPATH": str(root),
        "ASTER_CACHE_DIR": str(cache),
        "TMPDIR": str(root.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-c", REPORT.format(module=module)],
        env=environment,
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[float, int]:
    answer, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    value, hits = answer.split()
    return float(value), int(hits)


def run(root: Path, cache: Path, module: str = "aster_ray.caller") -> tuple[float, int]:
    return finish(start(root, cache, module))


def test_editing_a_callee_changes_the_caller_and_reverting_hits_the_cache(
    package: Path, tmp_path: Path
) -> None:
    callee = package / "aster_ray" / "callee.py"
    assert run(package, tmp_path / "cache") == (51.0, 0)
    stamp = callee.stat()
    callee.write_text(CALLEE.format(rate=0.7))
    os.utime(callee, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # not even the time tells
    assert run(package, tmp_path / "cache") == (71.0, 0)
    callee.write_text(CALLEE.format(rate=0.5))
    assert run(package, tmp_path / "cache") == (51.0, 1)


def test_editing_a_constant_of_a_module_without_kernels_recompiles(
    package: Path, tmp_path: Path
) -> None:
    assert run(package, tmp_path / "cache") == (51.0, 0)
    (package / "aster_ray" / "numbers.py").write_text("BASE = 2.0\n")
    assert run(package, tmp_path / "cache") == (52.0, 0)


def test_another_checkout_of_the_same_source_shares_the_cache(
    package: Path, tmp_path: Path
) -> None:
    assert run(package, tmp_path / "cache") == (51.0, 0)
    moved = tmp_path / "elsewhere" / "deeper"
    shutil.copytree(package, moved)
    assert run(moved, tmp_path / "cache") == (51.0, 1)


def test_a_cache_that_cannot_be_made_falls_back_to_a_private_folder(
    package: Path, tmp_path: Path
) -> None:
    obstacle = tmp_path / "file"
    obstacle.write_text("")
    assert run(package, obstacle / "cache") == (51.0, 0)
    assert run(package, obstacle / "cache") == (51.0, 1)
    private = next(tmp_path.glob("aster-ray-numba-*"))
    assert private.stat().st_mode & 0o077 == 0


def test_processes_that_compile_at_once_all_get_the_right_answer(
    package: Path, tmp_path: Path
) -> None:
    processes = [start(package, tmp_path / "cache") for _ in range(3)]
    assert [finish(process)[0] for process in processes] == [51.0] * 3
    assert run(package, tmp_path / "cache") == (51.0, 1)
    assert not [path for path in (tmp_path / "cache").rglob("*") if ".nbc." in path.name]


def test_a_users_file_is_keyed_by_itself_and_by_what_it_imports(
    package: Path, tmp_path: Path
) -> None:
    (package / "mine.py").write_text("TWICE = 2.0\n")
    (package / "custom.py").write_text(
        "from aster_ray._jit import kernel\nfrom mine import TWICE\n"
        "@kernel\ndef cost(price):\n    return price * TWICE\n"
    )
    assert run(package, tmp_path / "cache", "custom") == (200.0, 0)
    assert run(package, tmp_path / "cache", "custom") == (200.0, 1)
    (package / "mine.py").write_text("TWICE = 3.0\n")
    assert run(package, tmp_path / "cache", "custom") == (300.0, 0)
    assert run(package, tmp_path / "cache") == (51.0, 0)  # the package's own folder is separate


def test_reading_works_where_writing_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "_roots", lambda: (tmp_path,))
    overloads = cache._Overloads(Path("0" * 24), "module.function-1")
    overloads.save(("key",), "compiled")

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    overloads.save(("other",), "lost")
    assert overloads.load(("key",)) == "compiled"
    assert overloads.load(("other",)) is None


def test_a_damaged_file_is_a_miss(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_roots", lambda: (tmp_path,))
    overloads = cache._Overloads(Path("0" * 24), "module.function-1")
    overloads.save("key", "compiled")
    next(tmp_path.rglob("*.nbc")).write_bytes(b"")
    assert overloads.load("key") is None
    overloads.flush()
    assert not list(tmp_path.rglob("*.nbc"))


def test_only_the_newest_digests_are_kept(tmp_path: Path) -> None:
    for age in range(7):
        folder = tmp_path / f"{age:024x}"
        folder.mkdir()
        os.utime(folder, (age, age))
    (tmp_path / "notes").mkdir()
    cache._prune(tmp_path, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(f"{age:024x}" for age in (3, 4, 5, 6)),
        "notes",
    ]


def test_threads_are_bounded_by_the_machine() -> None:
    before = _jit.numba.get_num_threads()
    try:
        assert _jit.set_threads(1) == 1
        assert _jit.set_threads(10_000) <= 10_000
        with pytest.raises(ValueError, match="at least 1"):
            _jit.set_threads(0)
    finally:
        _jit.numba.set_num_threads(before)
