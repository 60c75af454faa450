"""One process runs a session, and everybody else can tell which, and what became of it."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from aster_ray import log
from aster_ray.errors import AsterError, BadInputError
from aster_ray.research.session import FILE
from aster_ray.research.tenure import (
    HOST_FILE,
    Phase,
    Tenure,
    find_session,
    held_message,
    is_held,
    is_running,
    read_host,
    sessions_below,
)


def a_folder(parent: Path, name: str = "one") -> Path:
    folder = parent / name
    folder.mkdir()
    (folder / FILE).write_text("{}")
    return folder


def test_a_session_goes_from_starting_over_running_to_its_end(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    assert read_host(folder) is None
    assert not is_held(folder)
    tenure = Tenure(folder)
    record = read_host(folder)
    assert record is not None
    assert (record.phase, record.pid, record.address) == (Phase.STARTING, os.getpid(), "")
    assert is_held(folder)
    tenure.listens_at("127.0.0.1:1234")
    tenure.trades()
    record = read_host(folder)
    assert record is not None
    assert is_running(record)
    assert (record.phase, record.address) == (Phase.RUNNING, "127.0.0.1:1234")
    tenure.end(1, "a reason")
    record = read_host(folder)
    assert record is not None
    assert not is_running(record)
    assert (record.phase, record.exit_code, record.failure) == (Phase.ENDED, 1, "a reason")
    assert record.address == ""
    assert record.ended_ms is not None
    assert record.ended_ms >= record.began_ms
    assert not is_held(folder)
    assert {path.name for path in folder.iterdir()} == {HOST_FILE, FILE}


def test_only_its_owner_may_read_who_runs_it(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    tenure = Tenure(folder)
    for change in (tenure.trades, lambda: tenure.end(0)):
        assert (folder / HOST_FILE).stat().st_mode & 0o777 == 0o600
        change()
    assert (folder / HOST_FILE).stat().st_mode & 0o777 == 0o600


def test_no_secret_gets_into_it(tmp_path: Path) -> None:
    log.conceal(["hunter2hunter2"])
    folder = a_folder(tmp_path)
    Tenure(folder).end(1, "refused: hunter2hunter2")
    assert "hunter2" not in (folder / HOST_FILE).read_text()
    log._known.clear()


def test_a_session_has_one_host(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    tenure = Tenure(folder)
    with pytest.raises(BadInputError, match=f"is run by process {os.getpid()}: `aster stop"):
        Tenure(folder)
    record = read_host(folder)
    assert record is not None
    assert record.phase is Phase.STARTING  # the refused one changed nothing
    tenure.leave()
    assert read_host(folder) is None
    assert held_message(folder).startswith(f"session {folder} is run by another process")
    Tenure(folder).leave()


def _hold(folder: Path, ready: multiprocessing.synchronize.Event) -> None:
    tenure = Tenure(folder)
    tenure.trades()
    ready.set()
    signal.pause()


def test_a_killed_host_counts_as_dead_at_once(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_hold, args=(folder, ready))
    process.start()
    assert ready.wait(60)
    record = read_host(folder)
    assert record is not None
    assert (record.phase, record.pid) == (Phase.RUNNING, process.pid)
    process.kill()
    process.join()
    record = read_host(folder)
    assert record is not None
    assert record.phase is Phase.DIED
    assert not is_running(record)
    assert json.loads((folder / HOST_FILE).read_text())["phase"] == "running"
    Tenure(folder).end(0)  # nobody is in the way any more


def test_the_newest_living_session_is_the_one_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInputError, match="no session below"):
        find_session(None, tmp_path)
    now = iter(range(1_000, 9_000))
    monkeypatch.setattr("aster_ray.clock.LiveClock.now_ms", lambda _clock: next(now))
    one, two, three = (Tenure(a_folder(tmp_path, name)) for name in ("one", "two", "three"))
    a_folder(tmp_path, "never-run")
    assert find_session(None, tmp_path) == tmp_path / "three"
    three.end(0)
    assert find_session(None, tmp_path) == tmp_path / "two"
    one.end(0)
    two.end(0)
    assert find_session(None, tmp_path) == tmp_path / "three"
    assert [folder.name for folder, _ in sessions_below(tmp_path)] == ["three", "two", "one"]
    assert find_session("one", tmp_path) == tmp_path / "one"
    assert find_session(str(tmp_path / "one"), Path("elsewhere")) == tmp_path / "one"
    with pytest.raises(BadInputError, match="no session at nowhere"):
        find_session("nowhere", tmp_path)


def _record(**changes: object) -> str:
    content = {"format": "aster-host/1", "pid": 7, "phase": "ended", "began_ms": 5}
    return json.dumps({**content, **changes})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("", "cannot be read"),
        ('{"format": "other/1"}', "has format 'other/1'"),
        (_record(phase="asleep"), "is damaged .ValueError: 'asleep'"),
        (_record(nonsense=1), "is damaged .TypeError"),
        (_record(pid="7"), "pid or began_ms is no number"),
        ('{"format": "aster-host/1"}', "is damaged .KeyError: 'phase'"),
    ],
)
def test_a_record_of_another_kind_is_refused(tmp_path: Path, text: str, message: str) -> None:
    folder = a_folder(tmp_path)
    (folder / HOST_FILE).write_text(text)
    with pytest.raises(BadInputError, match=message):
        read_host(folder)
    assert list(sessions_below(tmp_path)) == []


def test_a_damaged_record_does_not_hide_the_living_session_unless_it_is_its_own(
    tmp_path: Path,
) -> None:
    for name in ("earlier", "later"):
        (a_folder(tmp_path, name) / HOST_FILE).write_text("{")
    tenure = Tenure(a_folder(tmp_path, "living"))
    assert find_session(None, tmp_path) == tmp_path / "living"
    (tmp_path / "living" / HOST_FILE).write_text("{")
    with pytest.raises(BadInputError, match=f"living/{HOST_FILE} cannot be read"):
        find_session(None, tmp_path)
    tenure.end(0)


def test_a_record_that_may_not_be_read_is_no_session_that_never_ran(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    (folder / HOST_FILE).mkdir()  # refused by the system, as another user's file is
    with pytest.raises(BadInputError, match="be the user who started the session"):
        read_host(folder)


def test_a_record_that_cannot_be_written_names_the_file_and_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = a_folder(tmp_path)
    tenure = Tenure(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(json, "dump", full)
    for change in (tenure.trades, lambda: tenure.end(0)):
        with pytest.raises(AsterError, match=r"host\.json cannot be written \(No space left on"):
            change()
    assert not is_held(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
