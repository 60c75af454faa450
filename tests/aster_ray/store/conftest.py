"""Servers for whoever asks for them, one each for the whole test session."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from aster_ray.config import Secret
from aster_ray.store.redis.connection import Connection
from tests.aster_ray.store.servers import (
    PostgresServer,
    RedisServer,
    served_redis,
)


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Return a running redis-server of this test alone, which may end and begin again."""
    yield from served_redis(tmp_path_factory.mktemp("redis"))


@pytest.fixture(scope="session")
def redis_connection_of_all(redis_server: RedisServer) -> Iterator[Connection]:
    """Return a connection that the examples of a property share."""
    connection = Connection(Secret(redis_server.url))
    yield connection
    connection.close()


@pytest.fixture
def redis_connection(redis_server: RedisServer) -> Iterator[Connection]:
    connection = Connection(Secret(redis_server.url))
    yield connection
    connection.close()


@pytest.fixture
def account() -> str:
    """Return a name that no other test uses: they share one server."""
    return f"account-{uuid.uuid4().hex[:8]}"


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path, account: str) -> Secret:
    """Return the URL of a database of this test alone, without tables."""
    if request.param == "sqlite":
        return Secret(f"sqlite:///{tmp_path / 'store.sqlite'}")
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return Secret(server.create(account))
