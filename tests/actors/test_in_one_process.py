"""All six actors in this process, their calls plain coroutines: a session without Ray, in a second.

What Ray adds (processes, restarts, names) the chaos suite tests; this tests what the actors say to
each other, and what the supervisor makes of it.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ray.exceptions import ActorUnavailableError

from actors.options import ACTOR_CLASSES, TIMES
from actors.pulse import STOP, load
from aster_ray import topology
from aster_ray.engine.journal import frame
from aster_ray.research.session import (
    EXECUTOR_JOURNAL,
    RISK_JOURNAL,
    VENUE_JOURNAL,
    Session,
    conclude,
    create_session,
)
from aster_ray.store.custody import paper_account
from aster_ray.store.file_lease import FileLease
from tests.actors.sessions import a_request, assert_same_trading, backtest

REQUEST = a_request(5, symbols="BTC,ETH")
CLOSES = 5 * 24


class Handle:
    """Stands where a Ray actor's handle would; a method may be made to fail or to be lost."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.actor, name)
        return type("Method", (), {"remote": lambda _self, *given: _started(method, *given)})()


def _started(method: Callable[..., Any], *given: object) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(method(*given))


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> dict[str, Handle]:
    """Let actors find each other here instead of in Ray, and say nothing to log files."""
    there: dict[str, Handle] = {}

    def create(role: str, token: str, folder: str) -> Handle:
        name = topology.actor_name(role, token)
        if name not in there:
            module, _, kind = ACTOR_CLASSES[role].partition(":")
            there[name] = Handle(getattr(importlib.import_module(module), kind)(folder))
        return there[name]

    def get_actor(name: str, namespace: str) -> Handle:
        assert namespace == topology.NAMESPACE
        if name not in there:
            raise ValueError(name)
        return there[name]

    monkeypatch.setattr("actors.supervisor.create", create)
    monkeypatch.setattr("actors.link.ray.get_actor", get_actor)
    monkeypatch.setattr("actors.shell.keep_secrets", lambda: None)
    monkeypatch.setattr("actors.shell.log.configure_file", lambda _path: None)
    return there


async def _live(session: Session, stage: dict[str, Handle]) -> dict[str, Any]:
    """Run a session to its end and return the supervisor's last word."""
    from actors.supervisor import SupervisorActor

    supervisor: Any = SupervisorActor(str(session.folder))
    try:
        while True:
            status: dict[str, Any] = await supervisor.status()
            if status["state"] in ("finished", "failed"):
                return status
            await asyncio.sleep(TIMES.again)
    finally:
        for actor in (supervisor, *(handle.actor for handle in stage.values())):
            for task in actor._tasks:
                task.cancel()
            if hasattr(actor, "_custody"):
                actor._custody.leave()
            for journal in actor._journals.values():
                journal.close()
        stage.clear()


def live(session: Session, stage: dict[str, Handle]) -> dict[str, Any]:
    return asyncio.run(_live(session, stage))


