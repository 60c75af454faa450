from __future__ import annotations

import json
from pathlib import Path

import pytest

from aster_ray.errors import BadInputError, JournalError
from aster_ray.research.prepare import Prepared, prepare
from aster_ray.research.request import RunRequest
from aster_ray.research.session import (
    FILE,
    FORMAT,
    RISK_JOURNAL,
    Session,
    abandon,
    create_session,
    load_session,
    next_folder,
)
from tests.actors.sessions import a_request


def test_the_request_comes_back_from_the_folder(tmp_path: Path) -> None:
    request = a_request(
        3, ("momentum", "grid"), risk="aggressive", capital=5_000.0, symbols="BTC,ETH"
    )
    session = create_session(request, tmp_path / "session", "token")
    again = load_session(session.folder)
    assert again == session
    assert again.request.digest() == request.digest()
    assert again.request.config() == request.config()
    assert again.request.strategies == request.strategies
    assert again.token == "token"
    prepared = again.prepare()
    assert prepared.provenance() == again.provenance


def test_paths_are_absolute_in_the_folder_and_absent_from_the_identity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aster_ray.strategies.template import write_template

    monkeypatch.chdir(tmp_path)
    file = write_template("my_idea", Path())
    request = a_request(3, (str(file),))
    session = create_session(request, Path("session"), "token")
    assert session.request.strategies[0][0] == str(tmp_path / "my_idea.py")
    assert session.request.digest() == request.digest()
    monkeypatch.chdir("/")
    assert load_session(session.folder).request.load_strategies()[0][0].name == "my_idea"


def test_a_folder_takes_one_session(tmp_path: Path) -> None:
    request = a_request(2, ("momentum",))
    create_session(request, tmp_path / "session", "token")
    with pytest.raises(BadInputError, match="holds a session already"):
        create_session(request, tmp_path / "session", "token")


def test_an_abandoned_session_leaves_nothing_unless_it_traded(tmp_path: Path) -> None:
    session = create_session(a_request(2, ("momentum",)), tmp_path / "session", "token")
    abandon(session)
    assert not session.folder.exists()
    (tmp_path / "old").mkdir()
    session = create_session(a_request(2, ("momentum",)), tmp_path / "old", "token")
    (session.folder / RISK_JOURNAL).touch()
    abandon(session)
    assert (session.folder / RISK_JOURNAL).exists()
    assert (session.folder / FILE).exists()


def test_changed_data_stop_a_session(tmp_path: Path) -> None:
    session = create_session(a_request(2, ("momentum",)), tmp_path / "session", "token")
    file = session.folder / FILE
    content = json.loads(file.read_text())
    content["settings"]["session"]["seed"] += 1
    file.write_text(json.dumps(content))
    with pytest.raises(JournalError, match="data and config and seed changed since"):
        load_session(session.folder).prepare()


def test_two_that_begin_in_one_folder_at_once_are_one_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "session"
    first: list[Session] = []

    def meanwhile(request: RunRequest, *_: object) -> Prepared:
        """Let another process be faster, after this one found the folder free."""
        monkeypatch.undo()
        first.append(create_session(request, out, "first"))
        return prepare(request)

    monkeypatch.setattr("aster_ray.research.session.prepare", meanwhile)
    with pytest.raises(BadInputError, match="holds a session already"):
        create_session(a_request(3, ("momentum",)), out, "second")
    assert load_session(out) == first[0]
    assert load_session(out).token == "first"
    assert not list(out.glob(".session.json.*"))


def _damaged(**content: object) -> str:
    return json.dumps({"format": FORMAT, **content})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no session at"),
        ("{", "is not a session"),
        ('{"format": "aster-session/99"}', "has format 'aster-session/99'"),
        ("[]", "has format None"),
        (_damaged(), r"session.json is damaged \(KeyError: 'settings'\): restore it"),
        (_damaged(settings={"session": []}), "is damaged"),
        (_damaged(settings={}, strategies=[["momentum"]]), "is damaged"),
        (_damaged(settings={}, strategies=[["momentum", 7]]), "is damaged"),
        (_damaged(settings={}, strategies=[], token="x"), "is damaged .KeyError: 'provenance'"),
        (_damaged(settings={}, strategies=[], token="x", provenance={}), "KeyError: 'data'"),
        (_damaged(settings={"risk": {"nonsense": 1}}), "unknown key"),
    ],
)
def test_what_is_no_session_is_named(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / FILE).write_text(text)
    with pytest.raises(BadInputError, match=message):
        load_session(tmp_path)


def test_folders_are_numbered_and_never_reused(tmp_path: Path) -> None:
    parent = tmp_path / "runs"
    assert next_folder(parent).name == "paper-1"
    assert next_folder(parent).name == "paper-2"
    (parent / "paper-7").mkdir()
    (parent / "paper-x").mkdir()
    assert next_folder(parent).name == "paper-8"


def test_runs_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(BadInputError, match="cannot be written"):
        next_folder(tmp_path / "runs")
