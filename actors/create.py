"""Bring an actor of a session to life, or find the one that lives."""

from __future__ import annotations

import importlib
from typing import Any

import ray

from actors.options import ACTOR_CLASSES, ACTOR_OPTIONS
from aster_ray import topology


def create(role: str, token: str, folder: str) -> Any:
    """Return the handle of ``role`` in the session ``token``; no handle goes into a constructor.

    Detached, so that it outlives whoever created it: a supervisor that starts again finds it.
    """
    module, _, name = ACTOR_CLASSES[role].partition(":")
    kind = getattr(importlib.import_module(module), name)
    remote: Any = ray.remote  # its annotations do not know concurrency groups
    actor = remote(**ACTOR_OPTIONS[role])(kind)
    return actor.options(
        name=topology.actor_name(role, token),
        namespace=topology.NAMESPACE,
        lifetime="detached",
        get_if_exists=True,
    ).remote(folder)
