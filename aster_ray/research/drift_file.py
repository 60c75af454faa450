"""The newest word of a session's twin, where whoever looks at the session finds it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "drift.json"
FORMAT = "aster-drift/1"


def write_drift(folder: Path, document: Mapping[str, Any]) -> None:
    """Put ``document`` in the place of the last one, whole and durable.

    Raises:
        OSError: the folder takes no file; the last one stays.
    """
    partial = folder / f".{FILE}.{os.getpid()}"
    text = json.dumps({"format": FORMAT, **document}, indent=2, allow_nan=False) + "\n"
    try:
        with partial.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(folder / FILE)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise


def read_drift(folder: Path) -> dict[str, Any] | None:
    """Return what a twin wrote last; None where none ever did, or a later version."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    found = isinstance(content, dict) and content.get("format") == FORMAT
    return content if found else None
