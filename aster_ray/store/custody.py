"""The right to send for one account, for as long as its executor lives.

    right = Custody(account_lease(places, account, "runs/live-3"))
    right.take()
    ...
    if right.guard():       # right before every send
        ...                 # somebody else may have traded since: reconcile, then send

A thread of its own renews the lease, so that neither a long collection nor a busy event loop loses
it. ``guard`` asks again before every send, because a process that was stopped does not know it was.
What a lease cannot do is call back a request that is already on its way: that one carries an id
derived from the decision and a time stamp that the venue refuses once it is old.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import structlog

from aster_ray import clock
from aster_ray.engine.messages import BarBatch, OrderBatch, VenueReport
from aster_ray.engine.ports import DurableExecutionPort
from aster_ray.engine.sharing import LeasePort, SnapshotPort
from aster_ray.errors import (
    AsterError,
    BadInputError,
    LeaseHeldError,
    LeaseLostError,
    RetryableError,
)
from aster_ray.model.order import OrderRequest
from aster_ray.store.config import Places, state_folder
from aster_ray.store.epoch import EpochFile
from aster_ray.store.file_lease import FileLease
from aster_ray.store.file_snapshot import FileSnapshot
from aster_ray.store.holder import Holder

if TYPE_CHECKING:
    from aster_ray.store.redis.lease import RedisLease

SNAPSHOT = "live.json"
SESSION = "session "  # a lease's holder is this and the session's folder
_LOOK_S = 0.1
_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")


class Account(NamedTuple):
    """What a lease is about."""

    name: str  # fit for a file and a key
    folder: Path  # where its files lie on this machine


def live_account(venue: str, owner: str) -> Account:
    """Return an account at a venue; ``owner`` is its address or the id of its key, never a secret.

    Every session of this machine that trades it finds the same files, wherever its own are.
    """
    digest = hashlib.blake2s(owner.strip().lower().encode(), digest_size=8).hexdigest()
    return Account(f"{_UNFIT.sub('-', venue)}-{digest}", state_folder() / "accounts")


def paper_account(folder: Path, token: str) -> Account:
    """Return the account of a paper session: its own, and nobody else's."""
    return Account(f"paper-{token}", folder / "lease")


def account_lease(places: Places, account: Account, what: str) -> LeasePort:
    """Return the lease of ``account``: in Redis where one is configured, else in files.

    Args:
        places: where things are shared.
        account: what to trade.
        what: the session that asks, in a person's words.
    """
    return _lease(places, account, what)


def session_of(places: Places, account: Account) -> tuple[Path, Holder] | None:
    """Return the folder of the session that may send for ``account`` now, and where it runs.

    None where there is none. With Redis it may run on another machine; without, on this one.

    Raises:
        RetryableError: Redis does not answer.
    """
    holder = _lease(places, account, "").holder()
    if holder is None or not holder.what.startswith(SESSION):
        return None
    return Path(holder.what.removeprefix(SESSION)), holder


def _lease(places: Places, account: Account, what: str) -> FileLease | RedisLease:
    ttl_s = places.redis.lease_ttl
    if not places.redis.url.value:
        return FileLease(account.folder, account.name, what, ttl_s)
    from aster_ray.store.redis.connection import Connection
    from aster_ray.store.redis.lease import RedisLease

    floor = EpochFile(account.folder / f"{account.name}.epoch")
    return RedisLease(Connection(places.redis.url), account.name, what, floor, ttl_s)


def account_snapshot(places: Places, session: str, folder: Path) -> SnapshotPort:
    """Return where the live snapshot of a session is put and found.

    Args:
        places: where things are shared.
        session: its key, the same on every machine.
        folder: of the session, where no Redis is configured.
    """
    ttl_s = places.redis.snapshot_ttl
    if not places.redis.url.value:
        return FileSnapshot(folder / SNAPSHOT, ttl_s)
    from aster_ray.store.redis.connection import Connection
    from aster_ray.store.redis.snapshot import RedisSnapshot

    return RedisSnapshot(Connection(places.redis.url), session, ttl_s)


