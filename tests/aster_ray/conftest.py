"""Servers for whoever asks for them, one each for the whole test session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aster_ray.store.servers import (
    PostgresServer,
    RedisServer,
    served,
    served_redis,
)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Return a running PostgreSQL; nobody may end it."""
    yield from served()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Return a running redis-server; nobody may end it."""
    yield from served_redis(tmp_path_factory.mktemp("redis"))
