"""Read the parameters of questions: numbers, spans of time, limits."""

from __future__ import annotations

from collections.abc import Mapping

from aster_ray.model.ids import DAY_MS
from aster_ray.venues.simulator.intake import need
from aster_ray.venues.simulator.refusals import Reason, RefusedError

Params = Mapping[str, str]
WEEK_MS = 7 * DAY_MS


def whole(params: Params, name: str) -> int | None:
    """Return a whole number, None if it was not sent."""
    text = params.get(name, "")
    if not text:
        return None
    if not text.isdecimal():
        raise RefusedError(Reason.ILLEGAL_CHARACTERS, name, "^[0-9]{1,20}$")
    return int(text)


def need_whole(params: Params, name: str) -> int:
    """Return a mandatory whole number."""
    need(params, name)
    return whole(params, name) or 0


def limit(params: Params, usual: int, most: int) -> int:
    """Return how many rows are wanted."""
    wanted = whole(params, "limit")
    if wanted is None:
        return usual
    if not 1 <= wanted <= most:
        raise RefusedError(Reason.BAD_PARAMETER, "limit")
    return wanted


def span(params: Params, longest_ms: int | None = None) -> tuple[int | None, int | None]:
    """Return start and end of a question, None where it is open.

    Raises:
        RefusedError: the start is after the end, or they are further apart than allowed.
    """
    start, end = whole(params, "startTime"), whole(params, "endTime")
    if start is not None and end is not None:
        if start > end:
            raise RefusedError(Reason.START_AFTER_END)
        if longest_ms is not None and end - start > longest_ms:
            raise RefusedError(Reason.SPAN_TOO_LONG, longest_ms // DAY_MS)
    return start, end


def within(ms: int, start: int | None, end: int | None) -> bool:
    """Return whether a moment lies in a span."""
    return (start is None or ms >= start) and (end is None or ms <= end)
