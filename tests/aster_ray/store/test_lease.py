"""One contract, two implementations: files of one machine, Redis for several."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aster_ray.engine.sharing import Grant, LeasePort
from aster_ray.errors import LeaseHeldError, LeaseLostError
from aster_ray.store.epoch import EpochFile
from aster_ray.store.file_lease import FileLease
from aster_ray.store.redis.connection import Connection
from aster_ray.store.redis.lease import RedisLease

TTL_S = 0.3
Taker = Callable[..., LeasePort]


@pytest.fixture(params=["file", "redis"])
def taker(
    request: pytest.FixtureRequest, tmp_path: Path, account: str
) -> Iterator[Callable[..., LeasePort]]:
    """Return how to ask for the lease: ``taker("who", ttl_s)``."""
    made: list[LeasePort] = []

    def ask(what: str = "session", ttl_s: float = 30.0) -> LeasePort:
        if request.param == "file":
            made.append(FileLease(tmp_path, account, what, ttl_s))
        else:
            connection: Connection = request.getfixturevalue("redis_connection")
            floor = EpochFile(tmp_path / f"{account}.epoch")
            made.append(RedisLease(connection, account, what, floor, ttl_s))
        return made[-1]

    yield ask
    for lease in made:
        lease.release()


def test_whoever_asks_first_has_it_and_may_send(taker: Taker) -> None:
    lease = taker()
    assert lease.epoch == 0
    grant = lease.acquire()
    assert grant.epoch > 0
    assert grant == Grant(lease.epoch, 0)
    lease.check()
    lease.renew()


def test_the_second_is_told_who_has_it_and_since_when(taker: Taker) -> None:
    first, second = taker("runs/live-1"), taker("runs/live-2")
    first.acquire()
    with pytest.raises(LeaseHeldError) as caught:
        second.acquire()
    assert caught.value.exit_code == 2
    text = str(caught.value)
    assert "is traded by runs/live-1 (process " in text
    assert " since 20" in text
    assert "UTC: end that session, or wait" in text
    first.check()
    with pytest.raises(LeaseLostError, match="never taken"):
        second.check()


def test_nobody_may_send_before_taking_it(taker: Taker) -> None:
    lease = taker()
    for act in (lease.check, lease.renew):
        with pytest.raises(LeaseLostError, match="was never taken, or was let go"):
            act()
    lease.release()


def test_after_its_time_another_has_it_and_the_first_is_stale_for_good(taker: Taker) -> None:
    first, second = taker("first", TTL_S), taker("second")
    old = first.acquire()
    time.sleep(TTL_S + 0.1)
    assert second.acquire() == Grant(second.epoch, old.epoch)
    assert second.epoch > old.epoch
    for act in (first.check, first.renew, first.check):
        with pytest.raises(LeaseLostError, match=f"epoch {old.epoch} ran out"):
            act()
    second.check()
    first.release()  # of what is not ours nothing is let go
    second.check()


def test_its_time_is_over_even_where_nobody_else_wants_it(taker: Taker) -> None:
    lease = taker("first", TTL_S)
    old = lease.acquire()
    time.sleep(TTL_S + 0.1)
    with pytest.raises(LeaseLostError):
        lease.check()
    again = lease.acquire()
    assert again.epoch > old.epoch
    assert again.previous == old.epoch  # nobody traded in between
    lease.check()


def test_whoever_renews_keeps_it(taker: Taker) -> None:
    first, second = taker("first", TTL_S), taker("second")
    first.acquire()
    for act in (first.renew, first.check, first.renew, first.check):
        time.sleep(TTL_S / 2)
        act()
        with pytest.raises(LeaseHeldError):
            second.acquire()


def test_what_is_let_go_is_free_at_once(taker: Taker) -> None:
    first, second = taker(), taker()
    old = first.acquire()
    first.release()
    with pytest.raises(LeaseLostError):
        first.check()
    assert second.acquire().previous == old.epoch
    first.release()
    second.check()


def test_epochs_only_rise(taker: Taker) -> None:
    epochs = []
    for _ in range(20):
        lease = taker()
        epochs.append(lease.acquire().epoch)
        lease.release()
    assert epochs == sorted(set(epochs))


def test_of_many_who_ask_at_once_one_has_it(taker: Taker) -> None:
    takers = [taker(f"taker {n}") for n in range(8)]
    start = threading.Barrier(len(takers))
    won: list[int] = []
    refused: list[str] = []

    def ask(lease: LeasePort) -> None:
        start.wait()
        try:
            won.append(lease.acquire().epoch)
        except LeaseHeldError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=ask, args=(lease,)) for lease in takers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(refused)) == (1, len(takers) - 1)
