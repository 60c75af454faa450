"""How many things a process holds: what grows with every close is found by counting twice."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

# A container with more elements than this is counted, and not looked into.
_FEW = 64
_OURS = ("actors.", "aster_ray.")


def census(root: object) -> dict[str, int]:
    """Return the path of every container below ``root`` -> number of its elements.

    Follows the attributes of our own objects, also of those in small containers, whose counts are
    added up under one path (``venue._workers[]._sent_at``). A growing array counts as its bytes.
    """
    found: Counter[str] = Counter()
    seen: set[int] = set()
    ahead: list[tuple[str, Any]] = [("", root)]
    while ahead:
        path, thing = ahead.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, np.ndarray):
            found[path] += thing.nbytes
        elif isinstance(thing, asyncio.Queue):
            found[path] += thing.qsize()
        elif isinstance(thing, Mapping | list | set | deque):
            found[path] += len(thing)
            if len(thing) <= _FEW:
                ahead += ((f"{path}[]", one) for one in _elements(thing))
        elif type(thing).__module__.startswith(_OURS):
            ahead += ((f"{path}.{name}".lstrip("."), one) for name, one in _attributes(thing))
    return dict(found)


def _elements(thing: Any) -> Iterable[Any]:
    return list(thing.values()) if isinstance(thing, Mapping) else list(thing)


def _attributes(thing: Any) -> Iterable[tuple[str, Any]]:
    """Yield the instance's attributes, also those in slots."""
    yield from dict(getattr(thing, "__dict__", {})).items()
    for kind in type(thing).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(thing, name):
                yield name, getattr(thing, name)
