"""The lines that the processes of a session logged, merged by time."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aster_ray import clock
from aster_ray.errors import BadInputError
from aster_ray.research.session import LOGS

_LOOK_S = 0.25
Cursor = dict[Path, int]  # file -> bytes read


def log_files(folder: Path, actor: str | None) -> list[Path]:
    """Return the current log file of every process, or of one.

    Raises:
        BadInputError: no process of that name ever logged.
    """
    files = sorted((folder / LOGS).glob("*.log"))
    names = [file.stem for file in files]
    if actor is None:
        return files
    if actor not in names:
        raise BadInputError(
            f"no log of {actor!r} in {folder}: there are {', '.join(names) or 'none yet'}"
        )
    return [files[names.index(actor)]]


def last_lines(folder: Path, actor: str | None, most: int) -> tuple[list[dict[str, Any]], Cursor]:
    """Return the newest lines and where to go on reading; older files of a rotation included."""
    found: list[dict[str, Any]] = []
    cursor: Cursor = {}
    for file in log_files(folder, actor):
        data = file.read_bytes()
        end = data.rfind(b"\n") + 1
        cursor[file] = end
        lines = data[:end].splitlines()
        for number in range(1, 10):
            if len(lines) >= most:
                break
            older = file.with_name(f"{file.name}.{number}")
            if not older.is_file():
                break
            lines = older.read_bytes().splitlines() + lines
        found += [_parse(line, file.stem) for line in lines[max(0, len(lines) - most) :]]
    found.sort(key=_moment)
    return found[max(0, len(found) - most) :], cursor


def follow_lines(folder: Path, actor: str | None, cursor: Cursor) -> Iterator[dict[str, Any]]:
    """Yield new lines as they come, without end."""
    while True:
        fresh: list[dict[str, Any]] = []
        for file in log_files(folder, actor):
            fresh += _new_lines(file, cursor)
        yield from sorted(fresh, key=_moment)
        clock.wait(_LOOK_S)


def _new_lines(file: Path, cursor: Cursor) -> list[dict[str, Any]]:
    """Read on in one file; a shorter one is the next of a rotation, which begins anew."""
    position, before = cursor.get(file, 0), b""
    try:
        size = file.stat().st_size
    except FileNotFoundError:
        return []  # between two files of a rotation
    if size < position:
        # The end of the one before it was written since the last look, too.
        before = _from(file.with_name(f"{file.name}.1"), position)
        position = 0
    data = _from(file, position)
    end = data.rfind(b"\n") + 1
    cursor[file] = position + end
    return [_parse(line, file.stem) for line in (before + data[:end]).splitlines()]


def _from(file: Path, position: int) -> bytes:
    with contextlib.suppress(FileNotFoundError), file.open("rb") as opened:
        opened.seek(position)
        return opened.read()
    return b""


def _parse(line: bytes, process: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        record = {"event": line.decode(errors="replace")}
    return {**record, "process": process}


def _moment(record: Mapping[str, Any]) -> str:
    return str(record.get("timestamp", ""))
