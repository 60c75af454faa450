"""Operating a session: what is asked, how often, and what is made of silence."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors import operate
from actors.join import NoAnswerError, join
from aster_ray.errors import AsterError, BadInputError
from aster_ray.model.enums import TradingState
from aster_ray.research.session import create_session
from aster_ray.research.tenure import HostRecord, Phase, Tenure, read_host
from tests.actors.sessions import a_request


class FakeNode:
    """A Ray node whose actors answer what a test says."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, tuple[object, ...]]] = []
        self.answers: list[Any] = []
        self.refuses: list[AsterError] = []

    @contextlib.contextmanager
    def join(self, _record: HostRecord) -> Iterator[None]:
        if self.refuses:
            raise self.refuses.pop(0)
        yield

    def call(self, role: str, part: str, method: str, *arguments: object) -> Any:
        assert part == "token"
        self.calls.append((role, method, arguments))
        answer = self.answers.pop(0)
        if isinstance(answer, AsterError):
            raise answer
        return answer() if callable(answer) else answer


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> FakeNode:
    fake = FakeNode()
    monkeypatch.setattr(operate, "join", fake.join)
    monkeypatch.setattr(operate, "call", fake.call)
    monkeypatch.setattr("aster_ray.clock.wait", lambda _seconds: None)
    return fake


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("operate") / "session"
    return create_session(a_request(2, ("momentum",)), place, "token").folder


@pytest.fixture
def tenure(folder: Path) -> Iterator[Tenure]:
    found = Tenure(folder)
    found.trades()
    yield found
    record = read_host(folder)
    if record is not None and record.phase is not Phase.ENDED:
        found.end(0)


@pytest.mark.usefixtures("tenure")
def test_a_word_is_sent_under_one_key_until_it_is_answered(node: FakeNode, folder: Path) -> None:
    silent = NoAnswerError("risk does not answer")
    node.answers = [silent, silent, {"state": "reducing", "number": 1}]
    found = operate.set_state(folder, TradingState.REDUCING, "news")
    assert found == {
        "session": "session",
        "asked": "reducing",
        "state": "reducing",
        "number": 1,
    }
    assert len(node.calls) == 3
    assert len(set(node.calls)) == 1
    role, method, (key, state, who, reason) = node.calls[0]
    assert (role, method, state, reason) == ("risk", "on_command", 1, "news")
    assert str(key).startswith("op-")
    assert "@" in str(who)


@pytest.mark.usefixtures("tenure")
def test_a_risk_actor_that_stays_silent_is_an_error(node: FakeNode, folder: Path) -> None:
    node.answers = [NoAnswerError("risk does not answer")] * 1_000
    with pytest.raises(AsterError, match="does not answer: see `aster status"):
        operate.set_state(folder, TradingState.ACTIVE, "")


def test_a_word_to_a_session_that_ended_is_an_error(
    node: FakeNode, folder: Path, tenure: Tenure
) -> None:
    tenure.end(0)
    with pytest.raises(AsterError, match="has ended: see `aster status"):
        operate.set_state(folder, TradingState.ACTIVE, "")
    assert node.calls == []


def test_a_stop_waits_for_the_end_and_a_second_one_finds_it(
    node: FakeNode, folder: Path, tenure: Tenure
) -> None:
    node.refuses = [NoAnswerError("its Ray node is not up yet")]  # only coming up: asked again
    node.answers = [lambda: tenure.end(0)]
    found = operate.stop(folder, 10.0)
    assert found["stopped"] is True
    assert (found["phase"], found["exit_code"]) == ("ended", 0)
    assert [call[:2] for call in node.calls] == [("supervisor", "stop")]
    assert operate.stop(folder, 10.0) == {**found, "stopped": False}
    assert len(node.calls) == 1


@pytest.mark.usefixtures("tenure")
def test_a_stop_that_takes_too_long_says_how_to_wait(node: FakeNode, folder: Path) -> None:
    node.answers = [None]
    with pytest.raises(AsterError, match="still runs after 0 s and goes on draining"):
        operate.stop(folder, 0.0)


def test_a_session_that_fails_while_it_drains_is_an_error(
    node: FakeNode, folder: Path, tenure: Tenure
) -> None:
    node.answers = [lambda: tenure.end(1, "disk full")]
    with pytest.raises(AsterError, match="ended without a report: disk full"):
        operate.stop(folder, 10.0)


def test_a_session_that_was_never_run_cannot_be_stopped(tmp_path: Path) -> None:
    session = create_session(a_request(2, ("momentum",)), tmp_path / "session", "token")
    with pytest.raises(AsterError, match="was never run"):
        operate.stop(session.folder, 1.0)


@pytest.mark.usefixtures("tenure")
def test_a_refused_token_is_bad_input_and_never_read_around(node: FakeNode, folder: Path) -> None:
    for verb in (
        lambda: operate.status(folder),
        lambda: operate.stop(folder, 1.0),
        lambda: operate.set_state(folder, TradingState.ACTIVE, ""),
    ):
        node.refuses = [BadInputError("the node refuses the token")]
        with pytest.raises(BadInputError, match="refuses the token"):
            verb()
    assert node.calls == []


@pytest.mark.usefixtures("tenure")
def test_status_without_an_answer_reads_the_journals_and_says_so(
    node: FakeNode, folder: Path
) -> None:
    node.answers = [NoAnswerError("supervisor does not answer: GetTimeoutError")]
    found = operate.status(folder)
    assert found["source"] == "journals"
    assert found["problems"] == [
        "the actors do not answer: supervisor does not answer: GetTimeoutError"
    ]
    told = {"state": "running", "failure": "", "last": 9, "pulses": {}}
    node.answers = [told, NoAnswerError("ledger does not answer")]
    found = operate.status(folder)
    assert (found["source"], found["healthy"]) == ("actors", True)


def test_nothing_is_joined_where_nothing_listens() -> None:
    record = HostRecord(pid=1, phase=Phase.RUNNING, began_ms=0)
    if not _ray_is_up():
        with pytest.raises(NoAnswerError, match="not up yet"), join(record):
            pass
        dead = HostRecord(pid=1, phase=Phase.RUNNING, began_ms=0, address="127.0.0.1:1")
        with pytest.raises(NoAnswerError, match=r"nothing listens at 127\.0\.0\.1:1"), join(dead):
            pass


def _ray_is_up() -> bool:
    import ray

    return bool(ray.is_initialized())


@pytest.mark.usefixtures("tenure")
def test_a_flattening_halts_first_and_closes_then(node: FakeNode, folder: Path) -> None:
    node.answers = [{"state": "halted", "number": 2}, True]
    found = operate.flatten(folder)
    assert found == {"session": "session", "closes": True, "state": "halted", "number": 2}
    assert [call[:2] for call in node.calls] == [("risk", "on_command"), ("executor", "flatten")]
    assert node.calls[0][2][1:] == (2, node.calls[0][2][2], "aster flatten")
