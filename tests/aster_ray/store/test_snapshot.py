"""One contract, two implementations: a file in the session's folder, a key in Redis."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from aster_ray.engine.sharing import SnapshotPort
from aster_ray.store.file_snapshot import FileSnapshot
from aster_ray.store.redis.connection import Connection
from aster_ray.store.redis.snapshot import RedisSnapshot

STATUS = {
    "state": "running",
    "equity": 10_000.5,
    "positions": [{"symbol": "BTCUSDT", "stop": None}],
}


@pytest.fixture(params=["file", "redis"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, account: str
) -> Callable[[float], SnapshotPort]:
    if request.param == "file":
        return lambda ttl_s: FileSnapshot(tmp_path / "status.json", ttl_s)
    connection: Connection = request.getfixturevalue("redis_connection")
    return lambda ttl_s: RedisSnapshot(connection, account, ttl_s)


def test_what_was_published_last_is_what_anybody_reads(
    place: Callable[[float], SnapshotPort],
) -> None:
    assert place(30.0).latest() is None
    place(30.0).publish({"state": "starting"})
    place(30.0).publish(STATUS)
    assert place(30.0).latest() == STATUS


def test_what_is_old_is_nothing(place: Callable[[float], SnapshotPort]) -> None:
    one = place(0.2)
    one.publish(STATUS)
    assert one.latest() == STATUS
    time.sleep(0.3)
    assert one.latest() is None


def test_what_is_no_json_is_refused_and_leaves_the_last(
    place: Callable[[float], SnapshotPort],
) -> None:
    one = place(30.0)
    one.publish(STATUS)
    with pytest.raises(ValueError, match="not JSON compliant"):
        one.publish({"equity": float("nan")})
    assert one.latest() == STATUS


@pytest.mark.parametrize("content", ["", "{", "[]", '{"at_ns": 1}', '{"at_ns": "x", "status": {}}'])
def test_a_damaged_file_is_no_snapshot(tmp_path: Path, content: str) -> None:
    (tmp_path / "status.json").write_text(content)
    assert FileSnapshot(tmp_path / "status.json", 1e12).latest() is None


def test_a_snapshot_of_the_machines_earlier_life_is_none(tmp_path: Path) -> None:
    FileSnapshot(tmp_path / "status.json", 30.0, lambda: 10**15).publish(STATUS)
    assert FileSnapshot(tmp_path / "status.json", 30.0, lambda: 10**9).latest() is None


def test_a_folder_that_is_gone_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileSnapshot(tmp_path / "gone" / "status.json", 30.0).publish(STATUS)
    assert list(tmp_path.iterdir()) == []
