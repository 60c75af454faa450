"""Where overloads lie: which folders are trusted, what is found again, what makes room."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from pathlib import Path

import pytest

from aster_ray import _jit
from aster_ray._jit import cache

DIGEST = "0123456789abcdef01234567"


@pytest.fixture
def roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Return the chosen and the private folder for compiled code; neither exists yet."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("ASTER_CACHE_DIR", str(tmp_path / "chosen"))
    return tmp_path / "chosen" / "numba", temporary / f"aster-ray-numba-{os.getuid()}"


def test_a_private_folder_that_others_may_write_is_not_trusted(roots: tuple[Path, Path]) -> None:
    chosen, private = roots
    assert cache._roots() == (chosen, private)
    private.chmod(0o777)
    assert cache._roots() == (chosen,)


def test_a_link_in_the_place_of_the_private_folder_is_not_trusted(
    roots: tuple[Path, Path], tmp_path: Path
) -> None:
    chosen, private = roots
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    private.symlink_to(elsewhere)
    assert cache._roots() == (chosen,)


def test_what_was_saved_is_found_again_and_nothing_after_it_is_flushed(
    roots: tuple[Path, Path],
) -> None:
    overloads = cache._Overloads(Path(DIGEST), "module.name-7")
    assert overloads.load("key") is None
    overloads.save("key", b"code")
    assert overloads.load("key") == b"code"
    assert overloads.load("other") is None
    assert [path.parent for path in roots[0].rglob("*.nbc")] == [roots[0] / DIGEST]
    overloads.flush()
    assert overloads.load("key") is None


def test_a_file_that_holds_another_key_or_no_key_is_not_taken(roots: tuple[Path, Path]) -> None:
    overloads = cache._Overloads(Path(DIGEST), "module.name-7")
    overloads.save("key", b"code")
    (file,) = roots[0].rglob("*.nbc")
    file.write_bytes(pickle.dumps(("another", b"code of another")))
    assert overloads.load("key") is None
    file.write_bytes(b"")
    assert overloads.load("key") is None


def test_where_the_chosen_folder_takes_nothing_the_private_one_does(
    roots: tuple[Path, Path],
) -> None:
    chosen, private = roots
    chosen.parent.write_text("a file, and no folder")
    overloads = cache._Overloads(Path(DIGEST), "module.name-7")
    overloads.save("key", b"code")
    assert overloads.load("key") == b"code"
    assert [path.parent for path in private.rglob("*.nbc")] == [private / DIGEST]


def test_a_new_digest_makes_room_by_dropping_the_one_unused_for_longest(
    roots: tuple[Path, Path],
) -> None:
    root = roots[0]
    names = [f"{number:024x}" for number in range(cache._KEEP_DIGESTS)]
    for age, name in enumerate(names):
        cache._make(root, Path(name))
        os.utime(root / name, ns=(10**9 + age, 10**9 + age))
    (root / "notes").mkdir()  # whatever is no digest is not ours to remove
    cache._used.cache_clear()
    cache._used(root / names[0])  # in use again
    cache._make(root, Path(DIGEST))
    left = {path.name for path in root.iterdir()}
    assert left == {DIGEST, "notes", *names} - {names[1]}
    cache._make(root, Path(DIGEST))  # nothing new: nothing goes
    assert {path.name for path in root.iterdir()} == left


def test_a_users_file_counts_with_what_it_imports_of_the_users_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "of_mine"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    rates = folder / "rates.py"
    rates.write_text("RATE = 1.0\n")
    mine = folder / "mine.py"
    mine.write_text("import math\nfrom .rates import RATE\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("of_mine", "of_mine.rates", "of_mine.mine"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    __import__("of_mine.mine")
    packaged, alone = (cache._user_digest(str(mine), package) for package in ("of_mine", None))
    assert packaged != alone
    rates.write_text("RATE = 2.0\n")
    assert cache._user_digest(str(mine), "of_mine") != packaged
    assert cache._user_digest(str(mine), None) == alone  # a lone file has no package to look in


def test_a_function_that_is_not_compiled_is_bound_to_itself() -> None:
    def plain(price: float) -> float:
        return price

    assert _jit.bound(plain, 1.0) is plain
