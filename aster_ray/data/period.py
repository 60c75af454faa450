"""The period of a run: ISO dates in, UTC milliseconds out."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from aster_ray.data.columns import moment
from aster_ray.errors import DataError
from aster_ray.model.ids import DAY_MS

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")


def parse_period(start: str, end: str) -> tuple[int | None, int | None]:
    """Return (first millisecond, first millisecond after); ``None`` where the side is open.

    Times without a zone are UTC. An ``end`` given as a date includes that whole day; given as a
    moment it is exclusive.
    """
    start_ms = _parse(start, "start")
    end_ms = _parse(end, "end")
    if end_ms is not None and _DATE.fullmatch(end.strip()):
        end_ms += DAY_MS
    if start_ms is not None and end_ms is not None and start_ms >= end_ms:
        raise DataError(
            f"the period runs backwards: start {start.strip()} is not before end {end.strip()}; "
            "exchange the two dates"
        )
    return start_ms, end_ms


def _parse(text: str, field: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    try:
        if not (_DATE.fullmatch(text) or _MOMENT.match(text)):
            raise ValueError("neither a date nor a moment")
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise DataError(
            f"{field} {text!r} is not a date: write 2024-12-31 or 2024-12-31T18:00 (UTC)"
        ) from error
    zoned = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    return int(zoned.timestamp()) * 1000 + zoned.microsecond // 1000


def describe_period(start_ms: int | None, end_ms: int | None) -> str:
    """Return the period for a message; open sides are named."""
    first = "the first bar" if start_ms is None else moment(start_ms)
    last = "the last bar" if end_ms is None else moment(end_ms)
    return f"{first} to {last}"
