"""The files of a run: written aside, then moved into place, so that nothing is half-written."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aster_ray.errors import BadInputError
from aster_ray.metrics.facts import RunFacts
from aster_ray.metrics.report import FORMAT
from aster_ray.metrics.shape import check_shape

REPORT = "report.json"
SWEEP = "sweep.json"
# In a folder that a run has claimed and not yet finished.
MARKER = ".aster-run"


def check_run_folder(out: Path) -> None:
    """Raise BadInputError unless ``out`` is absent, empty, or an earlier run's or sweep's.

    Writes nothing: call it before the work begins, so that no run ends without a place to go.
    """
    try:
        _check(out, out.resolve())
    except OSError as error:
        raise _unwritable(out, error) from error


def claim_run_folder(out: Path) -> Path:
    """Create ``out`` for a session that keeps its journals there; return its resolved path."""
    check_run_folder(out)
    folder = out.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MARKER).write_text(FORMAT + "\n")
    except OSError as error:
        raise _unwritable(out, error) from error
    return folder


def write_run_files(report: Mapping[str, Any], facts: RunFacts, out: Path) -> Path:
    """Write report.json, report.html and the four tables into the folder ``out``.

    A new folder appears whole. In a folder that is there already every file is replaced in one
    step each, the report last, and whatever else an earlier run left (journals) stays.
    Returns ``out``.
    """
    check_run_folder(out)
    folder = out.resolve()
    is_new = not folder.exists()
    # Inside a folder that exists: it may be a mount, which nothing can be renamed onto.
    partial = (folder.parent if is_new else folder) / f".{folder.name}.{os.getpid()}.partial"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            _write_all(report, facts, partial)
            if is_new:
                partial.replace(folder)
            else:
                _replace_files(partial, folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise _unwritable(out, error) from error
    return out


def to_json(report: Mapping[str, Any]) -> str:
    """Return the text of report.json; equal reports give equal text."""
    return json.dumps(report, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def read_report(path: Path) -> dict[str, Any]:
    """Return the report of a run folder (or of a report.json itself).

    Raises:
        BadInputError: there is none, or it is not as a run of this version wrote it.
    """
    file = path / REPORT if path.is_dir() else path
    try:
        report = json.loads(file.read_text(encoding="utf-8"), parse_constant=_no_number)
        found = report.get("format") if isinstance(report, dict) else None
    except OSError as error:
        if path.is_dir() and _is_sweep(path):
            raise BadInputError(
                f"{path} holds a sweep, which has no report: see {path / SWEEP}, or run its best "
                "set with `aster backtest`"
            ) from error
        raise BadInputError(
            f"no report at {path}: {error.strerror or error}; name a run's folder"
        ) from error
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{file} is not a report: {error}; run it again") from error
    if found != FORMAT:
        raise BadInputError(f"{file} has format {found!r}, this version reads {FORMAT!r}")
    try:
        check_shape(report)
    except BadInputError as error:
        raise BadInputError(f"{file} is damaged: {error}; run it again") from error
    return dict(report)


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def _check(out: Path, folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise BadInputError(f"--out {out} is a file: name a folder")
    if folder.is_dir() and any(folder.iterdir()) and not _is_run_folder(folder):
        raise BadInputError(
            f"--out {out} holds files that no run wrote: name a new or an empty folder"
        )
    near = folder
    while not near.exists() and near != near.parent:
        near = near.parent
    if not near.is_dir() or not os.access(near, os.W_OK | os.X_OK):
        raise BadInputError(f"--out {out} cannot be written: {near} is no writable folder")


def _is_run_folder(folder: Path) -> bool:
    if (folder / MARKER).is_file() or _is_sweep(folder):
        return True
    try:
        read_report(folder)
    except BadInputError:
        return False
    return True


def _is_sweep(folder: Path) -> bool:
    try:
        content = json.loads((folder / SWEEP).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"metric", "sets", "rows"} <= set(content)


def _write_all(report: Mapping[str, Any], facts: RunFacts, folder: Path) -> None:
    # Loaded here, so that reading a report does not load Arrow.
    import pyarrow.parquet as pq

    from aster_ray.metrics import tables
    from aster_ray.metrics.tearsheet import render

    pq.write_table(tables.equity_table(facts), folder / "equity.parquet")
    pq.write_table(tables.trips_table(facts), folder / "trades.parquet")
    pq.write_table(tables.orders_table(facts), folder / "orders.parquet")
    pq.write_table(tables.fills_table(facts), folder / "fills.parquet")
    (folder / "report.html").write_text(render(report, facts), encoding="utf-8")
    (folder / REPORT).write_text(to_json(report), encoding="utf-8")


def _replace_files(partial: Path, folder: Path) -> None:
    # The report goes last: it is what says that the rest is there.
    for file in sorted(partial.iterdir(), key=lambda file: (file.name == REPORT, file.name)):
        file.replace(folder / file.name)
    (folder / MARKER).unlink(missing_ok=True)


def _unwritable(out: Path, error: OSError) -> BadInputError:
    return BadInputError(f"--out {out} cannot be written: {error.strerror or error}")
