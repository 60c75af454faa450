"""The machine: space, how fast the disk is durable, memory, processors, libraries."""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from aster_ray import clock
from aster_ray.doctor.config import DoctorConfig
from aster_ray.doctor.finding import Finding, fail, ok, warn

_GB = 1e9
_WRITES = 30
_SLOW_MS, _TOO_SLOW_MS = 10.0, 200.0  # a group commit delays every close by this much
_FEWEST_CPUS = 2
_OLDEST_PYTHON = (3, 11)
# Tested with these; ccxt's internals are leaned on, so it is named to the last digit.
WANTED = {"ray": "2.60", "ccxt": "4.5.90"}


def examine_machine(
    config: DoctorConfig, folder: Path, environ: Mapping[str, str]
) -> list[Finding]:
    """Return what the machine is like; ``folder`` is where journals go."""
    return [
        *_disk(config, folder),
        _memory(config),
        _processors(),
        *versions(),
        ray_tokens(environ),
    ]


def _disk(config: DoctorConfig, folder: Path) -> list[Finding]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free / _GB
        speed = _fsync_ms(folder)
    except OSError as error:
        remedy = "make it writable, or name another with ASTER_STATE_DIR"
        return [fail("disk", f"{folder} cannot be written: {error.strerror}", remedy)]
    text = f"{free:.1f} GB free at {folder}"
    space = ok("disk", text)
    if free < config.min_disk_gb:
        space = fail("disk", text, f"free space: at least {config.min_disk_gb:g} GB are needed")
    return [space, judge_fsync(*speed)]


def _fsync_ms(folder: Path) -> tuple[float, float]:
    """Return median and longest time a small durable write takes."""
    taken = []
    with tempfile.NamedTemporaryFile(dir=folder, prefix="doctor-") as stream:
        for _ in range(_WRITES):
            begun = clock.monotonic_ns()
            stream.write(b"x" * 512)
            stream.flush()
            os.fsync(stream.fileno())
            taken.append((clock.monotonic_ns() - begun) / 1e6)
    return statistics.median(taken), max(taken)


def judge_fsync(median_ms: float, longest_ms: float) -> Finding:
    """Return whether a disk is fast enough to write every decision down before it is sent."""
    text = f"a durable write takes {median_ms:.2f} ms, at most {longest_ms:.2f} ms"
    remedy = "use a local SSD: every order waits for it"
    if median_ms > _TOO_SLOW_MS:
        return fail("fsync", text, remedy)
    return warn("fsync", text, remedy) if median_ms > _SLOW_MS else ok("fsync", text)


def _memory(config: DoctorConfig) -> Finding:
    free = _available_memory()
    if free is None:
        return warn("memory", "free memory is unknown on this system", "see that 1 GB is free")
    text = f"{free / _GB:.1f} GB available"
    if free / _GB < config.min_memory_gb:
        return fail("memory", text, f"end other programs: {config.min_memory_gb:g} GB are needed")
    return ok("memory", text)


def _available_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line for line in lines if line.startswith("MemAvailable:")]
    return int(found[0].split()[1]) * 1024 if found else None


def _processors() -> Finding:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = f"{count} processors, load {os.getloadavg()[0]:.1f}"
    if (count or 1) < _FEWEST_CPUS:
        return warn("cpu", text, "actors share one processor: closes will be late")
    return ok("cpu", text)


def versions() -> list[Finding]:
    """Return whether Python and the libraries are those this was tested with."""
    current = platform.python_version()
    found = [ok("python", current)]
    if sys.version_info < _OLDEST_PYTHON:
        found = [fail("python", current, "install Python 3.11 or newer")]
    for name, wanted in WANTED.items():
        found.append(judge_version(name, _version(name), wanted))
    return found


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def judge_version(name: str, found: str | None, wanted: str) -> Finding:
    """Return whether a library is the one this was tested with."""
    if found is None:
        return fail(name, "not installed", "pip install aster-ray")
    if found != wanted and not found.startswith(f"{wanted}."):
        return warn(name, f"{found}, tested with {wanted}", f"pip install '{name}=={wanted}.*'")
    return ok(name, found)


def ray_tokens(environ: Mapping[str, str]) -> Finding:
    """Return whether Ray's ports ask for a token; the actors say so themselves if nobody does."""
    mode = environ.get("RAY_AUTH_MODE", "token")
    if mode != "token":
        return fail(
            "ray_auth",
            f"RAY_AUTH_MODE is {mode!r}: whoever reaches the machine can run code in the cluster",
            "unset RAY_AUTH_MODE or set it to token, on every node",
        )
    return ok("ray_auth", "Ray's ports ask for a token")
