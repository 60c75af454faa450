"""Where a job's work runs: the cluster it was submitted to, or a node for this process alone."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import ray
from ray.exceptions import RayError

from aster_ray import topology
from aster_ray.cli.process import keeping_signals
from aster_ray.errors import AsterError

_OBJECT_STORE_BYTES = 256 * 1024 * 1024


@contextlib.contextmanager
def ray_node() -> Iterator[None]:
    """Join the cluster that ``RAY_ADDRESS`` names, or start a node and end it with the block.

    A node that this process is connected to already is used and left alone.

    Raises:
        AsterError: the cluster does not answer, or a node does not start.
    """
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS", "")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    _share_import_path()
    try:
        with keeping_signals():
            ray.init(
                address=address or "local",
                namespace=topology.NAMESPACE,
                include_dashboard=None if address else False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                object_store_memory=None if address else _OBJECT_STORE_BYTES,
            )
    except (RuntimeError, OSError, ValueError, RayError) as error:
        place = f"the Ray cluster at {address} does not answer" if address else "no Ray node starts"
        raise AsterError(f"{place}: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _share_import_path() -> None:
    """Let workers of this machine import what this process imports, installed or not."""
    root = str(Path(__file__).resolve().parents[1])
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if root not in known:
        os.environ["PYTHONPATH"] = os.pathsep.join([root, *filter(None, known)])
