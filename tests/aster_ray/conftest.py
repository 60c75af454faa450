"""A database server for whoever asks for it, one for the whole test session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.aster_ray.store.servers import PostgresServer, served


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Return a running PostgreSQL; nobody may end it."""
    yield from served()
