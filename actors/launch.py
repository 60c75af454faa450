"""Run a session from the driver: a local Ray node, the supervisor, and what becomes of them."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import ray
import structlog
from ray.exceptions import ActorDiedError, GetTimeoutError, RayError

from actors.create import create
from actors.options import TIMES
from actors.pulse import STOP
from aster_ray import clock, topology
from aster_ray.cli.process import keeping_signals
from aster_ray.errors import AsterError
from aster_ray.research.history import complete_history
from aster_ray.research.record import RunResult
from aster_ray.research.session import Session, conclude
from aster_ray.store.config import places_from_environment

_LOOK_S = 0.25
_OBJECT_STORE_BYTES = 128 * 1024 * 1024
_SYSTEM = {
    # How often Ray asks a silent worker whether it is dead; its default is a second.
    "core_worker_internal_heartbeat_ms": 200,
    # By default workers yield to everything else on the machine; these trade.
    "worker_niceness": 0,
}


class View(NamedTuple):
    """What there is to show of a running session."""

    state: str
    last: int | None  # number of the last close there will be
    facts: Mapping[str, Any]  # as in the ``session`` section of the report
    ledger: Mapping[str, Any]  # as ``Ledger.snapshot``; empty before it answers


@contextlib.contextmanager
def local_ray() -> Iterator[str]:
    """Start a Ray node for this process, unless one is in use already; yield its HOST:PORT.

    Others on this machine reach it there, if they hold the same token.
    """
    if ray.is_initialized():
        yield ray.get_runtime_context().gcs_address
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    share_import_path()
    # A signal to the whole process group is for us alone: it ends the session in order, and with
    # it the node. Its processes inherit the mask; Ray itself ends them otherwise.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP})
    try:
        with keeping_signals():
            ray.init(
                address="local",
                namespace=topology.NAMESPACE,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                object_store_memory=_OBJECT_STORE_BYTES,
                _system_config=_SYSTEM,
            )
    except Exception as error:
        # Ray raises a bare Exception where a node takes over 30 s; another kind is a defect.
        is_late = type(error) is Exception
        if not (is_late or isinstance(error, RuntimeError | OSError | RayError)):
            raise
        said = str(error).rstrip(".")
        raise AsterError(
            f"the local Ray node does not start: {said}; end what keeps this machine busy, and try "
            "again"
        ) from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    try:
        yield ray.get_runtime_context().gcs_address
    finally:
        ray.shutdown()


def share_import_path() -> None:
    """Let processes started from here import what this one imports, installed or not."""
    root = str(Path(__file__).resolve().parents[1])
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if root not in known:
        os.environ["PYTHONPATH"] = os.pathsep.join([root, *filter(None, known)])


def run_session(
    session: Session,
    watch: Callable[[View], None],
    stopped: Callable[[], bool],
    audited: Callable[[], Mapping[str, Any]] = dict,
) -> RunResult:
    """Run a session to its end, write its report and return what it says.

    Args:
        session: freshly created.
        watch: called a few times a second.
        stopped: once it says so, the close under way is finished and the session ends.
        audited: returns what else the report says of the session, once it is over.

    Raises:
        AsterError: an actor failed for good.
    """
    (session.folder / STOP).unlink(missing_ok=True)  # of an earlier life
    supervisor = create(topology.SUPERVISOR, session.token, str(session.folder))
    try:
        facts = _follow(supervisor, session.token, watch, stopped)
        # Before the actors go: whatever may go wrong on the way out, the report is there.
        result = conclude(session, {**facts, **audited()})
    finally:
        dismiss(session.token)
    _complete(session)
    return result


def _complete(session: Session) -> None:
    """Bring the history to the session's end; a database that is away costs no report."""
    store = places_from_environment(os.environ).store
    if not store.history:
        return
    try:
        complete_history(session, store)
    except AsterError as error:
        structlog.get_logger().warning("history_incomplete", reason=str(error))


def _follow(
    supervisor: Any, token: str, watch: Callable[[View], None], stopped: Callable[[], bool]
) -> Mapping[str, Any]:
    """Watch until the session is over and return the ``session`` section of its report."""
    while True:
        if stopped():
            supervisor.stop.remote()
        status = _answer(supervisor.status.remote())
        if status is not None:
            if status["state"] == "failed":
                raise AsterError(f"session ended: {status['failure']}")
            watch(View(status["state"], status["last"], status["facts"], _ledger(token)))
            if status["state"] == "finished":
                facts: Mapping[str, Any] = status["facts"]
                return facts
        clock.wait(_LOOK_S)


def _answer(call: Any, patience_s: float = TIMES.answer) -> Any:
    """Return what an actor answers, or None while it cannot."""
    get: Any = ray.get  # its annotations do not see through a call without a type
    try:
        return get(call, timeout=patience_s)
    except ActorDiedError as error:
        raise AsterError(f"session ended: an actor was given up: {error}") from error
    except (RayError, GetTimeoutError):
        return None


def _ledger(token: str) -> Mapping[str, Any]:
    name = topology.actor_name(topology.LEDGER, token)
    try:
        actor: Any = ray.get_actor(name, namespace=topology.NAMESPACE)
    except ValueError:
        return {}
    found: Mapping[str, Any] | None = _answer(actor.snapshot.remote(), TIMES.tail)
    return found or {}


def dismiss(token: str) -> None:
    """End every actor of a session, the supervisor first so that it revives none."""
    for role in (topology.SUPERVISOR, *reversed(topology.PIPELINE), topology.LEDGER):
        with contextlib.suppress(ValueError, RayError):
            name = topology.actor_name(role, token)
            ray.kill(ray.get_actor(name, namespace=topology.NAMESPACE), no_restart=True)
