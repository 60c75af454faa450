"""Whose account an executor takes, and what it does when that changed hands meanwhile."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from actors.executor import ExecutorActor
from aster_ray.cli import api
from aster_ray.errors import BadInputError, LeaseHeldError
from aster_ray.research.mandate import Mandate
from aster_ray.research.request import RunRequest
from aster_ray.research.session import Session
from tests.aster_ray.doctor.patients import AGENT, AGENT_KEY
from tests.aster_ray.venues.simulator.served import WALLET

HERE = {"rest": "http://127.0.0.1:1", "stream": "ws://127.0.0.1:1"}
THERE = {"rest": "https://fapi.asterdex.com", "stream": "wss://fstream.asterdex.com"}


def a_mandate(**changes: Any) -> Mandate:
    usual: dict[str, Any] = {"venue": "aster", "address": "", "wallet": WALLET, "signer": AGENT}
    return Mandate(**{**usual, "dry": False, "granted_ms": 1, "examined_ms": 0, **changes})


def an_executor(folder: Path, mandate: Mandate | None = None, **venue: Any) -> ExecutorActor:
    """Return an executor before it opens anything."""
    settings: Any = api.load_settings(None, {})
    changed = dataclasses.replace(
        settings,
        session=dataclasses.replace(settings.session, orders="venue"),
        venue=dataclasses.replace(settings.venue, **venue),
    )
    actor = ExecutorActor.__new__(ExecutorActor)
    actor.session = Session(folder, folder.name, RunRequest(changed, ()), {}, mandate)
    return actor


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASTER_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("ASTER_WALLET", WALLET)
    monkeypatch.setenv("ASTER_AGENT_KEY", AGENT_KEY)


def test_two_sessions_never_trade_one_account(tmp_path: Path) -> None:
    first = an_executor(tmp_path / "one", **HERE)
    second = an_executor(tmp_path / "two", a_mandate(), **THERE)
    first._take_account()
    try:
        with pytest.raises(LeaseHeldError, match=f"is traded by session {tmp_path / 'one'}"):
            second._take_account()
    finally:
        first._custody.leave()
    second._take_account()
    assert second._custody.epoch > first._custody.epoch
    second._custody.leave()


@pytest.mark.parametrize(
    ("mandate", "venue"),
    [(None, {**HERE, "control": "http://127.0.0.1:1/control"}), (a_mandate(dry=True), THERE)],
    ids=["its own exchange", "a dry run"],
)
def test_who_cannot_move_the_account_is_not_in_its_way(
    mandate: Mandate | None, venue: dict[str, str], tmp_path: Path
) -> None:
    live, other = an_executor(tmp_path / "live", a_mandate(), **THERE), None
    live._take_account()
    try:
        other = an_executor(tmp_path / "other", mandate, **venue)
        other._take_account()
        other._custody.leave()
    finally:
        live._custody.leave()


def test_keys_are_those_of_the_mandate_or_the_venue_is_a_simulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInputError, match="only aster live does"):
        an_executor(tmp_path / "one", **THERE)._take_account()
    with pytest.raises(BadInputError, match="but the keys are of"):
        an_executor(tmp_path / "two", a_mandate(signer=WALLET), **THERE)._take_account()
    monkeypatch.delenv("ASTER_WALLET")
    monkeypatch.delenv("ASTER_AGENT_KEY")
    with pytest.raises(BadInputError, match="there are no keys"):
        an_executor(tmp_path / "three", a_mandate(), **THERE)._take_account()


def test_after_somebody_else_had_the_account_it_is_compared_first(tmp_path: Path) -> None:
    actor: Any = an_executor(tmp_path / "one", **HERE)
    told: list[str] = []
    actor._exchange = SimpleNamespace(distrust=lambda: told.append("distrust"))
    for had_it in (False, True):
        actor._custody = SimpleNamespace(guard=lambda had_it=had_it: had_it, epoch=4)
        assert actor._permit() is had_it
    assert told == ["distrust"]
    actor._exchange = None  # a paper venue is nobody else's
    assert actor._permit() is True


def test_every_life_names_its_orders_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that is lost may have held an id: the next life must not use it again."""
    names: list[str] = []

    def asked(name: str, _remember: int) -> None:
        names.append(name)
        raise ValueError("that is all we wanted to know")

    request = SimpleNamespace(trades_at_venue=True)
    prepared = SimpleNamespace(request=request, venue_account=asked)
    monkeypatch.setattr(Session, "prepare", lambda _self: prepared)
    monkeypatch.setattr("actors.executor.warm_account", lambda _prepared: None)
    for _ in range(2):
        actor: Any = an_executor(tmp_path / "one", **HERE)
        monkeypatch.setattr(actor, "journal", lambda _name: None, raising=False)
        actor.stages = None
        with pytest.raises(ValueError, match="all we wanted"):
            actor.open()
        actor._custody.leave()
    assert len(set(names)) == 2
    assert all(name.startswith("one/") for name in names)
