"""What happens to holders, servers and clocks: nobody sends twice, and no epoch comes twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aster_ray import clock
from aster_ray.config import Secret
from aster_ray.engine.sharing import LeasePort
from aster_ray.errors import (
    BadInputError,
    JournalError,
    LeaseHeldError,
    LeaseLostError,
    RetryableError,
)
from aster_ray.store.epoch import EpochFile
from aster_ray.store.file_lease import FileLease
from aster_ray.store.redis.connection import Connection, place_of
from aster_ray.store.redis.lease import RedisLease
from tests.aster_ray.store.servers import RedisServer

TTL_S = 1.0
# Takes the lease, says its epoch, then checks once for every line it is given.
HOLDER = """
import sys
from pathlib import Path
from aster_ray import log
from aster_ray.config import Secret
from aster_ray.errors import AsterError
from aster_ray.store.custody import Custody
from aster_ray.store.epoch import EpochFile
from aster_ray.store.file_lease import FileLease
log.configure(as_json=True)
kind, folder, account, url, ttl, keep = sys.argv[1:]
if kind == "file":
    lease = FileLease(Path(folder), account, "child", float(ttl))
else:
    from aster_ray.store.redis.connection import Connection
    from aster_ray.store.redis.lease import RedisLease
    floor = EpochFile(Path(folder) / f"{account}.epoch")
    lease = RedisLease(Connection(Secret(url)), account, "child", floor, float(ttl))
if keep == "keep":
    print(Custody(lease).take(), flush=True)
else:
    print(lease.acquire().epoch, flush=True)
for line in sys.stdin:
    try:
        lease.check()
        print("sent", flush=True)
    except AsterError as error:
        print(type(error).__name__, flush=True)
"""


class Child:
    """A process that holds the lease."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.epoch = int(self.process.stdout.readline())

    def try_to_send(self) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


class Scene:
    """One account whose lease children and this process may take."""

    def __init__(self, kind: str, folder: Path, account: str, url: str) -> None:
        self.kind, self.folder, self.account, self.url = kind, folder, account, url
        self.children: list[Child] = []

    def child(self, ttl_s: float = TTL_S, *, keep: bool = False) -> Child:
        given = (self.kind, str(self.folder), self.account, self.url, str(ttl_s))
        self.children.append(Child(*given, "keep" if keep else "leave"))
        return self.children[-1]

    def lease(self, ttl_s: float = TTL_S) -> LeasePort:
        if self.kind == "file":
            return FileLease(self.folder, self.account, "parent", ttl_s)
        floor = EpochFile(self.folder / f"{self.account}.epoch")
        connection = Connection(Secret(self.url))
        return RedisLease(connection, self.account, "parent", floor, ttl_s)


@pytest.fixture(params=["file", "redis"])
def scene(request: pytest.FixtureRequest, tmp_path: Path, account: str) -> Iterator[Scene]:
    server: RedisServer | None = None
    if request.param == "redis":
        server = request.getfixturevalue("redis_server")
    made = Scene(request.param, tmp_path, account, server.url if server else "")
    yield made
    for child in made.children:
        child.end()


def eventually(lease: LeasePort, seconds: float = 10.0) -> int:
    until = time.monotonic() + seconds
    while True:
        try:
            return lease.acquire().epoch
        except LeaseHeldError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


def test_a_holder_that_is_killed_is_followed_under_a_higher_epoch(scene: Scene) -> None:
    child = scene.child()
    assert child.try_to_send() == "sent"
    lease = scene.lease()
    with pytest.raises(LeaseHeldError, match="is traded by child"):
        lease.acquire()
    os.kill(child.process.pid, signal.SIGKILL)
    child.process.wait()
    assert eventually(lease) > child.epoch
    lease.check()
    lease.release()


def test_by_files_nobody_waits_for_a_dead_holders_time_to_pass(
    tmp_path: Path, account: str
) -> None:
    scene = Scene("file", tmp_path, account, "")
    child = scene.child(ttl_s=300.0)
    os.kill(child.process.pid, signal.SIGKILL)
    child.process.wait()
    child.end()
    assert scene.lease().acquire().previous == child.epoch


