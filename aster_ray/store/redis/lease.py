"""The lease of an account in Redis: one key with a time to live, changed by scripts only.

The epoch is the server's clock in microseconds where that is above every epoch known, else one
more than the highest known: so it rises also when a restarted server has lost all it knew. What
this machine knew is the floor. ``check`` asks the server and renews in the same step, so that a
whole ``ttl_s`` lies before whatever is sent next.
"""

from __future__ import annotations

import threading

from aster_ray import clock
from aster_ray.engine.sharing import Grant
from aster_ray.errors import LeaseLostError
from aster_ray.store.epoch import EpochFile
from aster_ray.store.holder import Holder, held_error, read_holder
from aster_ray.store.redis.connection import Connection

# Our own time runs out this much earlier than the server's: clocks do not run equally fast.
_MARGIN = 0.1

_ACQUIRE = """
local held = redis.call('GET', KEYS[1])
if held then return {'held', held, redis.call('PTTL', KEYS[1])} end
local known, floor = tonumber(redis.call('GET', KEYS[2]) or '0'), tonumber(ARGV[1])
local time = redis.call('TIME')
local epoch = math.max(known + 1, floor + 1, time[1] * 1000000 + time[2])
local text = string.format('%.0f', epoch)
redis.call('SET', KEYS[2], text)
redis.call('SET', KEYS[1], text .. ' ' .. ARGV[2], 'PX', ARGV[3])
return {'taken', text, string.format('%.0f', known)}
"""
_RENEW = """
local held = redis.call('GET', KEYS[1])
if held == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) return 'ours' end
return held or ''
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class RedisLease:
    """One taker of the lease of one account; satisfies ``LeasePort``. Threads may share it."""

    def __init__(
        self,
        connection: Connection,
        account: str,
        what: str,
        floor: EpochFile,
        ttl_s: float,
    ) -> None:
        """Name the account; nothing is asked before ``acquire``.

        Args:
            connection: to the server.
            account: everybody who may trade it uses the same name.
            what: the session that asks, in a person's words.
            floor: the highest epoch this machine knows.
            ttl_s: for how long the lease lasts unless it is renewed.
        """
        self._connection, self._account, self._what = connection, account, what
        self._floor, self.ttl_s = floor, ttl_s
        self._keys = [f"aster:{{{account}}}:lease", f"aster:{{{account}}}:epoch"]
        self._mutex = threading.RLock()
        self._value = ""
        self._ends_ns = 0
        self.epoch = 0

    def acquire(self) -> Grant:
        """Take the lease under a new epoch; see ``LeasePort``."""
        with self._mutex:
            floor, holder = self._floor.read(), Holder(what=self._what)
            asked_ns = clock.boot_ns()
            with self._connection.client() as client:
                answer, told, rest = client.eval(
                    _ACQUIRE, 2, *self._keys, floor, holder.text(), self._ttl_ms
                )
            if answer == "held":
                _, _, text = told.partition(" ")
                raise held_error(self._account, read_holder(text), rest / 1e3)
            self._value, self.epoch = f"{told} {holder.text()}", int(told)
            self._ends_ns = self._end_after(asked_ns)
            # On disk before anything is sent under it; what fails here was never used.
            self._floor.raise_to(self.epoch)
            known = int(rest)
            return Grant(self.epoch, known if known >= floor else 0)

    def holder(self) -> Holder | None:
        """Return who may send now; None if nobody does."""
        with self._connection.client() as client:
            found = client.get(self._keys[0])
        _, _, text = (found or "").partition(" ")
        return read_holder(text) if text else None

    def renew(self) -> None:
        """Hold it for the whole time again; see ``LeasePort``."""
        with self._mutex:
            if not self._value:
                raise LeaseLostError(f"account {self._account} was never taken, or was let go")
            asked_ns = clock.boot_ns()
            if asked_ns >= self._ends_ns:
                raise LeaseLostError(
                    f"the lease of account {self._account} under epoch {self.epoch} ran out: this "
                    "process was stopped, or Redis was out of reach"
                )
            with self._connection.client() as client:
                found = client.eval(_RENEW, 1, self._keys[0], self._value, self._ttl_ms)
            if found != "ours":
                self._ends_ns = 0
                raise LeaseLostError(
                    f"the lease of account {self._account} under epoch {self.epoch} is "
                    + self._named(found)
                )
            self._ends_ns = self._end_after(asked_ns)

    def check(self) -> None:
        """Return only if the lease is ours now and for ``ttl_s``; see ``LeasePort``."""
        self.renew()

    def release(self) -> None:
        """Let go; see ``LeasePort``."""
        with self._mutex:
            if self._value:
                value, self._value = self._value, ""
                with self._connection.client() as client:
                    client.eval(_RELEASE, 1, self._keys[0], value)

    @property
    def _ttl_ms(self) -> int:
        return int(self.ttl_s * 1e3)

    def _end_after(self, asked_ns: int) -> int:
        return asked_ns + int(self.ttl_s * (1.0 - _MARGIN) * 1e9)

    @staticmethod
    def _named(found: str) -> str:
        epoch, _, text = found.partition(" ")
        if not text:
            return "gone: the server forgot it, or its time there ran out"
        return f"at epoch {epoch} with {read_holder(text)}"
