"""Random lives of three takers: never two who may send, never an epoch that came before."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aster_ray.engine.sharing import LeasePort
from aster_ray.errors import LeaseHeldError, LeaseLostError
from aster_ray.store.epoch import EpochFile
from aster_ray.store.file_lease import FileLease
from aster_ray.store.redis.connection import Connection
from aster_ray.store.redis.lease import RedisLease

TTL_S = 10.0
WHO = st.integers(0, 2)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["acquire", "renew", "check", "release"]), WHO),
        st.tuples(st.just("pass"), st.floats(0.0, 2.0 * TTL_S)),
        st.tuples(st.sampled_from(["expire", "forget"]), st.just(0)),
    ),
    min_size=5,
    max_size=40,
)
Step = tuple[str, float]


def live(takers: list[LeasePort], steps: list[Step], world: Callable[[str, float], None]) -> int:
    """Take the steps; return how many leases were taken."""
    epochs: list[int] = []
    for name, value in steps:
        if name in ("pass", "expire", "forget"):
            world(name, value)
        else:
            taker = takers[int(value)]
            try:
                getattr(taker, name)()
            except (LeaseHeldError, LeaseLostError):
                pass
            else:
                if name == "acquire":
                    epochs.append(taker.epoch)
        may_send = []
        for taker in takers:
            try:
                taker.check()
            except LeaseLostError:
                continue
            may_send.append(taker.epoch)
        assert len(may_send) <= 1, name
        assert not may_send or may_send[0] == epochs[-1], "a stale epoch may send"
    assert all(one < other for one, other in itertools.pairwise(epochs)), epochs
    return len(epochs)


@given(steps=STEPS)
@settings(max_examples=60)
def test_by_files(steps: list[Step]) -> None:
    folder = Path(tempfile.mkdtemp(prefix="aster-lease-"))
    now = [10**12]
    takers: list[LeasePort] = [
        FileLease(folder, "a", f"taker {n}", TTL_S, lambda: now[0]) for n in range(3)
    ]

    def world(name: str, value: float) -> None:
        if name == "pass":
            now[0] += int(value * 1e9)
        elif name == "expire":
            now[0] += int(TTL_S * 1e9)
        else:
            (folder / "a.lease").unlink(missing_ok=True)

    try:
        live(takers, steps, world)
    finally:
        for taker in takers:
            taker.release()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("floors")


@given(steps=STEPS)
@settings(max_examples=60)
def test_in_redis_by_machines_that_know_nothing_of_each_other(
    redis_connection_of_all: Connection, folder: Path, steps: list[Step]
) -> None:
    account = uuid.uuid4().hex
    takers: list[LeasePort] = [
        RedisLease(
            redis_connection_of_all,
            account,
            f"taker {n}",
            EpochFile(folder / f"{account}-{n}"),
            TTL_S,
        )
        for n in range(3)
    ]
    keys = [f"aster:{{{account}}}:lease", f"aster:{{{account}}}:epoch"]

    def world(name: str, _value: float) -> None:
        with redis_connection_of_all.client() as client:
            if name == "expire":
                client.delete(keys[0])
            elif name == "forget":  # a restart without persistence
                client.delete(*keys)

    live(takers, steps, world)
