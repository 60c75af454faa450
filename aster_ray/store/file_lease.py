"""The lease of an account among the processes of one machine: three small files in one folder.

``NAME.lease`` says who has it, until when, and under which epoch; it changes under a lock on
``NAME.lock`` that is held for microseconds. The holder keeps a lock on ``NAME.EPOCH.alive`` for as
long as it lives: the operating system lets go of it however the process ends, so that the next one
need not wait for the time to run out. A process that lives and has been stopped beyond its time
loses the lease like one that died. Times are counted from the machine's boot, which no change of
its clock moves.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aster_ray import clock
from aster_ray.engine.sharing import Grant
from aster_ray.errors import JournalError, LeaseLostError, RetryableError
from aster_ray.store.epoch import EpochFile, write_durably
from aster_ray.store.holder import Holder, held_error, read_holder

_ATTEMPTS = 200  # of 5 ms: whoever changes the file does so in well under one
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class _State:
    """What ``NAME.lease`` says."""

    epoch: int
    holder: Holder
    ends_ns: int  # since boot
    boot: str
    released: bool = False

    def text(self) -> str:
        return json.dumps(
            {
                "epoch": self.epoch,
                "holder": self.holder.plain(),
                "ends_ns": self.ends_ns,
                "boot": self.boot,
                "released": self.released,
            },
            indent=2,
        )


def _read_state(content: dict[str, Any]) -> _State:
    holder = read_holder(content["holder"])
    return _State(
        int(content["epoch"]),
        holder,
        int(content["ends_ns"]),
        str(content["boot"]),
        bool(content["released"]),
    )


class FileLease:
    """One taker of the lease of one account; satisfies ``LeasePort``. Threads may share it."""

    def __init__(
        self,
        folder: Path,
        account: str,
        what: str,
        ttl_s: float,
        now_ns: Callable[[], int] = clock.boot_ns,
    ) -> None:
        """Name the place; nothing is read or written before ``acquire``.

        Args:
            folder: where the account's files lie; everybody who may trade it names the same.
            account: a name that can be a file's.
            what: the session that asks, in a person's words.
            ttl_s: for how long the lease lasts unless it is renewed.
            now_ns: nanoseconds since boot.
        """
        self._folder, self._account, self._what = folder, account, what
        self._ttl_ns = int(ttl_s * 1e9)
        self._now_ns = now_ns
        self._floor = EpochFile(folder / f"{account}.epoch")
        self._mutex = threading.RLock()
        self._alive: int | None = None  # open for as long as the process lives, come what may
        self._state: _State | None = None
        self.epoch = 0

    @property
    def ttl_s(self) -> float:
        """Return for how long the right lasts unless it is renewed."""
        return self._ttl_ns / 1e9

    def acquire(self) -> Grant:
        """Take the lease under a new epoch; see ``LeasePort``."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._mutex, self._changing():
            before = self._read()
            if before is not None and not self._is_free(before):
                left_s = (before.ends_ns - self._now_ns()) / 1e9
                raise held_error(self._account, before.holder, left_s)
            previous = 0 if before is None else before.epoch
            epoch = max(previous, self._floor.read()) + 1
            self._floor.raise_to(epoch)
            self._let_go()
            self._alive = os.open(self._alive_file(epoch), os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._alive, fcntl.LOCK_EX)
            self._write(_State(epoch, Holder(what=self._what), self._until(), _boot_id()))
            self.epoch = epoch
            if before is not None:
                self._alive_file(before.epoch).unlink(missing_ok=True)
        return Grant(epoch, previous)

    def holder(self) -> Holder | None:
        """Return who may send now; None if nobody does."""
        state = self._read()
        return None if state is None or self._is_free(state) else state.holder

    def renew(self) -> None:
        """Hold it for the whole time again; see ``LeasePort``."""
        with self._mutex, self._changing():
            mine = self._mine()
            self._write(_State(mine.epoch, mine.holder, self._until(), mine.boot))

    def check(self) -> None:
        """Return only if the lease is ours, and will be for a while; see ``LeasePort``."""
        with self._mutex:
            if self._mine().ends_ns - self._now_ns() < self._ttl_ns // 2:
                self.renew()

    def release(self) -> None:
        """Let go; see ``LeasePort``."""
        with self._mutex:
            with contextlib.suppress(LeaseLostError), self._changing():
                mine = self._mine()
                self._write(_State(mine.epoch, mine.holder, 0, mine.boot, released=True))
            if self._state is not None:
                self._alive_file(self._state.epoch).unlink(missing_ok=True)
            self._let_go()
            self._state = None

    def _mine(self) -> _State:
        """Return what the file says if it still names us, in time."""
        ours = self._state
        if ours is None:
            raise LeaseLostError(f"account {self._account} was never taken, or was let go")
        if self._now_ns() >= ours.ends_ns:
            raise LeaseLostError(
                f"the lease of account {self._account} under epoch {ours.epoch} ran out: this "
                "process was stopped, or its machine slept"
            )
        found = self._read()
        if found is None or found.holder.token != ours.holder.token or found.released:
            now = "gone" if found is None else f"at epoch {found.epoch} with {found.holder}"
            raise LeaseLostError(
                f"the lease of account {self._account} under epoch {ours.epoch} is {now}"
            )
        return ours

    def _is_free(self, state: _State) -> bool:
        """Return whether nobody can send under ``state`` any more."""
        if state.released or state.boot != _boot_id() or self._now_ns() >= state.ends_ns:
            return True
        try:
            with self._alive_file(state.epoch).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except FileNotFoundError:
            return True
        return True

    def _until(self) -> int:
        return self._now_ns() + self._ttl_ns

    def _let_go(self) -> None:
        if self._alive is not None:
            os.close(self._alive)
            self._alive = None

    def _alive_file(self, epoch: int) -> Path:
        return self._folder / f"{self._account}.{epoch}.alive"

    def _read(self) -> _State | None:
        file = self._folder / f"{self._account}.lease"
        try:
            return _read_state(json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise JournalError(
                f"{file} is damaged ({error}): remove it once no session trades the account"
            ) from error

    def _write(self, state: _State) -> None:
        write_durably(self._folder / f"{self._account}.lease", state.text())
        self._state = state

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Be the only one who changes the files, or give up after a second."""
        handle = os.open(self._folder / f"{self._account}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            for attempt in range(_ATTEMPTS):
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if attempt == _ATTEMPTS - 1:
                        raise RetryableError(
                            f"another process has been changing the lease of account "
                            f"{self._account} for a second: it may be stopped"
                        ) from None
                    clock.wait(0.005)
            yield
        finally:
            os.close(handle)