@pytest.mark.parametrize("kept", ["file", "sql"])
def test_a_session_trades_as_a_backtest_and_its_report_counts_every_message(
    stage: dict[str, Handle], tmp_path: Path, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTER__STORE__JOURNAL", kept)
    session = create_session(REQUEST, tmp_path / "session", "token")
    status = live(session, stage)
    assert (status["state"], status["failure"]) == ("finished", "")
    facts = status["facts"]
    assert_same_trading(conclude(session, facts), backtest(REQUEST))
    assert {hop: row["messages"] for hop, row in facts["hops"].items()} == dict.fromkeys(
        facts["hops"], CLOSES
    )
    assert (facts["recoveries"], facts["dropped"]) == ([], {})
    # What a successor of the supervisor would find.
    pulses, course = load(session.folder)
    assert set(pulses) == {*topology.PIPELINE, topology.LEDGER, topology.SUPERVISOR}
    assert course["trading_ns"] > course["began_ns"] > 0
    assert not (session.folder / STOP).exists()
    found = {path.name for path in session.folder.glob("*journal*")}
    files = {RISK_JOURNAL, EXECUTOR_JOURNAL, VENUE_JOURNAL}
    assert found >= (files if kept == "file" else {"journal.sqlite"})
    assert kept == "file" or not found & files


class Dying(Handle):
    """An actor that dies when the last close is through, and takes a moment to come back."""

    silences = 3

    def __init__(self, actor: Any, executor: Handle, end: int) -> None:
        super().__init__(actor)
        self._executor, self._end = executor, end

    def __getattr__(self, name: str) -> Any:
        return super().__getattr__(name) if name != "health" else self

    def remote(self) -> asyncio.Task[Any]:
        return _started(self._health)

    async def _health(self) -> dict[str, Any]:
        health: dict[str, Any] = await self.actor.health()
        others = await self._executor.actor.health()
        if others["progress"] < self._end:
            return health
        self.silences -= 1
        if self.silences >= 0:
            raise ActorUnavailableError("it is restarting", None)
        return {**health, "pid": health["pid"] + 1}


@pytest.mark.parametrize("role", [topology.FEED, topology.LEDGER])
def test_a_death_that_the_end_does_not_wait_for_is_in_the_report(
    stage: dict[str, Handle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    from actors import supervisor

    create = supervisor.create

    def created(one: str, token: str, folder: str) -> Any:
        handle = create(one, token, folder)
        executor = stage.get(topology.actor_name(topology.EXECUTOR, token))
        if one != role:
            return handle
        return Dying(handle.actor, executor or create(topology.EXECUTOR, token, folder), CLOSES - 1)

    monkeypatch.setattr("actors.supervisor.create", created)
    session = create_session(REQUEST, tmp_path / "session", "token")
    status = live(session, stage)
    assert (status["state"], status["failure"]) == ("finished", "")
    assert status["facts"]["actors"][role]["restarts"] == 1
    (recovery,) = status["facts"]["recoveries"]
    assert recovery["role"] == role
    assert recovery["noticed_ns"] > 0


def test_a_second_executor_on_the_account_sends_nothing_and_the_session_says_who_is_in_the_way(
    stage: dict[str, Handle], tmp_path: Path
) -> None:
    session = create_session(REQUEST, tmp_path / "session", "token")
    account = paper_account(session.folder, session.token)
    first = FileLease(account.folder, account.name, "session elsewhere", 300.0)
    first.acquire()
    status = live(session, stage)
    assert status["state"] == "failed"
    assert (
        "executor: LeaseHeldError: account paper-token is traded by session elsewhere (process"
        in (status["failure"])
    )
    assert not (session.folder / EXECUTOR_JOURNAL).exists()
    first.check()
    first.release()
    assert live(session, stage)["state"] == "finished"


@pytest.mark.parametrize("name", [RISK_JOURNAL, EXECUTOR_JOURNAL])
def test_a_torn_journal_is_said_in_the_report_and_the_session_ends_as_it_would_have(
    stage: dict[str, Handle], tmp_path: Path, name: str
) -> None:
    session = create_session(REQUEST, tmp_path / "session", "token")
    live(session, stage)
    torn = frame({"kind": "close", "seq": CLOSES})[:-9]
    with (session.folder / name).open("ab") as file:
        file.write(torn)
    facts = live(session, stage)["facts"]
    assert facts["dropped"] == {name: {"bytes": len(torn), "records": 1}}
    assert_same_trading(conclude(session, facts), backtest(REQUEST))


@pytest.mark.parametrize("kept", [(RISK_JOURNAL,), (RISK_JOURNAL, EXECUTOR_JOURNAL)])
def test_an_executor_whose_records_are_gone_sends_nothing_and_the_session_says_what_to_do(
    stage: dict[str, Handle], tmp_path: Path, kept: tuple[str, ...]
) -> None:
    session = create_session(REQUEST, tmp_path / "session", "token")
    live(session, stage)
    for name in {EXECUTOR_JOURNAL, VENUE_JOURNAL} - set(kept):
        (session.folder / name).unlink()
    status = live(session, stage)
    assert status["state"] == "failed"
    assert "executor: JournalError" in status["failure"]
    assert "restore it from a copy or start a new session" in status["failure"]
    assert b'"orders"' not in (session.folder / VENUE_JOURNAL).read_bytes()


def test_a_risk_journal_that_lost_what_was_traded_on_ends_the_session(
    stage: dict[str, Handle], tmp_path: Path
) -> None:
    session = create_session(REQUEST, tmp_path / "session", "token")
    live(session, stage)
    path = session.folder / RISK_JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-9]))
    status = live(session, stage)
    assert status["state"] == "failed"
    assert f"the risk journal ends at close {CLOSES - 10}, but the venue" in status["failure"]
