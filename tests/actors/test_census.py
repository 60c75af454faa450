"""Counting what a process holds."""

from __future__ import annotations

import asyncio
from collections import deque

import numpy as np

from actors.census import census
from actors.hops import HopMeter


class _Slotted:
    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows = [1, 2]


class _Held:
    def __init__(self) -> None:
        self.names = {"a", "b", "c"}
        self.parts = {1: _Slotted(), 2: _Slotted()}
        self.again = self
        self.queue: asyncio.Queue[int] = asyncio.Queue()
        self.marks = np.zeros(4)
        self.text = "no container"


# Only our own objects are looked into; these stand for them.
_Held.__module__ = _Slotted.__module__ = "aster_ray.made_up"


def test_containers_are_found_by_their_path_and_alike_ones_are_added_up() -> None:
    held = _Held()
    held.queue.put_nowait(1)
    assert census(held) == {
        "names": 3,
        "parts": 2,
        "parts[].rows": 4,
        "queue": 1,
        "marks": 32,
    }


def test_the_elements_of_a_large_container_are_only_counted() -> None:
    assert census(deque([[1]] * 100)) == {"": 100}
    assert census(deque([[1]])) == {"": 1, "[]": 1}


def test_a_foreign_object_is_left_alone_and_ours_is_not() -> None:
    assert census(asyncio.Event()) == {}
    assert census(HopMeter()) == {"_counts": 0, "_crossings": 0}
