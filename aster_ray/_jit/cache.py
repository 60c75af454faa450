"""Where compiled code lies: a folder named after everything that can change it.

numba notices an edit of a function's own file only, so a caller that inlined an edited function
keeps the old result. Here the cache folder is named after a digest of every source that can reach
compiled code (modules that import this one and, because numba freezes globals, whatever those
import), the compiler, Python, the CPU and the flags; neither the checkout's path nor any file time
counts. A file outside the package, such as a user's strategy, gets a subfolder of its own digest.

``ASTER_CACHE_DIR`` moves the cache from ``~/.cache/aster-ray``. A folder that cannot be written is
still read; what it lacks is kept in a private temporary folder, or compiled again where even that
fails. One file per overload, replaced atomically: concurrent processes need no lock.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import os
import pickle
import platform
import re
import shutil
import stat
import sys
import sysconfig
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import llvmlite.binding
import numba
import numpy as np
from numba.core import caching
from numba.core.serialize import dumps

FLAGS: dict[str, Any] = {"nogil": True, "fastmath": False, "error_model": "numpy"}
_PACKAGE = Path(__file__).resolve().parents[1]
_KEEP_DIGESTS = 8  # 30 to 80 MB each; several checkouts share a home
_KEEP_USER_FILES = 32
_FOLDER = re.compile(r"[0-9a-f]{24}")
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n]*)|import[ \t]+([^\n]+))",
    re.MULTILINE,
)

CONFIG: Any = numba.config  # set at import from the environment, unknown to type checkers


def _imported_names(source: str) -> Iterator[str]:
    """Yield every module name an import statement of ``source`` may refer to."""
    for base, names, plain in _IMPORT.findall(source):
        if plain:
            yield from (part.split(" as ")[0].strip() for part in plain.split(","))
            continue
        yield base
        for part in names.strip("()").split(","):
            name = part.split(" as ")[0].split("#")[0].strip()
            yield base + name if base.endswith(".") else f"{base}.{name}"


def _reach(seeds: Iterable[str], imports: Callable[[str], Iterable[str]]) -> list[str]:
    """Return everything reachable from ``seeds``, sorted."""
    found: set[str] = set()
    waiting = list(seeds)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(imports(name))
    return sorted(found)


def _package_sources() -> dict[str, str]:
    """Read the package: module name -> text, for modules that can reach compiled code."""
    texts: dict[str, str] = {}
    for path in _PACKAGE.rglob("*.py"):
        parts = (_PACKAGE.name, *path.relative_to(_PACKAGE).with_suffix("").parts)
        texts[".".join(parts).removesuffix(".__init__")] = path.read_text(encoding="utf-8")
    door = f"{_PACKAGE.name}._jit"
    edges = {name: [i for i in _imported_names(text) if i in texts] for name, text in texts.items()}
    seeds = [name for name, found in edges.items() if door in found]
    return {name: texts[name] for name in _reach([door, *seeds], edges.__getitem__)}


def _digest(parts: Iterable[str]) -> str:
    state = hashlib.blake2s(digest_size=12)
    for part in parts:
        state.update(hashlib.blake2s(part.encode()).digest())
    return state.hexdigest()


@functools.cache
def _package_digest() -> str:
    """Return the name of the folder for compiled code of exactly this package on this machine."""
    features = llvmlite.binding.get_host_cpu_features().flatten()
    environment = (
        numba.__version__,
        llvmlite.__version__,
        np.__version__,
        sys.version,
        platform.machine(),
        str(CONFIG.CPU_NAME or llvmlite.binding.get_host_cpu_name()),
        str(CONFIG.CPU_FEATURES if CONFIG.CPU_FEATURES is not None else features),
        f"{sorted(FLAGS.items())} {CONFIG.OPT} {CONFIG.BOUNDSCHECK} {CONFIG.DEBUGINFO_DEFAULT}",
    )
    sources = (f"{name}\n{text}" for name, text in _package_sources().items())
    return _digest((*environment, *sources))


def _user_digest(path: str, package: str | None) -> str:
    """Digest a file outside the package with everything of the user's own that it imports."""
    libraries = sysconfig.get_paths()
    foreign = tuple({libraries[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")})
    texts: dict[str, str] = {}

    def imports(file: str) -> Iterator[str]:
        texts[file] = Path(file).read_text(encoding="utf-8")
        for name in _imported_names(texts[file]):
            if name.startswith("."):
                if not package:
                    continue
                name = importlib.util.resolve_name(name, package)  # noqa: PLW2901 - same name
            found = getattr(sys.modules.get(name), "__file__", None)
            if found and found.endswith(".py") and not found.startswith((*foreign, str(_PACKAGE))):
                yield found

    return _digest(texts[file] for file in _reach([path], imports))


def _roots() -> tuple[Path, ...]:
    """Return where compiled code may lie, best first."""
    chosen = os.environ.get("ASTER_CACHE_DIR", "")
    roots: list[Path] = []
    with contextlib.suppress(RuntimeError):  # a container's user may have no home
        base = Path(chosen) if chosen else Path.home() / ".cache" / "aster-ray"
        roots.append(base / "numba")
    owner = os.getuid() if hasattr(os, "getuid") else 0
    private = Path(tempfile.gettempdir()) / f"aster-ray-numba-{owner}"
    with contextlib.suppress(OSError):
        private.mkdir(mode=0o700, exist_ok=True)
        state = private.lstat()
        # Compiled code is executed: never from a folder that somebody else made or may write.
        if stat.S_ISDIR(state.st_mode) and state.st_uid == owner and not state.st_mode & 0o022:
            roots.append(private)
    return tuple(roots)


def _prune(parent: Path, keep: int) -> None:
    """Drop all but the ``keep`` newest digests; a process that uses a dropped one recompiles."""
    dated: list[tuple[int, Path]] = []
    with contextlib.suppress(OSError):
        for path in parent.iterdir():
            if _FOLDER.fullmatch(path.name):
                with contextlib.suppress(OSError):
                    dated.append((path.stat().st_mtime_ns, path))
    for _, path in sorted(dated, reverse=True)[keep:]:
        shutil.rmtree(path, ignore_errors=True)


def _make(root: Path, folder: Path) -> None:
    """Create ``root/folder`` and make room for it beside its older siblings."""
    path = root / folder
    if path.is_dir():
        return
    path.mkdir(parents=True, exist_ok=True)
    _prune(root, _KEEP_DIGESTS)
    if len(folder.parts) > 1:
        _prune(path.parent, _KEEP_USER_FILES)


@functools.cache
def _used(path: Path) -> None:
    """Mark a digest as in use, once per process, so that pruning spares it."""
    with contextlib.suppress(OSError):
        os.utime(path)


class _Overloads:
    """The compiled overloads of one function, one file each: what numba calls a cache file."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name

    def _file(self, key: object) -> str:
        readable = re.sub(r"[^\w.]+", "-", self._name)[-96:]
        return f"{readable}.{_digest((self._name, str(key)))}.nbc"

    def load(self, key: object) -> Any:
        """Return what was saved under ``key``, or None."""
        name = self._file(key)
        for root in _roots():
            try:
                # Written by this user's own processes only; see _roots.
                stored, data = pickle.loads((root / self._folder / name).read_bytes())  # noqa: S301
            except (OSError, EOFError, pickle.UnpicklingError):
                continue
            if stored == key:
                _used(root / self._folder.parts[0])
                return data
        return None

    def save(self, key: object, data: object) -> None:
        """Keep ``data`` in the first folder that takes it; a cache may also keep nothing."""
        payload: bytes = cast(Any, dumps)((key, data))
        name = self._file(key)
        for root in _roots():
            temporary = root / self._folder / f"{name[-60:]}.{uuid.uuid4().hex}"
            try:
                _make(root, self._folder)
                temporary.write_bytes(payload)
                temporary.replace(temporary.with_name(name))
            except OSError:
                with contextlib.suppress(OSError):
                    temporary.unlink()
                continue
            return

    def flush(self) -> None:
        """Forget every overload of this function."""
        prefix = re.sub(r"[^\w.]+", "-", self._name)[-96:]
        for root in _roots():
            for path in (root / self._folder).glob(f"{prefix}.*.nbc"):
                path.unlink(missing_ok=True)


class _Place(caching.CompileResultCacheImpl):
    """How numba serialises an overload; where it lies is decided in ``KernelCache``."""

    def __init__(self, function: Any) -> None:
        self._lineno = function.__code__.co_firstlineno
        self._locator = self
        self._py_file = function.__code__.co_filename

    def ensure_cache_path(self) -> None:
        """Let ``_Overloads`` create folders."""


class KernelCache(caching.FunctionCache):
    """numba's function cache with our folders and our files."""

    def __init__(self, function: Any) -> None:
        self._name = repr(function)
        self._py_func = function
        self._impl = _Place(function)
        code, module = function.__code__, function.__module__
        folder = Path(_package_digest())
        if not Path(code.co_filename).resolve().is_relative_to(_PACKAGE):
            package = function.__globals__.get("__package__")
            folder /= _user_digest(code.co_filename, package)
        self._cache_path = str(_roots()[0] / folder) if _roots() else ""
        name = f"{module}.{function.__qualname__}-{code.co_firstlineno}"
        self._cache_file = cast(Any, _Overloads(folder, name))
        self._enabled = True
