"""Join the Ray node of a living session from another process, with its token, and call its actors.

An actor that does not answer in time is a finding (``NoAnswerError``), never a traceback.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

from actors.options import TIMES
from aster_ray import topology
from aster_ray.errors import AsterError, BadInputError
from aster_ray.research.tenure import HostRecord

_KNOCK_S = 3.0
# Read by Ray while it is imported: how often it knocks at a node, once a second. Its default, 20,
# keeps a person with the wrong token waiting, and nobody else: what listens answers at once.
_PATIENCE = {"RAY_NUM_REDIS_GET_RETRIES": "2"}


class NoAnswerError(AsterError):
    """The session's node or one of its actors does not answer."""


@contextlib.contextmanager
def join(record: HostRecord) -> Iterator[None]:
    """Be a part of the session's Ray cluster for the time of the block.

    Raises:
        NoAnswerError: the node is not up yet, or gone.
        BadInputError: it refuses the token, or there is none.
    """
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    import ray
    from ray.exceptions import AuthenticationError

    if ray.is_initialized():
        yield
        return
    if not record.address:
        raise NoAnswerError("its Ray node is not up yet")
    _knock(record.address)
    try:
        with _silenced():
            ray.init(
                address=record.address,
                namespace=topology.NAMESPACE,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
            )
    except AuthenticationError as error:
        raise BadInputError(
            "there is no token to prove that the session is yours: set RAY_AUTH_TOKEN or "
            "RAY_AUTH_TOKEN_PATH, or be the user who started it (~/.ray/auth_token)"
        ) from error
    except ConnectionError as error:
        # Something listens there, or the knock had failed: it is the token.
        raise BadInputError(
            f"the session's node at {record.address} refuses the token: use the one it was "
            "started with (RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token)"
        ) from error
    except (RuntimeError, OSError) as error:
        raise NoAnswerError(f"the Ray node at {record.address}: {error}") from error
    try:
        yield
    finally:
        with _silenced():
            ray.shutdown()


def call(
    role: str, part: str, method: str, *arguments: object, patience_s: float = TIMES.answer
) -> Any:
    """Return what an actor of the session answers.

    Raises:
        NoAnswerError: it is not there, or not in time.
    """
    import ray
    from ray.exceptions import RayError

    get: Any = ray.get  # its annotations do not see through a call without a type
    try:
        actor = ray.get_actor(topology.actor_name(role, part), namespace=topology.NAMESPACE)
        return get(getattr(actor, method).remote(*arguments), timeout=patience_s)
    except (ValueError, RayError, TimeoutError) as error:
        raise NoAnswerError(f"{role} does not answer: {type(error).__name__}") from error


def _knock(address: str) -> None:
    """Find out in a moment whether anything listens; Ray itself would take a minute."""
    place, _, port = address.rpartition(":")
    try:
        socket.create_connection((place, int(port)), timeout=_KNOCK_S).close()
    except OSError as error:
        raise NoAnswerError(f"nothing listens at {address}") from error


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Keep what Ray's own code prints about a refusal off the terminal; we say it in one line."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - a descriptor, not a file
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
