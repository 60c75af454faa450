"""How a process takes a session, ends it, and says why; signals to it. Ray plays no part here."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors import host as hosting
from actors.display import Silence
from actors.host import Interruption, PaperResult, host
from aster_ray.errors import AsterError, BadInputError
from aster_ray.research.session import RISK_JOURNAL, Session, create_session
from aster_ray.research.tenure import Phase, Tenure, is_held, read_host
from tests.actors.sessions import a_request


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return create_session(a_request(2, ("momentum",)), tmp_path / "one", "token")


@pytest.fixture
def trade(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Session], Any]], None]:
    """Replace what happens between taking a session and letting it go."""

    def replace(act: Callable[[Session], Any]) -> None:
        monkeypatch.setattr(hosting, "_trade", lambda hosted, *_rest: act(hosted[0]))

    return replace


@pytest.mark.usefixtures("a_terminal")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130), (signal.SIGHUP, 130)]
)
def test_the_first_signal_asks_and_the_second_aborts(number: signal.Signals, code: int) -> None:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    before = [signal.getsignal(one) for one in numbers]
    interruption = Interruption()
    assert (interruption.asked, interruption.exit_code) == (False, 0)
    with interruption.listening():
        os.kill(os.getpid(), number)
        assert (interruption.asked, interruption.exit_code) == (True, code)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert [signal.getsignal(one) for one in numbers] == before


@pytest.mark.usefixtures("a_terminal")
def test_a_terminal_that_closes_twice_does_not_abort_the_orderly_end() -> None:
    interruption = Interruption()
    with interruption.listening():
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGHUP):
            os.kill(os.getpid(), number)
        assert (interruption.number, interruption.exit_code) == (signal.SIGTERM, 0)


def test_under_nohup_the_end_of_the_terminal_is_nothing() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        interruption = Interruption()
        with interruption.listening():
            os.kill(os.getpid(), signal.SIGHUP)
            assert not interruption.asked
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_session_is_held_while_it_runs_and_says_how_it_ended(
    session: Session, trade: Callable[..., None]
) -> None:
    held: list[bool] = []

    def act(session: Session) -> PaperResult:
        held.append(is_held(session.folder))
        return PaperResult({}, session.folder, 0)

    trade(act)
    assert host(session, Silence()).exit_code == 0
    assert held == [True]
    record = read_host(session.folder)
    assert record is not None
    assert (record.phase, record.exit_code) == (Phase.ENDED, 0)


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (AsterError("risk: disk full"), 1, "risk: disk full"),
        (BadInputError("data changed"), 2, "data changed"),
        (KeyboardInterrupt(), 130, "KeyboardInterrupt"),
        (ZeroDivisionError("a defect"), 1, "a defect"),
    ],
)
def test_a_failure_after_the_first_record_is_written_down(
    session: Session, trade: Callable[..., None], error: BaseException, code: int, reason: str
) -> None:
    def act(session: Session) -> PaperResult:
        (session.folder / RISK_JOURNAL).touch()
        raise error

    trade(act)
    with pytest.raises(type(error)):
        host(session, Silence())
    record = read_host(session.folder)
    assert record is not None
    assert (record.phase, record.exit_code, record.failure) == (Phase.ENDED, code, reason)
    assert "session_failed" in (session.folder / "logs" / "host.log").read_text()


def test_a_disk_that_is_full_does_not_hide_why_the_session_failed(
    session: Session, trade: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise AsterError("host.json cannot be written")

    def act(session: Session) -> PaperResult:
        (session.folder / RISK_JOURNAL).touch()
        monkeypatch.setattr(Tenure, "_write", full)
        raise AsterError("risk: no space for the journal")

    trade(act)
    with pytest.raises(AsterError, match="no space for the journal"):
        host(session, Silence())


def test_a_failure_before_it_leaves_nothing(session: Session, trade: Callable[..., None]) -> None:
    def act(_session: Session) -> PaperResult:
        raise AsterError("the local Ray node does not start")

    trade(act)
    with pytest.raises(AsterError, match="does not start"):
        host(session, Silence())
    assert not session.folder.exists()


def test_a_session_somebody_else_runs_is_left_alone(
    session: Session, trade: Callable[..., None]
) -> None:
    trade(lambda _session: pytest.fail("it must not come to this"))
    tenure = Tenure(session.folder)
    with pytest.raises(BadInputError, match="is run by process"):
        host(session, Silence())
    assert is_held(session.folder)
    tenure.end(0)
