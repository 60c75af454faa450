from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from aster_ray.config import Secret
from aster_ray.engine.sharing import Grant
from aster_ray.errors import ConfigError, LeaseHeldError, LeaseLostError, RetryableError
from aster_ray.store.config import (
    Places,
    RedisConfig,
    StoreConfig,
    export,
    places_from_environment,
    state_folder,
)
from aster_ray.store.custody import (
    Custody,
    FencedVenue,
    account_lease,
    live_account,
    paper_account,
    session_of,
)
from aster_ray.store.file_lease import FileLease
from aster_ray.store.redis.lease import RedisLease
from tests.aster_ray.store.servers import RedisServer

HERE = Places(StoreConfig(), RedisConfig())


class Venue:
    """Remembers what it was handed."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.accepted = 3

    def submit(self, orders: Any, ids: Any = ()) -> None:
        self.taken.append((orders, ids))


def test_two_sessions_on_one_live_account_exclude_each_other_wherever_their_folders_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTER_STATE_DIR", str(tmp_path / "state"))
    one = Custody(account_lease(HERE, live_account("aster", "0xABC"), "runs/live-1"))
    two = Custody(account_lease(HERE, live_account("aster", " 0xabc"), "elsewhere/live-9"))
    other = Custody(account_lease(HERE, live_account("aster", "0xdef"), "runs/live-2"))
    one.take()
    other.take()
    with pytest.raises(LeaseHeldError, match="is traded by runs/live-1"):
        two.take()
    one.leave()
    assert two.take() > one.epoch
    with pytest.raises(LeaseHeldError, match="elsewhere/live-9"):
        one.guard()
    for custody in (one, two, other):
        custody.leave()


def test_paper_sessions_never_meet(tmp_path: Path) -> None:
    one = Custody(account_lease(HERE, paper_account(tmp_path / "a", "t1"), "a"))
    two = Custody(account_lease(HERE, paper_account(tmp_path / "b", "t2"), "b"))
    one.take()
    two.take()
    assert not one.guard()
    assert not two.guard()
    one.leave()
    two.leave()


def test_a_venue_gets_nothing_once_another_trades_the_account(tmp_path: Path) -> None:
    account = paper_account(tmp_path, "x")
    first = Custody(FileLease(account.folder, account.name, "first", 30.0))
    first.take()
    venue: Any = Venue()
    fenced = FencedVenue(venue, first.guard)
    fenced.submit("orders", ["id"])  # type: ignore[arg-type]
    assert fenced.accepted == 3
    first._lease.release()
    second = Custody(FileLease(account.folder, account.name, "second", 30.0))
    second.take()
    with pytest.raises(LeaseHeldError, match="is traded by second"):
        fenced.submit("more", ["id2"])  # type: ignore[arg-type]
    assert venue.taken == [("orders", ["id"])]
    first.leave()
    second.leave()


def test_a_lease_that_ran_out_untaken_is_taken_again_and_nothing_needs_reconciling(
    tmp_path: Path,
) -> None:
    now = [10**12]
    custody = Custody(FileLease(tmp_path, "a", "laptop", 1e3, lambda: now[0]))
    epoch = custody.take()
    now[0] += 10**13
    assert custody.guard() is False
    assert custody.epoch == epoch + 1
    # Another one came and went meanwhile.
    now[0] += 10**13
    passer_by = FileLease(tmp_path, "a", "other", 1e3, lambda: now[0])
    passer_by.acquire()
    passer_by.release()
    assert custody.guard() is True
    custody.leave()


def test_whoever_follows_a_dead_one_waits_until_its_time_is_over(tmp_path: Path) -> None:
    dead = FileLease(tmp_path, "a", "session", 0.3)
    dead.acquire()
    with pytest.raises(LeaseHeldError):
        Custody(FileLease(tmp_path, "a", "other", 30.0), "other").take()
    custody = Custody(FileLease(tmp_path, "a", "session", 30.0), "session")
    assert custody.take() == dead.epoch + 1
    custody.leave()


class Stubborn:
    """A lease whose store is away at first."""

    epoch, ttl_s = 7, 0.04

    def __init__(self) -> None:
        self.renewals = 0

    def acquire(self) -> Grant:
        return Grant(7, 0)

    def renew(self) -> None:
        self.renewals += 1
        raise (RetryableError if self.renewals < 3 else LeaseLostError)("away")

    def check(self) -> None:
        raise RetryableError("away")

    def release(self) -> None:
        raise RetryableError("away")


def test_a_store_that_is_away_stops_every_send_and_its_keeper_goes_on_asking() -> None:
    lease = Stubborn()
    custody = Custody(lease)
    custody.take()
    with pytest.raises(RetryableError):
        custody.guard()
    until = time.monotonic() + 10.0
    while lease.renewals < 5 and time.monotonic() < until:
        time.sleep(0.01)
    assert lease.renewals >= 5
    custody.leave()
    custody.leave()


def test_with_redis_configured_the_lease_is_there(
    redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in export(
        Places(StoreConfig(), RedisConfig(url=Secret(redis_server.url)))
    ).items():
        monkeypatch.setenv(name, value)
    places = places_from_environment(os.environ)
    assert places.redis.url.value == redis_server.url
    account = paper_account(tmp_path, "redis-session")
    lease = account_lease(places, account, "session")
    assert isinstance(lease, RedisLease)
    assert lease.acquire().epoch > 1_000_000  # the server's clock
    assert (account.folder / f"{account.name}.epoch").read_text().strip() == str(lease.epoch)
    lease.release()


def test_sections_come_back_from_the_environment() -> None:
    store = StoreConfig(url=Secret("postgresql://u:p@h/db"), history=False)
    redis = RedisConfig(url=Secret("redis://h"), lease_ttl=3.5, snapshot_ttl=9.25)
    assert places_from_environment(export(Places(store, redis))) == Places(store, redis)
    assert places_from_environment({}) == HERE
    assert "u:p" not in repr(store)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("STORE__URL", "mysql://h/db", "store.url must begin with postgresql"),
        ("STORE__HISTORY", "perhaps", "store.history"),
        ("REDIS__URL", "http://h", "redis.url must begin with redis://"),
        ("REDIS__LEASE_TTL", "0.5", "redis.lease_ttl must be between 1 and 300"),
        ("REDIS__SNAPSHOT_TTL", "0", "redis.snapshot_ttl must be between 1"),
    ],
)
def test_what_does_not_fit_is_named(name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        places_from_environment({f"ASTER__{name}": value})


def test_the_state_folder_may_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTER_STATE_DIR", str(tmp_path))
    assert state_folder() == tmp_path
    monkeypatch.delenv("ASTER_STATE_DIR")
    assert state_folder().parts[-2:] == ("state", "aster-ray")


@pytest.fixture(params=["files", "redis"])
def places(request: pytest.FixtureRequest) -> Places:
    if request.param == "files":
        return HERE
    server: RedisServer = request.getfixturevalue("redis_server")
    return Places(StoreConfig(), RedisConfig(url=Secret(server.url)))


def test_the_session_that_may_send_can_be_found(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTER_STATE_DIR", str(tmp_path / "state"))
    account = live_account("aster", "0xABC")
    assert session_of(places, account) is None
    right = Custody(account_lease(places, account, "session /runs/live-1"))
    right.take()
    found = session_of(places, account)
    assert found is not None
    assert (found[0], found[1].host) == (Path("/runs/live-1"), socket.gethostname())
    right.leave()
    assert session_of(places, account) is None
    other = account_lease(places, account, "aster live")
    other.acquire()
    assert session_of(places, account) is None  # only looks whether it might begin
    other.release()