@pytest.mark.slow
def test_a_holder_that_was_stopped_beyond_its_time_cannot_send_when_it_goes_on(
    scene: Scene,
) -> None:
    child = scene.child(keep=True)
    os.kill(child.process.pid, signal.SIGSTOP)
    lease = scene.lease(ttl_s=60.0)
    assert eventually(lease) > child.epoch
    os.kill(child.process.pid, signal.SIGCONT)
    assert [child.try_to_send() for _ in range(3)] == ["LeaseLostError"] * 3
    lease.check()


@pytest.mark.slow
def test_a_holder_that_was_stopped_for_less_goes_on_alone(scene: Scene) -> None:
    child = scene.child(ttl_s=30.0, keep=True)
    os.kill(child.process.pid, signal.SIGSTOP)
    time.sleep(0.3)
    os.kill(child.process.pid, signal.SIGCONT)
    assert child.try_to_send() == "sent"
    with pytest.raises(LeaseHeldError):
        scene.lease().acquire()


@pytest.mark.slow
def test_a_holder_that_does_nothing_for_long_keeps_what_its_thread_renews(scene: Scene) -> None:
    child = scene.child(keep=True)
    time.sleep(2.5 * TTL_S)
    with pytest.raises(LeaseHeldError):
        scene.lease().acquire()
    assert child.try_to_send() == "sent"


@pytest.mark.parametrize("jump_ms", [-86_400_000, 86_400_000])
def test_a_jump_of_the_clock_neither_frees_nor_extends(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, jump_ms: int
) -> None:
    lease, other = scene.lease(ttl_s=30.0), scene.lease()
    lease.acquire()
    real = clock.LiveClock.now_ms
    monkeypatch.setattr(clock.LiveClock, "now_ms", lambda self: real(self) + jump_ms)
    lease.check()
    with pytest.raises(LeaseHeldError):
        other.acquire()
    lease.release()
    assert other.acquire().epoch > lease.epoch


def test_a_machine_that_slept_knows_that_its_time_is_over(tmp_path: Path, account: str) -> None:
    now = [10**12]
    lease = FileLease(tmp_path, account, "laptop", 10.0, lambda: now[0])
    lease.acquire()
    now[0] += 3_600 * 10**9
    with pytest.raises(LeaseLostError, match="its machine slept"):
        lease.check()


