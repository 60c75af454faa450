from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from actors import chronicler
from actors.chronicler import keep_history, publish_live
from aster_ray.config import Secret
from aster_ray.errors import JournalError, RetryableError
from aster_ray.research.history import SessionHistory, complete_history
from aster_ray.research.session import Session
from aster_ray.store.config import Places, RedisConfig, StoreConfig
from aster_ray.store.custody import account_snapshot
from aster_ray.store.sql.database import Database, database_url
from tests.aster_ray.research.test_replay import traded

CLOSES = 5 * 24


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return traded(tmp_path_factory.mktemp("chronicler") / "session")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let nobody pause for long; return what is said."""
    monkeypatch.setattr(chronicler, "_PAUSE_S", 0.01)
    monkeypatch.setattr(chronicler, "_AGAIN_S", 0.01)
    said: list[str] = []

    class Logger:
        def warning(self, event: str, **_values: Any) -> None:
            said.append(event)

        info = warning

    monkeypatch.setattr(chronicler.structlog, "get_logger", Logger)
    return said


def closes(store: StoreConfig, folder: Path) -> int:
    database = Database(database_url(store.url, folder))
    with database.engine.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM metrics")) or 0)


async def follow(session: Session, store: StoreConfig, until: Any) -> None:
    task = asyncio.create_task(keep_history(session, store))
    async with asyncio.timeout(60.0):
        while not until():
            assert not task.done()
            await asyncio.sleep(0.01)
    task.cancel()


def test_it_follows_until_the_process_ends(session: Session, tmp_path: Path) -> None:
    store = StoreConfig(url=Secret(f"sqlite:///{tmp_path / 'x.sqlite'}"))
    complete_history(session, store)  # the tables are there to be asked
    with Database(database_url(store.url, tmp_path)).transaction() as connection:
        connection.execute(text("DELETE FROM sessions"))
        connection.execute(text("DELETE FROM journal"))
    assert closes(store, tmp_path) == 0
    asyncio.run(follow(session, store, lambda: closes(store, tmp_path) == CLOSES))


def test_a_database_that_is_away_is_said_once_and_caught_up_with(
    session: Session, tmp_path: Path, impatient: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = StoreConfig(url=Secret(f"sqlite:///{tmp_path / 'x.sqlite'}"))
    complete_history(session, store)
    real, calls = SessionHistory.catch_up, 0

    def flaky(self: SessionHistory) -> int:
        nonlocal calls
        calls += 1
        if calls < 6:
            raise RetryableError("away")
        if calls == 6:
            raise JournalError("went back")
        return real(self)

    monkeypatch.setattr(SessionHistory, "catch_up", flaky)
    asyncio.run(follow(session, store, lambda: "history_goes_on" in impatient))
    assert impatient == ["history_not_written"] * 2 + ["history_goes_on"]
    assert calls >= 7


def test_onlookers_find_the_newest_snapshot_and_a_bad_one_is_said_once(
    tmp_path: Path, impatient: list[str]
) -> None:
    live = account_snapshot(Places(StoreConfig(), RedisConfig()), "session", tmp_path)
    looks = 0

    def view() -> dict[str, Any]:
        nonlocal looks
        looks += 1
        return {"closes": float("nan") if looks < 5 else looks}

    async def follow_snapshot() -> None:
        task = asyncio.create_task(publish_live(live, view))
        async with asyncio.timeout(60.0):
            while (live.latest() or {}).get("closes", 0) < 10:
                assert not task.done()
                await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(follow_snapshot())
    assert impatient == ["snapshot_not_written", "snapshot_goes_on"]
