"""What the parent of a detached session hears, whatever becomes of the child."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from actors import daemon
from actors.daemon import Pipe, StartError, detach
from actors.host import PaperResult
from aster_ray import log
from aster_ray.errors import AsterError
from aster_ray.research.session import Session, create_session
from tests.actors.sessions import a_request

Start = Callable[[str], None]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return create_session(a_request(2, ("momentum",)), tmp_path / "one", "token")


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Start:
    """Put a script in the place of the daemon; it finds the pipe's number in argv[4]."""
    real = subprocess.Popen

    def replace(script: str) -> None:
        def start(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
            assert command[1:3] == ["-m", "actors.daemon"]
            assert options["start_new_session"] is True
            head = f"import os, sys; fd = {int(command[4])}\n"
            return real([sys.executable, "-c", head + script], **options)

        monkeypatch.setattr(daemon.subprocess, "Popen", start)

    return replace


def test_it_returns_once_the_session_trades(session: Session, child: Start) -> None:
    child("""os.write(fd, b'{"exit_code": null, "failure": ""}\\n')""")
    started = detach(session)
    assert started.folder == session.folder
    os.waitpid(started.pid, 0)


def test_a_reason_comes_through_with_its_exit_code(session: Session, child: Start) -> None:
    child("""os.write(fd, b'{"exit_code": 2, "failure": "data changed"}\\n'); sys.exit(2)""")
    with pytest.raises(StartError, match="data changed") as caught:
        detach(session)
    assert caught.value.exit_code == 2


def test_a_child_that_dies_without_a_word_is_told_by_its_last_line(
    session: Session, child: Start
) -> None:
    child("print('first'); sys.stderr.write('Segmentation fault\\n'); os._exit(139)")
    with pytest.raises(StartError, match="did not start: Segmentation fault"):
        detach(session)
    assert not session.folder.exists()


def test_a_child_that_says_nothing_at_all_is_told_by_its_exit_code(
    session: Session, child: Start
) -> None:
    child("os._exit(3)")
    with pytest.raises(StartError, match="exit code 3"):
        detach(session)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (AsterError("disk full"), 1, "disk full"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (None, 0, ""),
    ],
)
def test_the_child_tells_how_it_went_and_ends_with_that_code(
    session: Session,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException | None,
    code: int,
    text: str,
) -> None:
    def run(_session: Session, _display: object, on_trading: Callable[[], None]) -> PaperResult:
        if error is not None:
            raise error
        on_trading()
        on_trading()  # once is enough: the parent has left
        return PaperResult({}, session.folder, 0)

    monkeypatch.setattr(daemon, "host", run)
    reading, writing = os.pipe()
    assert daemon.run(session.folder, Pipe(writing)) == code
    with os.fdopen(reading) as told:
        expected = "null" if error is None else code
        assert told.read() == f'{{"exit_code": {expected}, "failure": "{text}"}}\n'


def test_a_defect_is_told_too_without_secrets(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.conceal(["hunter2hunter2"])

    def run(*_arguments: object) -> PaperResult:
        raise ZeroDivisionError("hunter2hunter2")

    monkeypatch.setattr(daemon, "host", run)
    reading, writing = os.pipe()
    with pytest.raises(ZeroDivisionError):
        daemon.run(session.folder, Pipe(writing))
    with os.fdopen(reading) as told:
        assert "ZeroDivisionError: ***" in told.read()
    log._known.clear()


def test_a_parent_that_left_disturbs_nobody() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    Pipe(writing).tell(None)