def test_a_lease_of_the_machines_earlier_life_is_free(
    tmp_path: Path, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (FileLease(tmp_path, account, "session", 300.0) for _ in range(2))
    epoch = first.acquire().epoch
    monkeypatch.setattr("aster_ray.store.file_lease._boot_id", lambda: "another life")
    assert second.acquire() == (epoch + 1, epoch)


@pytest.mark.parametrize("lost", ["lease", "epoch"])
def test_no_epoch_comes_again_where_one_of_its_files_is_lost(
    tmp_path: Path, account: str, lost: str
) -> None:
    lease = FileLease(tmp_path, account, "session", 30.0)
    for _ in range(3):
        epoch = lease.acquire().epoch
        lease.release()
    (tmp_path / f"{account}.{lost}").unlink()
    assert lease.acquire().epoch == epoch + 1


@pytest.mark.parametrize(("name", "content"), [("lease", "{"), ("lease", "{}"), ("epoch", "x")])
def test_a_damaged_file_is_named_and_nothing_is_taken(
    tmp_path: Path, account: str, name: str, content: str
) -> None:
    (tmp_path / f"{account}.{name}").write_text(content)
    lease = FileLease(tmp_path, account, "session", 30.0)
    with pytest.raises(JournalError, match=f"{account}.{name}"):
        lease.acquire()
    with pytest.raises(LeaseLostError):
        lease.check()


def test_a_server_that_forgot_everything_gives_no_epoch_twice_and_the_first_is_stale(
    own_redis: RedisServer, tmp_path: Path, account: str
) -> None:
    here = Scene("redis", tmp_path / "here", account, own_redis.url)
    there = Scene("redis", tmp_path / "there", account, own_redis.url)  # another machine's floor
    first, second = here.lease(30.0), there.lease(30.0)
    epoch = first.acquire().epoch
    own_redis.end()
    with pytest.raises(RetryableError, match="does not answer"):
        first.check()
    own_redis.start()
    with pytest.raises(LeaseLostError, match="the server forgot it"):
        first.check()
    grant = second.acquire()
    assert grant.epoch > epoch
    assert grant.previous == 0
    with pytest.raises(LeaseLostError):
        first.check()
    with pytest.raises(LeaseHeldError, match="is traded by parent"):
        first.acquire()
    second.check()


def test_a_machine_whose_server_forgot_knows_that_it_does_not_know_who_came_before(
    own_redis: RedisServer, tmp_path: Path, account: str
) -> None:
    lease = Scene("redis", tmp_path, account, own_redis.url).lease(30.0)
    lease.acquire()
    own_redis.end()
    own_redis.start()
    assert lease.acquire().previous == 0


def test_a_server_whose_clock_went_back_and_that_forgot_stays_above_what_we_know(
    own_redis: RedisServer, tmp_path: Path, account: str
) -> None:
    future = time.time_ns() // 1_000 + 3_600_000_000
    EpochFile(tmp_path / f"{account}.epoch").raise_to(future)
    lease = Scene("redis", tmp_path, account, own_redis.url).lease(30.0)
    assert lease.acquire().epoch == future + 1


@pytest.mark.slow
def test_behind_a_cut_network_nothing_is_sent_and_after_its_time_it_is_lost(
    own_redis: RedisServer, tmp_path: Path, account: str
) -> None:
    connection = Connection(Secret(own_redis.url), patience_s=0.2)
    floor = EpochFile(tmp_path / f"{account}.epoch")
    lease = RedisLease(connection, account, "cut off", floor, 1.0)
    lease.acquire()
    own_redis.freeze()
    seen = []
    until = time.monotonic() + 20.0
    while time.monotonic() < until:
        try:
            lease.check()
            seen.append("sent")
        except RetryableError:
            seen.append("waits")
        except LeaseLostError:
            break
    own_redis.thaw()
    assert set(seen) == {"waits"}
    with pytest.raises(LeaseLostError):
        lease.check()


def test_a_server_that_is_not_there_is_named_without_its_password(
    account: str, tmp_path: Path
) -> None:
    secret = "correct-horse"
    connection = Connection(Secret(f"redis://user:{secret}@127.0.0.1:1/0"))
    lease = RedisLease(connection, account, "session", EpochFile(tmp_path / "epoch"), 1.0)
    with pytest.raises(RetryableError) as caught:
        lease.acquire()
    assert "Redis at redis://127.0.0.1:1/0 does not answer" in str(caught.value)
    assert secret not in str(caught.value)


def test_a_server_that_refuses_is_for_the_person_to_mend(
    redis_server: RedisServer, account: str, tmp_path: Path
) -> None:
    connection = Connection(
        Secret(f"redis://nobody:hunter2hunter2@127.0.0.1:{redis_server.port}/0")
    )
    lease = RedisLease(connection, account, "session", EpochFile(tmp_path / "epoch"), 1.0)
    with pytest.raises(BadInputError) as caught:
        lease.acquire()
    assert "hunter2hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://u:p@host:6380/1", "redis://host:6380/1"),
        ("redis://", "redis://localhost"),
        ("redis://h:port", "a URL that cannot be read"),
    ],
)
def test_a_place_is_shown_without_secrets(url: str, shown: str) -> None:
    assert place_of(url) == shown


def test_a_url_that_is_none_is_said() -> None:
    with pytest.raises(BadInputError, match="must read redis"):
        Connection(Secret("http://somewhere"))
