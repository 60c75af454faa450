"""A session whose own journals are in a database is the same to everybody who reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from aster_ray import cli
from aster_ray.engine.ports import OwnJournal
from aster_ray.errors import BadInputError, JournalError, RetryableError
from aster_ray.kernel.market import Market
from aster_ray.research.history import SessionHistory, history_database, history_key
from aster_ray.research.replay import replay_session
from aster_ray.research.request import RunRequest
from aster_ray.research.session import (
    ALL_JOURNALS,
    FORMAT,
    IN_DATABASE,
    RISK_JOURNAL,
    Session,
    abandon,
    conclude,
    create_session,
    load_session,
    place_of,
)
from aster_ray.research.standing import read_ledger, standing
from aster_ray.store.config import places_from_environment
from aster_ray.store.journals import JOURNALS, POSTGRESQL, SQLITE
from tests.actors.sessions import a_request, assert_same_trading
from tests.aster_ray.research.test_replay import traded
from tests.aster_ray.store.servers import PostgresServer

Capture = pytest.CaptureFixture[str]
DAYS = 2
CLOSES = DAYS * 24


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def environ(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Return what makes sessions keep their journals in a database; this process has it too."""
    found = {"ASTER__STORE__JOURNAL": "sql"}
    if request.param == POSTGRESQL:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        found["ASTER__STORE__URL"] = server.create(f"kept-{tmp_path.name}"[-60:])
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture(scope="module")
def with_files(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return traded(tmp_path_factory.mktemp("files") / "session", days=5)


@pytest.fixture
def session(environ: dict[str, str], tmp_path: Path) -> Session:
    return traded(tmp_path / "session", days=DAYS)


def test_it_is_read_as_the_same_session_with_files_is(
    with_files: Session, environ: dict[str, str], tmp_path: Path
) -> None:
    session = traded(tmp_path / "session", days=5)
    assert load_session(session.folder) == session
    assert place_of(session.folder).kind == (POSTGRESQL if len(environ) == 2 else SQLITE)
    assert json.loads((session.folder / "session.json").read_text())["format"] == IN_DATABASE
    assert not list(session.folder.glob("*.journal"))
    for name in ALL_JOURNALS:
        assert list(session.journals.scan(name)) == list(with_files.journals.scan(name))
    assert_same_trading(conclude(session, {}), conclude(with_files, {}))
    for file in ("orders", "fills", "trades", "equity"):
        one, other = (each.folder / f"{file}.parquet" for each in (session, with_files))
        assert one.read_bytes() == other.read_bytes()
    replayed = replay_session(session.folder)
    assert (replayed.closes, replayed.differences, replayed.dropped) == (5 * 24, [], {})
    assert read_ledger(session.folder) == read_ledger(with_files.folder)
    lag = standing(session.folder, None, {})["lag"]["recorded_ms"]
    assert 0.0 <= lag < 3_600_000.0


def test_its_history_is_complete_and_holds_no_second_copy_of_its_records(
    session: Session, environ: dict[str, str]
) -> None:
    store = places_from_environment(environ).store
    database = history_database(session, store)
    assert SessionHistory(session, store).catch_up() > CLOSES
    mine = {"session": history_key(session)}
    with database.engine.connect() as connection:
        query = "SELECT count(*) FROM metrics WHERE session = :session"
        assert connection.scalar(text(query), mine) == CLOSES
        query = "SELECT name FROM journals WHERE session = :session"
        names = set(connection.scalars(text(query), mine))
    assert names == (set(ALL_JOURNALS) if session.place.kind == POSTGRESQL else set())
    # The journals go on as before: the history is no writer of theirs.
    assert len(list(session.journals.writer(RISK_JOURNAL).recover())) == CLOSES + 1


@pytest.mark.parametrize("verb", ["status", "replay", "history"])
def test_verbs_find_it_by_the_configuration(
    session: Session,
    verb: str,
    environ: dict[str, str],
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = environ.get("ASTER__STORE__URL", "")
    monkeypatch.delenv("ASTER__STORE__URL", raising=False)
    found = [verb, str(session.folder), "--json"]
    if url:
        assert cli.main(found) != 0
        assert "keeps its journals in PostgreSQL, but store.url is empty" in capsys.readouterr().err
    file = tmp_path / "aster.toml"
    file.write_text(f"[store]\nurl = {json.dumps(url)}\n")
    code = cli.main([*found, "--config", str(file)])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    if verb == "status":
        assert code == 1  # it does not run
        assert document["account"]["closes"] == CLOSES
    else:
        assert code == 0
        assert document["count" if verb == "history" else "closes"] > 0


def test_one_that_never_began_leaves_nothing(environ: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "paper"
    for _ in range(2):  # the database has forgotten it, too
        session = create_session(a_request(2, ("momentum",)), folder, "token")
        with pytest.raises(BadInputError, match="holds a session already"):
            create_session(a_request(2, ("momentum",)), folder, "other")
        abandon(session)
        assert not folder.exists()
    session = traded(folder, days=2)
    abandon(session)
    assert load_session(folder) == session


def test_one_whose_history_could_not_be_kept_leaves_nothing(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aster_ray.research import session as module

    def full(_journal: OwnJournal, _market: Market) -> None:
        raise JournalError("no space is left")

    with monkeypatch.context() as patch:
        patch.setattr(RunRequest, "is_live", True)
        patch.setattr(module, "begin_live", lambda _request: None)
        patch.setattr(module, "write_anchor", full)
        with pytest.raises(JournalError, match="no space is left"):
            create_session(a_request(2, ("momentum",)), tmp_path / "session", "token")
    assert not (tmp_path / "session").exists()
    session = create_session(a_request(2, ("momentum",)), tmp_path / "session", "token")
    assert not session.journals.exists(RISK_JOURNAL)


def test_two_that_begin_in_one_folder_at_once_are_one_session(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aster_ray.research import session as module

    first: list[Session] = []
    real = module.prepare

    def meanwhile(request: Any, *rest: Any) -> Any:
        monkeypatch.setattr(module, "prepare", real)
        first.append(create_session(request, tmp_path / "session", "first"))
        return real(request, *rest)

    monkeypatch.setattr(module, "prepare", meanwhile)
    with pytest.raises(BadInputError, match="holds a session already"):
        create_session(a_request(2, ("momentum",)), tmp_path / "session", "second")
    (winner,) = first
    assert load_session(winner.folder) == winner
    assert not winner.journals.exists(RISK_JOURNAL)  # it is there, and has recorded nothing


def test_a_database_that_is_away_lets_no_session_begin_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASTER__STORE__JOURNAL", "sql")
    monkeypatch.setenv("ASTER__STORE__URL", "postgresql://u:hunter2hunter2@127.0.0.1:1/x")
    with pytest.raises(RetryableError, match=r"database postgresql.*127\.0\.0\.1:1/x") as caught:
        create_session(a_request(2, ("momentum",)), tmp_path / "session", "token")
    assert "hunter2" not in str(caught.value)
    assert not (tmp_path / "session").exists()


def test_another_database_under_the_same_name_is_no_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_server: PostgresServer
) -> None:
    monkeypatch.setenv("ASTER__STORE__JOURNAL", "sql")
    monkeypatch.setenv("ASTER__STORE__URL", postgres_server.create(f"one-{tmp_path.name}"[-60:]))
    session = create_session(a_request(2, ("momentum",)), tmp_path / "session", "token")
    monkeypatch.setenv("ASTER__STORE__URL", postgres_server.create(f"two-{tmp_path.name}"[-60:]))
    session.journals.upgrade()  # has tables, and holds nothing of it
    with pytest.raises(JournalError, match=r"another one than the session began with"):
        list(session.journals.writer(RISK_JOURNAL).recover())


def test_a_kind_that_only_a_later_version_knows_is_said(tmp_path: Path) -> None:
    session = create_session(a_request(2, ("momentum",)), tmp_path / "session", "token")
    file = session.folder / "session.json"
    content = json.loads(file.read_text())
    assert "journal" not in content  # files are what every version knows
    assert content["format"] == FORMAT
    file.write_text(json.dumps({**content, "journal": {"kind": "clay", "key": "x"}}))
    for read in (load_session, place_of):
        with pytest.raises(BadInputError, match=r"journal\.kind is 'clay'"):
            read(session.folder)
    assert not (session.folder / JOURNALS).exists()