class Custody:
    """Hold one lease from ``take`` to ``leave``."""

    def __init__(self, lease: LeasePort, what: str = "", patience_s: float = 0.0) -> None:
        """Name the lease.

        Args:
            lease: not yet taken.
            what: the session that asks. A predecessor of the same session, whose process is gone,
                is waited for until its time is over; anybody else is not.
            patience_s: for how long ``guard`` waits for a store that does not answer.
        """
        self._lease, self._what, self._patience_s = lease, what, patience_s
        self._end = threading.Event()
        self._keeper: threading.Thread | None = None

    @property
    def epoch(self) -> int:
        """Return the epoch under which may be sent."""
        return self._lease.epoch

    def take(self) -> int:
        """Take the lease and keep it; return its epoch.

        Raises:
            LeaseHeldError: somebody else has it, and goes on.
            RetryableError: its store does not answer.
        """
        until_ns = clock.boot_ns() + int((self._lease.ttl_s + 1.0) * 1e9)
        while True:
            try:
                epoch, previous = self._lease.acquire()
            except LeaseHeldError as error:
                if not self._what or error.what != self._what or clock.boot_ns() >= until_ns:
                    raise
                clock.wait(_LOOK_S)
            else:
                structlog.get_logger().info("lease_taken", epoch=epoch, previous=previous)
                self._keep()
                return epoch

    def guard(self) -> bool:
        """Return only if something may be sent now; True if somebody may have traded meanwhile.

        A lease that ran out and that nobody took is taken again under a new epoch.

        Raises:
            LeaseHeldError: somebody else trades the account now.
            RetryableError: it cannot be known; nothing may be sent.
        """
        until_ns = clock.boot_ns() + int(self._patience_s * 1e9)
        while True:
            try:
                return self._guard()
            except RetryableError:
                if clock.boot_ns() >= until_ns:
                    raise
                clock.wait(_LOOK_S)

    def _guard(self) -> bool:
        try:
            self._lease.check()
        except LeaseLostError as lost:
            before = self._lease.epoch
            structlog.get_logger().warning("lease_lost", reason=str(lost))
            epoch, previous = self._lease.acquire()
            structlog.get_logger().warning("lease_regained", epoch=epoch, previous=previous)
            return previous != before
        return False

    def leave(self) -> None:
        """Let go, so that the next executor need not wait."""
        if self._keeper is not None:
            self._end.set()
            self._keeper.join()
            self._keeper = None
            self._end.clear()
        with contextlib.suppress(AsterError):
            self._lease.release()

    def _keep(self) -> None:
        if self._keeper is None:
            self._keeper = threading.Thread(target=self._renew, name="lease", daemon=True)
            self._keeper.start()

    def _renew(self) -> None:
        known = ""
        while not self._end.wait(self._lease.ttl_s / 4):
            try:
                self._lease.renew()
                known = ""
            except (LeaseLostError, RetryableError, BadInputError, OSError) as error:
                # Whoever wants to send finds out by itself; said once, it may last for hours.
                if not known:
                    known = str(error)
                    structlog.get_logger().warning("lease_not_renewed", reason=known)


class FencedVenue:
    """A venue that takes orders only under the account's lease; satisfies its port."""

    def __init__(self, venue: DurableExecutionPort, guard: Callable[[], bool]) -> None:
        """Put ``guard`` before every order that goes to ``venue``."""
        self._venue, self._guard = venue, guard

    def submit(self, orders: OrderBatch, requests: Sequence[OrderRequest] = ()) -> None:
        """Hand orders over if the account is ours."""
        self._guard()
        self._venue.submit(orders, requests)

    def observe(self, batch: BarBatch) -> VenueReport:
        """Return what happened at the venue until this close time."""
        return self._venue.observe(batch)

    @property
    def report(self) -> VenueReport:
        """Return the evidence on the last close time seen."""
        return self._venue.report

    @property
    def accepted(self) -> int:
        """Return the last close time whose orders arrived."""
        return self._venue.accepted

    @property
    def batches(self) -> int:
        """Return of how many closes orders arrived."""
        return self._venue.batches

    @property
    def evidence(self) -> int:
        """Return on how many closes something happened."""
        return self._venue.evidence

    def has(self, client_order_id: str) -> bool:
        """Return whether an order of this id ever arrived."""
        return self._venue.has(client_order_id)

    def commit(self) -> None:
        """Return only once the venue will not forget."""
        self._venue.commit()
